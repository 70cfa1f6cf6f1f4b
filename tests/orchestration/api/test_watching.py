"""Pictures, subtitles and files of a video, by the API and on the command line."""

import io
import json
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from PIL import Image

from orchestration.models import Attachment
from tests import factories

pytestmark = pytest.mark.django_db


def png(name="cover.png"):
    kept = io.BytesIO()
    Image.new("RGB", (1280, 720), "teal").save(kept, "PNG")
    return SimpleUploadedFile(name, kept.getvalue())


def send(api, path, **fields):
    return api.client.post(f"/api/{path}", fields, headers=api.headers)


def test_a_picture_is_added_chosen_read_and_removed(api):
    video = factories.VideoFactory()
    answer = send(api, f"videos/{video.pk}/pictures", file=png())
    assert answer.status_code == 201, answer.content
    row = answer.json()
    assert answer["Location"] == f"/api/attachments/{row['id']}"
    assert (row["kind"], row["name"], row["video_id"]) == ("picture", "cover.png", video.pk)
    assert send(api, f"videos/{video.pk}/pictures", file=png()).json()["id"] == row["id"]

    chosen = api.post(f"videos/{video.pk}/choose-picture", {"attachment_id": row["id"], "reason": "best"})
    assert chosen.status_code == 200
    video.refresh_from_db()
    assert video.words == {"picture": row["id"]}
    refused = api.post(f"attachments/{row['id']}/remove")
    assert (refused.status_code, refused.json()["field"]) == (422, "attachment_id")

    file = api.get(f"attachments/{row['id']}/file")
    assert file["Content-Type"] == "image/jpeg" and b"".join(file.streaming_content)[:2] == b"\xff\xd8"

    api.post(f"videos/{video.pk}/choose-picture", {"attachment_id": None})
    assert api.post(f"attachments/{row['id']}/remove").status_code == 200
    assert api.get(f"videos/{video.pk}/attachments").json()["items"] == []


def test_subtitles_are_added_and_a_wrong_file_names_its_line(api):
    video = factories.VideoFactory()
    good = SimpleUploadedFile("a.srt", b"1\n00:00:01,000 --> 00:00:02,000\nHello\n")
    row = send(api, f"videos/{video.pk}/subtitles", file=good, language="en").json()
    assert (row["kind"], row["language"], row["notes"]) == ("subtitles", "en", [])
    assert api.get(f"attachments/{row['id']}").json() == row
    bad = SimpleUploadedFile("b.srt", b"1\n00:00:09,000 --> 00:00:02,000\nHello\n")
    problem = send(api, f"videos/{video.pk}/subtitles", file=bad, language="en").json()
    assert (problem["code"], problem["field"], problem["line"]) == ("invalid_request", "subtitles", 2)


def test_a_file_is_read_with_a_token_and_only_with_one(api, client):
    video = factories.VideoFactory(prepared_file="videos/9/prepared.mp4")
    path = Path(settings.MEDIA_ROOT) / video.prepared_file
    path.parent.mkdir(parents=True)
    path.write_bytes(b"0123456789")
    assert client.get(f"/api/videos/{video.pk}/media/prepared").status_code == 401
    answer = api.client.get(
        f"/api/videos/{video.pk}/media/prepared", headers={**api.headers, "Range": "bytes=2-4"}
    )
    assert (answer.status_code, b"".join(answer.streaming_content)) == (206, b"234")
    missing = api.get(f"videos/{video.pk}/media/original")
    assert (missing.status_code, missing.json()["field"]) == (404, "which")


def test_a_reader_changes_nothing(caller_with):
    video = factories.VideoFactory()
    assert send(caller_with("read"), f"videos/{video.pk}/pictures", file=png()).status_code == 403
    assert not Attachment.objects.exists()


def test_the_command_line_does_the_same(tmp_path, capsys):
    video = factories.VideoFactory()
    path = tmp_path / "cover.png"
    path.write_bytes(png().read())
    call_command("orchestration", "picture-set", str(video.pk), "--file", str(path))
    row = Attachment.objects.get()
    assert f"picture {row.pk}" in capsys.readouterr().out
    srt = tmp_path / "a.srt"
    srt.write_text("1\n00:00:01,000 --> 00:00:02,000\nHello\n")
    call_command("orchestration", "subtitles-add", str(video.pk), str(srt), "--language", "de", "--json")
    assert json.loads(capsys.readouterr().out)["language"] == "de"
    call_command("orchestration", "attachments", str(video.pk))
    assert "subtitles de" in capsys.readouterr().out
    call_command("orchestration", "picture-set", str(video.pk), "--none")
    call_command("orchestration", "attachment-remove", str(row.pk))
    assert Attachment.objects.count() == 1
    with pytest.raises(SystemExit) as ended:
        call_command("orchestration", "subtitles-add", str(video.pk), str(path), "--language", "de")
    assert ended.value.code == 2 and "the file is no text" in capsys.readouterr().err
