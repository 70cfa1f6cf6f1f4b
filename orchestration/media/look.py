"""Take one look at an address, to know whether it is a feed, a video file, or something for yt-dlp."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import unquote, urlsplit

from yt_dlp.networking.exceptions import RequestError

from .errors import FileEmpty, NoVideoFound
from .feeds import VIDEO_EXTENSIONS, looks_like_feed
from .fetch import MAX_PAGE_BYTES, GuardedYoutubeDL, as_media_error
from .items import FoundItem, aware

_MANIFEST_TYPES = ("mpegurl", "dash+xml", "smil", "f4m", "sstr+xml")
_SIGNATURES = (  # how the usual containers begin: offset, bytes
    (4, b"ftyp"),
    (4, b"moov"),
    (4, b"mdat"),
    (4, b"wide"),
    (0, b"\x1aE\xdf\xa3"),  # Matroska, WebM
    (0, b"FLV\x01"),
    (8, b"AVI "),
    (0, b"OggS"),
    (0, b"\x00\x00\x01\xba"),  # MPEG programme stream
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11"),  # ASF, WMV
)


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold what one look at an address showed."""

    kind: Literal["feed", "file", "page"]
    url: str
    headers: dict[str, str]
    document: bytes = b""

    def item(self, url: str) -> FoundItem:
        """Describe a file that has nothing but its name and its headers to say about itself."""
        name = PurePosixPath(unquote(urlsplit(self.url).path)).name
        published_at = None
        with contextlib.suppress(ValueError, TypeError, IndexError):
            published_at = aware(parsedate_to_datetime(self.headers.get("last-modified", "")))
        return FoundItem.make(
            url,
            title=PurePosixPath(name).stem.replace("_", " "),
            published_at=published_at,
        )


def look(ydl: GuardedYoutubeDL, url: str) -> Seen:
    """Look at an address's first bytes, and at the whole of it when it is a feed."""
    response = ydl.fetch(url, {"Accept-Encoding": "identity"})
    with contextlib.closing(response):
        try:
            head = response.read(4096)
            headers = {name.lower(): value for name, value in response.headers.items()}
            if not head:
                raise FileEmpty("The source answered with nothing.")
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            if looks_like_feed(head):
                document = head + response.read(MAX_PAGE_BYTES)
                return Seen("feed", response.url, headers, document)
        except (RequestError, OSError) as error:
            raise as_media_error(error, ydl.guard) from error
        return Seen(_kind_of(kind, head, response.url), response.url, headers)


def _kind_of(content_type: str, head: bytes, url: str) -> Literal["file", "page"]:
    """Tell a video file from a page, by its bytes rather than by what the server calls it.

    Raises: NoVideoFound for what is neither: sound, a picture, a document.
    """
    if any(head[offset : offset + len(magic)] == magic for offset, magic in _SIGNATURES):
        return "file"
    if any(word in content_type for word in _MANIFEST_TYPES) or head.lstrip().startswith((b"#EXTM3U", b"<")):
        return "page"
    if content_type.startswith("video/"):
        return "file"
    if content_type in ("text/html", "application/xhtml+xml", "application/xml", "text/xml"):
        return "page"
    extension = PurePosixPath(urlsplit(url).path).suffix.lower()
    if (
        content_type in ("", "application/octet-stream", "binary/octet-stream")
        and extension in VIDEO_EXTENSIONS
    ):
        return "file"
    raise NoVideoFound(
        f"The source answered with {content_type or 'something unknown'}, which is not a video."
    )


def known_by_name(ydl: GuardedYoutubeDL, url: str) -> bool:
    """Return whether yt-dlp has an extractor for this very site."""
    return any(key != "Generic" and extractor.suitable(url) for key, extractor in ydl._ies.items())
