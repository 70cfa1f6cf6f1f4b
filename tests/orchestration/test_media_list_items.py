"""What is found at an address: a file, a page, a playlist, a feed, or nothing."""

import socket
from ipaddress import ip_network

import pytest

from orchestration.media import (
    FileEmpty,
    NoVideoFound,
    SourceTimedOut,
    SourceUnreachable,
    UnsafeUrl,
    YouTubeRefused,
    list_items,
)

LOOPBACK = (ip_network("127.0.0.0/8"),)

pytest_plugins = ["tests.media_fixture"]


def look(url, *, limit=10, networks=LOOPBACK, timeout_seconds=20):
    return list_items(url, limit=limit, allowed_networks=networks, timeout_seconds=timeout_seconds)


def test_a_direct_file_is_one_item(media_site, videos):
    url = media_site.file("/films/A_long%20day.mp4", videos.whole.read_bytes())
    (item,) = look(url + "?utm_source=x")
    assert (item.title, item.external_id) == ("A long day", "")
    assert item.canonical_url == url


def test_a_file_is_known_by_its_bytes_whatever_the_server_calls_it(media_site, videos):
    url = media_site.file("/download", videos.matroska.read_bytes(), kind="application/octet-stream")
    assert [item.url for item in look(url)] == [url]


def test_a_page_with_a_video_is_one_item_with_the_pages_words(media_site, videos):
    media_site.file("/v.mp4", videos.whole.read_bytes())
    url = media_site.page(
        "/page.html",
        '<html><head><title>The sea</title><meta property="og:description" content="Waves."></head>'
        '<body><video src="/v.mp4" poster="/v.jpg"></video></body></html>',
    )
    (item,) = look(url)
    assert (item.url, item.title, item.description) == (url, "The sea", "Waves.")


def test_structured_data_gives_length_and_date(media_site, videos):
    file = media_site.file("/v.mp4", videos.whole.read_bytes())
    url = media_site.page(
        "/page.html",
        '<html><script type="application/ld+json">{"@context": "https://schema.org", "@type": "VideoObject",'
        f'"name": "The sea", "contentUrl": "{file}", "duration": "PT3S", "uploadDate": "2026-01-02T03:00:00Z"}}'
        "</script></html>",
    )
    (item,) = look(url)
    assert (item.title, item.duration_seconds) == ("The sea", 3.0)
    assert item.published_at.isoformat() == "2026-01-02T03:00:00+00:00"


def test_a_page_with_several_videos_is_a_list_up_to_the_limit(media_site, videos):
    for name in ("a", "b", "c"):
        media_site.file(f"/{name}.mp4", videos.whole.read_bytes())
    url = media_site.page(
        "/page.html",
        "<html><title>All</title>" + "".join(f'<video src="/{n}.mp4"></video>' for n in "abca") + "</html>",
    )
    assert [item.url for item in look(url)] == [media_site.url(f"/{name}.mp4") for name in "abc"]
    assert len(look(url, limit=2)) == 2


def test_a_stream_is_one_item(media_site, videos):
    for path in videos.stream.parent.iterdir():
        media_site.file(f"/hls/{path.name}", path.read_bytes(), kind="application/vnd.apple.mpegurl")
    (item,) = look(media_site.url("/hls/index.m3u8"))
    assert item.duration_seconds == pytest.approx(3.0, abs=0.2)


def test_a_feed_is_a_list(media_site):
    url = media_site.page(
        "/feed",
        '<feed xmlns="http://www.w3.org/2005/Atom"><entry><title>One</title>'
        '<link rel="enclosure" type="video/mp4" href="v.mp4"/></entry></feed>',
        kind="text/plain",
    )
    assert [item.url for item in look(url)] == [media_site.url("/v.mp4")]


def test_a_page_without_a_video_says_so(media_site):
    url = media_site.page("/page.html", "<html><title>Words</title><p>Only words.</p></html>")
    with pytest.raises(NoVideoFound) as caught:
        look(url)
    assert (caught.value.code, caught.value.again) == ("no_video_found", "never")


@pytest.mark.parametrize(
    "kind", ["application/json", "image/png", "audio/mpeg", "application/pdf", "text/plain"]
)
def test_what_is_not_a_video_is_not_taken_for_one(media_site, kind):
    with pytest.raises(NoVideoFound, match=kind):
        look(media_site.page("/thing", "something", kind=kind))


def test_a_page_that_only_embeds_youtube_leads_to_no_request_to_youtube(media_site):
    url = media_site.page(
        "/page.html", '<html><iframe src="https://www.youtube.com/embed/BaW_jenozKc"></iframe></html>'
    )
    with pytest.raises((NoVideoFound, YouTubeRefused)):
        look(url)


def test_youtube_is_refused_before_anything_is_asked():
    with pytest.raises(YouTubeRefused):
        look("https://www.youtube.com/@example/videos")


