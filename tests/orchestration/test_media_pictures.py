"""Which pictures are taken, and what is made of them."""

import io
import struct
import zlib

import pytest
from PIL import Image

from orchestration.media import PictureUnusable
from orchestration.media.pictures import MAX_BYTES, make_picture


def saved(tmp_path, picture, name="given", kind="PNG", **options):
    path = tmp_path / name
    picture.save(path, kind, **options)
    return path


def noise(wide, tall):
    return Image.effect_noise((wide, tall), 120).convert("RGB")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_known_by_its_bytes_and_becomes_a_jpeg(tmp_path, kind):
    given = saved(tmp_path, Image.new("RGB", (1920, 1080), "teal"), "film.exe", kind)
    assert make_picture(given, tmp_path / "made.jpg") == (1280, 720)
    with Image.open(tmp_path / "made.jpg") as made:
        assert (made.format, made.size, made.mode) == ("JPEG", (1280, 720), "RGB")
        red, green, blue = made.getpixel((640, 360))
        assert abs(red) < 6 and abs(green - 128) < 6 and abs(blue - 128) < 6
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.exe", "made.jpg"]


@pytest.mark.parametrize(
    ("size", "becomes"),
    [
        ((1280, 720), (1280, 720)),
        ((800, 450), (800, 450)),
        ((3000, 1000), (1280, 427)),
        ((1080, 1920), (405, 720)),
    ],
)
def test_a_picture_is_made_smaller_never_larger_and_keeps_its_shape(tmp_path, size, becomes):
    assert make_picture(saved(tmp_path, Image.new("RGB", size)), tmp_path / "made.jpg") == becomes


def test_a_frame_of_a_small_film_is_made_as_large_as_youtube_wants(tmp_path):
    given = saved(tmp_path, Image.new("RGB", (320, 180)))
    with pytest.raises(PictureUnusable, match="320x180 pixels; YouTube wants 1280x720, at least 640 wide"):
        make_picture(given, tmp_path / "made.jpg")
    assert make_picture(given, tmp_path / "made.jpg", enlarge=True) == (1280, 720)


def test_the_worst_picture_stays_below_two_megabytes(tmp_path):
    given = saved(tmp_path, noise(1280, 720))
    make_picture(given, tmp_path / "made.jpg")
    assert (tmp_path / "made.jpg").stat().st_size <= MAX_BYTES


def test_where_and_when_a_picture_was_taken_stays_behind_and_it_stands_upright(tmp_path):
    picture = Image.new("RGB", (720, 1280), "black")
    picture.paste("white", (0, 0, 720, 200))  # stored turned: its top is the film's right side
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to show it
    exif[0x010F] = "Secret camera"
    exif.get_ifd(0x8825)[2] = (52.0, 31.0, 12.0)
    given = saved(tmp_path, picture, kind="JPEG", exif=exif, comment=b"Secret remark")
    assert b"Secret" in given.read_bytes()

    assert make_picture(given, tmp_path / "made.jpg") == (1280, 720)

    data = (tmp_path / "made.jpg").read_bytes()
    assert b"Secret" not in data and b"Exif" not in data
    with Image.open(io.BytesIO(data)) as made:
        assert not made.getexif() and "comment" not in made.info
        assert made.getpixel((1270, 360))[0] > 200
        assert made.getpixel((10, 360))[0] < 50


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "L", "1", "CMYK", "I;16"])
def test_every_way_to_store_pixels_is_read(tmp_path, mode):
    picture = Image.new("RGB", (1280, 720), "white")
    picture = Image.new("I;16", (1280, 720), 65535) if mode == "I;16" else picture.convert(mode)
    given = saved(tmp_path, picture, kind="JPEG" if mode == "CMYK" else "PNG")
    make_picture(given, tmp_path / "made.jpg")
    with Image.open(tmp_path / "made.jpg") as made:
        assert min(made.getpixel((600, 300))) > 245


def test_what_is_see_through_becomes_black(tmp_path):
    given = saved(tmp_path, Image.new("RGBA", (1280, 720), (255, 255, 255, 0)))
    make_picture(given, tmp_path / "made.jpg")
    with Image.open(tmp_path / "made.jpg") as made:
        assert max(made.getpixel((600, 300))) < 10


def png_that_claims(wide, tall):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", wide, tall, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is no JPEG, PNG or WebP"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is no JPEG, PNG or WebP"),
        (b"<html><script>alert(1)</script></html>", "is no JPEG, PNG or WebP"),
        (b"GIF89a" + bytes(40), "is no JPEG, PNG or WebP"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 800 600\n", "is no JPEG, PNG or WebP"),
        (b"\xff\xd8\xff\xe0" + bytes(60), "is no JPEG, PNG or WebP|is damaged"),
        (png_that_claims(8000, 8000), "8000x8000 pixels; at most 50,000,000"),
        (png_that_claims(60000, 60000), "larger than a picture is|at most 50,000,000"),
        (png_that_claims(1280, 720), "is damaged"),
        (png_that_claims(9000, 10), "strip"),
    ],
    ids=["empty", "svg", "html", "gif", "postscript", "stub", "bomb", "vast bomb", "cut short", "strip"],
)
def test_what_is_no_picture_or_a_bomb_is_refused_before_it_is_unpacked(tmp_path, data, why):
    given = tmp_path / "cover.jpg"
    given.write_bytes(data)
    with pytest.raises(PictureUnusable, match=why):
        make_picture(given, tmp_path / "made.jpg")
    assert not (tmp_path / "made.jpg").exists()


def test_a_file_that_is_far_too_large_is_not_read(tmp_path):
    given = tmp_path / "large.png"
    with given.open("wb") as file:
        file.truncate(31 * 1024 * 1024)
    with pytest.raises(PictureUnusable, match="32,505,856 bytes; at most 31,457,280"):
        make_picture(given, tmp_path / "made.jpg")
