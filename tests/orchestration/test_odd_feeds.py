"""Feeds are read as they are: every healthy one gives its entries, every damaged one is refused with its reason."""

import gc
import ipaddress
import time

import pytest

from orchestration.media import (
    FeedUnreadable,
    FileTooLarge,
    MediaError,
    SourceUnreachable,
    UnsafeUrl,
    read_source,
)
from orchestration.media import fetch as fetching
from orchestration.media.feeds import read_feed
from tests.corpus.feeds import CDN, item, odd_feeds, rss
from tests.media_fixture import _send

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


def read(url: str, **more):
    return read_source(url, **{"limit": 50, "allowed_networks": LOOPBACK, "timeout_seconds": 20, **more})


def offer(media_site, path: str, document: bytes, kind: str, **headers: str) -> str:
    media_site.answers[path] = lambda handler: _send(
        handler, 200, {"Content-Type": kind, **headers}, document
    )
    return media_site.url(path)


@pytest.mark.parametrize("feed", odd_feeds(), ids=lambda feed: feed.name)
def test_a_feed_as_people_have_them(media_site, feed):
    url = offer(media_site, "/feed", feed.document, feed.kind)
    if feed.refusal:
        with pytest.raises(MediaError, match=feed.refusal):
            read(url)
        return
    reading = read(url)
    assert tuple(found.title for found in reading.items) == feed.titles
    if feed.urls:
        assert tuple(found.url for found in reading.items) == feed.urls
    said = " ".join(reading.repairs)
    assert feed.repair in said if feed.repair else said == ""
    assert not any("://" in found.title for found in reading.items)


def test_a_json_feed_gives_what_it_says_of_its_films(media_site):
    (feed,) = [feed for feed in odd_feeds() if feed.name == "json-feed"]
    (found,) = read(offer(media_site, "/feed", feed.document, feed.kind)).items
    assert (found.external_id, found.language, found.tags) == ("1", "de", ("sea",))
    assert found.duration_seconds == 61
    assert found.published_at.isoformat() == "2026-03-03T10:00:00+00:00"


# -- pages, validators, size ---------------------------------------------------------------------------------------


def paged(media_site, pages: int, each: int = 2) -> str:
    for page in range(pages):
        onward = (
            f'<link xmlns="http://www.w3.org/2005/Atom" rel="next" href="/feed-{page + 1}"/>'
            if page + 1 < pages
            else ""
        )
        entries = [item(f"p{page}e{n}", f"{CDN}{page}-{n}.mp4") for n in range(each)]
        offer(media_site, f"/feed-{page}", rss(*entries, head=onward).encode(), "text/xml")
    return media_site.url("/feed-0")


def test_a_feed_goes_on_at_its_next_page_as_far_as_is_needed(media_site):
    url = paged(media_site, 4)
    assert len(read(url, limit=3).items) == 4
    assert len(media_site.requests) == 2
    assert len(read(url, limit=50).items) == 8


def test_pages_that_go_on_for_ever_end_and_that_is_said(media_site):
    reading = read(paged(media_site, 30, each=1))
    assert reading.pages == 20
    assert "goes on after 20 pages" in reading.repairs[0]


def test_a_page_that_leads_back_is_not_asked_for_again(media_site):
    onward = '<link xmlns="http://www.w3.org/2005/Atom" rel="next" href="/feed"/>'
    url = offer(media_site, "/feed", rss(item(), head=onward).encode(), "text/xml")
    assert len(read(url).items) == 1
    assert len(media_site.requests) == 1


def test_a_further_page_that_fails_loses_nothing_and_is_said(media_site):
    onward = '<link xmlns="http://www.w3.org/2005/Atom" rel="next" href="/gone"/>'
    url = offer(media_site, "/feed", rss(item(), head=onward).encode(), "text/xml", ETag='"1"')
    reading = read(url)
    assert len(reading.items) == 1
    assert "page 2 could not be read" in reading.repairs[0]
    assert reading.validators == {}


