"""Files come in pieces over HTTP, by tus: whatever breaks, the file says how far it is, and only a whole one is taken."""

import base64
import fcntl
import hashlib
import io
import shutil
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from orchestration.errors import UploadChecksumWrong
from orchestration.models import Activity, ApiToken, Job, Source, Upload, Video
from orchestration.pipeline import room, take_upload, uploads
from orchestration.register import tokens
from orchestration.register.sources import due_sources
from orchestration.states import JobState, RightsBasis, SourceKind, UploadState, VideoState
from tests import factories
from tests.engine_room import door

pytestmark = pytest.mark.django_db
TUS = {"Tus-Resumable": "1.0.0"}


class Tus:
    """A client that sends what it is told, whether it makes sense or not."""

    def __init__(self, name: str = "ci", scope: str = ApiToken.Scope.OPERATE) -> None:
        secret = tokens.issue(name, scope)[1]
        self.client, self.auth = Client(), {"Authorization": f"Bearer {secret}"}

    def call(self, method: str, path: str, body: bytes = b"", **headers: str):
        sent = {**TUS, **self.auth, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self.client.generic(
            method, path, body, content_type="application/offset+octet-stream", headers=sent
        )

    def begin(self, source, size: int, name: str = "film.mp4", **more: str):
        said = {"filename": name, "source_id": str(source.pk), **more}
        pairs = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items())
        return self.call("POST", "/api/uploads", Upload_Length=str(size), Upload_Metadata=pairs)

    def patch(self, path: str, offset: int, body: bytes, **headers: str):
        return self.call("PATCH", path, body, Upload_Offset=str(offset), **headers)


@pytest.fixture
def source():
    return door().add_upload_source(name="Ours", rights_basis=RightsBasis.OWNED)


@pytest.fixture
def tus():
    return Tus()


def begun(tus: Tus, source, size: int, **more: str) -> tuple[str, Upload]:
    answer = tus.begin(source, size, **more)
    assert answer.status_code == 201, answer.content
    path = answer.headers["Location"].replace("http://testserver", "")
    return path, Upload.objects.get(key=path.rpartition("/")[2])


def sha256_of(piece: bytes) -> str:
    return "sha256 " + base64.b64encode(hashlib.sha256(piece).digest()).decode()


def code_of(answer) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


# -- the protocol ------------------------------------------------------------------------------------------------------


def test_the_server_says_what_it_speaks(tus, settings):
    answer = tus.call("OPTIONS", "/api/uploads")
    assert answer.status_code == 204
    assert answer.headers["Tus-Version"] == "1.0.0"
    assert set(answer.headers["Tus-Extension"].split(",")) == {
        *("creation", "checksum", "termination", "expiration")
    }
    assert answer.headers["Tus-Max-Size"] == str(settings.HEADEND_MAX_UPLOAD_BYTES)
    assert "sha1" in answer.headers["Tus-Checksum-Algorithm"]


@pytest.mark.slow
def test_a_film_in_pieces_becomes_a_video_of_its_source(engine, tus, source, videos):
    content = videos.whole.read_bytes()
    path, upload = begun(
        tus, source, len(content), title="A film", sha256=hashlib.sha256(content).hexdigest()
    )
    middle = len(content) // 2
    assert tus.patch(path, 0, content[:middle]).headers["Upload-Offset"] == str(middle)
    told = tus.call("HEAD", path)
    assert (told.status_code, told.headers["Upload-Offset"], told.headers["Upload-Length"]) == (
        *(200, str(middle)),
        str(len(content)),
    )
    assert told.headers["Cache-Control"] == "no-store"
    assert "Upload-Expires" in told.headers
    last = tus.patch(path, middle, content[middle:])
    assert (last.status_code, last.headers["Upload-Offset"]) == (204, str(len(content)))
    assert not Video.objects.exists()
    engine.work()
    upload.refresh_from_db()
    assert (upload.state, upload.is_new) == (UploadState.TAKEN, True)
    assert (upload.video.title, upload.video.source) == ("A film", source)
    assert upload.video.content_hash == hashlib.sha256(content).hexdigest()
    assert not uploads.path_of(upload).exists()
    assert tus.call("HEAD", path).headers["Upload-Offset"] == str(len(content))
    verbs = set(Activity.objects.values_list("verb", flat=True))
    assert verbs >= {"upload_begun", "upload_received", "upload_taken", "video_taken_in"}
    engine.tick()
    engine.work()
    upload.video.refresh_from_db()
    assert upload.video.state == VideoState.READY


