"""Ask yt-dlp for the videos of a page, and fetch one video.

One look at the address decides: a video file is taken as it is (a feed is read by `listing.py`), and all
else (a page with a player, a playlist, an HLS or DASH manifest, a site that yt-dlp knows by name) is
given to yt-dlp as a library. Every request goes through the guard of `fetch.py`.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from yt_dlp.networking.exceptions import RequestError
from yt_dlp.utils import UnsupportedError, YoutubeDLError
from yt_dlp.utils import unsmuggle_url as without_smuggled_data

from .access import Access
from .addresses import IPNetwork
from .errors import Cancelled, FileEmpty, FileTooLarge, MediaError, NoVideoFound, SourceUnreachable, UnsafeUrl
from .fetch import (
    MAX_PAGE_BYTES,
    SEGMENTS_DOWNLOADERS,
    Guard,
    GuardedYoutubeDL,
    Stopped,
    as_media_error,
    in_words,
)
from .files import storage_error
from .identity import address_key
from .items import DownloadedFile, FoundItem, title_of_name
from .look import known_by_name, look
from .receive import finish, receive_file, remove_traces
from .transcode import join_streams
from .urls import canonical_url, check_fetchable

# Prefers the best picture up to 1080 lines, in one file if there is one that good.
FORMAT = "bv*+ba/b"
FORMAT_SORT = ["res:1080", "fps:60", "proto"]
FETCHED_BY_US = ("http", "https")


def download(
    item_url: str,
    folder: Path,
    *,
    allowed_networks: Sequence[IPNetwork],
    max_bytes: int,
    on_progress: Callable[[int, int | None], None],
    cancelled: Callable[[], bool],
    timeout_seconds: float,
    access: Access | None = None,
) -> DownloadedFile:
    """Fetch one video into a folder, whole or not at all.

    The file's name is made from its address, never from what a site calls it. Bytes arrive in a
    `.part` file, which a later call continues where the server proves that the file is still the
    same; the final name appears only when all is there. A cancelled or refused download leaves
    nothing; a broken one leaves its `.part`. `on_progress(done_bytes, total_bytes)` is called for every
    block that arrives, a few times a megabyte; `cancelled` a few times a second.

    Raises: UnsafeUrl, YouTubeRefused, SourceUnreachable, SourceTimedOut, NoVideoFound, FileEmpty,
    FileTooLarge, StorageFull, Cancelled.
    """
    item_url = plain(item_url)
    if cancelled():
        raise Cancelled("Cancelled before the download began.")
    check_fetchable(item_url, allowed_networks=allowed_networks)
    folder.mkdir(parents=True, exist_ok=True)
    # By what stays of the address, so that a download goes on after its signature was renewed.
    stem = folder / f"source-{address_key(canonical_url(item_url))[:16]}"
    guard = Guard(
        allowed_networks=allowed_networks,
        timeout_seconds=timeout_seconds,
        max_received_bytes=max_bytes + 2 * MAX_PAGE_BYTES,
        cancelled=cancelled,
        access=access,
    )
    try:
        with (
            hiding(access),
            session(guard, format=FORMAT, format_sort=FORMAT_SORT, playlist_items="1") as ydl,
        ):
            item, parts = _fetch_parts(ydl, item_url, stem, max_bytes, on_progress)
        if access is not None:
            item = next(iter(access.hide_in([item])), FoundItem.make(item_url))
        return finish(stem, _joined(stem, parts, cancelled), item, cancelled)
    except (Cancelled, FileTooLarge, FileEmpty, NoVideoFound, UnsafeUrl):
        remove_traces(stem)
        raise


def _fetch_parts(
    ydl: GuardedYoutubeDL,
    item_url: str,
    stem: Path,
    max_bytes: int,
    on_progress: Callable[[int, int | None], None],
) -> tuple[FoundItem, list[Path]]:
    """Bring one file, or the picture and the sound of one video as two."""
    if not known_by_name(ydl, item_url):
        seen = look(ydl, item_url)
        if seen.kind == "file":
            part = receive_file(ydl, item_url, {}, stem, max_bytes, on_progress)
            return seen.item(item_url), [part]
        if seen.document:
            raise NoVideoFound("This is a feed, not a video: add it as a source instead.")
    info = extract(ydl, item_url)
    info = next(_entries(info), info)
    if info.get("is_live"):
        raise NoVideoFound("This is a live stream; it can be taken once it has ended.")
    item = _item_of(info, page_url=item_url, alone=True)
    if item is None:
        raise NoVideoFound("The page offers no video that can be taken.")
    # Taken out: a downloader that sees it would fetch all of them into one file.
    formats = info.pop("requested_formats", None) or [info]
    parts: list[Path] = []
    for number, chosen in enumerate(formats):
        part_stem = stem if len(formats) == 1 else stem.with_name(f"{stem.name}-{number}")
        share = _share_of_progress(on_progress, parts)
        parts.append(_fetch_format(ydl, {**info, **chosen}, part_stem, max_bytes, share))
    return item, parts


def _fetch_format(
    ydl: GuardedYoutubeDL,
    chosen: dict[str, Any],
    stem: Path,
    max_bytes: int,
    on_progress: Callable[[int, int | None], None],
) -> Path:
    protocol = chosen.get("protocol") or urlsplit(chosen.get("url") or "").scheme
    if protocol in FETCHED_BY_US and not chosen.get("fragments"):
        headers = {k: v for k, v in (chosen.get("http_headers") or {}).items() if k.lower() != "range"}
        return receive_file(ydl, chosen["url"], headers, stem, max_bytes, on_progress)
    if protocol not in SEGMENTS_DOWNLOADERS or chosen.get("has_drm"):
        raise NoVideoFound(
            f"The video is only offered by {protocol or 'an unknown protocol'}, or is protected."
        )
    return _fetch_segments(ydl, chosen, stem, max_bytes, on_progress)


def _fetch_segments(
    ydl: GuardedYoutubeDL,
    chosen: dict[str, Any],
    stem: Path,
    max_bytes: int,
    on_progress: Callable[[int, int | None], None],
) -> Path:
    """Let yt-dlp gather the segments of an HLS or DASH stream in a folder of its own."""
    workspace = stem.with_name(stem.name + ".segments")
    workspace.mkdir(exist_ok=True)
    target = workspace / "stream.bin"

    def watch(progress: dict[str, Any]) -> None:
        ydl.guard.check()
        done = int(progress.get("downloaded_bytes") or 0)
        if done > max_bytes:
            raise ydl.guard.stop(
                FileTooLarge(f"The video is larger than {max_bytes} bytes.", max_bytes=max_bytes)
            )
        on_progress(done, None)

    try:
        with ydl.segments_downloader(chosen["protocol"]) as downloader:
            downloader.add_progress_hook(watch)
            succeeded, _ = downloader.download(str(target), {**chosen, "ext": "mp4"})
    except YoutubeDLError as error:
        raise as_media_error(error, ydl.guard) from error
    except OSError as error:
        raise storage_error(error) from error
    if not succeeded or not target.exists():
        raise as_media_error(YoutubeDLError("not all segments of the stream arrived"), ydl.guard)
    part = stem.with_name(stem.name + ".part")
    target.replace(part)
    shutil.rmtree(workspace)
    return part


def _joined(stem: Path, parts: list[Path], cancelled: Callable[[], bool]) -> Path:
    if len(parts) == 1:
        return parts[0]
    joined = stem.with_name(stem.name + ".part")
    join_streams(parts, joined, cancelled=cancelled)
    return joined


def _share_of_progress(
    on_progress: Callable[[int, int | None], None], parts: list[Path]
) -> Callable[[int, int | None], None]:
    """Count on from what the parts before this one brought."""
    before = sum(part.stat().st_size for part in parts)
    return lambda done, total: on_progress(before + done, before + total if total else None)


@contextlib.contextmanager
def hiding(access: Access | None) -> Iterator[None]:
    """Take what a source may have echoed of its secrets out of what is said about it."""
    try:
        yield
    except MediaError as error:
        if access is not None:
            error.args = tuple(access.hide(str(part)) for part in error.args)
        raise


# --- asking yt-dlp ------------------------------------------------------------------------------


@contextlib.contextmanager
def session(guard: Guard, **params: Any) -> Iterator[GuardedYoutubeDL]:
    with GuardedYoutubeDL(guard, **params) as ydl:
        try:
            yield ydl
        except Stopped as stopped:
            raise stopped.error from stopped


def extract(ydl: GuardedYoutubeDL, url: str) -> dict[str, Any]:
    try:
        info = ydl.extract_info(url, download=False)
    except (YoutubeDLError, RequestError, OSError) as error:
        raise _extraction_error(error, ydl.guard) from error
    if not info:
        raise as_media_error(NoVideoFound("The page offers no video that can be taken."), ydl.guard)
    return info


def _extraction_error(error: BaseException, guard: Guard) -> MediaError:
    """Tell a page without a video from a page that could not be read."""
    named = as_media_error(error, guard)
    cause = (getattr(error, "exc_info", None) or (None, None))[1]
    if guard.stopped is None and isinstance(named, SourceUnreachable) and named.status is None:
        network = any(isinstance(e, RequestError) for e in (cause, getattr(cause, "cause", None)))
        if isinstance(cause, UnsupportedError):
            return guard.refused or NoVideoFound("The page offers no video that can be taken.")
        if not network:
            return NoVideoFound(f"The page offers no video that can be taken: {in_words(error)}")
    return named


def items_of_page(info: dict[str, Any], url: str, limit: int) -> list[FoundItem]:
    """Return the videos of what yt-dlp found at an address, each once, at most `limit`, in the page's order."""
    items: dict[str, FoundItem] = {}
    for entry in _entries(info):
        item = _item_of(entry, page_url=url, alone=entry is info)
        if item is not None:
            items.setdefault(item.canonical_url, item)
        if len(items) >= limit:
            break
    return list(items.values())


