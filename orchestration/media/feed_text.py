"""Read the XML of a feed as it is, and say what had to be repaired; what declares entities stays refused.

A healthy feed goes straight through the parser. Another is repaired as text: its characters, its `&`, what stands before
and after it; and where its tags do not fit, entry by entry, so that one broken entry does not cost the others. lxml's
recovery was tried: it turns `?a=1&b=2` into another address, and after an unclosed tag puts each entry into the one
before. feedparser was tried: it does not say what it repaired, nor that a feed is cut short, and takes three times as long
(docs/performance.md).
"""

from __future__ import annotations

import codecs
import re
import xml.etree.ElementTree as ElementTree
from html import escape
from html.entities import html5
from xml.parsers import expat

from .errors import FeedUnreadable

PROLOG_CHARACTERS = 100_000
"""How far in the first element is looked for."""
_ROOT = re.compile(r"<(?:[\w.-]+:)?(?:rss|feed|RDF)\b(?:[^<>\"']|\"[^\"]*\"|'[^']*')*>")
_DECLARATION = re.compile(r"\s*<\?xml\b[^>]*\?>")
_DOCTYPE = re.compile(
    r"""<!DOCTYPE(?:[^\[<>"']|"[^"]*"|'[^']*')*(?:\[(?P<subset>(?:[^\]"']|"[^"]*"|'[^']*')*)\]\s*)?>""",
    re.IGNORECASE,
)
_OUTSIDE_LIST = re.compile(
    r"""<!ENTITY\s+%\s+[\w.-]+\s+(?:PUBLIC\s+(?:"[^"]*"|'[^']*')|SYSTEM)\s+(?:"[^"]*"|'[^']*')\s*>""",
    re.IGNORECASE,
)
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
# What is never closed ends with the text: each pattern passes over a document once, whatever it holds.
_AMPERSAND = re.compile(
    r"<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z)|&(#\d{1,7};|#[xX][0-9a-fA-F]{1,6};|\w+;)?", re.DOTALL
)
_CDATA = re.compile(r"<!\[CDATA\[(.*?)(?:\]\]>|\Z)", re.DOTALL)
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)|<\?.*?(?:\?>|\Z)", re.DOTALL)
_ENTRY = re.compile(r"<((?:[\w.-]+:)?(?:item|entry))\b[^<>]*>")
_WORDS = re.compile(
    r"<(title|description|summary|subtitle|content|(?:content|itunes|media|dc|atom):"
    r"(?:encoded|summary|subtitle|description|title|content))\b[^<>/]*>"
)
_STRAY = re.compile(r"<(?![A-Za-z_/!?])")
_PREFIX = re.compile(r"[<\s/]([A-Za-z][\w.-]*):[A-Za-z]")
_PREFIXES = {
    "media": "http://search.yahoo.com/mrss/",
    "itunes": "http://www.itunes.com/dtds/podcast-1.0.dtd",
    "atom": "http://www.w3.org/2005/Atom",
    "dc": "http://purl.org/dc/elements/1.1/",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
}
_XML_ENTITIES = frozenset({"amp;", "lt;", "gt;", "quot;", "apos;"})
_WIDE = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
)
_ASSUMED = frozenset(
    {"iso-8859-1", "latin-1", "latin1", "us-ascii", "ascii", "windows-1252", "utf-8", "utf8"}
)


def parse_feed(document: bytes, charset: str = "") -> tuple[ElementTree.Element, list[str]]:
    """Return the root of a feed, and what was repaired, one sentence each. `charset` is the one of the HTTP header.

    Raises: FeedUnreadable.
    """
    try:
        _refuse_declarations(document)
        return ElementTree.fromstring(document), []  # noqa: S314 - declarations were refused above
    except (ElementTree.ParseError, expat.ExpatError, ValueError, LookupError, _HasSubset):
        pass
    repairs: list[str] = []
    text = _without_doctype(_decoded(document, charset, repairs), repairs)
    text = _cut_to_root(text, repairs)
    text = _with_right_characters(text, repairs)
    try:
        return ElementTree.fromstring(text), repairs  # noqa: S314 - no declaration is left
    except (ElementTree.ParseError, ValueError) as error:
        return _entry_by_entry(text, error, repairs), repairs


class _HasSubset(Exception):
    pass


