"""Stream a file, or the part of it that a Range header asks for."""

import re
from pathlib import Path
from typing import BinaryIO

from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.http import http_date

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


class _Part:
    """The bytes of an open file from its present position on, `length` of them."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._left = length

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes of what is left."""
        size = self._left if size < 0 else min(size, self._left)
        data = self._file.read(size)
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".ts": "video/mp2t",
    ".mts": "video/mp2t",
    ".mpg": "video/mpeg",
    ".mpeg": "video/mpeg",
    ".ogv": "video/ogg",
    ".avi": "video/x-msvideo",
    ".jpg": "image/jpeg",
    ".vtt": "text/vtt; charset=utf-8",
    ".srt": "application/x-subrip; charset=utf-8",
}
"""What we call our own files; the name is ours, never that of who sent them. Anything else is only bytes."""
PIECE_BYTES = 256 * 1024


class _Pieces(FileResponse):
    """A file in pieces large enough that a film is not read in a million of them."""

    block_size = PIECE_BYTES


def show(request: HttpRequest, path: Path, *, most_bytes: int | None = None) -> HttpResponseBase:
    """Answer with a file of the library for a player or a picture: as what it is, and as nothing else.

    The browser keeps to the type that is named, runs nothing in it, and saves it under our own name.
    """
    kind = TYPES.get(path.suffix.lower(), "application/octet-stream")
    response = stream(request, path, content_type=kind, most_bytes=most_bytes)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Content-Disposition"] = f'inline; filename="{_plain(path.name)}"'
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def stream(
    request: HttpRequest, path: Path, *, content_type: str = "video/mp4", most_bytes: int | None = None
) -> HttpResponseBase:
    """Answer with the file: 200 whole, 206 for one range, 416 for a range outside of it; to HEAD without a body.

    Several ranges, or an If-Range that no longer fits, give the whole file, as RFC 9110 allows. `most_bytes` cuts a range
    that asks for more, as it allows, too (15.3.7): a player that was paused then holds no thread of ours, and asks again.
    """
    file = path.open("rb")  # closed by the response
    stat = path.stat()
    size = stat.st_size
    etag = f'"{stat.st_mtime_ns:x}-{size:x}"'
    wanted = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    if wanted and request.headers.get("If-Range", etag) != etag:
        wanted = None
    response: HttpResponseBase
    if wanted and wanted.group(0) != "bytes=-":
        first, last = _bounds(wanted.group(1), wanted.group(2), size)
        if first <= last and most_bytes is not None:
            last = min(last, first + most_bytes - 1)
        if first > last:
            file.close()
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
        file.seek(first)
        response = _Pieces(_Part(file, last - first + 1), status=206, content_type=content_type)
        response["Content-Range"] = f"bytes {first}-{last}/{size}"
        response["Content-Length"] = str(last - first + 1)
    else:
        response = _Pieces(file, content_type=content_type)
        response["Content-Length"] = str(size)
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = etag
    response["Last-Modified"] = http_date(stat.st_mtime)
    if request.method == "HEAD":
        file.close()  # not the response: that would tell Django that the request is over
        return HttpResponse(status=response.status_code, headers=dict(response.headers))
    return response


def _plain(name: str) -> str:
    """Return a file's name with nothing in it that a header, or a shell, could take for more."""
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)[-80:]


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """Return the first and last byte; the first lies behind the last where nothing of the file is meant."""
    if not first:  # the last n bytes
        length = min(int(last), size)
        return (size - length, size - 1) if length else (1, 0)
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    return (start, end) if start < size and (not last or int(last) >= start) else (1, 0)
