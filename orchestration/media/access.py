"""Open a source that asks who is there: a login, cookies or headers, sent to the origins they are for and to no other.

An origin is scheme, host and port (RFC 6454). What is given is added to each request at the last moment, hop by hop, so
that no redirect carries it on; yt-dlp, its extractors and its notes on disk never see it.
"""

from __future__ import annotations

import base64
import html
import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit
from urllib.request import Request

from .errors import MediaError
from .urls import DEFAULT_PORTS, check_form

HIDDEN = "[hidden]"
MAX_HEADERS = 20
MAX_COOKIES = 200
MAX_HOSTS = 20
MAX_VALUE = 8192
SHORTEST_SECRET = 6
"""A shorter value of a cookie or header (`1`, `en`) is no secret, and hiding it would only spoil texts."""
NOT_TO_BE_SET = frozenset(
    {
        *("accept-encoding", "connection", "content-length", "expect", "host", "if-range", "keep-alive"),
        *("proxy-authorization", "range", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
"""What belongs to a transfer, not to who asks."""
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

Row = TypeVar("Row")


class AccessUnusable(ValueError):
    """What was given cannot be sent; `field` says which part of it."""

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(message)
        self.message, self.field = message, field


@dataclass(frozen=True, slots=True, repr=False)
class Cookie:
    """One cookie; without a domain it goes to every origin of its `Access`. `expires` are seconds of the epoch, 0: never."""

    name: str
    value: str
    domain: str = ""
    path: str = "/"
    secure: bool = False
    expires: int = 0

    def goes_to(self, scheme: str, host: str, path: str, now: float) -> bool:
        """Return whether a browser would send it there (RFC 6265, 5.4)."""
        if self.domain and host != self.domain and not host.endswith("." + self.domain):
            return False
        if self.secure and scheme != "https":
            return False
        if self.expires and self.expires <= now:
            return False
        base = self.path.rstrip("/")
        return not base or path == base or path.startswith(base + "/")


@dataclass(frozen=True, slots=True, repr=False)
class Access:
    """What opens a source. Its values are secrets: never log one, never show one; `summary` may be shown."""

    origins: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    cookies: tuple[Cookie, ...] = ()
    username: str = ""
    password: str = field(default="")

    def __repr__(self) -> str:
        return f"Access({', '.join(self.origins)})"

    def covers(self, url: str) -> bool:
        """Return whether it may be sent to an address."""
        try:
            return origin_of(url) in self.origins
        except MediaError:
            return False

    def apply(self, request: Request) -> None:
        """Add it to one request of urllib, if that goes to one of its origins; a redirect does not take it along."""
        if not self.covers(request.full_url):
            return
        parts = urlsplit(request.full_url)
        for name, value in self.headers:
            request.add_unredirected_header(name.capitalize(), value)
        if self.username or self.password:
            request.add_unredirected_header("Authorization", self._basic())
        host = (parts.hostname or "").rstrip(".").lower()
        now, path = time.time(), parts.path or "/"
        ours = {c.name: c.value for c in self.cookies if c.goes_to(parts.scheme, host, path, now)}
        if ours:
            # What the site has set meanwhile is newer than what was given.
            theirs = request.unredirected_hdrs.get("Cookie", "")
            known = {pair.partition("=")[0].strip() for pair in theirs.split(";")}
            pairs = [f"{name}={value}" for name, value in ours.items() if name not in known]
            request.add_unredirected_header("Cookie", "; ".join([*pairs, *([theirs] if theirs else [])]))

    def _basic(self) -> str:
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()  # RFC 7617

    # --- what it says without its secrets ------------------------------------------------------------------------

    def summary(self) -> dict[str, Any]:
        """Return what may be stored in the open and shown: that there is a login, how many cookies, names of headers."""
        return {
            "login": bool(self.username or self.password),
            "cookies": len(self.cookies),
            "headers": [name for name, _ in self.headers],
            "hosts": list(self.origins),
        }

    def hide(self, text: str) -> str:
        """Return a text of the source without what it may have echoed of the secrets."""
        for secret in self._secrets():
            text = text.replace(secret, HIDDEN)
        return text

    def hide_in(self, rows: Iterable[Row]) -> list[Row]:
        """Return dataclasses of texts from the source without the secrets; one whose address holds one is left out."""
        kept = []
        for row in rows:
            changes: dict[str, Any] = {}
            for part in fields(row):  # type: ignore[arg-type]
                value = getattr(row, part.name)
                if isinstance(value, str):
                    clean: Any = self.hide(value)
                elif isinstance(value, tuple):
                    clean = tuple(self.hide(item) if isinstance(item, str) else item for item in value)
                else:
                    continue
                if clean != value:
                    changes[part.name] = clean
            if not {"url", "canonical_url"} & changes.keys():
                kept.append(replace(row, **changes) if changes else row)  # type: ignore[type-var]
        return kept

    def _secrets(self) -> list[str]:
        values = [self.password, self._basic().removeprefix("Basic ") if self.password else ""]
        for value in [value for _, value in self.headers] + [cookie.value for cookie in self.cookies]:
            values += [value, value.rpartition(" ")[2]]  # also without the word Bearer
        found = {value for value in values if len(value) >= SHORTEST_SECRET}
        if self.password:
            found.add(self.password)
        for value in tuple(found):
            found |= {quote(value), quote(value, safe=""), html.escape(value)}
        return sorted(found, key=len, reverse=True)

    # --- as it is sealed -----------------------------------------------------------------------------------------

    def document(self) -> dict[str, Any]:
        """Return all of it, secrets included, to be sealed."""
        return asdict(self)

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Access:
        """Return what `document` gave."""
        return cls(
            origins=tuple(document["origins"]),
            headers=tuple((name, value) for name, value in document["headers"]),
            cookies=tuple(Cookie(**cookie) for cookie in document["cookies"]),
            username=document["username"],
            password=document["password"],
        )

    @classmethod
    def make(
        cls,
        url: str,
        *,
        username: str = "",
        password: str = "",
        cookies: str = "",
        headers: Sequence[str] = (),
        hosts: Sequence[str] = (),
    ) -> Access:
        """Read what a person gave for the source at `url`.

        `cookies` is a line as a browser sends it (`a=1; b=2`) or a file of the Netscape form, of which only what is for
        the source's hosts is kept; `headers` are `Name: value`; `hosts` are further hosts to which all may go, https
        where no scheme is written. Raises: AccessUnusable; MediaError for an address that is none.
        """
        origins = _origins(url, hosts)
        access = cls(
            origins=origins,
            headers=_headers(headers, has_login=bool(username or password)),
            cookies=_cookies(cookies, origins),
            username=username,
            password=password,
        )
        for name, value in (("username", username), ("password", password)):
            if _CONTROL.search(value):
                raise AccessUnusable(f"The {name} holds a control character.", field=name)
            if len(value) > MAX_VALUE:
                raise AccessUnusable(f"The {name} is longer than {MAX_VALUE} characters.", field=name)
            if any("\ud800" <= character <= "\udfff" for character in value):
                raise AccessUnusable(f"The {name} holds half of a surrogate pair.", field=name)
        if ":" in username:
            raise AccessUnusable(
                "The user name holds a colon, which HTTP's login cannot carry.", field="username"
            )
        if password and not username:
            raise AccessUnusable("A password was given without a user name.", field="username")
        if not (access.headers or access.cookies or access.username):
            raise AccessUnusable("No login, no cookies and no headers were given.", field="username")
        return access


def origin_of(url: str) -> str:
    """Return scheme, host and port of an address, as one text. Raises: UnsafeUrl, YouTubeRefused."""
    host, port = check_form(url)
    scheme = urlsplit(url.strip()).scheme
    name = f"[{host}]" if ":" in host else host
    return f"{scheme}://{name}" + ("" if port == DEFAULT_PORTS[scheme] else f":{port}")


def _origins(url: str, hosts: Sequence[str]) -> tuple[str, ...]:
    own = origin_of(url)
    found = [own]
    if own.startswith("http://") and urlsplit(own).port is None:
        found.append("https" + own.removeprefix("http"))  # the same host, safer
    if len(hosts) > MAX_HOSTS:
        raise AccessUnusable(f"More than {MAX_HOSTS} hosts were named.", field="hosts")
    for text in filter(None, (host.strip() for host in hosts)):
        address = text if "://" in text else f"https://{text}"
        try:
            origin = origin_of(address)
        except MediaError as error:
            raise AccessUnusable(f"{text[:80]!r} is not a host: {error}", field="hosts") from error
        if urlsplit(address).path.strip("/") or urlsplit(address).query:
            raise AccessUnusable(f"{text[:80]!r} is more than a host: name no path.", field="hosts")
        found.append(origin)
    return tuple(dict.fromkeys(found))


def _headers(lines: Sequence[str], *, has_login: bool) -> tuple[tuple[str, str], ...]:
    found: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(filter(None, (line.strip() for line in lines)), start=1):
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon or not _TOKEN.fullmatch(name):
            # The line may be the secret itself: it is not repeated.
            raise AccessUnusable(f"Header {number} is not of the form Name: value.", field="headers")
        if not value:
            raise AccessUnusable(f"Header {name} has no value.", field="headers")
        if name.lower() in NOT_TO_BE_SET:
            raise AccessUnusable(
                f"Header {name} belongs to the transfer and cannot be given.", field="headers"
            )
        if name.lower() == "cookie":
            raise AccessUnusable("Give cookies as cookies, not as a header.", field="headers")
        if name.lower() == "authorization" and has_login:
            raise AccessUnusable("Give a login or the header Authorization, not both.", field="headers")
        if name.lower() in found:
            raise AccessUnusable(f"Header {name} is given twice.", field="headers")
        _check_value(f"Header {name}", value, "headers")
        found[name.lower()] = (name, value)
    if len(found) > MAX_HEADERS:
        raise AccessUnusable(f"More than {MAX_HEADERS} headers were given.", field="headers")
    return tuple(found.values())


def _check_value(what: str, value: str, field: str) -> None:
    if _CONTROL.search(value):
        raise AccessUnusable(f"{what} holds a control character.", field=field)
    if len(value) > MAX_VALUE:
        raise AccessUnusable(f"{what} is longer than {MAX_VALUE} characters.", field=field)
    try:
        value.encode("latin-1")
    except UnicodeEncodeError as error:
        raise AccessUnusable(f"{what} holds a character that no header can carry.", field=field) from error


def _cookies(text: str, origins: Sequence[str]) -> tuple[Cookie, ...]:
    text = text.strip()
    if not text:
        return ()
    is_file = "\t" in text or text.startswith(("# Netscape", "# HTTP Cookie"))
    found = _of_cookie_file(text, origins) if is_file else _of_cookie_line(text)
    if len(found) > MAX_COOKIES:
        raise AccessUnusable(f"More than {MAX_COOKIES} cookies were given.", field="cookies")
    return tuple(found)


def _of_cookie_line(text: str) -> list[Cookie]:
    text = re.sub(r"^cookie:\s*", "", text, flags=re.IGNORECASE)
    found = []
    for number, pair in enumerate(filter(None, (pair.strip() for pair in text.split(";"))), start=1):
        name, equals, value = pair.partition("=")
        if not equals or not _TOKEN.fullmatch(name.strip()):
            raise AccessUnusable(f"Cookie {number} is not of the form name=value.", field="cookies")
        _check_value(f"Cookie {number}", value, "cookies")
        found.append(Cookie(name.strip(), value.strip()))
    return found


def _of_cookie_file(text: str, origins: Sequence[str]) -> list[Cookie]:
    """Read the form that browsers' add-ons and curl write: domain, subdomains, path, secure, expires, name, value."""
    hosts = [urlsplit(origin).hostname or "" for origin in origins]
    found, over = [], 0
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.removeprefix("#HttpOnly_")
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split("\t")
        if len(parts) != 7 or not _TOKEN.fullmatch(parts[5]):
            raise AccessUnusable(
                f"Line {number} of the cookies is not one of a cookie file.", field="cookies"
            )
        domain, _, path, secure, expires, name, value = parts
        domain = domain.lstrip(".").lower()
        if not domain or not any(host == domain or host.endswith("." + domain) for host in hosts):
            continue
        try:
            ends = int(float(expires or 0))
        except (ValueError, OverflowError) as error:
            raise AccessUnusable(
                f"Line {number} of the cookies has no time of expiry.", field="cookies"
            ) from error
        if ends and ends <= time.time():
            over += 1
            continue
        _check_value(f"The cookie of line {number}", value, "cookies")
        if ";" in value:
            raise AccessUnusable(f"The cookie of line {number} holds a semicolon.", field="cookies")
        found.append(Cookie(name, value, domain, path or "/", secure.upper() == "TRUE", max(ends, 0)))
    if not found:
        why = "all of them have expired" if over else f"none of them is for {hosts[0]}"
        raise AccessUnusable(f"The cookies do not help: {why}.", field="cookies")
    return found
