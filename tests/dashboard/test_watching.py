"""A look before a film goes out: its player, its frames, its picture and its subtitles."""

import io
import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from orchestration.models import Attachment, Video
from tests import factories

pytest_plugins = ["tests.media_fixture"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def film(videos):
    """A video of three seconds, its prepared and its original file on the disk."""
    row = factories.VideoFactory(duration_seconds=3.0, width=320, height=180, frames_per_second=25)
    folder = Path(settings.MEDIA_ROOT) / "videos" / str(row.pk)
    folder.mkdir(parents=True)
    shutil.copy(videos.whole, folder / "prepared.mp4")
    shutil.copy(videos.matroska, folder / "original.mkv")
    row.prepared_file = f"videos/{row.pk}/prepared.mp4"
    row.original_file = f"videos/{row.pk}/original.mkv"
    row.save()
    return row


def content(answer):
    return b"".join(answer.streaming_content)


def png():
    kept = io.BytesIO()
    Image.new("RGB", (1280, 720), "teal").save(kept, "PNG")
    return SimpleUploadedFile("my cover.png", kept.getvalue())


def srt(text="1\n00:00:01,000 --> 00:00:02,000\nHello\n"):
    return SimpleUploadedFile("film.srt", text.encode())


def test_the_page_has_a_player_for_both_files(console, film):
    page = console.get(f"/videos/{film.pk}/").content.decode()
    assert f'src="/videos/{film.pk}/file/prepared/"' in page
    assert f'src="/videos/{film.pk}/file/original/"' in page
    assert "Most browsers do not play this kind of file." in page
    assert page.count(f'src="/videos/{film.pk}/frame/') == 8


@pytest.mark.parametrize(
    ("asked", "status", "first", "last"),
    [
        (None, 200, 0, None),
        ("bytes=0-9", 206, 0, 9),
        ("bytes=10-", 206, 10, None),
        ("bytes=-5", 206, -5, None),
        ("bytes=0-0", 206, 0, 0),
        ("bytes=999999999-", 416, None, None),
        ("bytes=9-5", 416, None, None),
        ("bytes=-0", 416, None, None),
        ("bytes=0-1,5-6", 200, 0, None),
        ("lines=1-2", 200, 0, None),
        ("bytes=x-y", 200, 0, None),
    ],
)
def test_a_part_of_a_film_is_served(console, film, asked, status, first, last):
    whole = (Path(settings.MEDIA_ROOT) / film.prepared_file).read_bytes()
    headers = {"Range": asked} if asked else {}
    answer = console.get(f"/videos/{film.pk}/file/prepared/", headers=headers)
    assert answer.status_code == status
    if status == 416:
        assert answer["Content-Range"] == f"bytes */{len(whole)}"
        return
    wanted = whole[first:] if last is None else whole[first : last + 1]
    assert content(answer) == wanted
    assert answer["Content-Length"] == str(len(wanted))
    assert answer["Content-Type"] == "video/mp4" and answer["Accept-Ranges"] == "bytes"
    assert answer["X-Content-Type-Options"] == "nosniff" and "sandbox" in answer["Content-Security-Policy"]
    assert answer["Content-Disposition"] == 'inline; filename="prepared.mp4"'
    head = console.head(f"/videos/{film.pk}/file/prepared/", headers=headers)
    assert (head.status_code, head["Content-Length"], head.content) == (status, str(len(wanted)), b"")


def test_a_part_is_served_of_the_same_film_only(console, film):
    address = f"/videos/{film.pk}/file/prepared/"
    tag = console.head(address)["ETag"]
    same = console.get(address, headers={"Range": "bytes=0-9", "If-Range": tag})
    assert (same.status_code, len(content(same))) == (206, 10)
    other = console.get(address, headers={"Range": "bytes=0-9", "If-Range": '"older"'})
    assert (other.status_code, len(content(other))) == (200, int(other["Content-Length"]))


def test_a_player_gets_a_piece_at_a_time_so_that_a_paused_one_holds_no_thread(console, film):
    path = Path(settings.MEDIA_ROOT) / film.prepared_file
    with path.open("r+b") as file:
        file.truncate(9 * 1024 * 1024)
    answer = console.get(f"/videos/{film.pk}/file/prepared/", headers={"Range": "bytes=100-"})
    assert answer["Content-Range"] == f"bytes 100-{4 * 1024 * 1024 + 99}/{9 * 1024 * 1024}"
    assert max(len(piece) for piece in answer.streaming_content) <= 256 * 1024


def test_nobody_sees_a_film_without_logging_in(client, film):
    row = factories.AttachmentFactory(video=film)
    for address in ("file/prepared/", "file/original/", "frame/0/", "loudness/"):
        assert client.get(f"/videos/{film.pk}/{address}").status_code == 302
    assert client.get(f"/attachments/{row.pk}/").status_code == 302


@pytest.mark.parametrize(
    "stored", ["../../etc/passwd", "/etc/passwd", "videos/1/../../../secret.mp4", "", "gone.mp4"]
)
def test_only_files_of_the_library_are_served(console, film, stored, tmp_path):
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    Video.objects.filter(pk=film.pk).update(prepared_file=stored)
    assert console.get(f"/videos/{film.pk}/file/prepared/").status_code == 404
    assert console.get(f"/videos/{film.pk}/file/thumbnail_file/").status_code == 404


def test_a_file_that_is_kept_no_more_is_named(console, film):
    (Path(settings.MEDIA_ROOT) / film.original_file).unlink()
    page = console.get(f"/videos/{film.pk}/").content.decode()
    assert "The original file is not kept any more" in page
    assert "Side by side" not in page


def test_a_frame_is_made_once_and_shown(console, film):
    address = f"/videos/{film.pk}/frame/3/"
    first = console.get(address)
    assert first["Content-Type"] == "image/jpeg" and content(first)[:3] == b"\xff\xd8\xff"
    made = list((Path(settings.MEDIA_ROOT) / "videos" / str(film.pk) / "glimpses").glob("*-3.jpg"))
    assert len(made) == 1
    before = made[0].stat().st_mtime_ns
    content(console.get(address))
    assert made[0].stat().st_mtime_ns == before
    assert console.get(f"/videos/{film.pk}/frame/8/").status_code == 404


def test_loudness_is_drawn_on_the_server_without_a_script(console, film, videos):
    answer = console.get(f"/videos/{film.pk}/loudness/")
    drawing = answer.content.decode()
    assert answer["Content-Type"] == "image/svg+xml"
    assert drawing.count("<polygon") == 2 and "<script" not in drawing
    shutil.copy(videos.mute, Path(settings.MEDIA_ROOT) / film.prepared_file)
    assert "<polygon" not in console.get(f"/videos/{film.pk}/loudness/").content.decode()


def test_a_frame_is_chosen_as_the_picture(console, film):
    console.post(f"/videos/{film.pk}/choose-picture/", {"at": "1.5"})
    film.refresh_from_db()
    row = Attachment.objects.get()
    assert film.words == {"picture": row.pk} and row.name == "frame at 1.50 s"
    shown = console.get(f"/attachments/{row.pk}/")
    assert shown["Content-Type"] == "image/jpeg"
    with Image.open(Path(settings.MEDIA_ROOT) / row.file) as picture:
        assert picture.size == (1280, 720)
    content(shown)


def test_an_own_picture_is_chosen_and_the_choice_taken_back(console, film):
    console.post(f"/videos/{film.pk}/choose-picture/", {"file": png()})
    film.refresh_from_db()
    row = Attachment.objects.get()
    assert film.words["picture"] == row.pk
    assert "chosen" in console.get(f"/videos/{film.pk}/").content.decode()
    refused = console.post(f"/attachments/{row.pk}/remove/", follow=True).content.decode()
    assert "still named by the words of video" in refused
    console.post(f"/videos/{film.pk}/choose-picture/", {"attachment": "none"})
    film.refresh_from_db()
    assert film.words == {}
    console.post(f"/attachments/{row.pk}/remove/")
    assert not Attachment.objects.exists()


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        ({}, "Choose a picture, a frame or a file."),
        ({"at": "soon"}, "is no moment in seconds"),
        ({"at": "nan"}, "is not within the film"),
        ({"at": "99"}, "is not within the film"),
        ({"attachment": "99"}, "There is no attachment 99."),
        ({"file": "srt"}, "is no JPEG, PNG or WebP"),
    ],
)
def test_what_cannot_be_the_picture_is_refused_by_name(console, film, sent, why):
    sent = {"file": srt()} if "file" in sent else sent
    assert why in console.post(f"/videos/{film.pk}/choose-picture/", sent, follow=True).content.decode()
    film.refresh_from_db()
    assert film.words == {}


