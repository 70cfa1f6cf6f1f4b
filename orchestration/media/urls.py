"""Decide which addresses Headend may fetch, and when two addresses mean the same video.

A source's address is typed by an operator, and what it leads to is chosen by whoever runs that site:
without a check, a page could send Headend to the cloud's metadata service or to its own database.
`check_fetchable` is the first check. It cannot hold alone, because a name may resolve to
something else a moment later and a redirect leads elsewhere; therefore `fetch.py` asks
`resolve_fetchable` again for every connection and connects to the very address that was approved.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

from .addresses import IPAddress, IPNetwork, why_refused
from .errors import SourceUnreachable, UnsafeUrl, YouTubeRefused

AddressInfo = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple]

DEFAULT_PORTS = {"http": 80, "https": 443}

TRACKING = re.compile(
    r"""(utm|mtm|pk|hsa)_.*
    | fbclid | gclid | gclsrc | dclid | gbraid | wbraid | msclkid | yclid | ysclid | twclid | ttclid
    | igshid | igsh | li_fat_id | mc_cid | mc_eid | mkt_tok | _ga | _gl | _hsenc | _hsmi | s_cid
    | oly_anon_id | oly_enc_id | vero_id | wickedid""",
    re.IGNORECASE | re.VERBOSE,
)

YOUTUBE_DOMAINS = (
    "youtube.com",
    "youtu.be",
    "youtube-nocookie.com",
    "youtubekids.com",
    "youtubeeducation.com",
    "yt.be",
    "youtube.googleapis.com",
    "googlevideo.com",
)


def canonical_url(url: str) -> str:
    """Write an address the one way that all its spellings share, so that no video is taken twice.

    Lower-cases scheme and host, drops the default port, credentials, fragment and tracking
    parameters, sorts the query by name (repeated names keep their order) and writes escapes alike.
    `http` and `https` stay different, as do paths with and without a trailing slash: nothing proves
    that a server answers the same for both, and the content hash catches what this leaves apart.

    Raises: UnsafeUrl when it is not an http(s) address at all.
    """
    parts = _split(url)
    host = _host_of(parts)
    port = _port_of(parts)
    authority = f"[{host}]" if ":" in host else host
    if port != DEFAULT_PORTS[parts.scheme]:
        authority += f":{port}"
    path = _normal_escapes(parts.path)
    pairs = [
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True, errors="surrogateescape")
        if not TRACKING.fullmatch(name)
    ]
    pairs.sort(key=lambda pair: pair[0])
    query = urlencode(pairs, quote_via=quote, safe="/:@,", errors="surrogateescape")
    return urlunsplit((parts.scheme, authority, path or "/", query, ""))


def without_secrets(url: str) -> str:
    """Return an address as whoever may only read is shown it: no credentials, and of its query the names alone.

    What opens a file stands there: a token, a signature. What is no http(s) address, such as a folder, is left as it is.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if parts.scheme not in DEFAULT_PORTS:
        return url
    host = parts.netloc.rpartition("@")[2]
    names = dict.fromkeys(name for name, _ in parse_qsl(parts.query, keep_blank_values=True))
    return urlunsplit((parts.scheme, host, parts.path, "&".join(f"{name}=…" for name in names), ""))


def without_secrets_in(value: Any) -> Any:
    """Return a JSON value with every address in it as `without_secrets` writes it."""
    if isinstance(value, str):
        return without_secrets(value) if value.startswith(("http://", "https://")) else value
    if isinstance(value, Mapping):
        return {name: without_secrets_in(part) for name, part in value.items()}
    return [without_secrets_in(part) for part in value] if isinstance(value, list | tuple) else value


def is_youtube(url: str) -> bool:
    """Return whether an address belongs to YouTube, the player and the file hosts included."""
    try:
        host = (urlsplit(url.strip()).hostname or "").rstrip(".").lower()
    except ValueError:
        return False
    return any(host == domain or host.endswith("." + domain) for domain in YOUTUBE_DOMAINS)


