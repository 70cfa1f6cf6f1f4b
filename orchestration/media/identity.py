"""Say by what an episode is known again, whatever its publisher does to its address.

Podcast hosts and object stores write a signature, a token or an expiry into an address, anew for each reading, and move
files from http to https or behind another host. Where a feed gives an episode an id (`guid`, Atom's `id`), that decides;
else its address and title do, without what changes by itself; and the content hash catches the rest.
"""

from __future__ import annotations

import hashlib
import re
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit, urlunsplit

# S3 and those like it (X-Amz-*, AWSAccessKeyId), CloudFront (Policy, Signature, Key-Pair-Id, Expires), Google's storage
# (X-Goog-*, GoogleAccessId), Akamai (hdnts, __gda__), nginx's secure_link (md5, expires), Patreon (token-hash, token-time).
_SIGNATURE = re.compile(
    r"""x-(amz|goog|oss|bz|cos)-.* | awsaccesskeyid | googleaccessid | ossaccesskeyid
    | policy | key-pair-id | signature | sig | sign | hmac | digest | md5
    | expires? | expiry | expiration | exp | e?xpires?_?(at|in) | ttl | valid(from|to|until)
    | ((access|auth|session|security|download|play(back)?|media|url|jwt)[-_.]?)?token([-_.]?(hash|time|expires?))?
    | jwt | auth | authorization | auth[-_]?key | hdn(ts|ea|tl) | __gda__ | __token__
    | se?ss(ion)?[-_]?(id)? | j?sessionid | phpsessid | sid""",
    re.IGNORECASE | re.VERBOSE,
)
# Azure's shared access signatures are two or three letters each: they count beside a `sig` only.
_AZURE = frozenset(
    {"sv", "st", "se", "sr", "sp", "spr", "sip", "skoid", "sktid", "skt", "ske", "sks", "skv", "ss", "srt"}
)
_CHANGES = re.compile(
    r"updated?|nonce|rand(om)?|cb|cachebuster|_|ts|timestamp|dest-id|awcollectionid|awepisodeid",
    re.IGNORECASE,
)
_IN_PATH = re.compile(r";jsessionid=[^/;]*|/(hdn(ts|ea|tl)|token|exp|expires|sig)=[^/]*(?=/)", re.IGNORECASE)


def is_signed(url: str) -> bool:
    """Return whether an address carries a signature, a token or an expiry, so that it may stop working."""
    parts = _split(url)
    if parts is None:
        return False
    return bool(_IN_PATH.search(parts.path)) or any(_SIGNATURE.fullmatch(name) for name, _ in _query(parts))


def stable_address(url: str) -> str:
    """Return an address without what may change by itself: signature, token, expiry, session, scheme.

    What is no http(s) address is returned as it is.
    """
    parts = _split(url)
    if parts is None:
        return url
    pairs = _query(parts)
    names = {name.lower() for name, _ in pairs}
    kept = [
        (name, value)
        for name, value in pairs
        if not _SIGNATURE.fullmatch(name)
        and not _CHANGES.fullmatch(name)
        and not ("sig" in names and name.lower() in _AZURE)
    ]
    query = urlencode(kept, quote_via=quote, safe="/:@,", errors="surrogateescape")
    return urlunsplit(("", parts.netloc, _IN_PATH.sub("", parts.path), query, ""))


def address_key(canonical: str) -> str:
    """Return a SHA-256 in hex of what stays the same of a canonical address: what addresses are looked up by."""
    return _sha256("address", stable_address(canonical))


def identity_of_address(canonical: str) -> str:
    """Return the identity (a SHA-256 in hex) of an episode that only its address tells apart."""
    return _sha256("address", canonical)


def identity_of_guid(source: str, guid: str) -> str:
    """Return the identity (a SHA-256 in hex) of the episode to which a source, named by its address, gives this id."""
    return _sha256("guid", source, guid)


def _sha256(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parts if parts.scheme in ("http", "https") else None


def _query(parts: SplitResult) -> list[tuple[str, str]]:
    return parse_qsl(parts.query, keep_blank_values=True, errors="surrogateescape")
