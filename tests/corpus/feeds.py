"""Make feeds as people have them: healthy, odd and damaged ones, each with what is expected of it.

`python -m tests.corpus.feeds FOLDER` writes them into a folder, to look at them or to try another reader.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

CDN = "https://cdn.example/"
RSS = "application/rss+xml"


@dataclass(frozen=True, slots=True)
class OddFeed:
    """One feed: its bytes, what its server calls it, and the titles it gives, or the words of its refusal."""

    name: str
    document: bytes
    titles: tuple[str, ...] = ()
    refusal: str = ""
    repair: str = ""
    kind: str = RSS
    urls: tuple[str, ...] = ()
    """The addresses of its videos, where they matter."""


def item(
    title: str = "One",
    url: str = CDN + "1.mp4",
    *,
    more: str = "",
    kind: str = "video/mp4",
    text: str = "Words.",
) -> str:
    """Return one RSS item."""
    return (
        f"<item><title>{title}</title><description>{text}</description>{more}"
        f'<enclosure url="{url}" type="{kind}" length="1"/></item>'
    )


def rss(
    *items: str, first: str = '<?xml version="1.0" encoding="UTF-8"?>\n', names: str = "", head: str = ""
) -> str:
    """Return an RSS feed of items."""
    return f'{first}<rss version="2.0"{names}><channel><title>F</title>{head}{"".join(items)}</channel></rss>'


def odd_feeds() -> list[OddFeed]:
    """Return all feeds of the corpus."""
    return [*_characters(), *_markup(), *_entries(), *_other_formats(), *_damaged()]


def _characters() -> list[OddFeed]:
    umlaut = item("Über Öl")
    return [
        OddFeed("plain", rss(item()).encode(), ("One",)),
        OddFeed("bom", b"\xef\xbb\xbf" + rss(umlaut).encode(), ("Über Öl",)),
        OddFeed(
            "utf-16",
            rss(umlaut, first='<?xml version="1.0" encoding="utf-16"?>').encode("utf-16"),
            ("Über Öl",),
        ),
        OddFeed(
            "utf-16-no-bom", rss(umlaut, first='<?xml version="1.0"?>').encode("utf-16-le"), ("Über Öl",)
        ),
        OddFeed(
            "windows-1251",
            rss(item("Привет"), first='<?xml version="1.0" encoding="windows-1251"?>').encode("cp1251"),
            ("Привет",),
        ),
        OddFeed("latin-1-called-utf-8", rss(umlaut).encode("latin-1"), ("Über Öl",), repair="windows-1252"),
        OddFeed(
            "one-latin-1-byte",
            rss(umlaut, item("Two Ä", CDN + "2.mp4")).encode().replace(b"Two \xc3\x84", b"Two \xc4"),
            ("Über Öl", "Two Ä"),
            repair="windows-1252",
        ),
        OddFeed(
            "charset-of-the-header",
            rss(umlaut, first="").encode("latin-1"),
            ("Über Öl",),
            kind="text/xml; charset=iso-8859-1",
        ),
        OddFeed(
            "cyrillic-of-the-header",
            rss(item("Привет"), first="").encode("cp1251"),
            ("Привет",),
            kind="text/xml; charset=windows-1251",
        ),
        OddFeed("header-is-wrong", rss(umlaut).encode(), ("Über Öl",), kind="text/xml; charset=iso-8859-1"),
        OddFeed(
            "unknown-encoding",
            rss(item(), first='<?xml version="1.0" encoding="utf8mb4"?>').encode(),
            ("One",),
        ),
        OddFeed(
            "control-character", rss(item(text="a\x0bb\x00")).encode(), ("One",), repair="control characters"
        ),
        OddFeed(
            "control-reference",
            rss(item(text="a&#11;b&#x1F;&#0;")).encode(),
            ("One",),
            repair="XML does not have",
        ),
        OddFeed("lone-surrogate", rss(item(text="a&#xD800;")).encode(), ("One",), repair="XML does not have"),
    ]


def _markup() -> list[OddFeed]:
    drupal = (
        '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY % HTMLlat1 PUBLIC "-//W3C//ENTITIES Latin 1 for XHTML//EN" '
        '"http://www.w3.org/TR/xhtml1/DTD/xhtml-lat1.ent">]>'
    )
    rss91 = '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://my.netscape.com/publish/formats/rss-0.91.dtd">'
    return [
        OddFeed("blank-line-first", ("\n" + rss(item())).encode(), ("One",), repair="Blank lines"),
        OddFeed("words-first", ("<br />\n" + rss(item())).encode(), ("One",), repair="before its first tag"),
        OddFeed(
            "script-last",
            (rss(item()) + "<script>x</script>").encode(),
            ("One",),
            repair="after its last tag",
        ),
        OddFeed("nbsp", rss(item(text="a&nbsp;b &eacute;")).encode(), ("One",), repair="HTML entities"),
        OddFeed("unknown-entity", rss(item(text="a &nope; b")).encode(), ("One",), repair="single &"),
        OddFeed(
            "bare-ampersand",
            rss(item("Q & A", CDN + "v?a=1&b=2")).encode(),
            ("Q & A",),
            repair="single &",
            urls=(CDN + "v?a=1&b=2",),
        ),
        OddFeed("drupal-doctype", rss(item(), first=drupal).encode(), ("One",)),
        OddFeed("rss-0.91-doctype", rss(item(), first=rss91).encode(), ("One",)),
        OddFeed(
            "html-in-description",
            rss(item(text="a<br>b<p>c</b>"), item("Two", CDN + "2.mp4")).encode(),
            ("One", "Two"),
            repair="read as text",
            urls=(CDN + "1.mp4", CDN + "2.mp4"),
        ),
        OddFeed("stray-less-than", rss(item("1 < 2")).encode(), ("1 < 2",), repair="read as text"),
        OddFeed(
            "undeclared-prefix",
            rss(item(more="<itunes:duration>61</itunes:duration>")).encode(),
            ("One",),
            repair="itunes",
        ),
        OddFeed(
            "cut-short",
            rss(item(), item("Two", CDN + "2.mp4")).encode()[:-40],
            ("One",),
            repair="ends in the middle",
        ),
        OddFeed(
            "one-broken-entry",
            rss(
                item(), "<item><title>Bad</title><enclosure url=x></item>", item("Three", CDN + "3.mp4")
            ).encode(),
            ("One", "Three"),
            repair="1 of 3 entries",
        ),
        OddFeed(
            "cdata",
            rss(item("<![CDATA[Q & A]]>", text="<![CDATA[<p>x &nbsp; y</p>]]>")).encode(),
            ("Q & A",),
        ),
        OddFeed(
            "cdata-beside-a-fault",
            rss(item("<![CDATA[Q & A]]>", text="a&nbsp;b")).encode(),
            ("Q & A",),
            repair="HTML entities",
        ),
    ]


def _entries() -> list[OddFeed]:
    dated = [
        item(f"o{n}", f"{CDN}{n}.mp4", more=f"<pubDate>Tue, 03 Mar 2026 10:0{n}:00 +0000</pubDate>")
        for n in range(4)
    ]
    return [
        OddFeed("oldest-first", rss(*dated).encode(), ("o3", "o2", "o1", "o0")),
        OddFeed("unsorted", rss(dated[2], dated[0], dated[3], dated[1]).encode(), ("o3", "o2", "o1", "o0")),
        OddFeed(
            "application-mp4", rss(item(kind="application/mp4")).encode(), ("One",), urls=(CDN + "1.mp4",)
        ),
        OddFeed("type-video", rss(item(kind="video")).encode(), ("One",)),
        OddFeed("type-mp4", rss(item(kind="mp4")).encode(), ("One",)),
        OddFeed("type-octets", rss(item(kind="application/octet-stream")).encode(), ("One",)),
        OddFeed("type-wrong-for-a-name", rss(item(kind="application/x-unknown")).encode(), ("One",)),
        OddFeed(
            "xml-base",
            rss(item(url="1.mp4"), names=f' xml:base="{CDN}v/"').encode(),
            ("One",),
            urls=(CDN + "v/1.mp4",),
        ),
        OddFeed(
            "xml-base-of-an-entry",
            f'<feed xmlns="http://www.w3.org/2005/Atom"><entry xml:base="{CDN}e/"><id>1</id><title>One</title>'
            '<link rel="enclosure" type="video/mp4" href="1.mp4"/></entry></feed>'.encode(),
            ("One",),
            urls=(CDN + "e/1.mp4",),
        ),
        OddFeed(
            "untitled-with-words",
            rss(item("", text="A walk by the sea. And more.")).encode(),
            ("A walk by the sea",),
        ),
        OddFeed(
            "untitled-with-a-name",
            rss(item("", CDN + "A_long-day.mp4?token=S", text="")).encode(),
            ("A long-day",),
        ),
        OddFeed(
            "untitled", rss(item("", CDN + "1.mp4?token=SECRET123&amp;Expires=99", text="")).encode(), ("",)
        ),
        OddFeed("titled-with-an-address", rss(item(CDN + "1.mp4?token=S", text="")).encode(), ("",)),
        OddFeed("bad-address-among-good", rss(item("Bad", "http://[x"), item()).encode(), ("One",)),
        OddFeed("dates-that-are-none", rss(item(more="<pubDate>yesterday</pubDate>")).encode(), ("One",)),
    ]


def _other_formats() -> list[OddFeed]:
    attachment = {
        "url": CDN + "1.mp4",
        "mime_type": "video/mp4",
        "size_in_bytes": 5,
        "duration_in_seconds": 61,
    }
    one = {
        "id": "1",
        "title": "One",
        "attachments": [attachment],
        "tags": ["sea"],
        "date_published": "2026-03-03T10:00:00Z",
    }
    page = {"version": "https://jsonfeed.org/version/1.1", "title": "F", "language": "de", "items": [one]}
    number = {**one, "id": 7, "title": "", "content_html": "<p>Words of it.</p>"}
    rdf = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        "<channel/></rdf:RDF>"
    )
    mrss = ' xmlns:media="http://search.yahoo.com/mrss/"'
    return [
        OddFeed(
            "json-feed",
            json.dumps(page).encode(),
            ("One",),
            kind="application/feed+json",
            urls=(CDN + "1.mp4",),
        ),
        OddFeed("json-feed-as-json", json.dumps(page).encode(), ("One",), kind="application/json"),
        OddFeed(
            "json-feed-number-as-id",
            json.dumps({**page, "items": [number]}).encode(),
            ("Words of it",),
            kind="application/feed+json",
        ),
        OddFeed(
            "json-feed-broken-entry",
            json.dumps({**page, "items": [7, one]}).encode(),
            ("One",),
            kind="application/feed+json",
            repair="1 of 2 entries",
        ),
        OddFeed("rss-1.0-without-items", rdf.encode(), refusal="no entry with a video"),
        OddFeed(
            "media-rss",
            rss(
                f'<item><title>One</title><media:content url="{CDN}1.mp4" type="video/mp4"/></item>',
                names=mrss,
            ).encode(),
            ("One",),
        ),
    ]


def _damaged() -> list[OddFeed]:
    return [
        OddFeed(
            "billion-laughs",
            b'<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>' + rss(item("&b;"), first="").encode(),
            refusal="entities",
        ),
        OddFeed(
            "outside-entity",
            b'<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + rss(item("&x;"), first="").encode(),
            refusal="entities",
        ),
        OddFeed(
            "parameter-bomb",
            b"<!DOCTYPE rss [<!ENTITY % a \"<!ENTITY b 'ha'>\">%a;]>" + rss(item("&b;"), first="").encode(),
            refusal="entities",
        ),
        OddFeed("no-entry-is-whole", b'<rss version="2.0"><channel><item><title>One', refusal="well-formed"),
        OddFeed(
            "sound-alone",
            rss(item(url=CDN + "1.mp3", kind="audio/mpeg")).encode(),
            refusal="no entry with a video",
        ),
        OddFeed("no-entries", rss().encode(), refusal="no entry with a video"),
        OddFeed(
            "youtube-alone",
            b"<rss><channel><item><link>https://youtu.be/x</link></item></channel></rss>",
            refusal="YouTube",
        ),
        OddFeed(
            "json-cut-short",
            b'{"version": "https://jsonfeed.org/version/1.1", "items": [',
            refusal="not JSON",
            kind="application/feed+json",
        ),
        OddFeed(
            "json-without-items",
            b'{"version": "https://jsonfeed.org/version/1.1"}',
            refusal="no list of items",
            kind="application/feed+json",
        ),
        OddFeed("json-that-is-none", b'{"a": 1}', refusal="no JSON Feed", kind="application/json"),
    ]


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for made in odd_feeds():
        (folder / f"{made.name}.xml").write_bytes(made.document)
