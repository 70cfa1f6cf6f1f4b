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


def stream(request: HttpRequest, path: Path, *, content_type: str = "video/mp4") -> HttpResponseBase:
    """Answer with the file: 200 whole, 206 for one range, 416 for a range outside of it.

    Several ranges, or an If-Range that no longer fits, give the whole file, as RFC 9110 allows.
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
        if first > last:
            file.close()
            return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
        file.seek(first)
        response = FileResponse(_Part(file, last - first + 1), status=206, content_type=content_type)
        response["Content-Range"] = f"bytes {first}-{last}/{size}"
        response["Content-Length"] = str(last - first + 1)
    else:
        response = FileResponse(file, content_type=content_type)
        response["Content-Length"] = str(size)
    response["Accept-Ranges"] = "bytes"
    response["ETag"] = etag
    response["Last-Modified"] = http_date(stat.st_mtime)
    return response


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """Return the first and last byte; the first lies behind the last where nothing of the file is meant."""
    if not first:  # the last n bytes
        length = min(int(last), size)
        return (size - length, size - 1) if length else (1, 0)
    start = int(first)
    end = min(int(last), size - 1) if last else size - 1
    return (start, end) if start < size and (not last or int(last) >= start) else (1, 0)
