"""Pictures and subtitles that are kept with a video."""

from pathlib import Path

import pytest
from django.conf import settings
from PIL import Image

from orchestration.errors import InvalidRequest
from orchestration.models import Activity, Attachment
from orchestration.pipeline.attachments import add_picture, add_subtitles, remove
from tests.factories import DistributionFactory, VideoFactory, WaveFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "photo.png"
    Image.new("RGB", (1600, 900), "teal").save(path)
    return path


@pytest.fixture
def srt(tmp_path):
    path = tmp_path / "film.srt"
    path.write_bytes("1\n00:00:01,000 --> 00:00:02,000\nGrüße\n".encode("cp1252"))
    return path


def files_of(video):
    folder = Path(settings.MEDIA_ROOT) / "videos" / str(video.pk) / "attachments"
    return sorted(path.name for path in folder.iterdir())


def test_a_picture_is_kept_below_the_videos_folder_by_its_content(picture):
    video = VideoFactory()
    row = add_picture(video, picture, r"C:\Bilder\..\my photo.png")
    assert (row.kind, row.name, row.language) == ("picture", "my photo.png", "")
    assert row.file == f"videos/{video.pk}/attachments/{row.content_hash[:32]}.jpg"
    assert files_of(video) == [Path(row.file).name]
    assert row.size_bytes == (Path(settings.MEDIA_ROOT) / row.file).stat().st_size
    assert picture.exists()
    assert Activity.objects.get(verb="attachment_added").after["picture"] == row.pk


def test_the_same_is_kept_once(picture, srt):
    video = VideoFactory()
    assert add_picture(video, picture, "a.png") == add_picture(video, picture, "b.png")
    assert add_subtitles(video, srt, "de", "a.srt") == add_subtitles(video, srt, "de", "a.srt")
    assert add_subtitles(video, srt, "de-AT", "a.srt").language == "de-AT"
    assert Attachment.objects.count() == 3 and len(files_of(video)) == 2


def test_subtitles_are_kept_in_utf_8_with_what_was_noticed(srt):
    row = add_subtitles(VideoFactory(), srt, "de_at", "../../film.srt")
    assert (row.kind, row.language, row.name) == ("subtitles", "de-AT", "film.srt")
    assert "cp1252" in row.notes[0]
    assert "Grüße" in (Path(settings.MEDIA_ROOT) / row.file).read_text(encoding="utf-8")


def test_what_is_wrong_names_field_file_and_line_and_leaves_nothing(tmp_path):
    video = VideoFactory(duration_seconds=30)
    bad = tmp_path / "bad.srt"
    bad.write_text("1\n00:01:00,000 --> 00:01:01,000\ntoo late\n")
    with pytest.raises(InvalidRequest, match=r"bad\.srt: line 2: it begins at 00:01:00\.000") as caught:
        add_subtitles(video, bad, "en", "bad.srt")
    assert (caught.value.field, caught.value.details["line"]) == ("subtitles", 2)
    with pytest.raises(InvalidRequest, match=r"bad\.srt is no JPEG, PNG or WebP") as caught:
        add_picture(video, bad, "bad.srt")
    assert caught.value.field == "picture"
    with pytest.raises(InvalidRequest, match="“klingon” is no language") as caught:
        add_subtitles(video, bad, "klingon", "bad.srt")
    assert caught.value.field == "language"
    assert not Attachment.objects.exists()


def test_what_words_still_name_is_not_removed(picture, srt, django_capture_on_commit_callbacks):
    video = VideoFactory()
    cover, text = add_picture(video, picture, "a.png"), add_subtitles(video, srt, "de", "a.srt")
    video.words = {"picture": cover.pk}
    video.save()
    wave = WaveFactory(words={"subtitles": [text.pk]})
    DistributionFactory(video=video, wave=wave, words={"picture": cover.pk})
    with pytest.raises(InvalidRequest, match=f"words of video {video.pk}, publication"):
        remove(cover)
    with pytest.raises(InvalidRequest, match=f"words of wave {wave.pk}"):
        remove(text)
    wave.words = {}
    wave.save()
    with django_capture_on_commit_callbacks(execute=True):
        remove(text, "not ours")
    assert Attachment.objects.get() == cover and files_of(video) == [Path(cover.file).name]
    assert Activity.objects.get(verb="attachment_removed").reason == "not ours"


def test_a_file_that_two_languages_share_stays_until_both_are_gone(srt, django_capture_on_commit_callbacks):
    video = VideoFactory()
    german, austrian = add_subtitles(video, srt, "de", "a.srt"), add_subtitles(video, srt, "de-AT", "a.srt")
    with django_capture_on_commit_callbacks(execute=True):
        remove(german)
    assert files_of(video) == [Path(austrian.file).name]
    with django_capture_on_commit_callbacks(execute=True):
        remove(austrian)
    assert files_of(video) == []