def _refuse_declarations(document: bytes) -> None:
    """Stop at a DOCTYPE that holds declarations, before the real parser expands a billion laughs.

    A declaration can only stand before the first element, so reading ends there. A DOCTYPE without an internal subset is
    let through: RSS 0.91 wants one, and expat never loads the file it names.
    """

    class Enough(Exception):
        pass

    def first_element(*_: object) -> None:
        raise Enough

    def doctype(_name: str, _system: str | None, _public: str | None, has_internal_subset: int) -> None:
        if has_internal_subset:
            raise _HasSubset

    parser = expat.ParserCreate()
    parser.StartElementHandler = first_element
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(document, True)
    except Enough:
        return


def _decoded(document: bytes, charset: str, repairs: list[str]) -> str:
    """Decode by the byte-order mark, else by what document or header say, whichever fits; bad bytes one by one."""
    for begin, encoding in _WIDE:
        if document.startswith(begin):
            return document.decode(encoding, "replace")
    written = re.match(rb"""[^<]*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)""", document[:400])
    declared = written[1].decode("ascii") if written else ""
    charset = charset.strip("\"' ").lower()
    # Servers add ISO-8859-1 or UTF-8 to everything, so that says less than the document does; another name was chosen.
    for name in filter(None, ("" if charset in _ASSUMED else charset, declared, "utf-8", charset)):
        try:
            return document.decode(name)
        except (LookupError, ValueError):
            continue
    repairs.append(
        f"Its characters are not {declared or 'UTF-8'}, as it says; the odd ones were read as windows-1252."
    )
    return document.decode("utf-8", "headend-windows-1252")


def _as_windows_1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("windows-1252", "replace"), error.end


codecs.register_error("headend-windows-1252", _as_windows_1252)


def _without_doctype(text: str, repairs: list[str]) -> str:
    """Take the DOCTYPE away. Raises: FeedUnreadable, if it does more than to name a list that lies elsewhere."""
    root = _ROOT.search(text[:PROLOG_CHARACTERS])
    end = root.start() if root else PROLOG_CHARACTERS
    prolog, rest = text[:end], text[end:]
    if "<!ENTITY" in prolog.upper() or "<!DOCTYPE" in prolog.upper():
        at = prolog.upper().find("<!DOCTYPE")
        found = _DOCTYPE.match(prolog, at) if at >= 0 else None
        subset = (found["subset"] or "") if found else prolog
        if "<!ENTITY" in _OUTSIDE_LIST.sub("", subset).upper():
            raise FeedUnreadable("The feed declares its own XML entities, which is refused.")
        prolog = prolog[: found.start()] + prolog[found.end() :] if found else ""
    return prolog + rest


def _cut_to_root(text: str, repairs: list[str]) -> str:
    """Keep what lies from the first to the last tag of the feed."""
    root = _ROOT.search(text[:PROLOG_CHARACTERS])
    if root is None:
        raise FeedUnreadable("The feed is not well-formed XML: it has no rss, feed or RDF element.")
    before = _COMMENT.sub("", _DECLARATION.sub("", text[: root.start()], count=1))
    if before.strip("\ufeff \t\r\n"):
        repairs.append("What stood before its first tag was left out.")
    elif text[:1] in " \t\r\n" and "<?xml" in text[: root.start()]:
        repairs.append("Blank lines before its XML declaration were left out.")
    name = re.match(r"<([\w.:-]+)", root[0])[1]  # type: ignore[index]  # as _ROOT has matched
    close = f"</{name}>"
    end = text.rfind(close)
    if end < 0:
        repairs.append("It ends in the middle; the entries that are whole were read.")
        return text[root.start() :]
    if _COMMENT.sub("", text[end + len(close) :]).strip():
        repairs.append("What stood after its last tag was left out.")
    return text[root.start() : end + len(close)]


