"""What is read out of RSS, Atom and Media RSS feeds, and what is refused in them."""

from datetime import UTC, datetime

import pytest

from orchestration.media import FeedUnreadable, NoVideoFound, YouTubeRefused
from orchestration.media.feeds import each_address_once, looks_like_feed, newest_first, read_feed

FEED_URL = "https://feeds.example.org/videos/feed.xml"

RSS = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd"
     xmlns:content="http://purl.org/rss/1.0/modules/content/">
 <channel><title>Films</title><language>en-gb</language>
  <item><title>First &amp; best</title><guid isPermaLink="false">film-1</guid>
   <link>https://example.org/films/1</link>
   <description><![CDATA[<p>A <b>short</b> film.</p>]]></description>
   <pubDate>Tue, 03 Mar 2026 10:00:00 +0100</pubDate>
   <itunes:duration>1:02:03</itunes:duration><itunes:image href="/posters/1.jpg"/>
   <category>Nature</category><category>Sea</category>
   <enclosure url="/files/1.mp4?utm_source=feed" type="video/mp4" length="1234"/></item>
  <item><title>Only a page</title><link>https://example.org/films/2</link></item>
  <item><title>Only sound</title><link>https://example.org/films/3</link>
   <enclosure url="https://example.org/3.mp3" type="audio/mpeg" length="1"/></item>
  <item><title>First again</title><enclosure url="https://feeds.example.org/files/1.mp4" type="video/mp4"/></item>
  <item><title>Nothing at all</title></item>
 </channel></rss>"""

ATOM = """<?xml version="1.0"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="de">
 <title>Filme</title>
 <entry><id>urn:film:1</id><title type="html">Erster &lt;i&gt;Film&lt;/i&gt;</title>
  <link rel="alternate" href="https://example.org/filme/1"/>
  <link rel="enclosure" type="video/webm" href="https://example.org/filme/1.webm"/>
  <summary>Kurz.</summary><published>2026-03-03T10:00:00+01:00</published>
  <updated>2026-04-01T00:00:00Z</updated><category term="See"/></entry>
 <entry><id>urn:film:2</id><title>Zweiter</title><link href="../filme/2"/>
  <content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">Auch <em>kurz</em>.</div></content>
  <updated>not a date</updated></entry>
</feed>"""

MRSS = """<?xml version="1.0"?>
<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel>
 <item><title>Grouped</title><guid>g-1</guid><link>https://example.org/v/1</link>
  <media:group>
   <media:title>Grouped too</media:title>
   <media:description type="html">&lt;p&gt;From the group.&lt;/p&gt;</media:description>
   <media:thumbnail url="https://example.org/v/1.jpg" width="640"/>
   <media:keywords>sea, ship ,sea</media:keywords>
   <media:content url="https://example.org/v/1-360.mp4" type="video/mp4" height="360" width="640" duration="61"/>
   <media:content url="https://example.org/v/1-1080.mp4" type="video/mp4" height="1080" width="1920"
                  duration="61.5" lang="fr"/>
   <media:content url="https://example.org/v/1.jpg" medium="image"/>
   <media:community><media:statistics views="4711"/></media:community>
  </media:group></item>
 <item><title>Chosen</title>
  <media:content url="https://example.org/v/2-big.mp4" type="video/mp4" height="2160"/>
  <media:content url="https://example.org/v/2.mp4" type="video/mp4" height="720" isDefault="true"/></item>
 <item><title>By its name</title><media:content url="https://example.org/v/3.mkv"/></item>
 <item><title>Player</title><media:player url="https://example.org/embed/4"/></item>
