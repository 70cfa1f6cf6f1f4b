"""Clients that others wrote, and our own command line, bring films in over real HTTP or from this machine's disk."""

import json
import shutil
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from tusclient import client as tusclient
from tusclient.exceptions import TusCommunicationError

from orchestration.models import ApiToken, Source, Upload, Video
from orchestration.pipeline import uploads
from orchestration.register import tokens
from orchestration.states import SourceKind, UploadState
from tests import factories


@pytest.fixture
def tuspy(live_server):
    secret = tokens.issue("tuspy", ApiToken.Scope.OPERATE)[1]
    return tusclient.TusClient(f"{live_server.url}/api/uploads", {"Authorization": f"Bearer {secret}"})


@pytest.mark.django_db(transaction=True)
def test_tuspy_sends_breaks_off_and_goes_on(tuspy, tmp_path):
    source = factories.UploadFactory().source
    film = tmp_path / "film.mp4"
    film.write_bytes(bytes(range(256)) * 400)
    said = {"filename": "film.mp4", "source_id": str(source.pk)}
    with film.open("rb") as file:
        first = tuspy.uploader(file_stream=file, chunk_size=40_000, metadata=said, upload_checksum=True)
        first.upload(stop_at=80_000)
    upload = Upload.objects.get(name="film.mp4")
    assert uploads.offset_of(upload) == 80_000
    with film.open("rb") as file:
        second = tuspy.uploader(file_stream=file, chunk_size=40_000, url=first.url, upload_checksum=True)
        assert second.get_offset() == 80_000
        second.upload()
    upload.refresh_from_db()
    assert upload.state == UploadState.RECEIVED
    assert uploads.path_of(upload).read_bytes() == film.read_bytes()


@pytest.mark.django_db(transaction=True)
def test_tuspy_is_told_when_it_may_not(tuspy, tmp_path):
    film = tmp_path / "film.mp4"
    film.write_bytes(b"x")
    with film.open("rb") as file, pytest.raises(TusCommunicationError):
        tuspy.uploader(file_stream=file, metadata={"filename": "film.mp4", "source_id": "99"}).upload()


def cli(*words: object) -> str:
    out = StringIO()
    call_command("orchestration", *map(str, words), stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.mark.django_db
def test_a_folder_of_this_machine_is_taken_in_by_one_command(tmp_path, videos):
    folder = tmp_path / "films"
    (folder / "inner").mkdir(parents=True)
    shutil.copy(videos.whole, folder / "One_film.mp4")
    shutil.copy(videos.tall, folder / "inner" / "Another.MP4")
    (folder / "notes.txt").write_text("not a film")
    (folder / "inner" / "broken.mp4").write_bytes(b"not a film either")
    told = json.loads(cli("upload", folder, "--name", "Disk", "--rights", "owned", "--json"))
    assert sorted(bool(one["error"]) for one in told["items"]) == [False, False, True]
    source = Source.objects.get(name="Disk")
    assert (source.kind, source.rights_basis) == (SourceKind.UPLOADS, "owned")
    assert sorted(Video.objects.values_list("title", flat=True)) == ["Another", "One film"]
    assert (folder / "One_film.mp4").exists()
    again = cli("upload", folder / "One_film.mp4", "--source", source.pk)
    assert "which was here already" in again
    assert Video.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "words",
    [
        ("nothing-here.mp4", "--name", "X"),
        (".", "--name", "X", "--source", "1"),
        (".",),
        ("pyproject.toml", "--source", "99"),
        ("pyproject.toml", "--name", "X"),
    ],
)
def test_what_cannot_be_taken_in_is_said(words, settings, monkeypatch):
    monkeypatch.chdir(settings.BASE_DIR)
    with pytest.raises((SystemExit, CommandError)) as error:
        cli("upload", *words)
    assert getattr(error.value, "code", None) or error.value.returncode
    assert not Video.objects.exists()
