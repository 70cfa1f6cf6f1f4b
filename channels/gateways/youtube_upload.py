"""Upload a video to YouTube in pieces, so that an interruption costs one piece and never a second video.

https://developers.google.com/youtube/v3/guides/using_resumable_upload_protocol
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from googleapiclient.errors import HttpError
from googleapiclient.http import HttpRequest, MediaUpload

from channels.gateways.errors import (
    QuotaExhausted,
    RateLimited,
    RemoteError,
    RemoteRejected,
    RemoteUnavailable,
    RemoteUncertain,
    SessionGone,
)
from channels.gateways.youtube_wire import Wire, readable

CHUNK_STEP_BYTES = 256 * 1024
MAX_ATTEMPTS = 6
LONGEST_WAIT_SECONDS = 64.0
DESCRIPTION_BYTES = 5000
MARKER_PREFIX = "headend:"


class UploadCancelled(Exception):
    """Raised between two pieces when the caller asked to stop; what was sent can be resumed later."""


@dataclass(frozen=True, slots=True)
class VideoMetadata:
    """What a video is called and how it is found again; `marker` is ``headend:`` and a correlation id.

    `notify_subscribers` says whether YouTube tells the channel's subscribers once it is public.
    """

    title: str
    description: str
    tags: tuple[str, ...]
    category_id: str
    language: str
    made_for_kids: bool
    marker: str
    notify_subscribers: bool = True
    licence: str = "youtube"
    """``youtube`` or ``creativeCommon``."""
    embeddable: bool = True
    synthetic_media: bool = False
    paid_promotion: bool = False


@dataclass(frozen=True, slots=True)
class UploadReceipt:
    """What YouTube answered when the last byte had arrived. `privacy_status` is as YouTube states it."""

    youtube_video_id: str
    youtube_channel_id: str
    privacy_status: str
    upload_status: str
    size_bytes: int
    resumed_from_bytes: int


@dataclass(slots=True)
class Upload:
    """One resumable upload of one file; `run` begins it or takes it up again."""

    wire: Wire
    path: Path
    metadata: VideoMetadata
    on_session: Callable[[str], None]
    on_progress: Callable[[int, int], None]
    cancelled: Callable[[], bool]
    chunk_bytes: int
    sleep: Callable[[float], None] = time.sleep
    on_last_piece: Callable[[], None] = lambda: None
    _media: _FilePieces = field(init=False)
    _request: HttpRequest = field(init=False)

    def run(self, session_uri: str | None) -> UploadReceipt:
        """Send the file, or what is missing of it, and return YouTube's receipt.

        Raises: SessionGone when the session is unknown there; UploadCancelled; any other RemoteError.
        """
        self._media = _FilePieces(self.path, self.chunk_bytes, self.on_last_piece)
        with self._media:
            body = resource_of(self.metadata)
            self._request = self.wire.service.videos().insert(
                part=",".join(body),
                body=body,
                notifySubscribers=self.metadata.notify_subscribers,
                media_body=self._media,
            )
            if self.cancelled():
                raise UploadCancelled
            if session_uri is None:
                self._request.resumable_uri = self.wire.session_uri = self._open_session()
                self.on_session(self._request.resumable_uri)
            else:
                self._request.resumable_uri = self.wire.session_uri = session_uri
                self._ask_first()
            return self._receipt(self._send_all(), resumed=session_uri is not None)

    def _open_session(self) -> str:
        request = self._request
        headers = {
            **request.headers,
            "X-Upload-Content-Type": self._media.mimetype(),
            "X-Upload-Content-Length": str(self._media.size()),
            "content-length": str(request.body_size),
        }

        def open_session() -> str:
            answer, content = self.wire.authorised.request(
                request.uri, method=request.method, body=request.body, headers=headers
            )
            if answer.status != 200 or "location" not in answer:
                raise HttpError(answer, content, uri=request.uri)
            return str(answer["location"])

        try:
            return self.wire.guarded(True, "upload_session", open_session)
        except RemoteUncertain as error:
            # A session without a byte in it is not a video: opening another one is safe.
            raise RemoteUnavailable(str(error), status=error.status) from error

    def _ask_first(self) -> None:
        # The client library's name for "the next call asks where the upload was".
        self._request._in_error_state = True

    def _send_all(self) -> dict[str, Any]:
        failures = 0
        furthest = -1
        total = self._media.size()
        while True:
            if self.cancelled():
                raise UploadCancelled
            pieces_before = self._media.pieces_read
            try:
                status, answer = self.wire.guarded(True, "upload_bytes", self._next_piece)
            except (RemoteUncertain, RemoteUnavailable, RateLimited) as error:
                failures += 1
                if failures >= MAX_ATTEMPTS:
                    raise self._given_up(error) from error
                self._ask_first()
                self.sleep(_wait_seconds(failures, error.retry_after_seconds))
                continue
            except SessionGone as error:
                raise SessionGone(
                    "YouTube no longer knows this upload session", status=error.status
                ) from error
            except RemoteError as error:
                refused = (
                    error.status is not None
                    and 400 <= error.status < 500
                    and error.again in {"never", "again"}
                )
                if (
                    self._media.pieces_read > pieces_before
                    or not refused
                    or isinstance(error, QuotaExhausted)
                ):
                    raise
                # Not our bytes were refused but the question where we were: the session is over, somehow.
                raise SessionGone("YouTube has closed this upload session", status=error.status) from error
            if answer is not None:
                self.on_progress(total, total)
                return answer
            sent = status.resumable_progress
            self.on_progress(sent, total)
            if sent > furthest:
                furthest, failures = sent, 0
                continue
            failures += 1
            if failures >= MAX_ATTEMPTS:
                raise RemoteUnavailable("YouTube takes no more bytes of this upload")
            self.sleep(_wait_seconds(failures, None))

    def _next_piece(self) -> tuple[Any, dict[str, Any] | None]:
        status, answer = self._request.next_chunk()
        return status, None if answer is None else readable(answer)

    def _given_up(self, error: RemoteError) -> RemoteError:
        if self._media.read_to_end:
            return RemoteUncertain("the whole file was sent, but YouTube's receipt did not arrive")
        return RemoteUnavailable(f"the upload was interrupted: {error}", status=error.status)

    def _receipt(self, answer: dict[str, Any], *, resumed: bool) -> UploadReceipt:
        if not answer.get("id"):
            raise RemoteUncertain("YouTube took the whole file, but named no video")
        status = answer.get("status", {})
        return UploadReceipt(
            youtube_video_id=answer["id"],
            youtube_channel_id=answer.get("snippet", {}).get("channelId", ""),
            privacy_status=status.get("privacyStatus", ""),
            upload_status=status.get("uploadStatus", ""),
            size_bytes=self._media.size(),
            resumed_from_bytes=self._media.begun_at_bytes if resumed else 0,
        )


def resource_of(metadata: VideoMetadata) -> dict[str, Any]:
    """Describe the video to YouTube, by part: always private, and marked so that it can be found again."""
    snippet: dict[str, Any] = {
        "title": metadata.title,
        "description": marked_description(metadata.description, metadata.marker),
        "tags": [*(tag for tag in metadata.tags if tag != metadata.marker), metadata.marker],
        "categoryId": metadata.category_id,
    }
    if metadata.language:
        snippet["defaultLanguage"] = metadata.language
        snippet["defaultAudioLanguage"] = metadata.language
    # Without a privacy status a video is public at once (since 2026-11-02).
    status = {
        "privacyStatus": "private",
        "selfDeclaredMadeForKids": metadata.made_for_kids,
        "license": metadata.licence,
        "embeddable": metadata.embeddable,
        "containsSyntheticMedia": metadata.synthetic_media,
    }
    resource: dict[str, Any] = {"snippet": snippet, "status": status}
    if metadata.paid_promotion:
        resource["paidProductPlacementDetails"] = {"hasPaidProductPlacement": True}
    return resource


def marker_of(correlation_id: object) -> str:
    """Return the marker that ties a video to the action that uploaded it."""
    return f"{MARKER_PREFIX}{correlation_id}"


def marked_description(description: str, marker: str) -> str:
    """Put the marker on the description's last line, cutting the text before it if there is no room."""
    room = DESCRIPTION_BYTES - len(marker.encode()) - 2
    text = description.rstrip().encode()[:room].decode("utf-8", "ignore").rstrip()
    return f"{text}\n\n{marker}" if text else marker


