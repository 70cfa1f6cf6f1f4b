"""Take one look at an address, to know whether it is a feed, a video file, or something for yt-dlp."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import urlsplit

from yt_dlp.networking.exceptions import RequestError

from .errors import FileEmpty, FileTooLarge, NoVideoFound, SourceUnreachable
from .feeds import VIDEO_EXTENSIONS, looks_like_feed
from .fetch import MAX_PAGE_BYTES, GuardedYoutubeDL, as_media_error
from .items import FoundItem, aware, title_of_name
from .json_feed import looks_like_json_feed

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
    (0, b"\x06\x0e\x2b\x34\x02\x05\x01\x01"),  # MXF (SMPTE ST 377-1)
)


_PICTURES = (
    (b"GIF8", "a GIF picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG\r\n", "a PNG picture"),
)
_NO_FILMS = (*_PICTURES, (b"%PDF-", "a PDF document"), (b"ID3", "sound alone"), (b"PK\x03\x04", "an archive"))
_HTML = re.compile(rb"(<!--.*?-->|\s)*<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold what one look at an address showed; `document` is the whole of a feed, and empty for all else."""

    kind: Literal["feed", "json", "file", "page", "unchanged"]
    url: str
    headers: dict[str, str]
    document: bytes = b""

    @property
    def charset(self) -> str:
        """Return the encoding that the HTTP header names, or nothing."""
        match = re.search(
            r"charset\s*=\s*[\"']?([\w.:-]+)", self.headers.get("content-type", ""), re.IGNORECASE
        )
        return match[1] if match else ""

    def validators(self) -> dict[str, str]:
        """Return the headers with which to ask whether it has changed since (RFC 9110, 13.1)."""
        pairs = (("If-None-Match", "etag"), ("If-Modified-Since", "last-modified"))
        return {name: self.headers[said][:500] for name, said in pairs if self.headers.get(said)}

    def item(self, url: str) -> FoundItem:
        """Describe a file that has nothing but its name and its headers to say about itself."""
        published_at = None
        with contextlib.suppress(ValueError, TypeError, IndexError):
            published_at = aware(parsedate_to_datetime(self.headers.get("last-modified", "")))
        return FoundItem.make(
            url,
            title=title_of_name(urlsplit(self.url).path.rpartition("/")[2]),
            published_at=published_at,
        )


def look(ydl: GuardedYoutubeDL, url: str, validators: Mapping[str, str] | None = None) -> Seen:
    """Look at an address's first bytes, and at the whole of it when it is a feed.

    With `validators` of an earlier look the answer may be that it has not changed.

    Raises: NoVideoFound, FileEmpty, FileTooLarge for a feed, and what the guard says.
    """
    try:
        response = ydl.fetch(url, {"Accept-Encoding": "identity", **(validators or {})})
    except SourceUnreachable as error:
        if error.status == 304 and validators:
            return Seen("unchanged", url, {})
        raise
    with contextlib.closing(response):
        try:
            head = response.read(4096)
            headers = {name.lower(): value for name, value in response.headers.items()}
            if not head:
                raise FileEmpty("The source answered with nothing.")
            kind = headers.get("content-type", "").partition(";")[0].strip().lower()
            is_json = looks_like_json_feed(kind, head)
            if is_json or looks_like_feed(head, kind):
                document = head + response.read(MAX_PAGE_BYTES)
                if len(document) > MAX_PAGE_BYTES:
                    raise FileTooLarge(
                        f"The feed is larger than {MAX_PAGE_BYTES // 2**20} MiB, which is more than is read of one page.",
                        max_bytes=MAX_PAGE_BYTES,
                    )
                return Seen("json" if is_json else "feed", response.url, headers, document)
        except (RequestError, OSError) as error:
            raise as_media_error(error, ydl.guard) from error
        return Seen(_kind_of(kind, head, response.url), response.url, headers)


def is_film(head: bytes) -> bool:
    """Return from a file's first bytes (four thousand, if it has them) whether it is one of the usual containers."""
    if any(head[offset : offset + len(magic)] == magic for offset, magic in _SIGNATURES):
        return True
    # MPEG transport stream: a sync byte every 188 bytes, or every 192 with a timestamp before each packet.
    return any(
        len(head) > at + 3 * size and all(head[at + n * size] == 0x47 for n in range(4))
        for size, at in ((188, 0), (192, 4))
    )


def _kind_of(content_type: str, head: bytes, url: str) -> Literal["file", "page"]:
    """Tell a video file from a page, by its bytes rather than by what the server calls it.

    Raises: NoVideoFound for what is neither: sound, a picture, a document.
    """
    if is_film(head):
        return "file"
    for magic, what in _NO_FILMS:
        if head.startswith(magic):
            raise NoVideoFound(f"The address leads to {what}, not to a video.")
    if content_type.startswith("video/") and _HTML.match(head):
        raise NoVideoFound(
            f"The server calls it {content_type}, but sends a page: perhaps one that asks for a login."
        )
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
    if content_type.endswith("json"):
        raise NoVideoFound(f"The source answered with {content_type} that is no JSON Feed (jsonfeed.org).")
    raise NoVideoFound(
        f"The source answered with {content_type or 'something unknown'}, which is not a video."
    )


def known_by_name(ydl: GuardedYoutubeDL, url: str) -> bool:
    """Return whether yt-dlp has an extractor for this very site."""
    return any(key != "Generic" and extractor.suitable(url) for key, extractor in ydl._ies.items())
