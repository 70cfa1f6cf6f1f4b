"""The video site offers what a scraper meets in the wild: good pages and files, feeds, and broken ones."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from xml.etree import ElementTree

import av
import pytest
import requests
import yt_dlp

from channels.sandbox.server import Sandbox
from channels.sandbox.site import seed_demo
from channels.sandbox.site_media import FILMS, film_file

MEDIA = "{http://search.yahoo.com/mrss/}"
ATOM = "{http://www.w3.org/2005/Atom}"


def get(sandbox, path, **options):
    return requests.get(sandbox.site_url + path, timeout=30, **options)


def extract(sandbox, path, **options):
    with yt_dlp.YoutubeDL({"quiet": True, "no_warnings": True, "logger": Quiet(), **options}) as reader:
        return reader.extract_info(sandbox.site_url + path, download=False)


class Quiet:
    def debug(self, text):
        pass

    warning = error = debug


@pytest.mark.slow
def test_every_film_is_a_playable_file_of_its_own(sandbox):
    assert len(FILMS) == 8
    seen = set()
    for film in FILMS:
        path = film_file(sandbox.store, film)
        seen.add(hashlib.sha256(path.read_bytes()).hexdigest())
        with av.open(str(path)) as container:
            video, audio = container.streams.video[0], container.streams.audio[0]
            assert (video.width, video.height, audio.sample_rate) == (640, 360, 44100)
            assert abs(container.duration / 1_000_000 - film.seconds) < 0.2
    assert len(seen) == 8


def test_a_file_can_be_asked_for_whole_in_part_and_by_its_size_only(sandbox):
    whole = get(sandbox, "/media/harbour-at-dawn.mp4")
    assert whole.headers["Content-Type"] == "video/mp4"
    part = get(sandbox, "/media/harbour-at-dawn.mp4", headers={"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(whole.content)}"
    head = requests.head(f"{sandbox.site_url}/media/harbour-at-dawn.mp4", timeout=30)
    assert (head.headers["Content-Length"], head.content) == (str(len(whole.content)), b"")


def test_the_same_film_asked_for_by_many_at_once_is_whole_for_all(tmp_path):
    with Sandbox(data_dir=tmp_path / "data") as running, ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: get(running, "/media/market-day.mp4").content, range(6)))
        assert len(set(answers)) == 1
        names = sorted(path.name for path in running.store.folder("site").iterdir())
    assert names == ["market-day.jpg", "market-day.mp4"]


def test_a_page_names_its_film_in_the_ways_that_pages_do(sandbox):
    page = get(sandbox, "/videos/the-lighthouse-keeper").text
    for part in (
        "<title>The lighthouse keeper</title>",
        '<meta name="description" content="Four hundred steps',
        '<meta property="og:video" content="',
        '<source src="',
        'rel="license"',
    ):
        assert part in page
    still = get(sandbox, "/thumbs/the-lighthouse-keeper.jpg")
    assert still.headers["Content-Type"] == "image/jpeg" and still.content.startswith(b"\xff\xd8")


def test_a_scraper_reads_a_page_a_file_a_gallery_and_the_feed(sandbox):
    assert extract(sandbox, "/videos/how-bread-rises")["description"].startswith("Flour, water")
    assert extract(sandbox, "/media/how-bread-rises.mp4")["ext"] == "mp4"
    assert len(extract(sandbox, "/gallery")["entries"]) == 3
    entries = extract(sandbox, "/feed.xml", extract_flat="in_playlist")["entries"]
    assert [entry["title"] for entry in entries] == [film.title for film in FILMS]


def test_the_feed_says_what_media_rss_can_say(sandbox):
    feed = ElementTree.fromstring(get(sandbox, "/feed.xml").content)  # noqa: S314 - our own page
    items = feed.findall("channel/item")
    published = [parsedate_to_datetime(item.findtext("pubDate")) for item in items]
    assert len(items) == len(FILMS) and published == sorted(published, reverse=True)
    for item, film in zip(items, FILMS, strict=True):
        content = item.find(f"{MEDIA}content")
        assert (item.findtext("title"), content.get("duration")) == (film.title, str(film.seconds))
        assert content.find(f"{MEDIA}thumbnail").get("url").endswith(f"/thumbs/{film.slug}.jpg")
        assert "creativecommons" in content.find(f"{MEDIA}license").get("href")


def test_feeds_can_be_shortened_and_be_empty(sandbox):
    assert get(sandbox, "/feed.xml?limit=2").text.count("<item>") == 2
    later = get(sandbox, "/feed.xml?skip=6").text
    assert later.count("<item>") == 2 and "Snow in April" in later
    assert get(sandbox, "/empty-feed.xml").text.count("<item>") == 0
    assert get(sandbox, "/feed.xml?limit=many").status_code == 400


def test_the_atom_feed_names_page_and_file(sandbox):
    feed = ElementTree.fromstring(get(sandbox, "/atom.xml?limit=3").content)  # noqa: S314 - our own page
    entries = feed.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}title") for entry in entries] == [film.title for film in FILMS[:3]]
    links = {link.get("rel"): link.get("href") for link in entries[0].findall(f"{ATOM}link")}
    assert links["enclosure"].endswith("/media/harbour-at-dawn.mp4")
    assert links["alternate"].endswith("/videos/harbour-at-dawn")


def test_broken_things_are_broken_in_the_way_they_say(sandbox):
    for slug in ("empty-file", "truncated-file", "lost-file", "slow-file"):
        assert "<video" in get(sandbox, f"/videos/{slug}").text
    assert get(sandbox, "/media/empty.mp4").content == b""
    assert get(sandbox, "/media/lost.mp4").status_code == 404
    assert get(sandbox, "/videos/nothing").status_code == 404
    assert "<video" not in get(sandbox, "/about").text
    with pytest.raises(yt_dlp.utils.DownloadError, match="Unsupported URL"):
        extract(sandbox, "/about")


def test_a_truncated_file_announces_more_than_it_holds(sandbox, tmp_path):
    path = tmp_path / "truncated.mp4"
    path.write_bytes(get(sandbox, "/media/truncated.mp4").content)
    with av.open(str(path)) as container:
        announced = container.duration / 1_000_000
        frames = sum(1 for packet in container.demux(video=0) if packet.size)
    assert announced > 5.5 and frames < 100


def test_a_slow_file_comes_in_the_end(sandbox):
    before = time.monotonic()
    assert get(sandbox, "/media/slow.mp4?seconds=0.2").content.startswith(b"\x00\x00\x00")
    assert time.monotonic() - before >= 0.2


def test_the_index_links_every_film(sandbox):
    page = get(sandbox, "/").text
    assert all(f"/videos/{film.slug}" in page for film in FILMS)
    assert get(sandbox, "").status_code == 200


def test_the_dates_of_the_films_survive_a_restart(tmp_path):
    with Sandbox(data_dir=tmp_path) as first:
        seed_demo(first.store)
        before = get(first, "/feed.xml").text.replace(first.url, "")
    with Sandbox(data_dir=tmp_path) as second:
        seed_demo(second.store)
        assert get(second, "/feed.xml").text.replace(second.url, "") == before
