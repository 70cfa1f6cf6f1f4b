"""The sandbox's video site, read by the same code that reads any other: pages, feeds, and what is wrong there."""

from ipaddress import ip_network

import pytest

from orchestration.media import (
    FileDamaged,
    FileEmpty,
    NoVideoFound,
    SourceUnreachable,
    download,
    is_upload_ready,
    list_items,
    normalise,
    probe,
)

LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def site(sandbox):
    return lambda path: f"{sandbox.url}/site/{path}"


@pytest.fixture
def fetch(tmp_path):
    return lambda url: download(
        url,
        tmp_path,
        allowed_networks=LOOPBACK,
        max_bytes=50_000_000,
        on_progress=lambda done, total: None,
        cancelled=lambda: False,
        timeout_seconds=60,
    )


def look(url, limit=50):
    return list_items(url, limit=limit, allowed_networks=LOOPBACK, timeout_seconds=60)


def test_both_feeds_offer_the_same_films(site):
    rss, atom = look(site("feed.xml")), look(site("atom.xml"))
    assert len(rss) > 3
    assert {item.canonical_url for item in rss} == {item.canonical_url for item in atom}
    assert all(item.published_at and item.title for item in rss)


def test_a_film_goes_from_the_feed_to_an_upload_ready_file(site, fetch, tmp_path):
    (item,) = look(site("feed.xml?limit=1"))
    file = fetch(item.url)
    made = normalise(
        file.path, tmp_path / "ready.mp4", on_progress=lambda fraction: None, cancelled=lambda: False
    )
    assert is_upload_ready(made.info)


def test_the_gallery_offers_its_three_films(site):
    assert len(look(site("gallery"))) == 3


def test_a_page_of_words_has_no_video(site):
    with pytest.raises(NoVideoFound):
        look(site("about"))
    with pytest.raises(NoVideoFound):
        look(site("empty-feed.xml"))


def test_broken_files_are_named_for_what_is_wrong_with_them(site, fetch):
    with pytest.raises(FileEmpty):
        fetch(site("videos/empty-file"))
    with pytest.raises(SourceUnreachable) as caught:
        fetch(site("videos/lost-file"))
    assert caught.value.status == 404
    with pytest.raises(FileDamaged):
        probe(fetch(site("videos/truncated-file")).path)
