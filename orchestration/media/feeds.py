"""Read RSS, Atom and Media RSS feeds.

yt-dlp reads plain RSS, but of an item only the first enclosure and a few iTunes fields: it does not
know Atom (tried: "Unsupported URL"), nor Media RSS, where the size, the length and the choice of
files stand. So feeds are read here, all of them in the same way, with the standard library.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urljoin, urlsplit
from xml.parsers import expat

from yt_dlp.utils import clean_html, parse_duration

from .errors import FeedUnreadable, MediaError, NoVideoFound, YouTubeRefused
from .items import FoundItem, aware, positive_whole, whole
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


def looks_like_feed(head: bytes) -> bool:
    """Return from a document's first bytes whether it is a feed."""
    text = _decode_head(head)
    text = re.sub(r"<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>\[]*(\[.*?\])?\s*>", "", text, flags=re.DOTALL).lstrip(
        "\ufeff \t\r\n"
    )
    match = re.match(r"<(?:[\w.-]+:)?([\w.-]+)", text)
    return match is not None and match[1] in _FEED_ROOTS


def read_feed(document: bytes, *, feed_url: str, limit: int) -> list[FoundItem]:
    """List the videos of a feed in its own order, each address once, at most `limit`.

    An entry without a video file is listed by its page; an entry that offers only sound, a picture
    or an address that Headend does not fetch is passed over.

    Raises: FeedUnreadable; YouTubeRefused when YouTube is all that it leads to; NoVideoFound when
    it has no entry with a video.
    """
    root = _parse(document)
    language = _text(root.find("./channel/language")) or root.get(XML + "lang")
    items: dict[str, FoundItem] = {}
    refused: MediaError | None = None
    for entry in _entries(root):
        try:
            item = _item(entry, feed_url, language)
            if item is None:
                continue
            check_form(item.url)
        except MediaError as error:
            if not isinstance(refused, YouTubeRefused):
                refused = error
            continue
        items.setdefault(item.canonical_url, item)
        if len(items) >= limit:
            break
    if items:
        return list(items.values())
    raise refused or NoVideoFound("The feed has no entry with a video.")


def _parse(document: bytes) -> ElementTree.Element:
    _refuse_declarations(document)
    try:
        return ElementTree.fromstring(document)  # noqa: S314 - declarations were refused above
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise FeedUnreadable(f"The feed is not well-formed XML: {error}") from error


def _refuse_declarations(document: bytes) -> None:
    """Refuse a document that declares entities, before the real parser expands a billion laughs.

    A declaration can only stand before the first element, so reading ends there. A DOCTYPE without an
    internal subset is let through: RSS 0.91 wants one, and expat never loads the file it names.
    """

    class Enough(Exception):
        pass

    def first_element(*_: object) -> None:
        raise Enough

    def doctype(_name: str, _system: str | None, _public: str | None, has_internal_subset: int) -> None:
        if has_internal_subset:
            raise FeedUnreadable("The feed declares its own XML entities, which is refused.")

    parser = expat.ParserCreate()
    parser.StartElementHandler = first_element
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(document, True)
    except Enough:
        return
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise FeedUnreadable(f"The feed is not well-formed XML: {error}") from error


def _entries(root: ElementTree.Element) -> Iterator[ElementTree.Element]:
    for element in root.iter():
        if isinstance(element.tag, str) and element.tag.rpartition("}")[2] in ("item", "entry"):
            yield element


def _item(entry: ElementTree.Element, feed_url: str, language: str | None) -> FoundItem | None:
    media = _best_media(entry)
    page = _page_url(entry)
    link = media.get("url") if media is not None else _enclosure_url(entry)
    if link is None:
        if _offers_only_sound(entry):
            return None
        link = page
    if not link:
        return None
    url = urljoin(feed_url, link.strip())
    thumbnail = _thumbnail(entry, media)
    content = media if media is not None else ElementTree.Element("none")
    duration = content.get("duration") or _text(entry.find(ITUNES + "duration"))
    views = entry.find(f".//{MEDIA}statistics")
    keywords = _first(entry, media, MEDIA + "keywords") or _text(entry.find(ITUNES + "keywords")) or ""
    categories = [
        element.get("term") or element.text or ""
        for element in entry
        if element.tag in ("category", ATOM + "category", MEDIA + "category")
    ]
    return FoundItem.make(
        url,
        title=clean_html(_first(entry, media, "title", ATOM + "title", MEDIA + "title") or ""),
        description=clean_html(
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
        ),
        duration_seconds=parse_duration(duration) if duration else None,
        published_at=_published_at(entry),
        thumbnail_url=urljoin(feed_url, thumbnail) if thumbnail else None,
        external_id=_first(entry, None, "guid", ATOM + "id") or "",
        width=positive_whole(content.get("width")),
        height=positive_whole(content.get("height")),
        language=content.get("lang") or _text(entry.find(DUBLIN_CORE + "language")) or language,
        view_count=whole(views.get("views")) if views is not None else None,
        tags=[*keywords.split(","), *categories],
    )


def _best_media(entry: ElementTree.Element) -> ElementTree.Element | None:
    """Choose among an entry's media:content files: the default one, else the tallest, else the fastest."""
    candidates = [
        element
        for element in entry.iter(MEDIA + "content")
        if element.get("url") and _is_video(element.get("url"), element.get("type"), element.get("medium"))
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
        if _is_video(address, kind, None):
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


def _is_video(address: str | None, kind: str | None, medium: str | None) -> bool:
    if medium:
        return medium == "video"
    if kind and kind != "application/octet-stream":
        return kind.lower().startswith("video/") or "mpegurl" in kind.lower()
    path = urlsplit(address or "").path.lower()
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


def _thumbnail(entry: ElementTree.Element, media: ElementTree.Element | None) -> str | None:
    for parent in (media, entry):
        if parent is None:
            continue
        element = parent.find(f".//{MEDIA}thumbnail")
        if element is not None and element.get("url"):
            return element.get("url")
    image = entry.find(ITUNES + "image")
    return image.get("href") if image is not None else None


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
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        try:
            return aware(parse(written))
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
    return head.decode("utf-8", errors="ignore")
