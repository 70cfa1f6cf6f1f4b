"""Make of any picture one that YouTube takes for a video: a JPEG of at most 1280x720 and 2 MB, with nothing else in it.

`thumbnails.set` takes image/jpeg and image/png of at most 2 MB (developers.google.com/youtube/v3/docs/thumbnails/set);
YouTube asks for 1280x720, at least 640 wide, and fills what is not 16:9 with black bars (docs/thumbnails there). So nothing
is cropped or padded here.

What a file is stands in its bytes, never in its name. Whatever came with the picture (EXIF, GPS, comments, previews) stays
behind: only its pixels are written, turned upright and in sRGB.
"""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from .errors import MediaError, PictureUnusable
from .files import put_in_place, storage_error

MAX_BYTES = 2_000_000
"""YouTube says "2 MB"; the smaller reading of it."""
MAX_SIZE = (1280, 720)
LEAST_SIDE = 640
MAX_INPUT_BYTES = 30 * 1024 * 1024
MAX_INPUT_PIXELS = 50_000_000
FORMATS = ("JPEG", "PNG", "WEBP")
_QUALITIES = (90, 82, 74, 66, 58, 50)


def make_picture(source: Path, target: Path, *, enlarge: bool = False) -> tuple[int, int]:
    """Write `source`, a JPEG, PNG or WebP, to `target` as YouTube takes it; returns width and height in pixels.

    A picture whose longer side is below 640 pixels is refused, unless `enlarge` says that it is all there is: a frame of
    the film. Of an animated picture the first frame is taken.

    Raises: PictureUnusable, StorageFull.
    """
    try:
        if (size := source.stat().st_size) > MAX_INPUT_BYTES:
            raise PictureUnusable(f"has {size:,} bytes; at most {MAX_INPUT_BYTES:,} are read.")
        picture = _read(source, enlarge)
        data = _encoded(picture)
        part = target.with_name(target.name + ".part")
        try:
            part.write_bytes(data)
            put_in_place(part, target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error) from error
    return picture.size


def _read(source: Path, enlarge: bool) -> Image.Image:
    try:
        with Image.open(source, formats=FORMATS) as found:
            _refuse_by_size(found.size, enlarge)
            # A JPEG is decoded at a fraction of its size already, never below the size wanted.
            found.draft("RGB", (MAX_SIZE[0] * 2, MAX_SIZE[1] * 2))
            found.load()
            picture = _flat(_upright(found))
    except UnidentifiedImageError:
        raise PictureUnusable("is no JPEG, PNG or WebP, whatever it is called.") from None
    except (MediaError, MemoryError):
        raise
    except Image.DecompressionBombError:
        raise PictureUnusable("would become far larger than a picture is when unpacked.") from None
    except Exception as error:
        # Decoders raise what they like (SyntaxError, struct.error, ValueError, zlib.error) for damaged bytes.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise PictureUnusable(f"is damaged: {str(error)[:120] or type(error).__name__}") from error
    return _fitted(picture, enlarge)


def _refuse_by_size(size: tuple[int, int], enlarge: bool) -> None:
    wide, tall = size
    if wide * tall > MAX_INPUT_PIXELS:
        raise PictureUnusable(f"has {wide}x{tall} pixels; at most {MAX_INPUT_PIXELS:,} in all are read.")
    if max(wide, tall) < LEAST_SIDE and not enlarge:
        raise PictureUnusable(
            f"has {wide}x{tall} pixels; YouTube wants 1280x720, at least {LEAST_SIDE} wide."
        )
    if max(wide, tall) > 10 * min(wide, tall):
        raise PictureUnusable(f"has {wide}x{tall} pixels; such a strip would be nearly all bars.")


def _upright(picture: Image.Image) -> Image.Image:
    return ImageOps.exif_transpose(picture)


def _flat(picture: Image.Image) -> Image.Image:
    """Return the pixels in sRGB, without transparency: what is see-through becomes black, as around the picture."""
    profile = picture.info.get("icc_profile")
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        ground = Image.new("RGBA", picture.size, (0, 0, 0, 255))
        picture = Image.alpha_composite(ground, picture)
    if profile and picture.mode in {"RGB", "RGBA", "CMYK", "L"}:
        picture = _in_srgb(picture, profile)
    return picture.convert("RGB")


def _in_srgb(picture: Image.Image, profile: bytes) -> Image.Image:
    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if picture.mode == "RGBA":
            picture = picture.convert("RGB")
        wanted = ImageCms.createProfile("sRGB")
        return ImageCms.profileToProfile(picture, given, wanted, outputMode="RGB") or picture
    except (ImageCms.PyCMSError, OSError, ValueError):
        return picture  # a profile that is broken, or of another colour space, says nothing


def _fitted(picture: Image.Image, enlarge: bool) -> Image.Image:
    wide, tall = picture.size
    scale = min(MAX_SIZE[0] / wide, MAX_SIZE[1] / tall)
    if scale < 1 or (enlarge and max(wide, tall) < LEAST_SIDE):
        wanted = (max(1, round(wide * scale)), max(1, round(tall * scale)))
        return picture.resize(wanted, Image.Resampling.LANCZOS)
    return picture


def _encoded(picture: Image.Image) -> bytes:
    """Return the picture as JPEG, at the best quality that stays below the limit."""
    clean = Image.new("RGB", picture.size)
    clean.paste(picture)  # a fresh picture has no `info` that an encoder might write
    for quality in _QUALITIES:
        kept = io.BytesIO()
        clean.save(kept, "JPEG", quality=quality, optimize=True, progressive=True, subsampling="4:2:0")
        if kept.tell() <= MAX_BYTES:
            return kept.getvalue()
    raise PictureUnusable(f"does not fit into {MAX_BYTES:,} bytes.")  # 1280x720 at quality 50 always does
