"""Every way out of yt-dlp goes through the guard: also over TLS, also for other schemes."""

import datetime
import ssl
from ipaddress import ip_address, ip_network

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from orchestration.media import Cancelled, FileTooLarge, MediaError, SourceUnreachable, UnsafeUrl
from orchestration.media.fetch import Guard, GuardedYoutubeDL, Stopped

pytest_plugins = ["tests.media_fixture"]

LOOPBACK = (ip_network("127.0.0.0/8"),)


def session(*, networks=LOOPBACK, max_received_bytes=10_000_000, cancelled=None, **params):
    guard = Guard(
        allowed_networks=networks,
        timeout_seconds=20,
        max_received_bytes=max_received_bytes,
        cancelled=cancelled,
    )
    return GuardedYoutubeDL(guard, **params)


@pytest.fixture
def tls_site(media_site, tmp_path, monkeypatch):
    """The video site over TLS, with a certificate that nobody else has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "site.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    media_site.server.socket = context.wrap_socket(media_site.server.socket, server_side=True)
    media_site.base = media_site.base.replace("http:", "https:")
    return media_site


def read_all(ydl, url):
    with ydl.fetch(url) as response:
        return response.read()


def test_what_comes_over_tls_is_read_and_counted(tls_site):
    url = tls_site.file("/v.mp4", bytes(3_000_000))
    with session(nocheckcertificate=True) as ydl:
        assert len(read_all(ydl, url)) == 3_000_000
        assert ydl.guard.received_bytes >= 3_000_000


def test_more_than_the_limit_is_not_read_over_tls_either(tls_site):
    url = tls_site.file("/v.mp4", bytes(3_000_000))
    with session(nocheckcertificate=True, max_received_bytes=1_000_000) as ydl:
        with pytest.raises(Stopped) as caught:
            read_all(ydl, url)
        assert isinstance(caught.value.error, FileTooLarge)
        assert ydl.guard.received_bytes < 1_500_000


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(tls_site):
    with session() as ydl, pytest.raises(SourceUnreachable, match=r"(?i)certificate"):
        read_all(ydl, tls_site.file("/v.mp4", b"x"))
    assert tls_site.requests == []


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:text/plain,x", "ws://127.0.0.1/x"]
)
def test_no_other_scheme_is_spoken(url):
    with session() as ydl, pytest.raises(MediaError):
        ydl.fetch(url)


def test_an_address_is_checked_for_every_request(media_site):
    url = media_site.file("/v.mp4", b"x" * 100)
    with session(networks=()) as ydl, pytest.raises(UnsafeUrl):
        ydl.fetch(url)
    assert media_site.requests == []


def test_what_was_cancelled_makes_no_further_request(media_site):
    url = media_site.file("/v.mp4", b"x" * 100)
    wish = []
    with session(cancelled=lambda: bool(wish)) as ydl:
        assert read_all(ydl, url) == b"x" * 100
        wish.append(True)
        ydl.guard._look_again_at = 0.0
        for _ in range(2):
            with pytest.raises(Cancelled):
                ydl.fetch(url)
    assert len(media_site.requests) == 1


def test_two_guards_in_one_process_do_not_know_of_each_other(media_site):
    url = media_site.file("/v.mp4", b"x" * 100)
    with session() as open_one, session(networks=()) as closed_one:
        with pytest.raises(UnsafeUrl):
            closed_one.fetch(url)
        assert read_all(open_one, url) == b"x" * 100
        assert closed_one.guard.received_bytes == 0
