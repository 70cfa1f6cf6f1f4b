"""Take a whole file that lies on this machine in as a video: what an upload, a watched folder or object storage ends in."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from stat import S_ISREG
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from orchestration import media
from orchestration.core import audit
from orchestration.core.wakeups import wake_tick
from orchestration.media.files import ending_of, storage_error, sync_folder
from orchestration.models import Source, Video
from orchestration.pipeline.scrape import folder_of, relative
from orchestration.states import VideoState
from orchestration.text import plain_line

MAX_TITLE = 300


@dataclass(frozen=True, slots=True)
class Taken:
    """What a file became: its video, and whether that is new or was here already with the same content."""

    video: Video
    is_new: bool


def take_in(
    path: Path,
    *,
    source: Source,
    name: str,
    title: str = "",
    sha256: str = "",
    external_id: str = "",
    words: Mapping[str, Any] | None = None,
    published_at: datetime | None = None,
) -> Video:
    """Move a whole file into the library and return its video, which the tick then has prepared; see `take`."""
    return take(
        path,
        source=source,
        name=name,
        title=title,
        sha256=sha256,
        external_id=external_id,
        words=words,
        published_at=published_at,
    ).video


def take(
    path: Path,
    *,
    source: Source,
    name: str,
    title: str = "",
    sha256: str = "",
    external_id: str = "",
    words: Mapping[str, Any] | None = None,
    published_at: datetime | None = None,
    max_bytes: int | None = None,
    keep: bool = False,
) -> Taken:
    """Move a whole file into the library as a video of `source`; what is here already with the same content stays the one.

    It is read to its end twice (its checksum, its measures), so call it where that may take minutes: from a job or the
    command line, never in a request or a transaction. `name` is the file's own name, of which the title is made where
    none is given; `sha256` (hex) is what the content is to be; `external_id` is what the item is called at its source.

    The file at `path` is gone afterwards, unless it is to be kept; at most `max_bytes` (HEADEND_MAX_SOURCE_BYTES) are
    taken. A crash at any moment leaves it there, or leaves the video: call it again, and nothing is taken twice. On an
    error it stays where it is.

    Raises: FileNotFoundError; MediaError: FileEmpty, FileTooLarge, FileDamaged, ChecksumWrong, ItemChanged (this
    `external_id` is another content's), StorageFull.
    """
    size_bytes = _size_of(path, max_bytes or settings.HEADEND_MAX_SOURCE_BYTES)
    before = _facts_of(path)
    found = media.content_sha256(path)
    if sha256 and found != sha256.lower():
        raise media.ChecksumWrong(
            f"The file's SHA-256 is {found}, not {sha256.lower()}: it did not arrive as it was sent."
        )
    known = _known(found)
    if known is None:
        info = media.probe(path, tool=media.ffmpeg_tool(settings.HEADEND_FFMPEG or None))
        video = Video(
            source=source,
            url="",
            canonical_url=_address(source, external_id),
            external_id=external_id if len(external_id) <= 255 else "",
            title=plain_line(title)[:MAX_TITLE] or title_of(name),
            language=source.language,
            source_published_at=published_at,
            words=dict(words or {}),
            content_hash=found,
            size_bytes=size_bytes,
            duration_seconds=info.duration_seconds,
            width=info.width,
            height=info.height,
            frames_per_second=info.frames_per_second,
            video_codec=info.video_codec or "",
            audio_codec=info.audio_codec or "",
            state=VideoState.SCRAPED,
        )
        if _facts_of(path) != before:
            raise media.ChecksumWrong("The file is still being written: it changed while it was read.")
        try:
            _keep(video, path, name)
        except IntegrityError:
            # Its twin was taken in at the same moment, or this item came with another content before.
            known = _known(found)
            if known is None:
                raise media.ItemChanged(
                    f"{external_id} of source {source.name} is here already, with another content."
                ) from None
    if known is not None:
        with transaction.atomic():
            audit.record(
                "video_known",
                known,
                after={"source": source.name, "name": plain_line(name), "sha256": found},
                reason="the same content came in again",
            )
    if not keep:
        path.unlink(missing_ok=True)
    return Taken(known or video, known is None)


def title_of(name: str) -> str:
    """Return a title made of a file's name: without its folder and ending, with blanks for what stands for them."""
    stem = Path(plain_line(name).replace("\\", "/")).stem
    words = stem.replace("_", " ") if " " not in stem else stem
    if " " not in words:
        words = words.replace("-", " ").replace(".", " ")
    return " ".join(words.split())[:MAX_TITLE]


def _size_of(path: Path, max_bytes: int) -> int:
    """Return a file's size. Raises: FileNotFoundError, FileDamaged for what is no file, FileEmpty, FileTooLarge."""
    stat = path.lstat()
    if not S_ISREG(stat.st_mode):
        raise media.FileDamaged(f"{path.name} is not a file.")
    if stat.st_size == 0:
        raise media.FileEmpty("The file has no bytes.")
    if stat.st_size > max_bytes:
        raise media.FileTooLarge(
            f"The video has {stat.st_size} bytes; {max_bytes} are allowed.", max_bytes=max_bytes
        )
    return stat.st_size


def _facts_of(path: Path) -> tuple[int, int, int]:
    """Return by what a file is seen to have been written to, or replaced."""
    stat = path.lstat()
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _known(sha256: str) -> Video | None:
    return Video.objects.filter(content_hash=sha256).exclude(state=VideoState.DUPLICATE).first()


def _address(source: Source, external_id: str) -> str:
    """Return what stands for an address, which there is none of: the same for the same item of a source."""
    item = uuid.uuid5(uuid.NAMESPACE_URL, f"{source.pk}/{external_id}") if external_id else uuid.uuid4()
    return f"headend:{source.kind}/{item}"


def _keep(video: Video, path: Path, name: str) -> None:
    """Write a new video and give its folder the file; it keeps its old name, too, until the row is committed."""
    try:
        with _beside_the_library(path) as whole:
            _commit(video, whole, name)
    except OSError as error:
        raise storage_error(error) from error


def _commit(video: Video, whole: Path, name: str) -> None:
    final: Path | None = None
    try:
        with transaction.atomic():
            video.save()
            final = folder_of(video) / f"source-{video.content_hash[:16]}{_ending(whole)}"
            final.parent.mkdir(parents=True, exist_ok=True)
            whole.replace(final)
            sync_folder(final.parent)
            video.original_file = relative(final)
            video.save(update_fields=["original_file"])
            audit.record(
                "video_taken_in",
                video,
                after={
                    "state": video.state,
                    "source": video.source_id,
                    "name": plain_line(name),
                    "size_bytes": video.size_bytes,
                    "sha256": video.content_hash,
                },
            )
            wake_tick()
    except BaseException:
        if final is not None:
            final.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                final.parent.rmdir()
        raise


@contextlib.contextmanager
def _beside_the_library(path: Path) -> Iterator[Path]:
    """Give the file a second name below MEDIA_ROOT, or a copy where it can have none, once its bytes are on the disk."""
    folder = Path(settings.MEDIA_ROOT) / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / f"{uuid.uuid4().hex}.part"
    try:
        try:
            os.link(path, copy, follow_symlinks=False)
        except OSError:  # another disk, or one that knows no second names
            shutil.copyfile(path, copy)
        with copy.open("rb") as file:
            os.fsync(file.fileno())
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def _ending(path: Path) -> str:
    with path.open("rb") as file:
        return ending_of(file.read(4096))