def test_another_videos_picture_is_refused(console, film):
    row = factories.AttachmentFactory()
    page = console.post(f"/videos/{film.pk}/choose-picture/", {"attachment": row.pk}, follow=True)
    assert f"is no picture of video {film.pk}" in page.content.decode()


def test_subtitles_are_added_and_shown_by_the_player(console, film):
    console.post(f"/videos/{film.pk}/add-subtitles/", {"file": srt(), "language": "pt-br"})
    row = Attachment.objects.get()
    page = console.get(f"/videos/{film.pk}/").content.decode()
    assert f'src="/attachments/{row.pk}/"' in page and 'srclang="pt-BR"' in page
    shown = console.get(f"/attachments/{row.pk}/")
    assert shown["Content-Type"] == "text/vtt; charset=utf-8"
    assert shown.content.decode() == "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHello\n"


def test_wrong_subtitles_are_refused_with_their_line(console, film):
    late = srt("1\n00:01:00,000 --> 00:01:01,000\nx\n")
    page = console.post(f"/videos/{film.pk}/add-subtitles/", {"file": late, "language": "en"}, follow=True)
    assert "film.srt: line 2: it begins at 00:01:00.000" in page.content.decode()
    page = console.post(f"/videos/{film.pk}/add-subtitles/", {"language": "en"}, follow=True)
    assert "Choose a file" in page.content.decode()