def check_fetchable(url: str, *, allowed_networks: Sequence[IPNetwork]) -> None:
    """Refuse an address that Headend must not fetch; resolves the host's name.

    Every address that the name resolves to has to be public, or inside `allowed_networks` (what the
    operator opened on purpose: a media server in the house, the demo's loopback).

    Raises: UnsafeUrl; YouTubeRefused; SourceUnreachable when the name does not resolve.
    """
    host, port = check_form(url)
    resolve_fetchable(host, port, allowed_networks=allowed_networks)


def check_form(url: str) -> tuple[str, int]:
    """Check all of an address that needs no look-up, and return its host and port.

    Raises: UnsafeUrl; YouTubeRefused.
    """
    parts = _split(url)
    if parts.username is not None or parts.password is not None:
        raise UnsafeUrl("The address holds a user name or a password; credentials do not belong in a URL.")
    host, port = _host_of(parts), _port_of(parts)
    if is_youtube(url):
        raise YouTubeRefused(
            f"{host} belongs to YouTube. Its developer policies forbid an API client to scrape it: "
            "give the video's own file, or another place where its owner offers it."
        )
    return host, port


def resolve_fetchable(
    host: str, port: int, *, allowed_networks: Sequence[IPNetwork]
) -> Sequence[AddressInfo]:
    """Resolve a host and return the addresses, all of them approved, to connect to.

    One refused address refuses the host: a name that is half public and half private is how a
    rebinding attack looks, and no honest video site needs it.

    Raises: UnsafeUrl; SourceUnreachable when the name does not resolve.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise SourceUnreachable(f"The host {host} could not be found: {error}") from error
    if not found:
        raise SourceUnreachable(f"The host {host} has no address.")
    for *_, sockaddr in found:
        address = ipaddress.ip_address(str(sockaddr[0]).partition("%")[0])
        if what := why_refused(address, allowed_networks):
            raise UnsafeUrl(f"The host {host} leads to {address}, which is not a public address ({what}).")
    return found


def is_allowed_address(address: IPAddress, allowed_networks: Sequence[IPNetwork] = ()) -> bool:
    """Return whether Headend may connect to an address."""
    return not why_refused(address, allowed_networks)


def _split(url: str) -> SplitResult:
    text = url.strip()
    if re.search(r"[\x00-\x20\x7f\\]", text):
        raise UnsafeUrl("The address holds a space, a backslash or a control character.")
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise UnsafeUrl(f"This is not an address: {error}") from error
    if parts.scheme not in DEFAULT_PORTS:
        raise UnsafeUrl(
            f"Only http and https addresses are fetched, not {parts.scheme or 'one without a scheme'}."
        )
    return parts


def _host_of(parts: SplitResult) -> str:
    """Return the host in lower case and in its ASCII form."""
    host = (parts.hostname or "").rstrip(".")
    if not host:
        raise UnsafeUrl("The address has no host.")
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError as error:
            raise UnsafeUrl(f"The host {host} is not a valid name.") from error
    return host.lower()


def _port_of(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError as error:
        raise UnsafeUrl("The port of the address is not a number from 1 to 65535.") from error
    if port == 0:
        raise UnsafeUrl("The port of the address is not a number from 1 to 65535.")
    return port or DEFAULT_PORTS[parts.scheme]


def _normal_escapes(path: str) -> str:
    """Write escapes in capitals and free the characters that never needed one (RFC 3986, 6.2.2)."""

    def one(match: re.Match[str]) -> str:
        character = chr(int(match[1], 16))
        return character if re.fullmatch(r"[A-Za-z0-9\-._~]", character) else match[0].upper()

    escaped = quote(path, safe="/:@!$&'()*+,;=-._~%", errors="surrogateescape")
    return re.sub(r"%([0-9A-Fa-f]{2})", one, escaped)
