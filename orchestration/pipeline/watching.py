"""Let people look at a film before it goes out: its files, frames, loudness and subtitles, and choose its picture.

Frames and loudness are made when somebody first asks, one or two at a time, and kept beside the film; they cost the
preparation nothing. All of it can be made again, and none of it counts as the film.
"""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from orchestration import media
from orchestration.core import lookup
from orchestration.errors import Busy, InvalidRequest, NotFound
from orchestration.media.errors import MediaError
from orchestration.models import Attachment, Rendition, Video
from orchestration.pipeline import attachments, edit_words
from orchestration.pipeline.scrape import absolute, folder_of
from orchestration.states import AttachmentKind
from orchestration.words.answers import WordsEdit

FILES = ("prepared", "original")
FRAMES = 8
LOUDNESS_SECONDS = 120.0
FRAME_SECONDS = 20.0
EXACT_BELOW_SECONDS = 120.0
"""In longer films the key frame before a moment is near enough, and far cheaper to reach."""
_at_once = threading.BoundedSemaphore(2)
"""How many frames or lines one web process makes at a time: they must not take all of its threads, nor the machine."""


def file_of(video: Video, which: str) -> Path:
    """Return one of a video's files, `prepared` or `original`. Raises: NotFound, saying whether it is kept no more."""
    if which not in FILES:
        raise NotFound(f"A video has no file called {which[:20]}.", field="which")
    stored = video.prepared_file if which == "prepared" else video.original_file
    path = _below_root(stored)
    if path is None:
        gone = "is not kept any more" if stored else "is not there"
        raise NotFound(f"The {which} file of video {video.pk} {gone}.", field="which")
    return path


def renditions_of(video: Video) -> list[Rendition]:
    """Return what was prepared of a video and lies on the disk, one for each profile that was needed."""
    rows = Rendition.objects.present().filter(video=video)
    return [row for row in rows if _below_root(row.file) is not None]


def rendition_file(video: Video, rendition_id: int) -> Path:
    """Return the file of one of a video's own renditions. Raises: NotFound."""
    row = Rendition.objects.present().filter(video=video, pk=rendition_id).first()
    path = _below_root(row.file) if row is not None else None
    if path is None:
        raise NotFound(f"Video {video.pk} has no prepared file {rendition_id}.", field="rendition_id")
    return path


def has_file(video: Video, which: str) -> bool:
    """Return whether one of a video's files lies on the disk."""
    return _below_root(video.prepared_file if which == "prepared" else video.original_file) is not None


def attachment_file(attachment: Attachment) -> Path:
    """Return an attachment's file. Raises: NotFound."""
    path = _below_root(attachment.file)
    if path is None:
        raise NotFound(f"The file of attachment {attachment.pk} is not there.", field="attachment_id")
    return path


def vtt_of(attachment: Attachment) -> str:
    """Return subtitles as WebVTT, which browsers show, whatever they were added as. Raises: NotFound."""
    from orchestration.media import subtitles

    if attachment.kind != AttachmentKind.SUBTITLES:
        raise NotFound(f"Attachment {attachment.pk} is no subtitles.", field="attachment_id")
    return subtitles.written(subtitles.read_subtitles(attachment_file(attachment).read_bytes()), "vtt")


def moments_of(video: Video) -> list[float]:
    """Return the moments, in seconds, of the frames that are offered as a picture: evenly over the film."""
    seconds = video.duration_seconds or 0.0
    return [round(seconds * (number + 0.5) / FRAMES, 2) for number in range(FRAMES)] if seconds else []


def frame_of(video: Video, number: int) -> Path:
    """Return one of the offered frames, small, made when it is first asked for. Raises: NotFound, Busy, MediaError."""
    moments = moments_of(video)
    if not 0 <= number < len(moments):
        raise NotFound(f"Video {video.pk} has no frame {number}.", field="number")
    source, stamp = _looked_at(video)
    target = folder_of(video) / "glimpses" / f"{stamp}-{number}.jpg"
    if not target.is_file():
        from orchestration.media import glimpses

        with _turn(target):
            glimpses.frame(
                source,
                target,
                moments[number],
                width=320,
                exact=moments[-1] < EXACT_BELOW_SECONDS,
                tool=_tool(),
                cancelled=glimpses.within(FRAME_SECONDS),
            )
    return target


