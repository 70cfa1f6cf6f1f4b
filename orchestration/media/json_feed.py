"""Read JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/)."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urljoin, urlsplit

from yt_dlp.utils import clean_html

from .errors import FeedUnreadable, MediaError, NoVideoFound, YouTubeRefused
from .feeds import Feed, date_of, is_video
from .items import FoundItem, headline, title_of_name
from .urls import check_form


def looks_like_json_feed(content_type: str, head: bytes) -> bool:
    """Return from an answer's type (without parameters) and its first bytes whether it is a JSON Feed."""
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    return content_type == "application/feed+json" or b"jsonfeed.org/version/" in head.replace(b"\\/", b"/")


def read_json_feed(document: bytes, *, feed_url: str) -> Feed:
    """List the videos of a JSON Feed in its own order; an item without a video file is listed by its page.

    Raises: FeedUnreadable; YouTubeRefused when YouTube is all that it leads to; NoVideoFound when it has no item with a
    video.
    """
    try:
        feed = json.loads(document.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError) as error:
        raise FeedUnreadable(f"The feed is not JSON: {error}") from error
    entries = feed.get("items") if isinstance(feed, dict) else None
    if not isinstance(entries, list):
        raise FeedUnreadable("The feed is no JSON Feed: it has no list of items.")
    repairs: list[str] = []
    items: list[FoundItem] = []
    refused: MediaError | None = None
    broken = 0
    for entry in entries:
        if not isinstance(entry, dict):
            broken += 1
            continue
        try:
            item = _item(entry, feed_url, _text(feed.get("language")))
            if item is None:
                continue
            check_form(item.url)
        except (MediaError, ValueError) as error:
            if isinstance(error, MediaError) and not isinstance(refused, YouTubeRefused):
                refused = error
            continue
        items.append(item)
    if broken:
        repairs.append(f"{broken} of {len(entries)} entries could not be read and were left out.")
    if not items:
        raise refused or NoVideoFound("The feed has no entry with a video.")
    next_url = _text(feed.get("next_url"))
    return Feed(items, repairs, urljoin(feed_url, next_url) if next_url else None)


def _item(entry: dict[str, Any], feed_url: str, language: str) -> FoundItem | None:
    files = [
        file for file in _list(entry.get("attachments")) if isinstance(file, dict) and _text(file.get("url"))
    ]
    films = [file for file in files if is_video(_text(file.get("url")), _text(file.get("mime_type")))]
    # Of the ways to get the same film the largest is the best; all have the title of the item.
    film = max(films, key=lambda file: _number(file.get("size_in_bytes")), default={})
    if not film and files and all(_text(file.get("mime_type")).startswith("audio/") for file in files):
        return None
    link = _text(film.get("url")) or _text(entry.get("url")) or _text(entry.get("external_url"))
    if not link:
        return None
    url = urljoin(feed_url, link)
    description = (
        _text(entry.get("summary"))
        or _text(entry.get("content_text"))
        or clean_html(_text(entry.get("content_html")))
        or ""
    )
    return FoundItem.make(
        url,
        title=_text(entry.get("title"))
        or headline(description)
        or (title_of_name(urlsplit(url).path.rpartition("/")[2]) if film else ""),
        description=description,
        duration_seconds=film.get("duration_in_seconds"),
        published_at=date_of(_text(entry.get("date_published")) or _text(entry.get("date_modified"))),
        # The standard wants a text; numbers are common.
        external_id=_text(entry.get("id")),
        language=_text(entry.get("language")) or language,
        tags=[_text(tag) for tag in _list(entry.get("tags"))],
    )


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value).strip()


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: object) -> float:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0
