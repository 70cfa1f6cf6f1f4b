"""Receive files in pieces: begin one, append to it, give it up; a whole one is handed to a job that takes it in.

Any number of requests, of any number of processes, may come for one upload: a lock on its file lets one write, and what is
in the file, not what was meant to be, is how far it is.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from orchestration.core import audit
from orchestration.core.transitions import transition
from orchestration.errors import (
    DiskTooFull,
    IllegalTransition,
    InvalidRequest,
    NotFound,
    NotPermitted,
    StaleState,
    UploadBusy,
    UploadChecksumWrong,
    UploadOffsetWrong,
    UploadOver,
    UploadTooLarge,
)
from orchestration.media.files import storage_error
from orchestration.models import Job, Source, Upload
from orchestration.pipeline.room import require_room
from orchestration.queue import jobs as queue
from orchestration.states import JobKind, SourceKind, UploadState
from orchestration.text import plain_line

BLOCK_BYTES = 1024 * 1024
ALGORITHMS: Mapping[str, Callable[[], Any]] = {
    "sha256": hashlib.sha256,
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "md5": lambda: hashlib.md5(usedforsecurity=False),
}
"""By which a piece may be checked; whoever can choose takes the first."""
MAX_OPEN = 5000
"""So many uploads may be under way for one person; each is a row and a file."""
MAX_METADATA = 4000


@dataclass(frozen=True, slots=True)
class Checksum:
    """What a piece is to hash to."""

    algorithm: str
    digest: bytes


def path_of(upload: Upload) -> Path:
    """Return where the bytes of an upload lie until they are taken in."""
    return Path(settings.MEDIA_ROOT) / "uploads" / f"{upload.key}.part"


def expires_at(upload: Upload) -> datetime:
    """Return when what has come is thrown away, unless more comes before."""
    return upload.last_received_at + timedelta(days=settings.HEADEND_UPLOAD_DAYS)


def begin(
    *,
    owner: str,
    source_id: int,
    name: str,
    size_bytes: int,
    title: str = "",
    sha256: str = "",
    fingerprint: str = "",
    metadata: Mapping[str, str] | None = None,
) -> Upload:
    """Make room for a file that is going to come. Raises: InvalidRequest, UploadTooLarge, DiskTooFull."""
    source = Source.objects.filter(pk=source_id, kind=SourceKind.UPLOADS).first()
    if source is None:
        raise InvalidRequest(
            f"There is no source of uploads {source_id}; make one, with its rights basis, or choose another.",
            field="source_id",
        )
    name, title = plain_line(name.replace("\\", "/").rpartition("/")[2]), plain_line(title)
    _check(name, title, size_bytes, sha256)
    require_room(size_bytes)
    with transaction.atomic():
        if Upload.objects.filter(owner=owner, state=UploadState.OPEN).count() >= MAX_OPEN:
            raise InvalidRequest(
                f"{MAX_OPEN} uploads of {owner} are under way already; finish some, or give them up.",
                field="name",
            )
        upload = Upload.objects.create(
            owner=owner,
            source=source,
            name=name,
            title=title,
            size_bytes=size_bytes,
            sha256=sha256.lower(),
            fingerprint=plain_line(fingerprint)[:300],
            metadata=_kept(metadata or {}),
        )
        audit.record(
            "upload_begun",
            upload,
            after={"state": upload.state, "name": name, "size_bytes": size_bytes, "source": source.pk},
        )
        path = path_of(upload)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(exist_ok=False)
        except OSError as error:
            raise _as_full(error) from error
    return upload


def _check(name: str, title: str, size_bytes: int, sha256: str) -> None:
    if not name or len(name) > 255:
        raise InvalidRequest("name is the file's name, of 1 to 255 characters.", field="name")
    if len(title) > 300:
        raise InvalidRequest("The title is longer than 300 characters.", field="title")
    if size_bytes < 1:
        raise InvalidRequest(f"{name} has no bytes.", field="size_bytes")
    if size_bytes > settings.HEADEND_MAX_UPLOAD_BYTES:
        raise UploadTooLarge(
            f"{name} has {size_bytes} bytes; {settings.HEADEND_MAX_UPLOAD_BYTES} are taken at most.",
            field="size_bytes",
        )
    if sha256 and (len(sha256) != 64 or not all(c in "0123456789abcdef" for c in sha256.lower())):
        raise InvalidRequest("sha256 is not 64 hexadecimal digits.", field="sha256")


def _kept(metadata: Mapping[str, str]) -> dict[str, str]:
    kept = {plain_line(key)[:100]: plain_line(value) for key, value in metadata.items()}
    if sum(len(key) + len(value) for key, value in kept.items()) > MAX_METADATA:
        raise InvalidRequest(
            f"The metadata are longer than {MAX_METADATA} characters.", field="Upload-Metadata"
        )
    return kept


def find(key: str) -> Upload:
    """Return an upload by what stands in its address. Raises: NotFound."""
    upload = Upload.objects.select_related("source").filter(key=key).first()
    if upload is None:
        raise NotFound("There is no such upload.", field="upload")
    return upload


def offset_of(upload: Upload) -> int:
    """Return how many bytes of an upload are here for good. Raises: UploadOver, if it is given up or has failed."""
    if upload.state in (UploadState.RECEIVED, UploadState.TAKEN):
        return upload.size_bytes
    if upload.state != UploadState.OPEN:
        raise UploadOver(f"{upload.name} is {upload.get_state_display()}.", state=upload.state)
    try:
        return _in_the_file(upload, path_of(upload).stat().st_size)
    except FileNotFoundError:
        raise UploadOver(f"What had come of {upload.name} is gone; begin again.") from None


def _in_the_file(upload: Upload, length: int) -> int:
    return min(length, upload.received_bytes) if upload.checks_pieces else min(length, upload.size_bytes)


def receive(
    upload: Upload,
    *,
    owner: str,
    offset: int,
    length: int,
    body: BinaryIO,
    checksum: Checksum | None = None,
) -> Upload:
    """Append `length` bytes of `body` to an upload, of which `offset` bytes are here; the last ones make it whole.

    What comes is written as it comes, a block at a time, and what has come of a piece that breaks off stays, unless the
    piece has a checksum: that is kept whole or not at all. What is answered for is on the disk.

    Raises: NotPermitted, UploadOver, UploadBusy, UploadOffsetWrong, UploadTooLarge, UploadChecksumWrong, DiskTooFull.
    """
    if upload.owner != owner:
        raise NotPermitted(f"{upload.name} is being sent by {upload.owner}.")
    here = offset_of(upload)
    if upload.state != UploadState.OPEN and (offset != here or length):
        raise UploadOffsetWrong(f"All {here} bytes of {upload.name} are here.", offset=here)
    if upload.state != UploadState.OPEN:
        return upload
    if offset + length > upload.size_bytes:
        raise UploadTooLarge(
            f"{upload.name} was announced with {upload.size_bytes} bytes; these would make {offset + length}.",
            field="Content-Length",
        )
    require_room(length)
    with _alone(upload) as file:
        upload.refresh_from_db()  # what was written before the lock was ours
        if upload.state != UploadState.OPEN:
            raise UploadOffsetWrong(f"{upload.name} is {upload.get_state_display()}.", state=upload.state)
        here = _in_the_file(upload, os.fstat(file.fileno()).st_size)
        if offset != here:
            raise UploadOffsetWrong(
                f"{here} bytes of {upload.name} are here, and what was sent begins at {offset}.",
                field="Upload-Offset",
                offset=here,
            )
        if checksum and length and not upload.checks_pieces:
            # From here on the recorded figure counts. Before the first such byte, so that no crash comes between.
            Upload.objects.filter(pk=upload.pk).update(checks_pieces=True, received_bytes=here)
            upload.checks_pieces, upload.received_bytes = True, here
        try:
            _append(file, here, length, body, checksum)
        finally:
            now_here = os.fstat(file.fileno()).st_size
            if now_here != upload.received_bytes:
                upload.received_bytes, upload.last_received_at = now_here, timezone.now()
                Upload.objects.filter(pk=upload.pk).update(
                    received_bytes=now_here, last_received_at=upload.last_received_at
                )
        if now_here == upload.size_bytes:
            _whole(upload)
    return upload


@contextmanager
def _alone(upload: Upload) -> Iterator[BinaryIO]:
    """Open the file of an upload for this request alone. Raises: UploadBusy, UploadOver."""
    try:
        file = path_of(upload).open("r+b", buffering=0)
    except FileNotFoundError:
        raise UploadOver(f"What had come of {upload.name} is gone; begin again.") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UploadBusy(f"Another request is writing to {upload.name}.") from None
        yield file


def _append(file: BinaryIO, here: int, length: int, body: BinaryIO, checksum: Checksum | None) -> None:
    digest = ALGORITHMS[checksum.algorithm]() if checksum else None
    file.truncate(here)
    file.seek(here)
    left, is_right = length, False
    try:
        while left:
            block = body.read(min(left, BLOCK_BYTES))
            if not block:
                break
            _write(file, block)
            left -= len(block)
            if digest is not None:
                digest.update(block)
        is_right = digest is None or (
            left == 0 and checksum is not None and digest.digest() == checksum.digest
        )
    except OSError as error:
        if (full := _as_full(error)) is not error:
            raise full from error
        # The line broke: what has come has come.
    finally:
        if digest is not None and not is_right:
            file.truncate(here)
        os.fsync(file.fileno())
    if digest is not None and not is_right:
        what = "broke off" if left else "did not arrive as it was sent"
        raise UploadChecksumWrong(f"The piece {what}, and is thrown away.", field="Upload-Checksum")


def _write(file: BinaryIO, block: bytes) -> None:
    rest = memoryview(block)
    while rest:
        rest = rest[file.write(rest) :]


def _as_full(error: OSError) -> Exception:
    known = storage_error(error)
    return DiskTooFull(str(known)) if known is not error else error


def _whole(upload: Upload) -> None:
    """Hand a whole upload to a job that takes it in."""
    with transaction.atomic():
        job = queue.enqueue(
            JobKind.TAKE,
            dedupe_key=f"take:upload:{upload.pk}",
            source=upload.source,
            reason=upload.name,
            priority=upload.source.priority,
        )
        transition(upload, UploadState.RECEIVED, job=job, received_bytes=upload.size_bytes)


def abandon(upload: Upload, *, reason: str = "", owner: str | None = None) -> Upload:
    """Give an upload up and throw away what has come of it. Raises: NotPermitted, IllegalTransition, UploadBusy."""
    if owner is not None and upload.owner != owner:
        raise NotPermitted(f"{upload.name} is being sent by {upload.owner}.")
    if upload.state == UploadState.ABANDONED:
        return upload
    if upload.state not in Upload.VERBS["abandon"].states:
        raise IllegalTransition(
            f"{upload.name} is {upload.get_state_display()}; it cannot be given up any more.",
            state=upload.state,
        )
    try:
        with _alone(upload):
            transition(upload, UploadState.ABANDONED, reason=reason)
            path_of(upload).unlink(missing_ok=True)
    except UploadOver:  # its file is gone already
        transition(upload, UploadState.ABANDONED, reason=reason)
    return upload


def of_job(job: Job) -> Upload:
    """Return the upload that a job takes in. Raises: NotFound."""
    upload = Upload.objects.select_related("source").filter(job=job).order_by("-pk").first()
    if upload is None:
        raise NotFound(f"The upload of job {job.pk} is gone.")
    return upload


def failed(job: Job) -> None:
    """Let an upload fail whose job ended badly; its file stays until it is given up, or too old."""
    upload = Upload.objects.locked().filter(job=job).first()
    if upload is not None and upload.can_become(UploadState.FAILED):
        transition(
            upload,
            UploadState.FAILED,
            reason=job.error_message,
            error_code=job.error_code,
            error_message=job.error_message,
        )


def reopened(job: Job) -> None:
    """Let an upload be looked at once more, since its job is. Raises: IllegalTransition, if its file is thrown away."""
    upload = Upload.objects.locked().filter(job=job).first()
    if upload is None or upload.state == UploadState.RECEIVED:
        return
    transition(upload, UploadState.RECEIVED, reason="its job is tried again", error_code="", error_message="")


def tidy(now: datetime | None = None) -> dict[str, int]:
    """Throw away what has come of uploads too long ago, hand on what is whole, and remove files that belong to nothing.

    Each is recorded. Any number may tidy at once.
    """
    now = now or timezone.now()
    oldest = now - timedelta(days=settings.HEADEND_UPLOAD_DAYS)
    done = {"whole": 0, "expired": 0, "files": 0}
    old = Upload.objects.filter(state__in=Upload.VERBS["abandon"].states, last_received_at__lt=oldest)
    for upload in old.order_by("pk")[:1000]:
        try:
            abandon(upload, reason=f"nothing more came for {settings.HEADEND_UPLOAD_DAYS} days")
            done["expired"] += 1
        except (UploadBusy, StaleState):
            continue
    folder = Path(settings.MEDIA_ROOT) / "uploads"
    for path in folder.glob("*.part") if folder.is_dir() else ():
        done["whole"] += _hand_on(path)
        done["files"] += _is_over(path, oldest)
    incoming = Path(settings.MEDIA_ROOT) / "incoming"
    for path in incoming.glob("*.part") if incoming.is_dir() else ():
        if datetime.fromtimestamp(path.stat().st_mtime, tz=now.tzinfo) < oldest:
            path.unlink(missing_ok=True)
            done["files"] += 1
    return done


def _hand_on(path: Path) -> bool:
    """Make whole what a crash left so between its last byte and its record."""
    upload = Upload.objects.select_related("source").filter(key=path.stem, state=UploadState.OPEN).first()
    if upload is None or offset_of(upload) != upload.size_bytes:
        return False
    try:
        with _alone(upload):
            upload.refresh_from_db()
            if upload.state == UploadState.OPEN:
                _whole(upload)
        return True
    except (UploadBusy, UploadOver, StaleState):
        return False


def _is_over(path: Path, oldest: datetime) -> bool:
    """Remove the file of what is in the library, given up, or unknown."""
    upload = Upload.objects.filter(key=path.stem).first()
    over = upload is not None and upload.state in (UploadState.TAKEN, UploadState.ABANDONED)
    unknown = upload is None and path.stat().st_mtime < oldest.timestamp()
    if over or unknown:
        path.unlink(missing_ok=True)
    return over or unknown


def copy_here(file: BinaryIO, to: Path, on_progress: Callable[[int], None]) -> str:
    """Copy a file to `to`, a block at a time; returns its SHA-256. Raises: StorageFull."""
    digest, done = hashlib.sha256(), 0
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        with to.open("wb") as copy:
            while block := file.read(BLOCK_BYTES):
                copy.write(block)
                digest.update(block)
                done += len(block)
                on_progress(done)
    except OSError as error:
        to.unlink(missing_ok=True)
        raise storage_error(error) from error
    return digest.hexdigest()
