"""Receive one file over HTTP: resumed where that is safe, limited, and named only when it is whole."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

from yt_dlp.networking import Response
from yt_dlp.networking.exceptions import RequestError, TransportError

from .errors import Cancelled, FileEmpty, FileTooLarge, MediaError, NoVideoFound, SourceUnreachable
from .fetch import GuardedYoutubeDL, Stopped, as_media_error
from .files import ending_of, put_in_place, storage_error
from .items import DownloadedFile, FoundItem
from .look import is_film

BLOCK_BYTES = 256 * 1024
ATTEMPTS = 4  # a transfer that breaks off is taken up again this often within one call


def receive_file(
    ydl: GuardedYoutubeDL,
    url: str,
    headers: dict[str, str],
    stem: Path,
    max_bytes: int,
    on_progress: Callable[[int, int | None], None],
) -> Path:
    """Receive a file into `<stem>.part` and return it once every announced byte is there.

    A `.part` from before is continued only under `If-Range`, with the validator that the server gave
    for those first bytes; a server that gave none, or whose file has changed, starts over.

    Raises: SourceUnreachable when it still breaks off after some attempts; FileTooLarge; FileEmpty;
    NoVideoFound when a page comes instead of a file; StorageFull; what the guard says.
    """
    part = stem.with_name(stem.name + ".part")
    failure: MediaError | None = None
    for _ in range(ATTEMPTS):
        try:
            _receive_once(ydl, url, headers, part, max_bytes, on_progress)
            return part
        except (TransportError, ConnectionError, TimeoutError) as error:
            failure = as_media_error(error, ydl.guard)
            if ydl.guard.stopped is not None:
                break
        except OSError as error:
            raise storage_error(error) from error
        except RequestError as error:
            raise as_media_error(error, ydl.guard) from error
    raise failure or SourceUnreachable("The transfer broke off.")


def _receive_once(
    ydl: GuardedYoutubeDL,
    url: str,
    headers: dict[str, str],
    part: Path,
    max_bytes: int,
    on_progress: Callable[[int, int | None], None],
) -> None:
    note = part.with_name(part.name + ".json")
    have, validator = _what_is_there(part, note, url)
    headers = {**headers, "Accept-Encoding": "identity"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    try:
        response = ydl.fetch(url, headers)
    except SourceUnreachable as error:
        if error.status is None:
            raise TransportError(str(error), cause=error) from error
        if error.status == 416 and have:
            part.unlink()
            raise TransportError("The server has changed the file.", cause=error) from error
        raise Stopped(error) from error
    except MediaError as error:
        raise Stopped(error) from error
    with contextlib.closing(response):
        if have and not _continues(response, have):
            have = 0
        total = _total_bytes(response, have)
        if total is not None and total > max_bytes:
            raise ydl.guard.stop(
                FileTooLarge(f"The video has {total} bytes; {max_bytes} are allowed.", max_bytes=max_bytes)
            )
        is_called_page = response.get_header("Content-Type", "").lower().startswith("text/html")
        _write_note(note, url, response, have)
        done = have
        on_progress(done, total)
        with part.open("r+b" if have else "wb") as file:
            file.seek(have)
            file.truncate()
            while block := response.read(BLOCK_BYTES):
                ydl.guard.check()
                if is_called_page and done == 0 and not is_film(block[:4096]):
                    raise ydl.guard.stop(NoVideoFound("The server sent a page instead of the video."))
                done += len(block)
                if done > max_bytes:
                    raise ydl.guard.stop(
                        FileTooLarge(f"The video is larger than {max_bytes} bytes.", max_bytes=max_bytes)
                    )
                file.write(block)
                on_progress(done, total)
    if total is not None and done < total:
        raise TransportError(f"The transfer broke off after {done} of {total} bytes.")
    if done == 0:
        raise ydl.guard.stop(FileEmpty("The source sent a file without a single byte."))


def _what_is_there(part: Path, note: Path, url: str) -> tuple[int, str]:
    """Return how many bytes of this very file an earlier attempt left, and their validator."""
    try:
        written = json.loads(note.read_text("utf-8"))
        have = part.stat().st_size
    except (OSError, ValueError):
        return 0, ""
    if written.get("url") != url or not written.get("validator"):
        return 0, ""
    return have, written["validator"]


def _write_note(note: Path, url: str, response: Response, have: int) -> None:
    """Write down which version of the file these bytes belong to, before the first of them."""
    if have:
        return
    etag = response.get_header("ETag", "")
    # A weak ETag promises the same meaning, not the same bytes (RFC 9110, 13.1.5).
    validator = etag if etag and not etag.startswith("W/") else response.get_header("Last-Modified", "")
    note.write_text(json.dumps({"url": url, "validator": validator}), "utf-8")


def _continues(response: Response, have: int) -> bool:
    return response.status == 206 and (response.get_header("Content-Range") or "").startswith(
        f"bytes {have}-"
    )


def _total_bytes(response: Response, have: int) -> int | None:
    if response.get_header("Content-Encoding"):
        return None
    total = (response.get_header("Content-Range") or "").rpartition("/")[2]
    if have and total.isdigit():
        return int(total)
    length = response.get_header("Content-Length") or ""
    return have + int(length) if length.isdigit() else None


def finish(stem: Path, part: Path, item: FoundItem, cancelled: Callable[[], bool]) -> DownloadedFile:
    """Hash the whole file, bring it safely to disk and give it its name."""
    size_bytes = part.stat().st_size
    if size_bytes == 0:
        raise FileEmpty("The source sent a file without a single byte.")
    digest = hashlib.sha256()
    with part.open("rb") as file:
        head = file.read(4096)
        file.seek(0)
        while block := file.read(1024 * 1024):
            digest.update(block)
    if cancelled():
        raise Cancelled("Cancelled before the download was complete.")
    path = stem.with_name(stem.name + ending_of(head))
    put_in_place(part, path)
    remove_traces(stem)
    return DownloadedFile(path=path, size_bytes=size_bytes, sha256=digest.hexdigest(), item=item)


def remove_traces(stem: Path) -> None:
    """Remove all that an unfinished download has left under its stem; a finished file stays."""
    for pattern in (".part*", ".segments", "-[0-9]*"):
        for path in stem.parent.glob(stem.name + pattern):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