def test_a_reader_sees_the_player_and_no_form(client, film):
    client.force_login(factories.UserFactory(username="rita"))
    page = client.get(f"/videos/{film.pk}/").content.decode()
    assert "<video" in page and "choose-picture" not in page and "add-subtitles" not in page
    assert client.post(f"/videos/{film.pk}/choose-picture/", {"at": "1"}).status_code in {302, 403}
    film.refresh_from_db()
    assert film.words == {}


def test_each_prepared_file_can_be_looked_at_with_its_notes(console, film, videos):
    shutil.copy(videos.whole, Path(settings.MEDIA_ROOT) / "videos" / str(film.pk) / "as-is.mp4")
    stored = f"videos/{film.pk}/as-is.mp4"
    row = factories.RenditionFactory(video=film, file=stored, notes=["A data track was left out."])
    page = console.get(f"/videos/{film.pk}/", {"rendition": row.pk}).content.decode()
    assert f'src="/videos/{film.pk}/renditions/{row.pk}/"' in page
    assert f"Prepared: {row.profile_name}" in " ".join(page.split())
    assert "A data track was left out." in page
    part = console.get(f"/videos/{film.pk}/renditions/{row.pk}/", headers={"range": "bytes=0-9"})
    assert (part.status_code, content(part)) == (206, videos.whole.read_bytes()[:10])


@pytest.mark.parametrize("kind", ["another video's", "deleted", "outside"])
def test_only_a_videos_own_present_renditions_are_served(console, film, tmp_path, kind):
    (tmp_path / "secret").write_text("secret")
    stored = {"deleted": "", "outside": str(tmp_path / "secret")}.get(kind, film.prepared_file)
    owner = factories.VideoFactory() if kind == "another video's" else film
    row = factories.RenditionFactory(video=owner, file=stored)
    assert console.get(f"/videos/{film.pk}/renditions/{row.pk}/").status_code == 404
    page = console.get(f"/videos/{film.pk}/", {"rendition": row.pk}).content.decode()
    assert f'src="/videos/{film.pk}/file/prepared/"' in page