def test_a_feed_that_has_not_changed_costs_one_request(media_site):
    document, asked = rss(item()).encode(), []

    def answer(handler) -> None:
        asked.append((handler.headers.get("If-None-Match"), handler.headers.get("If-Modified-Since")))
        same = handler.headers.get("If-None-Match") == '"v1"'
        _send(
            handler,
            304 if same else 200,
            {"ETag": '"v1"', "Content-Type": "text/xml"},
            b"" if same else document,
        )

    media_site.answers["/feed"] = answer
    first = read(media_site.url("/feed"))
    assert (first.is_unchanged, first.validators) == (False, {"If-None-Match": '"v1"'})
    assert read(media_site.url("/feed"), validators=first.validators).is_unchanged
    assert asked == [(None, None), ('"v1"', None)]


def test_a_feed_that_is_too_large_says_that(media_site, monkeypatch):
    monkeypatch.setattr("orchestration.media.look.MAX_PAGE_BYTES", 100_000)
    url = offer(media_site, "/feed", rss(*[item()] * 2000).encode(), "text/xml")
    with pytest.raises(FileTooLarge, match="The feed is larger than"):
        read(url)


@pytest.mark.parametrize(
    ("start", "many", "times", "end"),
    [
        ("<rss><channel>", "<item>", 200_000, ""),
        ("<rss><channel>", "<![CDATA[", 200_000, ""),
        ("<rss><channel>", "<!--", 200_000, ""),
        ("<rss><channel><item>", "<title>", 200_000, "</item></channel></rss>"),
        ("<rss><channel>", "&", 1_000_000, "</channel></rss>"),
        ("", "<!DOCTYPE rss [", 5_000, "<rss>"),
        ("<rss", ' "', 50_000, ""),
    ],
    ids=["items", "cdata", "comments", "titles", "ampersands", "doctypes", "quotes"],
)
def test_what_is_made_to_be_slow_is_not(start, many, times, end):
    def cost(times: int) -> float:
        document = (start + many * times + end).encode()
        gc.disable()  # else what other tests left is looked through, again and again
        try:
            begun = time.process_time()
            with pytest.raises(MediaError):
                read_feed(document, feed_url="https://feeds.example/")
            return time.process_time() - begun
        finally:
            gc.enable()

    # What is four times as long would cost sixteen times as much, were each part compared with every other.
    assert cost(times) < 12 * cost(times // 4) + 0.2


# -- what an address leads to --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "kind", "said"),
    [
        (b"GIF89a" + bytes(40), "image/gif", "a GIF picture"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "video/mp4", "a JPEG picture"),
        (b"<!DOCTYPE html><html><body>Log in", "video/mp4", "sends a page"),
        (b"%PDF-1.7", "application/octet-stream", "a PDF document"),
        (b"words", "text/plain", "text/plain"),
    ],
)
def test_what_is_no_video_is_named(media_site, document, kind, said):
    with pytest.raises(MediaError, match=said):
        read(offer(media_site, "/thing.mp4", document, kind))


@pytest.mark.parametrize("size", [188, 192])
def test_a_transport_stream_is_known_by_its_bytes(media_site, size):
    packet = (b"" if size == 188 else bytes(4)) + b"\x47" + bytes(187)
    (found,) = read(offer(media_site, "/A_long_day.ts", packet * 30, "text/plain")).items
    assert found.title == "A long day"


def test_an_mp4_that_is_called_a_page_is_taken_by_its_bytes(media_site, videos, tmp_path):
    from orchestration.media import download

    url = offer(media_site, "/film", videos.mute.read_bytes(), "text/html")
    assert len(read(url).items) == 1
    got = download(
        url,
        tmp_path,
        allowed_networks=LOOPBACK,
        max_bytes=10_000_000,
        on_progress=lambda *_: None,
        cancelled=lambda: False,
        timeout_seconds=20,
    )
    assert got.size_bytes == videos.mute.stat().st_size


def test_a_circle_of_redirects_is_named(media_site):
    media_site.redirect("/a", "/b")
    media_site.redirect("/b", "/a")
    with pytest.raises(SourceUnreachable, match="in a circle"):
        read(media_site.url("/a"))


def test_a_redirect_to_a_file_is_named(media_site):
    with pytest.raises(UnsafeUrl, match="redirects to a file: address"):
        read(media_site.redirect("/a", "file:///etc/passwd"))


def test_a_fault_that_only_the_publisher_can_mend_says_so():
    with pytest.raises(FeedUnreadable, match="Only its publisher") as caught:
        read_feed(b"<rss><channel><item>", feed_url="https://feeds.example/")
    assert caught.value.again == "never"
    assert fetching.MAX_PAGE_BYTES == 32 * 2**20
