"""A whole file on this machine becomes a video: once, whatever breaks off, and never a damaged one."""

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from orchestration import media
from orchestration.models import Activity, Video
from orchestration.pipeline import take_in as module
from orchestration.pipeline.scrape import absolute
from orchestration.pipeline.take_in import take, take_in, title_of
from orchestration.states import SourceKind, VideoState
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def source():
    return factories.SourceFactory(
        kind=SourceKind.UPLOADS, url="", canonical_url="headend:uploads/1", language="de"
    )


@pytest.fixture
def film(tmp_path, videos) -> Path:
    return Path(shutil.copy(videos.whole, tmp_path / "My_first_film.mp4"))


def killed_at(film: Path):
    unlink = Path.unlink

    def kill(path, missing_ok=False):
        if path == film:
            raise KeyboardInterrupt
        unlink(path, missing_ok=missing_ok)

    return kill


def left_over(settings) -> list[Path]:
    return [path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file()]


def test_a_file_becomes_a_measured_video_and_is_moved(source, film):
    content = film.read_bytes()
    video = take_in(film, source=source, name=film.name, words={"tags": ["a"]})
    video.refresh_from_db()
    assert (video.state, video.title, video.url) == (VideoState.SCRAPED, "My first film", "")
    assert video.canonical_url.startswith("headend:uploads/")
    assert (video.width, video.height, video.size_bytes) == (320, 180, len(content))
    assert (video.language, video.words) == ("de", {"tags": ["a"]})
    assert video.content_hash == hashlib.sha256(content).hexdigest()
    assert absolute(video.original_file).read_bytes() == content
    assert not film.exists()
    assert Activity.objects.get(verb="video_taken_in").object_id == video.pk


def test_the_same_content_is_the_video_that_is_here(source, film, videos, settings):
    first = take(film, source=source, name="a.mp4")
    again = Path(shutil.copy(videos.whole, film))
    second = take(again, source=factories.SourceFactory(), name="b.mp4")
    assert (first.is_new, second.is_new) == (True, False)
    assert second.video == first.video
    assert not again.exists()
    assert len(left_over(settings)) == 1
    assert Activity.objects.get(verb="video_known").after["name"] == "b.mp4"


@pytest.mark.parametrize(
    ("break_it", "error"),
    [
        (lambda path: path.write_bytes(b""), media.FileEmpty),
        (lambda path: path.write_bytes(b"no film"), media.FileDamaged),
        (lambda path: os.truncate(path, path.stat().st_size // 2), media.FileDamaged),
        (lambda path: (path.unlink(), path.symlink_to("/etc/hostname")), media.FileDamaged),
        (lambda path: path.unlink(), FileNotFoundError),
    ],
    ids=["empty", "no film", "half", "a link", "gone"],
)
def test_what_is_no_whole_film_is_refused_and_left_where_it_is(source, film, settings, break_it, error):
    break_it(film)
    there = os.path.lexists(film)
    with pytest.raises(error):
        take_in(film, source=source, name=film.name)
    assert os.path.lexists(film) == there
    assert not Video.objects.exists()
    assert left_over(settings) == []


def test_a_wrong_checksum_and_one_byte_too_many_are_refused_by_name(source, film, settings):
    with pytest.raises(media.ChecksumWrong, match="did not arrive as it was sent"):
        take_in(film, source=source, name=film.name, sha256="0" * 64)
    settings.HEADEND_MAX_SOURCE_BYTES = film.stat().st_size - 1
    with pytest.raises(media.FileTooLarge, match="are allowed"):
        take_in(film, source=source, name=film.name)
    assert film.exists()


def test_an_item_that_comes_with_another_content_is_not_taken_for_the_first(source, film, videos):
    take_in(film, source=source, name="a.mp4", external_id="key/a.mp4")
    with pytest.raises(media.ItemChanged, match=r"key/a\.mp4"):
        take_in(Path(shutil.copy(videos.tall, film)), source=source, name="a.mp4", external_id="key/a.mp4")
    assert film.exists()
    assert Video.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_what_breaks_off_before_the_row_is_committed_leaves_the_file_and_nothing_else(
    source, film, settings, monkeypatch
):
    monkeypatch.setattr(module, "wake_tick", lambda: (_ for _ in ()).throw(RuntimeError("killed")))
    with pytest.raises(RuntimeError):
        take_in(film, source=source, name=film.name)
    assert film.exists()
    assert left_over(settings) == []
    assert not Video.objects.exists()
    monkeypatch.undo()
    assert take(film, source=source, name=film.name).is_new


def test_what_breaks_off_after_the_row_is_committed_is_taken_once(source, film, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", killed_at(film))
        with pytest.raises(KeyboardInterrupt):
            take_in(film, source=source, name=film.name)
    video = Video.objects.get()
    assert film.exists()
    assert take(film, source=source, name=film.name).video == video
    assert not film.exists()


def test_a_file_on_another_disk_is_copied(source, film, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    video = take_in(film, source=source, name=film.name)
    assert absolute(video.original_file).is_file()
    assert not film.exists()


def test_a_full_disk_is_named_and_nothing_is_left(source, film, settings, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", refuse)
    monkeypatch.setattr(shutil, "copyfile", refuse)
    with pytest.raises(media.StorageFull):
        take_in(film, source=source, name=film.name)
    assert film.exists()
    assert left_over(settings) == []


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("My_first_film.mp4", "My first film"),
        ("a-film.of.mine.mov", "a film of mine"),
        ("Dr. Who - part 2.mkv", "Dr. Who - part 2"),
        ("folder/sub\\film.mp4", "film"),
        ("evil\u202egpj\n\x00.mp4", "evilgpj"),
        ("x" * 400 + ".mp4", "x" * 300),
        ("___.mp4", ""),
    ],
)
def test_a_title_is_made_of_the_name(name, title):
    assert title_of(name) == title


def test_a_film_is_measured_with_the_ffmpeg_that_the_settings_name(source, film, settings, monkeypatch):
    asked = []
    monkeypatch.setattr(module.media, "ffmpeg_tool", lambda named: asked.append(named) or "the tool")
    real = module.media.probe
    monkeypatch.setattr(module.media, "probe", lambda path, *, tool: asked.append(tool) or real(path))
    settings.HEADEND_FFMPEG = "/opt/ffmpeg"
    take(film, source=source, name=film.name)
    assert asked == ["/opt/ffmpeg", "the tool"]