def unmarked_description(description: str, marker: str) -> str:
    """Return a description as its people wrote it: without the line that carries the marker."""
    if not marker:
        return description
    return "\n".join(line for line in description.splitlines() if line.strip() != marker).rstrip()


def carries_marker(description: str, marker: str) -> bool:
    """Return whether a description carries exactly this marker, and not only a longer one."""
    return any(line.strip() == marker for line in description.splitlines())


def _wait_seconds(failures: int, asked_seconds: float | None) -> float:
    grown = min(LONGEST_WAIT_SECONDS, 2.0 ** (failures - 1))
    # Spread, so that a hundred uploads that broke together do not come back together.
    spread = grown * (0.5 + random.random() / 2)  # noqa: S311
    return max(spread, min(asked_seconds or 0.0, LONGEST_WAIT_SECONDS))


class _FilePieces(MediaUpload):  # type: ignore[misc]  # the library has no types
    """Give the client library a file piece by piece, as bytes.

    As bytes and not as a stream, because a piece may have to be sent again after a refused access token, and
    the library's own slices of a stream are used up by then: the second attempt would wait for ever.
    """

    def __init__(self, path: Path, chunk_bytes: int, on_last_piece: Callable[[], None]) -> None:
        if chunk_bytes < CHUNK_STEP_BYTES or chunk_bytes % CHUNK_STEP_BYTES:
            raise ValueError(f"chunk_bytes must be a multiple of {CHUNK_STEP_BYTES}, not {chunk_bytes}")
        try:
            self._file = path.open("rb")
        except OSError as error:
            raise RemoteRejected(f"the file to upload cannot be read: {error.strerror}") from error
        self._size = path.stat().st_size
        self._chunk_bytes = chunk_bytes
        self._on_last_piece = on_last_piece
        self.pieces_read = 0
        self.begun_at_bytes = self._size  # until a piece is asked for, nothing was missing
        self.read_to_end = False
        if self._size == 0:
            self._file.close()
            raise RemoteRejected("the file to upload is empty")

    def __enter__(self) -> _FilePieces:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    def chunksize(self) -> int:
        return self._chunk_bytes

    def mimetype(self) -> str:
        return "video/mp4"

    def size(self) -> int:
        return self._size

    def resumable(self) -> bool:
        return True

    def has_stream(self) -> bool:
        return False

    def getbytes(self, begin: int, length: int) -> bytes:
        if not self.pieces_read:
            self.begun_at_bytes = begin
        self.pieces_read += 1
        self._file.seek(begin)
        piece = self._file.read(length)
        if begin + len(piece) >= self._size:
            self._on_last_piece()
            self.read_to_end = True
        return piece