def test_a_piece_that_begins_elsewhere_is_refused_and_changes_nothing(tus, source):
    path, upload = begun(tus, source, 10)
    tus.patch(path, 0, b"01234")
    for offset in (0, 4, 6):
        assert code_of(tus.patch(path, offset, b"xx")) == (409, "upload_offset_wrong")
    assert uploads.path_of(upload).read_bytes() == b"01234"


def test_more_than_was_announced_is_refused(tus, source):
    path, _ = begun(tus, source, 10)
    assert code_of(tus.patch(path, 0, b"x" * 11)) == (413, "upload_too_large")


def test_two_who_write_at_once_do_not_mix(tus, source):
    path, upload = begun(tus, source, 10)
    with uploads.path_of(upload).open("r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        assert code_of(tus.patch(path, 0, b"xx")) == (423, "upload_busy")
        assert tus.call("DELETE", path).status_code == 423
    assert tus.patch(path, 0, b"xx").status_code == 204


@pytest.mark.parametrize("name", ["sha256", "sha1", "md5"])
def test_a_piece_with_its_checksum_is_kept(tus, source, name):
    path, upload = begun(tus, source, 10)
    right = base64.b64encode(hashlib.new(name, b"01234").digest()).decode()
    assert tus.patch(path, 0, b"01234", Upload_Checksum=f"{name} {right}").status_code == 204
    assert uploads.path_of(upload).read_bytes() == b"01234"


def test_a_piece_that_changed_on_its_way_is_thrown_away(tus, source):
    path, upload = begun(tus, source, 10)
    tus.patch(path, 0, b"01", Upload_Checksum=sha256_of(b"01"))
    wrong = tus.patch(path, 2, b"23", Upload_Checksum=sha256_of(b"xx"))
    assert code_of(wrong) == (460, "upload_checksum_wrong")
    assert wrong.headers["Tus-Resumable"] == "1.0.0"
    assert uploads.path_of(upload).read_bytes() == b"01"
    assert tus.call("HEAD", path).headers["Upload-Offset"] == "2"


class Breaks(io.BytesIO):
    """A body whose sender is gone after what it holds."""

    def read(self, size=-1):
        block = super().read(size)
        if not block:
            raise OSError("the line broke")
        return block


def received(upload: Upload, offset: int, length: int, body, **more) -> Upload:
    return uploads.receive(upload, owner=upload.owner, offset=offset, length=length, body=body, **more)


def test_what_came_before_the_line_broke_stays(source):
    upload = uploads.begin(owner="olga", source_id=source.pk, name="a.mp4", size_bytes=10)
    received(upload, 0, 10, Breaks(b"0123"))
    assert uploads.offset_of(upload) == 4
    received(upload, 4, 6, io.BytesIO(b"456789"))
    assert upload.state == UploadState.RECEIVED
    assert uploads.path_of(upload).read_bytes() == b"0123456789"


def test_half_a_piece_with_a_checksum_does_not_stay(source):
    upload = uploads.begin(owner="olga", source_id=source.pk, name="a.mp4", size_bytes=10)
    whole = uploads.Checksum("sha256", hashlib.sha256(b"0123456789").digest())
    with pytest.raises(UploadChecksumWrong, match="broke off"):
        received(upload, 0, 10, Breaks(b"0123"), checksum=whole)
    assert uploads.offset_of(upload) == 0


def test_after_a_crash_the_file_says_how_far_it_is(tus, source):
    path, upload = begun(tus, source, 10)
    uploads.path_of(upload).write_bytes(b"0123456")  # written and never recorded
    assert tus.call("HEAD", path).headers["Upload-Offset"] == "7"
    assert tus.patch(path, 7, b"789").headers["Upload-Offset"] == "10"


def test_after_a_crash_within_a_checked_piece_only_what_was_checked_counts(tus, source):
    path, upload = begun(tus, source, 10)
    tus.patch(path, 0, b"01", Upload_Checksum=sha256_of(b"01"))
    with uploads.path_of(upload).open("ab") as file:
        file.write(b"xxx")
    assert tus.call("HEAD", path).headers["Upload-Offset"] == "2"
    tus.patch(path, 2, b"23", Upload_Checksum=sha256_of(b"23"))
    assert uploads.path_of(upload).read_bytes() == b"0123"


def test_what_a_crash_left_whole_is_handed_on(source):
    upload = uploads.begin(owner="olga", source_id=source.pk, name="a.mp4", size_bytes=4)
    uploads.path_of(upload).write_bytes(b"0123")
    assert uploads.tidy()["whole"] == 1
    upload.refresh_from_db()
    assert upload.state == UploadState.RECEIVED
    assert Job.objects.get(pk=upload.job_id).kind == "take"


def test_post_stands_for_patch_where_no_patch_can_be_sent(tus, source):
    path, _ = begun(tus, source, 4)
    answer = tus.call("POST", path, b"01", Upload_Offset="0", X_HTTP_Method_Override="PATCH")
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (204, "2")
    assert tus.call("POST", path, b"").status_code == 404


# -- who may, and what is refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Tus-Resumable": "0.2.2"}, (412, "tus_version_wrong")),
        ({"Upload-Offset": "x"}, (422, "invalid_request")),
        ({"Upload-Offset": "-1"}, (422, "invalid_request")),
        ({"Upload-Checksum": "crc32 AAAA"}, (422, "invalid_request")),
        ({"Upload-Checksum": "sha1 !"}, (422, "invalid_request")),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(tus, source, headers, code):
    path, _ = begun(tus, source, 4)
    answer = tus.call("PATCH", path, b"01", **{"Upload_Offset": "0", **headers})
    assert code_of(answer) == code
    assert answer.json()["field"] in headers


@pytest.mark.parametrize(
    ("size", "more", "field"),
    [
        (0, {}, "size_bytes"),
        (4, {"name": ""}, "name"),
        (4, {"name": "x" * 300}, "name"),
        (4, {"sha256": "abc"}, "sha256"),
        (4, {"source_id": "99999"}, "source_id"),
        (4, {"source_id": "x"}, "source_id"),
    ],
)
def test_what_cannot_be_begun_is_refused_by_name(tus, source, size, more, field):
    answer = tus.begin(source, size, **more)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert not Upload.objects.exists()


def test_a_file_that_is_too_large_is_not_begun(tus, source, settings):
    settings.HEADEND_MAX_UPLOAD_BYTES = 10
    assert code_of(tus.begin(source, 11)) == (413, "upload_too_large")


def test_below_the_floor_nothing_is_received(tus, source, settings, monkeypatch):
    path, _ = begun(tus, source, 4)
    monkeypatch.setattr(room, "free_bytes", lambda: settings.HEADEND_DISK_FLOOR_BYTES + 3)
    assert code_of(tus.begin(source, 4)) == (507, "disk_too_full")
    assert code_of(tus.patch(path, 0, b"0123")) == (507, "disk_too_full")
    assert tus.patch(path, 0, b"012").status_code == 204


def test_nobody_goes_on_with_what_somebody_else_sends(tus, source):
    path, _ = begun(tus, source, 4)
    other = Tus("another")
    assert code_of(other.patch(path, 0, b"01")) == (403, "not_permitted")
    assert other.call("DELETE", path).status_code == 403
    reader = Tus("reader", ApiToken.Scope.READ)
    assert reader.begin(source, 4).status_code == 403
    assert Client().head(path, headers=TUS).status_code == 401


def test_a_browser_needs_its_csrf_token(source):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(factories.UserFactory(operator=True))
    answer = browser.post("/api/uploads", headers={**TUS, "Upload-Length": "4"})
    assert code_of(answer) == (403, "csrf_failed")


def test_what_is_given_up_is_gone(tus, source):
    path, upload = begun(tus, source, 4)
    tus.patch(path, 0, b"01")
    assert tus.call("DELETE", path).status_code == 204
    assert not uploads.path_of(upload).exists()
    assert tus.call("HEAD", path).status_code == 410
    assert tus.patch(path, 2, b"23").status_code == 410


def test_what_nobody_finishes_is_thrown_away_and_recorded(source, settings):
    upload = uploads.begin(owner="olga", source_id=source.pk, name="a.mp4", size_bytes=4)
    young = uploads.begin(owner="olga", source_id=source.pk, name="b.mp4", size_bytes=4)
    old = timezone.now() - timedelta(days=settings.HEADEND_UPLOAD_DAYS, minutes=1)
    Upload.objects.filter(pk=upload.pk).update(last_received_at=old)
    assert uploads.tidy()["expired"] == 1
    upload.refresh_from_db()
    assert upload.state == UploadState.ABANDONED
    assert not uploads.path_of(upload).exists()
    assert uploads.path_of(young).exists()
    assert "7 days" in Activity.objects.get(verb="upload_abandoned").reason


# -- what becomes of a whole one ---------------------------------------------------------------------------------------


def whole(source, content: bytes, **more) -> Upload:
    upload = uploads.begin(owner="olga", source_id=source.pk, name="a.mp4", size_bytes=len(content), **more)
    return received(upload, 0, len(content), io.BytesIO(content))


@pytest.mark.parametrize(
    ("more", "code"),
    [({}, "file_damaged"), ({"sha256": "0" * 64}, "checksum_wrong")],
    ids=["damaged", "changed"],
)
def test_what_is_no_film_fails_with_its_reason_and_can_be_given_up(engine, source, more, code):
    upload = whole(source, b"no film at all", **more)
    engine.work()
    upload.refresh_from_db()
    assert (upload.state, upload.error_code) == (UploadState.FAILED, code)
    assert uploads.path_of(upload).exists()
    assert not Video.objects.exists()
    door().retry_job(job_id=upload.job_id)
    upload.refresh_from_db()
    assert upload.state == UploadState.RECEIVED
    engine.work()
    upload.refresh_from_db()
    uploads.abandon(upload)
    assert not uploads.path_of(upload).exists()


def test_a_worker_that_dies_after_the_video_was_written_takes_it_once(engine, source, videos, monkeypatch):
    upload = whole(source, videos.whole.read_bytes())
    with monkeypatch.context() as patch:
        patch.setattr(
            take_upload, "transition", lambda *a, **k: (_ for _ in ()).throw(RuntimeError("killed"))
        )
        engine.work()
    assert Job.objects.get(pk=upload.job_id).state == JobState.ERRORED
    assert Video.objects.count() == 1
    door().retry_job(job_id=upload.job_id)
    engine.work()
    upload.refresh_from_db()
    assert (upload.state, Video.objects.count()) == (UploadState.TAKEN, 1)


def test_a_source_of_uploads_is_never_read(engine, source):
    assert due_sources(timezone.now() + timedelta(days=1)) == []
    assert "scrape" not in source.actions
    with pytest.raises(Exception, match="not read by itself"):
        door().scrape_source(source_id=source.pk)


def test_a_file_of_this_machine_is_copied_in(source, videos, tmp_path):
    film = Path(shutil.copy(videos.whole, tmp_path / "A_film.mp4"))
    told: list[int] = []
    taken = door("admin").take_file(path=film, source_id=source.pk, on_progress=told.append)
    assert film.exists()
    assert (taken.is_new, taken.video.title) == (True, "A film")
    assert told[-1] == film.stat().st_size
    assert door("admin").take_file(path=film, source_id=source.pk).is_new is False


def test_the_list_tells_who_asks_what_to_go_on_with(tus, source):
    begun(tus, source, 4, fingerprint="film.mp4/4/1")
    factories.UploadFactory()
    found = tus.call("GET", "/api/uploads?mine=true&state=open").json()["items"]
    assert [item["fingerprint"] for item in found] == ["film.mp4/4/1"]
    assert tus.call("GET", "/api/uploads").json()["total"] == 2


def test_a_source_of_uploads_is_made_over_the_api(tus):
    answer = tus.client.post(
        "/api/uploads/sources",
        {"name": "Mine", "rights_basis": "owned", "rights_note": "my own"},
        "application/json",
        headers=tus.auth,
    )
    assert answer.status_code == 201, answer.content
    again = tus.client.post("/api/uploads/sources", {"name": "Mine"}, "application/json", headers=tus.auth)
    assert (again.status_code, again.json()["field"]) == (422, "name")
    assert Source.objects.get(name="Mine").kind == SourceKind.UPLOADS