def _entries(info: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if info.get("_type") not in ("playlist", "multi_video"):
        yield info
        return
    for entry in info.get("entries") or ():
        if entry:
            yield from _entries(entry)


def _item_of(entry: dict[str, Any], *, page_url: str, alone: bool) -> FoundItem | None:
    """Describe an entry, or return None when it is nothing that Headend can take."""
    address = _address_of(entry, page_url, alone)
    try:
        if address is None:
            return None
        return FoundItem.make(
            address,
            title=_title_of(entry, alone),
            description=entry.get("description"),
            duration_seconds=entry.get("duration"),
            published_at=_published_at(entry),
            external_id=_id_of(entry),
            width=entry.get("width"),
            height=entry.get("height"),
            language=entry.get("language"),
            view_count=entry.get("view_count"),
            tags=[*(entry.get("tags") or ()), *(entry.get("categories") or ())],
        )
    except UnsafeUrl:
        return None


def _address_of(entry: dict[str, Any], page_url: str, alone: bool) -> str | None:
    """Choose the address under which this one video can be asked for again."""
    if alone:
        return page_url
    if str(entry.get("_type", "video")).startswith("url"):
        address = entry.get("url")
    else:
        formats = entry.get("requested_formats") or entry.get("formats") or [entry]
        page = entry.get("webpage_url")
        address = (
            formats[-1].get("url")
            if not page or page.partition("#")[0] == page_url.partition("#")[0]
            else page
        )
    return without_smuggled_data(address)[0] if address else None


def _id_of(entry: dict[str, Any]) -> str | None:
    """Return a site's own id of a video; the numbers that yt-dlp gives to the videos of any page are none."""
    site = entry.get("extractor_key") or entry.get("ie_key")
    if not site or not entry.get("id") or site in ("Generic", "HTML5MediaEmbed"):
        return None
    return f"{site}:{entry['id']}"


def _title_of(entry: dict[str, Any], alone: bool) -> str | None:
    """Return the title; the only video of a page need not be called its number one, nor any by what its file is called.

    Where a page names none, yt-dlp takes the name of the file.
    """
    title = entry.get("title")
    if title and not title_of_name(title):
        address = str(entry.get("url") or entry.get("webpage_url") or "")
        if title.removesuffix(" (1)") in (
            address.rpartition("/")[2].partition("?")[0].rpartition(".")[0],
            entry.get("id"),
        ):
            return None
    if title and alone and entry.get("extractor_key") in ("Generic", "HTML5MediaEmbed"):
        return title.removesuffix(" (1)")
    return title


def _published_at(entry: dict[str, Any]) -> datetime | None:
    for name in ("timestamp", "release_timestamp"):
        with contextlib.suppress(TypeError, ValueError, OverflowError, OSError):
            return datetime.fromtimestamp(float(entry[name]) if name in entry else None, tz=UTC)  # type: ignore[arg-type]
    with contextlib.suppress(TypeError, ValueError):
        return datetime.strptime(entry.get("upload_date"), "%Y%m%d").replace(tzinfo=UTC)  # type: ignore[arg-type]
    return None


def plain(url: str) -> str:
    """Drop what yt-dlp would take for instructions: it hides them in the fragment of an address."""
    return without_smuggled_data(url.strip())[0]