</channel></rss>"""


def read(document: str):
    return newest_first(each_address_once(read_feed(document.encode(), feed_url=FEED_URL).items))


def test_an_rss_feed_gives_its_videos_with_what_it_says_of_them():
    first, page = read(RSS)
    assert first.url == "https://feeds.example.org/files/1.mp4?utm_source=feed"
    assert first.canonical_url == "https://feeds.example.org/files/1.mp4"
    assert (first.title, first.description) == ("First & best", "A short film.")
    assert (first.external_id, first.language) == ("film-1", "en-gb")
    assert first.published_at == datetime(2026, 3, 3, 9, tzinfo=UTC)
    assert first.duration_seconds == 3723
    assert first.tags == ("Nature", "Sea")
    assert (page.url, page.published_at, page.duration_seconds) == ("https://example.org/films/2", None, None)


def test_an_atom_feed_gives_its_enclosures_and_else_its_pages():
    first, second = read(ATOM)
    assert first.url == "https://example.org/filme/1.webm"
    assert (first.title, first.description, first.language) == ("Erster Film", "Kurz.", "de")
    assert first.published_at == datetime(2026, 3, 3, 9, tzinfo=UTC)
    assert first.tags == ("See",)
    assert second.url == "https://feeds.example.org/filme/2"
    assert second.description == "Auch kurz."
    assert second.published_at is None


def test_a_media_rss_feed_gives_the_best_of_each_group():
    grouped, chosen, named, player = read(MRSS)
    assert grouped.url == "https://example.org/v/1-1080.mp4"
    assert (grouped.width, grouped.height, grouped.duration_seconds) == (1920, 1080, 61.5)
    assert (grouped.title, grouped.description) == ("Grouped", "From the group.")
    assert grouped.language == "fr"
    assert (grouped.view_count, grouped.tags) == (4711, ("sea", "ship"))
    assert chosen.url == "https://example.org/v/2.mp4"
    assert named.url == "https://example.org/v/3.mkv"
    assert player.url == "https://example.org/embed/4"


@pytest.mark.parametrize(
    "document",
    [
        '<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><rss><channel><item><title>&b;</title></item></channel></rss>',
        '<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]><rss><channel><title>&x;</title></channel></rss>',
    ],
)
def test_a_feed_that_declares_entities_is_refused(document):
    with pytest.raises(FeedUnreadable, match="entities"):
        read(document)


def test_a_feed_that_is_no_xml_is_unreadable():
    with pytest.raises(FeedUnreadable, match="well-formed") as caught:
        read("<rss><channel>")
    assert (caught.value.code, caught.value.again) == ("feed_unreadable", "never")
    assert "Only its publisher can mend that" in str(caught.value)


def test_an_old_doctype_without_declarations_is_read():
    old = '<!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" "http://example.org/rss.dtd">'
    items = read(old + "<rss><channel><item><link>https://example.org/1</link></item></channel></rss>")
    assert [item.url for item in items] == ["https://example.org/1"]


def test_a_feed_of_youtube_videos_is_refused_with_the_reason():
    with pytest.raises(YouTubeRefused):
        read("<rss><channel><item><link>https://www.youtube.com/watch?v=x</link></item></channel></rss>")


def test_items_that_may_not_be_fetched_are_passed_over():
    items = read(
        "<rss><channel><item><link>file:///etc/passwd</link></item>"
        "<item><link>https://u:p@example.org/</link></item>"
        "<item><link>https://example.org/1</link></item></channel></rss>"
    )
    assert [item.url for item in items] == ["https://example.org/1"]


def test_a_feed_without_entries_has_no_video():
    with pytest.raises(NoVideoFound):
        read("<rss><channel/></rss>")


def test_a_title_is_stored_without_control_characters_and_within_bounds():
    (item,) = read(
        f"<rss><channel><item><title>a\n b{'c' * 900}</title><link>/1</link></item></channel></rss>"
    )
    assert item.title.startswith("a bccc")
    assert len(item.title) == 500


@pytest.mark.parametrize(
    ("head", "answer"),
    [
        (b"<rss version='2.0'>", True),
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- hello -->\n<feed xmlns='x'>", True),
        ("<?xml version='1.0' encoding='utf-16'?><rss>".encode("utf-16"), True),
        (b"<?xml version='1.0'?><rdf:RDF xmlns:rdf='x'>", True),
        (b"<!DOCTYPE html><html>", False),
        (b"<?xml version='1.0'?><MPD>", False),
        (b"\x00\x00\x00\x20ftypisom", False),
        (b"", False),
    ],
)
def test_a_feed_is_known_by_its_first_bytes(head, answer):
    assert looks_like_feed(head) is answer
