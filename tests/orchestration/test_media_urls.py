"""Which addresses may be fetched, and which of them are the same video."""

import socket
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.media import SourceUnreachable, UnsafeUrl, YouTubeRefused, canonical_url, check_fetchable
from orchestration.media.urls import is_allowed_address, is_youtube


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        ("HTTP://Example.ORG", "http://example.org/"),
        ("https://example.org:443/a", "https://example.org/a"),
        ("http://example.org:443/a", "http://example.org:443/a"),
        ("https://example.org./a#t=30", "https://example.org/a"),
        ("https://example.org/a?utm_source=x&b=2&a=1&fbclid=y&gclid=z", "https://example.org/a?a=1&b=2"),
        ("https://example.org/a?b=1&a=&b=0", "https://example.org/a?a=&b=1&b=0"),
        ("https://example.org/%7euser/%2f?q=a+b", "https://example.org/~user/%2F?q=a%20b"),
        ("https://user:secret@example.org/a", "https://example.org/a"),
        ("https://münchen.example/ü", "https://xn--mnchen-3ya.example/%C3%BC"),
        ("http://[2001:DB8::1]:80/a", "http://[2001:db8::1]/a"),
        ("  https://example.org/a\n", "https://example.org/a"),
    ],
)
def test_one_video_has_one_address_however_it_is_spelled(spelling, canonical):
    assert canonical_url(spelling) == canonical


@given(
    path=st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), max_size=20),
    query=st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), max_size=4),
)
def test_the_canonical_address_of_a_canonical_address_is_itself(path, query):
    from urllib.parse import quote, urlencode

    url = f"https://example.org/{quote(path)}?{urlencode(query, errors='surrogatepass')}"
    assert canonical_url(canonical_url(url)) == canonical_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/a.mp4",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "ytsearch:cats",
        "example.org/a.mp4",
        "",
        "https://",
        "https://user:secret@example.org/a.mp4",
        "https://user@example.org/a.mp4",
        "https://example.org:0/a.mp4",
        "https://example.org:99999/a.mp4",
        "https://example.org/a b.mp4",
        "https://example.org\\@10.0.0.1/a.mp4",
        "https://[::1/a.mp4",
        "https://" + "a" * 70 + "ü.example/",
    ],
)
def test_an_address_that_is_not_plain_http_is_refused(url):
    with pytest.raises(UnsafeUrl):
        check_fetchable(url, allowed_networks=())


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "10.1.2.3",
        "192.168.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "2130706433",
        "0x7f.1",
        "[::1]",
        "[::]",
        "[fe80::1]",
        "[fc00::1]",
        "[ff02::1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::10.0.0.1]",
        "[64:ff9b:1::1]",
        "[2002:7f00:1::]",
        "[2001::1]",
        "[::7f00:1]",
    ],
)
def test_an_address_that_leads_inwards_is_refused(host, monkeypatch):
    # The run's own guard lets no name with letters through; the numeric forms are the system's to read.
    monkeypatch.setattr(socket, "getaddrinfo", _numeric_only)
    with pytest.raises(UnsafeUrl, match=r"not a public address"):
        check_fetchable(f"http://{host}/a.mp4", allowed_networks=())


def _numeric_only(host, port, *_, **__):
    try:
        address = str(ip_address(host))
    except ValueError:
        address = socket.inet_ntoa(socket.inet_aton(host))
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::93.184.216.34"])
def test_a_public_address_is_allowed(address):
    assert is_allowed_address(ip_address(address))


def test_a_network_that_the_operator_opened_is_allowed_and_only_that():
    opened = [ip_network("192.168.7.0/24"), ip_network("fd00::/64")]
    assert is_allowed_address(ip_address("192.168.7.9"), opened)
    assert is_allowed_address(ip_address("::ffff:192.168.7.9"), opened)
    assert is_allowed_address(ip_address("fd00::9"), opened)
    assert not is_allowed_address(ip_address("192.168.8.9"), opened)
    check_fetchable("http://192.168.7.9/a.mp4", allowed_networks=opened)


def test_a_name_that_is_half_public_and_half_private_is_refused(monkeypatch):
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 80)) for a in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(UnsafeUrl, match=r"10\.0\.0\.1"):
        check_fetchable("http://rebind.example/", allowed_networks=())


def test_a_name_that_does_not_exist_is_unreachable_and_may_be_tried_again():
    with pytest.raises(SourceUnreachable, match="no-such-host") as caught:
        check_fetchable("http://no-such-host.invalid/a.mp4", allowed_networks=())
    assert (caught.value.code, caught.value.again) == ("source_unreachable", "again")


@pytest.mark.parametrize(
    "url",
    [
        "https://www.youtube.com/watch?v=x",
        "https://YOUTU.BE./x",
        "https://m.youtube.com/",
        "https://www.youtube-nocookie.com/embed/x",
        "https://r1---sn-x.googlevideo.com/videoplayback",
    ],
)
def test_youtube_is_refused_with_the_reason(url):
    with pytest.raises(YouTubeRefused, match="developer policies") as caught:
        check_fetchable(url, allowed_networks=())
    assert (caught.value.code, caught.value.again) == ("youtube_refused", "never")


def test_a_name_that_only_looks_like_youtube_is_not_taken_for_it():
    assert not is_youtube("https://notyoutube.com/")
    assert not is_youtube("https://youtube.com.example.org/")
    assert not is_youtube("https://[")