def test_a_redirect_to_youtube_is_refused(media_site):
    with pytest.raises(YouTubeRefused):
        look(media_site.redirect("/r", "https://www.youtube.com/watch?v=BaW_jenozKc"))


def test_loopback_is_refused_unless_the_operator_opened_it(media_site, videos):
    url = media_site.file("/v.mp4", videos.whole.read_bytes())
    with pytest.raises(UnsafeUrl):
        look(url, networks=())
    assert media_site.requests == []


@pytest.mark.parametrize("target", ["http://10.0.0.1/v.mp4", "http://[::ffff:10.0.0.1]/v.mp4"])
def test_a_redirect_inwards_is_refused(media_site, target):
    with pytest.raises(UnsafeUrl):
        look(media_site.redirect("/r", target))


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/v.mp4", "data:video/mp4,x"])
def test_a_redirect_to_another_scheme_leads_nowhere(media_site, target):
    with pytest.raises((SourceUnreachable, UnsafeUrl), match=r"redirects to a|unknown url"):
        look(media_site.redirect("/r", target))


def test_a_redirect_with_credentials_is_refused(media_site):
    with pytest.raises(UnsafeUrl, match="credentials"):
        look(media_site.redirect("/r", f"http://user:secret@127.0.0.1:{media_site.port}/v.mp4"))


def test_a_page_that_points_inwards_is_not_followed(media_site):
    url = media_site.page(
        "/page.html",
        '<html><head><meta http-equiv="refresh" content="0; url=http://169.254.169.254/latest/"></head></html>',
    )
    with pytest.raises(UnsafeUrl, match=r"169\.254"):
        look(url)


def test_a_name_that_changes_its_address_after_the_check_reaches_nothing(media_site, videos, monkeypatch):
    """DNS rebinding: public when it is checked, loopback when it is connected to."""
    media_site.file("/v.mp4", videos.whole.read_bytes())
    answers = iter(["93.184.216.34", "127.0.0.1", "127.0.0.1"])

    def resolve(host, port, *_, **__):
        assert host == "rebind.example"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with pytest.raises(UnsafeUrl, match=r"127\.0\.0\.1"):
        look(f"http://rebind.example:{media_site.port}/v.mp4", networks=())
    assert media_site.requests == []


@pytest.mark.parametrize(
    ("status", "again"), [(404, "never"), (410, "never"), (429, "again"), (503, "again")]
)
def test_an_error_page_is_reported_with_its_status(media_site, status, again):
    url = media_site.page("/gone.mp4", "gone", status=status)
    with pytest.raises(SourceUnreachable, match=str(status)) as caught:
        look(url)
    assert (caught.value.status, caught.value.again) == (status, again)


def test_a_dead_host_is_unreachable(nothing_there):
    with pytest.raises(SourceUnreachable) as caught:
        look(nothing_there)
    assert (caught.value.status, caught.value.again) == (None, "again")


def test_an_empty_answer_is_empty(media_site):
    with pytest.raises(FileEmpty):
        look(media_site.file("/v.mp4", b""))


def test_a_silent_server_ends_with_the_time_allowed(media_site):
    with pytest.raises(SourceTimedOut) as caught:
        look(media_site.silence("/slow.html", b"<html>", kind="text/html"), timeout_seconds=1)
    assert caught.value.again == "again"


def test_an_answer_that_unpacks_without_end_is_not_unpacked(media_site):
    import gzip

    bomb = gzip.compress(b"\0" * 200_000_000, compresslevel=9)

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/html")
        handler.send_header("Content-Encoding", "gzip")
        handler.send_header("Content-Length", str(len(bomb)))
        handler.end_headers()
        handler.wfile.write(bomb)

    media_site.answers["/bomb"] = answer
    with pytest.raises(SourceUnreachable):
        look(media_site.url("/bomb"))


def test_instructions_hidden_in_an_address_are_dropped(media_site, videos):
    from yt_dlp.utils import smuggle_url

    url = media_site.file("/v.mp4", videos.whole.read_bytes())
    (item,) = look(smuggle_url(url, {"http_headers": {"X": "y"}, "to_generic": True}))
    assert item.url == url


def test_nothing_is_written_to_the_terminal(media_site, capfd):
    url = media_site.page("/page.html", "<html><title>Words</title></html>")
    with pytest.raises(NoVideoFound):
        look(url)
    assert capfd.readouterr() == ("", "")


def test_no_plugin_and_no_proxy_of_the_machine_is_used(media_site, videos, monkeypatch, nothing_there):
    import yt_dlp.globals

    monkeypatch.setenv("http_proxy", nothing_there)
    monkeypatch.setenv("HTTP_PROXY", nothing_there)
    assert look(media_site.file("/v.mp4", videos.whole.read_bytes()))
    assert yt_dlp.globals.plugin_dirs.value == []
