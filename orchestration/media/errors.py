"""Name what can go wrong with a source or a media file, and whether trying again can help.

Each class carries `code`, the stable word for API, audit and job rows, and `again`: "again" when the
same call may succeed later, "blocked" when a condition has to end first (`scope` says for what it holds),
"never" when the input itself has to change. Where one fact has both faces (a 404 stays, a 503
passes) the instance overrides the class.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from channels.gateways import redaction

Again = Literal["again", "blocked", "never"]


class MediaError(Exception):
    """A media operation did not succeed; never raised itself.

    Its text may be a site's, a storage's or ffmpeg's: what is secret of ours is hidden in it when it is made.
    """

    code: ClassVar[str] = "media_error"
    again: Again = "never"
    scope: ClassVar[str] = "source"

    def __init__(self, message: str = "") -> None:
        super().__init__(redaction.hidden(message))


class UnsafeUrl(MediaError):
    """Refuse an address that Headend must not fetch: its scheme, its credentials, or where it leads."""

    code = "unsafe_url"


class YouTubeRefused(MediaError):
    """Refuse to take videos from YouTube: its developer policies forbid an API client to scrape it."""

    code = "youtube_refused"


class SourceUnreachable(MediaError):
    """The source did not give its answer; `status` is the HTTP status where there was one."""

    code = "source_unreachable"
    again: Again = "again"

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        # 408, 425 and 429 ask for patience; every other 4xx says that this address will not do.
        if status is not None and 400 <= status < 500 and status not in (408, 425, 429):
            self.again = "never"


class AccessRefused(SourceUnreachable):
    """The source answers 401 or 403: it wants a login, cookies or headers, or others than it was given."""

    code = "source_access_refused"

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message, status=status)
        self.again = "blocked"


class SourceTimedOut(MediaError):
    """The source took longer than the whole operation was allowed to."""

    code = "source_timed_out"
    again = "again"


class NoVideoFound(MediaError):
    """The source answered, but holds no video that can be taken."""

    code = "no_video_found"


class FeedUnreadable(MediaError):
    """A feed cannot be read even where it was repaired, or uses what a feed has no business using.

    Its publisher alone can mend that, so it is not tried again at once; its source is read at its next time as ever.
    """

    code = "feed_unreadable"

    def __init__(self, message: str) -> None:
        super().__init__(
            f"{message.rstrip('.')}. Only its publisher can mend that; it is read again at its next time."
        )


class FileEmpty(MediaError):
    """The file has no bytes."""

    code = "file_empty"


class FileDamaged(MediaError):
    """The file is cut short, or is not a video at all."""

    code = "file_damaged"


class PictureTooLarge(MediaError):
    """The picture has more pixels than Headend decodes."""

    code = "picture_too_large"


class FileTooLarge(MediaError):
    """The file is larger than allowed."""

    code = "file_too_large"

    def __init__(self, message: str, *, max_bytes: int) -> None:
        super().__init__(message)
        self.max_bytes = max_bytes


class ChecksumWrong(MediaError):
    """The file is not the one that its checksum speaks of: it changed on its way."""

    code = "checksum_wrong"


class ItemChanged(MediaError):
    """An item that is here already came with another content."""

    code = "item_changed"


class StorageFull(MediaError):
    """The disk has no room left for the file."""

    code = "storage_full"
    again = "blocked"
    scope: ClassVar[str] = "installation"


class Cancelled(MediaError):
    """The operation ended because it was asked to; nothing of it is left behind."""

    code = "cancelled"
    again = "again"


class ToolMissing(MediaError):
    """No ffmpeg on this machine can do what Headend needs."""

    code = "ffmpeg_missing"


class TranscodeFailed(MediaError):
    """Ffmpeg gave up; `detail` holds the end of what it said."""

    code = "transcode_failed"

    def __init__(self, message: str, *, detail: str = "", again: Again = "never") -> None:
        super().__init__(message)
        self.detail = redaction.hidden(detail)
        self.again = again


class PictureUnusable(MediaError):
    """A file is no picture that a video can have; the message goes on after its name."""

    code = "picture_unusable"


class SubtitlesUnusable(MediaError):
    """A file is no subtitles, or they cannot be right; `line` counts from 1, 0 is the file as a whole."""

    code = "subtitles_unusable"

    def __init__(self, message: str, *, line: int = 0) -> None:
        super().__init__(f"line {line}: {message}" if line else message)
        self.line = line


class ResultWrong(TranscodeFailed):
    """What was prepared is not what its source is: the sentence says which track, where, and by how much."""

    code = "result_wrong"
