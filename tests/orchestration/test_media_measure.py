"""What is measured of a video file, and how a broken one is told from a whole one."""

import hashlib

import pytest

from orchestration.media import FileDamaged, FileEmpty, content_sha256, is_upload_ready, probe

pytest_plugins = ["tests.media_fixture"]


def test_a_whole_file_is_measured(videos):
    info = probe(videos.whole)
    assert info.duration_seconds == pytest.approx(3.0, abs=0.05)
    assert (info.width, info.height, info.frames_per_second) == (320, 180, 25.0)
    assert (info.video_codec, info.audio_codec, info.has_audio) == ("h264", "aac", True)
    assert (info.pixel_format, info.container) == ("yuv420p", "mp4")
    assert info.size_bytes == videos.whole.stat().st_size
    assert info.bit_rate > 0


def test_a_file_without_sound_says_so(videos):
    info = probe(videos.mute)
    assert (info.has_audio, info.audio_codec) == (False, None)
    assert not is_upload_ready(info)


def test_a_turned_video_is_measured_as_it_is_shown(videos):
    info = probe(videos.turned)
    assert (info.width, info.height, info.rotation_degrees) == (180, 320, 90)


def test_another_container_is_measured_too(videos):
    info = probe(videos.matroska)
    assert info.container == "matroska"
    assert info.duration_seconds == pytest.approx(3.0, abs=0.1)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.99])
@pytest.mark.parametrize("name", ["whole", "mute"])
def test_a_file_that_is_cut_short_is_damaged_though_it_opens(videos, tmp_path, name, share):
    content = getattr(videos, name).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(FileDamaged) as caught:
        probe(cut)
    assert (caught.value.code, caught.value.again) == ("file_damaged", "never")


def test_a_matroska_file_that_is_cut_short_is_damaged(videos, tmp_path):
    content = videos.matroska.read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(content[: len(content) * 8 // 10])
    with pytest.raises(FileDamaged, match="cut short"):
        probe(cut)


def test_an_empty_file_is_empty(videos):
    with pytest.raises(FileEmpty):
        probe(videos.empty)


def test_a_text_is_not_a_video(tmp_path):
    text = tmp_path / "video.mp4"
    text.write_text("<html>not found</html>" * 100)
    with pytest.raises(FileDamaged):
        probe(text)


def test_sound_alone_is_not_a_video(videos):
    with pytest.raises(FileDamaged, match="no moving picture"):
        probe(videos.sound)


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:3\n#EXTINF:3,\n{file}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{file}'\n",
    ],
)
def test_a_playlist_that_calls_itself_a_video_reads_no_other_file(videos, tmp_path, playlist):
    (tmp_path / "secret.ts").write_bytes(next(videos.stream.parent.glob("*.ts")).read_bytes())
    trap = tmp_path / "trap.mp4"
    trap.write_text(playlist.format(file="secret.ts"))
    with pytest.raises(FileDamaged):
        probe(trap)


def test_the_content_hash_is_that_of_the_bytes(videos):
    assert content_sha256(videos.whole) == hashlib.sha256(videos.whole.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"\xff\xd8\xff\xe0" + b"x" * 500, "a JPEG picture"),
        (b"GIF89a" + b"x" * 500, "a GIF picture"),
        (b"\n<!DOCTYPE html><title>Not here</title>" + b" " * 500, "a web page"),
        (b"%PDF-1.7" + b"x" * 500, "a PDF document"),
    ],
)
def test_what_is_no_video_at_all_is_called_what_it_is(tmp_path, content, named):
    path = tmp_path / "film.mp4"
    path.write_bytes(content)
    with pytest.raises(FileDamaged, match=named):
        probe(path)