def loudness_of(video: Video) -> list[tuple[float, float]]:
    """Return (mean, peak) in dB over the length, measured when first asked for. Raises: NotFound, Busy, MediaError."""
    source, stamp = _looked_at(video)
    kept = folder_of(video) / "glimpses" / f"{stamp}.json"
    if kept.is_file():
        return [(mean, peak) for mean, peak in json.loads(kept.read_text())]
    from orchestration.media import glimpses

    with _turn(kept):
        levels = glimpses.loudness(
            source,
            video.duration_seconds or 0.0,
            kept.with_suffix(".txt"),
            tool=_tool(),
            cancelled=glimpses.within(LOUDNESS_SECONDS),
        )
        part = kept.with_suffix(".part")
        part.write_text(json.dumps(levels))
        media.put_in_place(part, kept)
    return levels


def add_frame(video: Video, at_seconds: float) -> Attachment:
    """Keep the frame shown at a moment as a picture of the video. Raises: InvalidRequest, NotFound, Busy."""
    from orchestration.media import glimpses

    length = video.duration_seconds or 0.0
    if not math.isfinite(at_seconds) or not 0 <= at_seconds <= length + 1:
        raise InvalidRequest(f"at_seconds is not within the film's {length:.2f} s.", field="at_seconds")
    source, _ = _looked_at(video)
    target = folder_of(video) / "glimpses" / f".frame-{threading.get_ident()}.jpg"
    try:
        with _turn(target):
            glimpses.frame(
                source,
                target,
                min(at_seconds, max(length - 0.1, 0.0)),
                tool=_tool(),
                cancelled=glimpses.within(FRAME_SECONDS),
            )
        return attachments.add_picture(video, target, f"frame at {at_seconds:.2f} s", is_frame=True)
    except MediaError as error:
        raise InvalidRequest(f"No picture at {at_seconds:.2f} s: {error}", field="at_seconds") from error
    finally:
        target.unlink(missing_ok=True)


def choose_picture(video_id: int, attachment_id: int | None, reason: str = "") -> Video:
    """Let a video's words name one of its pictures, or none: YouTube then takes one itself.

    Raises: NotFound; InvalidRequest for what is no picture of this video.
    """
    if attachment_id is not None:
        row = lookup.one(Attachment, attachment_id, field="attachment_id")
        if row.video_id != video_id or row.kind != AttachmentKind.PICTURE:
            raise InvalidRequest(
                f"Attachment {row.pk} is no picture of video {video_id}.", field="attachment_id"
            )
    edit_words.edit(
        [WordsEdit("video", video_id, {"picture": attachment_id})], accept_problems=True, reason=reason
    )
    return lookup.one(Video, video_id, field="video_id")


def _looked_at(video: Video) -> tuple[Path, str]:
    """Return the file that glimpses are taken of, the prepared one if it is there, and a word for this content."""
    which = "prepared" if has_file(video, "prepared") else "original"
    path = file_of(video, which)
    stat = path.stat()
    return path, f"{stat.st_mtime_ns:x}-{stat.st_size:x}"


@contextmanager
def _turn(target: Path) -> Iterator[None]:
    """Wait for a turn to make something, for a moment. Raises: Busy."""
    if not _at_once.acquire(timeout=FRAME_SECONDS):
        raise Busy("Other pictures are being made; ask again in a moment.")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    finally:
        _at_once.release()


def _tool() -> media.MediaTool:
    return media.ffmpeg_tool(settings.HEADEND_FFMPEG or None)


def _below_root(stored: str) -> Path | None:
    """Return where a stored path lies, if it is a file below MEDIA_ROOT."""
    if not stored:
        return None
    path = absolute(stored).resolve()
    return path if path.is_relative_to(Path(settings.MEDIA_ROOT).resolve()) and path.is_file() else None
