"""Read RSS, Atom and Media RSS feeds.

yt-dlp reads plain RSS, but of an item only the first enclosure and a few iTunes fields: it does not
know Atom (tried: "Unsupported URL"), nor Media RSS, where the size, the length and the choice of
files stand. So feeds are read here, all of them in the same way, with the standard library.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit

from yt_dlp.utils import clean_html, parse_duration

from .errors import MediaError, NoVideoFound, YouTubeRefused
from .feed_text import parse_feed
from .items import FoundItem, aware, headline, positive_whole, title_of_name, whole
from .urls import check_form

VIDEO_EXTENSIONS = frozenset(
    ".mp4 .m4v .mov .webm .mkv .avi .flv .wmv .mpg .mpeg .ts .m2ts .mts .ogv .3gp .m3u8 .mpd".split()  # noqa: SIM905
)

MEDIA = "{http://search.yahoo.com/mrss/}"
ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
ATOM = "{http://www.w3.org/2005/Atom}"
DUBLIN_CORE = "{http://purl.org/dc/elements/1.1/}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}"
XML = "{http://www.w3.org/XML/1998/namespace}"

_FEED_ROOTS = {"rss", "feed", "RDF"}


def looks_like_feed(head: bytes, content_type: str = "") -> bool:
    """Return from a document's first bytes whether it is a feed; what calls itself one may begin with other words."""
    text = _decode_head(head)
    if any(word in content_type for word in ("rss", "atom")) and re.search(r"<(\w+:)?(rss|feed|RDF)\b", text):
        return True
    text = re.sub(r"<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(\[.*?\])?\s*>", "", text, flags=re.DOTALL).lstrip(
        "\ufeff \t\r\n"
    )
    match = re.match(r"<(?:[\w.-]+:)?([\w.-]+)", text)
    return match is not None and match[1] in _FEED_ROOTS


@dataclass(frozen=True, slots=True)
class Feed:
    """Hold one page of a feed: its videos in its own order, what was repaired of it, and where it goes on."""

    items: list[FoundItem]
    repairs: list[str]
    next_url: str | None = None


@dataclass(frozen=True, slots=True)
class _Place:
    """What an element takes from those around it: the address that its addresses are relative to, its language."""

    base: str
    language: str | None

    def within(self, element: ElementTree.Element) -> _Place:
        base = element.get(XML + "base")
        return _Place(
            _joined(self.base, base) if base else self.base, element.get(XML + "lang") or self.language
        )


def read_feed(document: bytes, *, feed_url: str, charset: str = "") -> Feed:
    """List the videos of a feed in its own order. `charset` is the one that the HTTP header names.

    An entry without a video file is listed by its page; an entry that offers only sound, a picture
    or an address that Headend does not fetch is passed over.

    Raises: FeedUnreadable; YouTubeRefused when YouTube is all that it leads to; NoVideoFound when
    it has no entry with a video.
    """
    root, repairs = parse_feed(document, charset)
    language = _text(root.find("./channel/language")) or _text(root.find("./language"))
    items: list[FoundItem] = []
    refused: MediaError | None = None
    for entry, place in _entries(root, _Place(feed_url, language)):
        try:
            item = _item(entry, place)
            if item is None:
                continue
            check_form(item.url)
        except (MediaError, ValueError) as error:  # ValueError: urllib on an address such as http://[
            if isinstance(error, MediaError) and not isinstance(refused, YouTubeRefused):
                refused = error
            continue
        items.append(item)
    if items:
        return Feed(items, repairs, _next_page(root, feed_url))
    raise refused or NoVideoFound("The feed has no entry with a video.")


def each_address_once(items: Sequence[FoundItem]) -> list[FoundItem]:
    """Return the items without repetitions: an address once, unless id and title both tell two episodes apart."""
    seen: dict[str, list[FoundItem]] = {}
    kept = []
    for item in items:
        others = seen.setdefault(item.canonical_url, [])
        if all(
            item.external_id
            and other.external_id
            and item.external_id != other.external_id
            and item.title != other.title
            for other in others
        ):
            others.append(item)
            kept.append(item)
    return kept


def newest_first(items: Sequence[FoundItem]) -> list[FoundItem]:
    """Return the items by their dates, newest first, whatever their order was.

    One without a date goes with the dated one before it. Where none has a date, or all have the same, as some programs
    write the time of the feed into each, the order of the feed stands.
    """
    dates = [item.published_at for item in items]
    if len(set(filter(None, dates))) < 2:
        return list(items)
    at = next(filter(None, dates))
    keys = []
    for date in dates:
        at = date or at
        keys.append(at)
    order = sorted(range(len(items)), key=lambda number: keys[number], reverse=True)
    return [items[number] for number in order]


def _entries(root: ElementTree.Element, place: _Place) -> Iterator[tuple[ElementTree.Element, _Place]]:
    stack = [(root, place.within(root))]
    while stack:
        element, place = stack.pop()
        if isinstance(element.tag, str) and element.tag.rpartition("}")[2] in ("item", "entry"):
            yield element, place
            continue
        stack += [(child, place.within(child)) for child in reversed(element)]


def _next_page(root: ElementTree.Element, feed_url: str) -> str | None:
    """Return where the feed goes on (RFC 5005)."""
    for parent in (root, root.find("./channel")):
        for element in parent if parent is not None else ():
            if (
                element.tag in (ATOM + "link", "link")
                and element.get("rel") == "next"
                and element.get("href")
            ):
                return _joined(feed_url, element.get("href", "").strip())
    return None


def _joined(base: str, address: str) -> str:
    try:
        return urljoin(base, address)
    except ValueError:
        return address


