"""Headend connects to public addresses only, decided as it connects, whichever way a site leads."""

import asyncio
import ipaddress
import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address, ip_network

import pytest
import requests

from orchestration import media
from orchestration.media import addresses, connections
from orchestration.media.errors import MediaError, UnsafeUrl
from orchestration.media.urls import check_fetchable
from orchestration.notify import apprise_calls

pytest_plugins = ["tests.media_fixture"]

ONLY_THE_SITE = (ip_network("127.0.0.1/32"),)
FEED = (
    '<?xml version="1.0"?><rss version="2.0"><channel><title>F</title>'
    '<item><guid>1</guid><title>T</title><enclosure url="{}" type="video/mp4" length="1"/></item></channel></rss>'
)
HLS = "#EXTM3U\n#EXT-X-TARGETDURATION:3\n{}#EXTINF:3,\n{}\n#EXT-X-ENDLIST\n"
DASH = (
    '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT3S"><Period><BaseURL>{}</BaseURL>'
    '<AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="9000" codecs="avc1.4d401e">'
    '<SegmentTemplate media="$Number$.m4s" initialization="init.mp4" duration="3" startNumber="1"/>'
    "</Representation></AdaptationSet></Period></MPD>"
)


# ------------------------------------------------------------------------------------------------------------ the table


@pytest.mark.parametrize("network", addresses.SPECIAL, ids=str)
def test_each_special_block_is_refused_to_its_edges(network):
    for address in (network[0], network[-1]):
        assert addresses.why_refused(address), address


@pytest.mark.parametrize("address", addresses.PLATFORMS, ids=str)
def test_a_platforms_address_is_open_only_where_it_was_named_itself(address):
    assert addresses.why_refused(address)
    assert addresses.why_refused(address, connections.ANYWHERE)
    assert not addresses.why_refused(address, [ip_network(str(address))])


def test_a_platforms_address_within_another_is_refused_too():
    for text in ("::ffff:169.254.169.254", "64:ff9b::168.63.129.16"):
        assert addresses.why_refused(ip_address(text), connections.ANYWHERE)


def test_whatever_this_interpreter_takes_for_not_global_is_refused():
    for kind in (ipaddress._IPv4Constants, ipaddress._IPv6Constants):
        for network in (*kind._private_networks, kind._multicast_network, kind._linklocal_network):
            for address in (network[0], network[-1]):
                if not address.is_global:
                    assert addresses.why_refused(address), address


@pytest.mark.parametrize(
    "text", ["1.1.1.1", "168.63.129.17", "172.32.0.1", "2606:4700::1", "2a00::1", "::ffff:9.9.9.9"]
)
def test_the_public_internet_is_open(text):
    assert addresses.why_refused(ip_address(text)) == ""


@pytest.mark.parametrize("text", ["4000::1", "1::1", "::ffff:10.0.0.1", "64:ff9b::127.0.0.1"])
def test_what_nobody_was_given_and_what_leads_inwards_in_disguise_is_refused(text):
    assert addresses.why_refused(ip_address(text))


# ------------------------------------------------------------------------------------------- live: a site that leads inwards


@pytest.fixture
def inside():
    """A server of the inner network, which must hear nothing: its address, and what it heard."""
    heard = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            heard.append(self.path)
            self.send_response(204)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.2", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield f"http://127.0.0.2:{server.server_port}", heard
    server.shutdown()
    server.server_close()
    thread.join(5)
    assert heard == [], "the inner server was called"


def fetch(url, tmp_path):
    return media.download(
        url,
        tmp_path,
        allowed_networks=ONLY_THE_SITE,
        max_bytes=10**7,
        on_progress=lambda done, total: None,
        cancelled=lambda: False,
        timeout_seconds=20,
    )