def _with_right_characters(text: str, repairs: list[str]) -> str:
    text, count = _UNWANTED.subn("", text)
    if count:
        repairs.append(f"{count} control characters were left out.")
    counts = {"name": 0, "bare": 0, "number": 0}

    def one(match: re.Match[str]) -> str:
        if not match[0].startswith("&"):
            return match[0]
        name = match[1] or ""
        if name.startswith("#"):
            number = int(name[2:-1], 16) if name[1] in "xX" else int(name[1:-1])
            if number > 0x10FFFF or _UNWANTED.match(chr(number)):
                counts["number"] += 1
                return ""
            return match[0]
        if name in _XML_ENTITIES:
            return match[0]
        if name in html5:
            counts["name"] += 1
            return escape(html5[name])
        counts["bare"] += 1
        return "&amp;" + name

    text = _AMPERSAND.sub(one, text)
    if counts["name"]:
        repairs.append(f"{counts['name']} HTML entities, such as &nbsp;, were replaced.")
    if counts["bare"]:
        repairs.append(f"{counts['bare']} single & were written as &amp;.")
    if counts["number"]:
        repairs.append(f"{counts['number']} references to characters that XML does not have were left out.")
    return text


def _entry_by_entry(text: str, error: Exception, repairs: list[str]) -> ElementTree.Element:
    """Read each entry for itself, its texts as text, and put those that can be read below one root."""
    text = _COMMENT.sub("", _CDATA.sub(lambda match: escape(match[1]), text))
    begin = _ROOT.match(text)
    opening = begin[0] if begin else "<rss>"
    opening = opening[:-2] + ">" if opening.endswith("/>") else opening
    name = re.match(r"<([\w.:-]+)", opening)[1]  # type: ignore[index]  # as _ROOT has matched
    missing = sorted(
        set(_PREFIX.findall(text)) - set(re.findall(r"xmlns:([\w.-]+)\s*=", opening)) - {"xml", "xmlns"}
    )
    declared = "".join(f' xmlns:{each}="{_PREFIXES.get(each, "urn:undeclared:" + each)}"' for each in missing)
    opening = opening[:-1] + declared + ">"
    entries, head_end = _elements(_ENTRY, text)
    head = text[begin.end() if begin else 0 : head_end]
    root = _parsed(opening, "", name)
    if root is None:
        raise FeedUnreadable(f"The feed is not well-formed XML: {error}") from error
    for piece in re.finditer(
        r"<(?P<tag>language|link|(?:\w+:)?link)\b[^<>]*?(?:/>|>[^<>]*</(?P=tag)>)", head
    ):
        of_head = _parsed(opening, piece[0], name)
        if of_head is not None:
            root.extend(of_head)
    lost = 0
    for entry in entries:
        read = _parsed(opening, entry, name)
        if read is None:
            read = _parsed(opening, _STRAY.sub("&lt;", _texts_escaped(entry)), name)
        if read is None:
            lost += 1
        else:
            root.extend(read)
    if not len(entries) or lost == len(entries):
        raise FeedUnreadable(f"The feed is not well-formed XML: {error}") from error
    if missing:
        repairs.append(f"It does not declare what {', '.join(missing)} mean; they were taken as usual.")
    if lost:
        repairs.append(f"{lost} of {len(entries)} entries could not be read and were left out.")
    elif not missing and not any("middle" in repair for repair in repairs):
        repairs.append("Tags that do not fit were read as text.")
    return root


def _elements(pattern: re.Pattern[str], text: str) -> tuple[list[str], int]:
    """Return the elements whose opening tag a pattern finds, whole and in their order, and where the first begins."""
    found, at, first = [], 0, len(text)
    while (begin := pattern.search(text, at)) is not None:
        end = text.find(f"</{begin[1]}", begin.end())
        close = text.find(">", end) if end >= 0 else -1
        if close < 0:
            break
        first = min(first, begin.start())
        found.append(text[begin.start() : close + 1])
        at = close + 1
    return found, first


def _texts_escaped(entry: str) -> str:
    """Return an entry with the tags inside its titles and descriptions written as text."""
    pieces, at, unclosed = [], 0, set()
    for begin in _WORDS.finditer(entry):
        if begin.start() < at or begin[1] in unclosed:
            continue
        end = entry.find(f"</{begin[1]}", begin.end())
        if end < 0:
            unclosed.add(begin[1])
            continue
        inner = entry[begin.end() : end].replace("<", "&lt;").replace(">", "&gt;")
        pieces += [entry[at : begin.end()], inner]
        at = end
    return "".join(pieces) + entry[at:]


def _parsed(opening: str, inner: str, name: str) -> ElementTree.Element | None:
    try:
        return ElementTree.fromstring(f"{opening}{inner}</{name}>")  # noqa: S314 - no declaration is left
    except (ElementTree.ParseError, ValueError):
        return None