def _item(entry: ElementTree.Element, place: _Place) -> FoundItem | None:
    media = _best_media(entry)
    page = _page_url(entry)
    link = media.get("url") if media is not None else _enclosure_url(entry)
    is_file = link is not None
    if link is None:
        if _offers_only_sound(entry):
            return None
        link = page
    if not link:
        return None
    url = urljoin(place.base, link.strip())
    content = media if media is not None else ElementTree.Element("none")
    duration = content.get("duration") or _text(entry.find(ITUNES + "duration"))
    views = entry.find(f".//{MEDIA}statistics")
    keywords = _first(entry, media, MEDIA + "keywords") or _text(entry.find(ITUNES + "keywords")) or ""
    categories = [
        element.get("term") or element.text or ""
        for element in entry
        if element.tag in ("category", ATOM + "category", MEDIA + "category")
    ]
    description = clean_html(
        _first(
            entry,
            media,
            MEDIA + "description",
            "description",
            ATOM + "summary",
            ATOM + "content",
            CONTENT + "encoded",
            ITUNES + "summary",
        )
        or ""
    )
    title = clean_html(_first(entry, media, "title", ATOM + "title", MEDIA + "title", ITUNES + "title") or "")
    name = urlsplit(url).path.rpartition("/")[2] if is_file else ""
    return FoundItem.make(
        url,
        title=title or headline(description) or title_of_name(name),
        description=description,
        duration_seconds=parse_duration(duration) if duration else None,
        published_at=_published_at(entry),
        external_id=_first(entry, None, "guid", ATOM + "id") or "",
        width=positive_whole(content.get("width")),
        height=positive_whole(content.get("height")),
        language=content.get("lang") or _text(entry.find(DUBLIN_CORE + "language")) or place.language,
        view_count=whole(views.get("views")) if views is not None else None,
        tags=[*keywords.split(","), *categories],
    )


def _best_media(entry: ElementTree.Element) -> ElementTree.Element | None:
    """Choose among an entry's media:content files: the default one, else the tallest, else the fastest."""
    candidates = [
        element
        for element in entry.iter(MEDIA + "content")
        if element.get("url") and is_video(element.get("url"), element.get("type"), element.get("medium"))
    ]
    return max(
        candidates,
        key=lambda element: (
            element.get("isDefault") == "true",
            positive_whole(element.get("height")) or 0,
            positive_whole(element.get("bitrate")) or 0,
        ),
        default=None,
    )


def _enclosure_url(entry: ElementTree.Element) -> str | None:
    for address, kind in _enclosures(entry):
        if is_video(address, kind, None):
            return address
    return None


def _enclosures(entry: ElementTree.Element) -> Iterator[tuple[str, str | None]]:
    for element in entry:
        if element.tag == "enclosure" and element.get("url"):
            yield element.get("url", ""), element.get("type")
        if element.tag == ATOM + "link" and element.get("rel") == "enclosure" and element.get("href"):
            yield element.get("href", ""), element.get("type")


def _offers_only_sound(entry: ElementTree.Element) -> bool:
    kinds = [kind or "" for _, kind in _enclosures(entry)]
    return bool(kinds) and all(kind.startswith("audio/") for kind in kinds)


def is_video(address: str | None, kind: str | None, medium: str | None = None) -> bool:
    """Return whether a file is a video, by what its feed says of it; by its name where that says nothing."""
    if medium:
        return medium == "video"
    kind = (kind or "").strip().lower()
    if kind.startswith(("audio", "image/", "text/")):
        return "mpegurl" in kind
    if any(word in kind for word in ("video", "mpegurl", "dash+xml", "mp4")):
        return True
    try:
        path = urlsplit(address or "").path.lower()
    except ValueError:
        return False
    return any(path.endswith(extension) for extension in VIDEO_EXTENSIONS)


def _page_url(entry: ElementTree.Element) -> str | None:
    for element in entry:
        if element.tag == "link" or (
            element.tag == ATOM + "link" and element.get("rel", "alternate") == "alternate"
        ):
            address = element.get("href") or _text(element)
            if address:
                return address
    player = entry.find(f".//{MEDIA}player")
    if player is not None and player.get("url"):
        return player.get("url")
    for element in entry:
        guid = _text(element) or ""
        if element.tag == "guid" and element.get("isPermaLink", "true") == "true" and guid.startswith("http"):
            return guid
    return None


def _published_at(entry: ElementTree.Element) -> datetime | None:
    written = _first(
        entry,
        None,
        "pubDate",
        ATOM + "published",
        DUBLIN_CORE + "date",
        ATOM + "updated",
        "published",
        "updated",
    )
    if not written:
        return None
    return date_of(written)


def date_of(written: str) -> datetime | None:
    """Return the instant of a date as RFC 822 or ISO 8601 writes it, in UTC; None for what is neither."""
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            return aware(parse(written.strip()))
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _first(entry: ElementTree.Element, media: ElementTree.Element | None, *tags: str) -> str | None:
    """Return the first of these texts that is there: in the entry, its media group or its media file."""
    group = entry.find(MEDIA + "group")
    for tag in tags:
        for parent in (media, entry, group):
            text = _text(parent.find(tag)) if parent is not None else None
            if text:
                return text
    return None


def _text(element: ElementTree.Element | None) -> str | None:
    if element is None:
        return None
    return "".join(element.itertext()).strip() or None


def _decode_head(head: bytes) -> str:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", errors="ignore")
    if head.startswith((b"<\x00", b"\x00<")):
        return head.decode("utf-16-le" if head[0] == 0x3C else "utf-16-be", errors="ignore")
    return head.decode("utf-8", errors="ignore")
