"""Read what an address offers: a feed with its further pages, a file, or a page that yt-dlp reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from .access import Access
from .addresses import IPNetwork
from .errors import MediaError, NoVideoFound, YouTubeRefused
from .feeds import Feed, each_address_once, newest_first, read_feed
from .fetch import MAX_PAGE_BYTES, Guard, GuardedYoutubeDL, Stopped
from .items import FoundItem
from .json_feed import read_json_feed
from .look import Seen, known_by_name, look
from .scrape import extract, hiding, items_of_page, plain, session
from .urls import check_fetchable

MAX_ENTRIES = 20_000
"""Entries kept of one reading."""
MAX_PAGES = 20
"""Pages of one feed that one reading asks for (RFC 5005, JSON Feed's `next_url`)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reading of an address gave.

    `items` are the newest first where they have dates, each address once, else in the source's own order. `validators` are
    the headers with which the next reading asks whether anything has changed; empty where that would lose something.
    """

    items: list[FoundItem] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    validators: dict[str, str] = field(default_factory=dict)
    is_feed: bool = False
    is_unchanged: bool = False
    pages: int = 1


def list_items(
    url: str,
    *,
    limit: int,
    allowed_networks: Sequence[IPNetwork],
    timeout_seconds: float,
    access: Access | None = None,
) -> list[FoundItem]:
    """List the videos that an address offers, each once, at most `limit`: of a feed the newest, whatever its order.

    Raises: as `read_source`.
    """
    reading = read_source(
        url,
        limit=limit,
        allowed_networks=allowed_networks,
        timeout_seconds=timeout_seconds,
        access=access,
    )
    return reading.items[:limit]


def read_source(
    url: str,
    *,
    limit: int,
    allowed_networks: Sequence[IPNetwork],
    timeout_seconds: float,
    access: Access | None = None,
    since: datetime | None = None,
    validators: Mapping[str, str] | None = None,
) -> Reading:
    """Read an address: of a feed all entries of its first page, and further pages as far as they are needed.

    Needed are `limit` entries, or with `since` all that are newer than that instant. With `validators`, as an earlier
    reading returned them, a source that has not changed costs one request and is not read. `access` opens it, where it
    asks who is there; nothing that it echoes of that is in what is returned or raised.

    Raises: UnsafeUrl, YouTubeRefused, SourceUnreachable, SourceTimedOut, NoVideoFound, FeedUnreadable, FileTooLarge,
    FileEmpty.
    """
    with hiding(access):
        guard = Guard(
            allowed_networks=allowed_networks,
            timeout_seconds=timeout_seconds,
            max_received_bytes=2 * MAX_PAGE_BYTES,
            access=access,
        )
        reading = _read(plain(url), guard, max(1, min(limit, MAX_ENTRIES)), since, dict(validators or {}))
        if access is None or not reading.items:
            return reading
        return Reading(
            access.hide_in(reading.items),
            reading.repairs,
            reading.validators,
            reading.is_feed,
            reading.is_unchanged,
            reading.pages,
        )


def _read(url: str, guard: Guard, limit: int, since: datetime | None, validators: dict[str, str]) -> Reading:
    check_fetchable(url, allowed_networks=guard.allowed_networks)
    with session(guard, extract_flat="in_playlist", playlist_items=f":{limit}", lazy_playlist=True) as ydl:
        if not known_by_name(ydl, url):
            seen = look(ydl, url, validators)
            if seen.kind == "unchanged":
                return Reading(validators=validators, is_feed=True, is_unchanged=True)
            if seen.document:
                return _read_pages(ydl, seen, limit, since)
            if seen.kind == "file":
                return Reading([seen.item(url)])
        items = items_of_page(extract(ydl, url), url, limit)
    if not items:
        raise guard.refused or NoVideoFound("The page offers no video that can be taken.")
    return Reading(items)


def _read_pages(ydl: GuardedYoutubeDL, seen: Seen, limit: int, since: datetime | None) -> Reading:
    """Read a feed and as many of its further pages as are needed."""
    feed = _feed_of(seen)
    items, repairs, page, asked = list(feed.items), list(feed.repairs), 1, {seen.url}
    validators = seen.validators()
    while feed.next_url and feed.next_url not in asked and not _is_enough(items, feed, limit, since):
        if page == MAX_PAGES or len(items) >= MAX_ENTRIES:
            repairs.append(f"It goes on after {page} pages; what lies beyond them was not read.")
            break
        asked.add(feed.next_url)
        try:
            further = look(ydl, feed.next_url)
            if not further.document:
                raise NoVideoFound("it is no feed")
            feed = _feed_of(further)
        except (NoVideoFound, YouTubeRefused):
            break
        except (MediaError, Stopped) as error:
            # What was read is kept; without validators the next reading asks for all of it again.
            repairs.append(f"Its page {page + 1} could not be read: {error}")
            validators = {}
            break
        page += 1
        items += feed.items
        repairs += [repair for repair in feed.repairs if repair not in repairs]
    return Reading(
        newest_first(each_address_once(items)[:MAX_ENTRIES]),
        repairs[:10],
        validators,
        is_feed=True,
        pages=page,
    )


def _is_enough(items: list[FoundItem], page: Feed, limit: int, since: datetime | None) -> bool:
    if since is None:
        return len(items) >= limit
    dates = [item.published_at for item in page.items if item.published_at is not None]
    return bool(dates) and min(dates) < since and len(items) >= limit


def _feed_of(seen: Seen) -> Feed:
    if seen.kind == "json":
        return read_json_feed(seen.document, feed_url=seen.url)
    return read_feed(seen.document, feed_url=seen.url, charset=seen.charset)