WAYS = {
    "redirect": lambda site, inner: site.redirect("/r", f"{inner}/x.mp4"),
    "redirect of a redirect": lambda site, inner: (
        site.redirect("/two", f"{inner}/x"),
        site.redirect("/one", "/two"),
    )[1],
    "page": lambda site, inner: site.page("/p.html", f'<title>x</title><video src="{inner}/x.mp4"></video>'),
    "segment": lambda site, inner: site.page(
        "/s.m3u8", HLS.format("", f"{inner}/1.ts"), "application/vnd.apple.mpegurl"
    ),
    "key": lambda site, inner: site.page(
        "/k.m3u8",
        HLS.format(f'#EXT-X-KEY:METHOD=AES-128,URI="{inner}/key"\n', "/1.ts"),
        "application/vnd.apple.mpegurl",
    ),
    "segment that redirects": lambda site, inner: (
        site.redirect("/1.ts", f"{inner}/1.ts"),
        site.page("/s.m3u8", HLS.format("", "/1.ts"), "application/vnd.apple.mpegurl"),
    )[1],
    "list of streams": lambda site, inner: site.page(
        "/m.m3u8",
        f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{inner}/x.m3u8\n",
        "application/vnd.apple.mpegurl",
    ),
    "DASH": lambda site, inner: site.page("/d.mpd", DASH.format(f"{inner}/"), "application/dash+xml"),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_site_leads_a_download_nowhere_inside(way, media_site, inside, tmp_path):
    with pytest.raises(MediaError):
        fetch(WAYS[way](media_site, inside[0]), tmp_path)
    assert media_site.requests, "the site itself was not asked"


@pytest.mark.parametrize("kind", ["redirect", "entry", "next page"])
def test_a_feed_leads_a_reading_nowhere_inside(kind, media_site, inside, tmp_path):
    inner = inside[0]
    url = media_site.page("/feed.xml", FEED.format(f"{inner}/1.mp4"), "application/rss+xml")
    if kind == "redirect":
        url = media_site.redirect("/moved.xml", f"{inner}/feed.xml")
    elif kind == "next page":
        more = f'<channel><atom:link xmlns:atom="http://www.w3.org/2005/Atom" rel="next" href="{inner}/feed.xml?page=2"/>'
        url = media_site.page(
            "/feed.xml", FEED.format(f"{media_site.base}/1.mp4").replace("<channel>", more), "text/xml"
        )
    try:
        found = media.list_items(url, limit=500, allowed_networks=ONLY_THE_SITE, timeout_seconds=20)
    except UnsafeUrl:
        assert kind == "redirect"
    else:
        if kind == "entry":
            with pytest.raises(UnsafeUrl):
                fetch(found[0].url, tmp_path)


def resolver(monkeypatch, *answers):
    """Let every name with letters mean one address after the other; the last for good."""
    real, left = socket.getaddrinfo, list(answers)

    def resolve(host, port, *rest, **named):
        if not str(host).endswith(".example"):
            return real(host, port, *rest, **named)
        address = left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, int(port)))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def test_a_name_that_means_another_host_by_the_time_of_the_call_is_refused(
    media_site, inside, tmp_path, monkeypatch
):
    port = inside[0].rpartition(":")[2]
    resolver(monkeypatch, "127.0.0.1", "127.0.0.2")
    check_fetchable(f"http://film.example:{port}/x.mp4", allowed_networks=ONLY_THE_SITE)
    with pytest.raises(UnsafeUrl, match=r"127\.0\.0\.2"):
        fetch(f"http://film.example:{port}/x.mp4", tmp_path)


# ---------------------------------------------------------------------------------------- libraries that connect themselves


def test_a_library_is_stopped_as_it_connects(inside):
    with connections.only_to() as watch, pytest.raises(requests.ConnectionError):
        requests.get(inside[0], timeout=5)
    assert "127.0.0.2 is not a public address (loopback)" in watch.refused


def test_a_library_reaches_what_was_opened_and_after_the_block_anything(media_site):
    url = media_site.page("/x", "y")
    with connections.only_to(ONLY_THE_SITE) as watch:
        assert requests.get(url, timeout=5).text == "y"
    assert not watch.refused and requests.get(url, timeout=5).ok


@pytest.mark.parametrize(
    "send",
    [
        lambda outgoing, target: outgoing.connect(target),
        lambda outgoing, target: outgoing.connect_ex(target),
        lambda outgoing, target: outgoing.sendto(b"x", target),
        lambda outgoing, target: outgoing.sendto(b"x", 0, target),
        lambda outgoing, target: outgoing.sendmsg([b"x"], [], 0, target),
    ],
)
def test_no_way_of_a_socket_leads_inside(send):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outgoing:
        with connections.only_to() as watch, pytest.raises(connections.ConnectionForbidden):
            send(outgoing, ("127.0.0.2", 9))
        assert "127.0.0.2" in watch.refused
        send(outgoing, ("127.0.0.2", 9))


def test_a_loop_of_coroutines_connects_by_the_same_rule(inside):
    async def call():
        await asyncio.open_connection("127.0.0.2", int(inside[0].rpartition(":")[2]))

    with connections.only_to(), pytest.raises(connections.ConnectionForbidden):
        asyncio.run(call())


def test_a_notification_whose_name_has_changed_its_meaning_goes_nowhere(inside, settings, monkeypatch):
    settings.HEADEND_NOTIFY_PRIVATE_HOSTS = False
    resolver(monkeypatch, "93.184.216.34", "127.0.0.2")
    url = f"json://hook.example:{inside[0].rpartition(':')[2]}/x"
    assert apprise_calls.send(url, title="t", body="b") == apprise_calls.NOT_PUBLIC


def test_a_platform_is_called_by_no_notification_even_where_private_hosts_are_allowed(settings):
    settings.HEADEND_NOTIFY_PRIVATE_HOSTS = True
    assert apprise_calls.send("json://169.254.169.254/x", title="t", body="b") == apprise_calls.OF_A_PLATFORM
