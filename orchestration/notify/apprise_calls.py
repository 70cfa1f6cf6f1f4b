"""Speak to Apprise: what it takes as an address, and one message to one address. Nothing secret leaves this module.

Apprise writes whole addresses into its log. Its logger therefore leads nowhere, and of what it says about a try only the
last warning is kept, without anything that occurs in the address.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.conf import settings

from channels.gateways import redaction
from orchestration.errors import InvalidRequest
from orchestration.media import connections
from orchestration.media.addresses import IPNetwork
from orchestration.media.errors import MediaError, SourceUnreachable, UnsafeUrl
from orchestration.media.urls import check_form, resolve_fetchable
from orchestration.models.notify import HEARTBEAT, Severity

if TYPE_CHECKING:
    from apprise import AppriseAsset

MAX_URL = 2000
TIMEOUT_SECONDS = 10.0
ON_THIS_MACHINE = frozenset(
    {"blink1", "dbus", "file", "glib", "gnome", "kde", "macosx", "qt", "syslog", "windows"}
)
"""Schemes that reach the machine Headend runs on, and nobody who is away from it."""
READS_FILES = frozenset({"attach", "keyfile", "pgp", "pgpkey", "subfile", "template"})
"""Parameters by which a service reads a file of this machine, or fetches a further address."""
NOT_PUBLIC = "The address leads to a host that is not public; HEADEND_NOTIFY_PRIVATE_HOSTS would allow it."
OF_A_PLATFORM = "The address leads to the platform that this machine runs on, which is never called."
SHORTEST_SECRET = 4
_MENTION = re.compile(r"@(?=everyone|here|channel|all\b)|<(?=[!@#])", re.IGNORECASE)

_loading = threading.Lock()
_logger = logging.getLogger("apprise")
_logger.propagate = False
_logger.addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Checked:
    """What may be shown of an address: its scheme, and the beginning of its host."""

    kind: str
    shown: str


def check(url: str, *, heartbeat: bool = False) -> Checked:
    """Return what an address is, if a message can go there. Raises: InvalidRequest, with `url` as its field."""
    if len(url) > MAX_URL:
        raise _refused(f"The address is longer than {MAX_URL} characters.")
    scheme, separator, rest = url.partition("://")
    if not separator or not rest or not re.fullmatch(r"[a-zA-Z][a-zA-Z0-9+.-]*", scheme):
        raise _refused("This is no address: it has the form scheme://…, such as ntfy://ntfy.sh/topic.")
    scheme = scheme.lower()
    if heartbeat:
        return _check_heartbeat(url, scheme)
    if scheme in ON_THIS_MACHINE:
        raise _refused(f"{scheme}:// shows a message on the machine of Headend only, where nobody sees it.")
    _refuse_files(url)
    plugin = _plugin(url, scheme)
    kind = str(getattr(plugin, "url_schema", "") or "") or _scheme_of(plugin, scheme)
    if kind in ON_THIS_MACHINE:
        raise _refused(f"{kind}:// shows a message on the machine of Headend only, where nobody sees it.")
    _check_hosts(plugin)
    return Checked(kind[:40], masked(kind, url))


def _check_heartbeat(url: str, scheme: str) -> Checked:
    if scheme not in {"http", "https"}:
        raise _refused(f"A heartbeat is called by http or https, not by {scheme}://.")
    try:
        host, port = check_form(url)
    except MediaError as error:
        raise _refused(str(error)) from error
    check_host(host, port)
    return Checked(HEARTBEAT, masked(scheme, url))


def masked(scheme: str, url: str) -> str:
    """Return what is shown of an address; of many services the host is a token, so three characters at most."""
    host = unquote(re.split(r"[/?#]", url.partition("://")[2], maxsplit=1)[0]).rpartition("@")[2]
    return f"{scheme}://{host[:3] if len(host) >= 8 else ''}…"


def _refused(sentence: str) -> InvalidRequest:
    return InvalidRequest(sentence, field="url")


def _refuse_files(url: str) -> None:
    names = {
        name.lower().lstrip("+-:") for name, _ in parse_qsl(url.partition("?")[2], keep_blank_values=True)
    }
    if forbidden := sorted(names & READS_FILES):
        raise _refused(
            f"The parameter {forbidden[0]} makes a service read a file or a further address, which is not allowed."
        )


def _scheme_of(plugin: Any, given: str) -> str:
    """Return the scheme under which Apprise knows a service; an https:// address may be one of a known service."""
    if given not in {"http", "https"}:
        return given
    known = plugin.secure_protocol or plugin.protocol or given
    return str(known if isinstance(known, str) else known[0])


def _asset() -> AppriseAsset:
    from apprise import AppriseAsset

    return AppriseAsset(app_id="Headend", app_desc="Headend", http_redirects=False, secure_logging=True)


def _services() -> Any:
    """Return Apprise's register of services, read once: it takes half a second, and two readers at once get in the way."""
    from apprise import NotificationManager

    with _loading:
        known = NotificationManager()
        known.load_modules()
    return known


def _plugin(url: str, scheme: str) -> Any:
    """Return Apprise's sender of an address, which follows no redirect and waits no longer than we do."""
    from apprise import Apprise

    known = _services()
    if scheme not in {"http", "https"} and scheme not in known:
        raise _refused(f"Apprise does not know the scheme '{scheme[:40]}://'.")
    if scheme in known and not known[scheme].enabled:
        raise _refused(f"{scheme}:// needs a Python package that is not installed here.")
    try:
        plugin = Apprise.instantiate(url, asset=_asset(), suppress_exceptions=True)
    except Exception:  # a parser of some service that breaks over what was typed
        plugin = None
    if plugin is None:
        raise _refused(
            f"Apprise knows {scheme}://, but something is missing or wrong after it; its form is shown at "
            "https://appriseit.com/services/."
        )
    plugin.redirects = False
    plugin.socket_connect_timeout = min(plugin.socket_connect_timeout, TIMEOUT_SECONDS / 2)
    plugin.socket_read_timeout = min(plugin.socket_read_timeout, TIMEOUT_SECONDS)
    return plugin


# -------------------------------------------------------------------------------------------------------------- sending


def send(url: str, *, title: str, body: str, html: str = "", severity: str = Severity.INFO) -> str:
    """Send one message; returns why it did not arrive, without anything secret, or nothing if it was taken."""
    from apprise import NotifyFormat, NotifyType

    by_severity = {
        Severity.INFO: NotifyType.INFO,
        Severity.WARNING: NotifyType.WARNING,
        Severity.ERROR: NotifyType.FAILURE,
        Severity.CRITICAL: NotifyType.FAILURE,
    }
    try:
        plugin = _plugin(url, url.partition("://")[0].lower())
        _check_hosts(plugin)
    except InvalidRequest as error:
        return error.message
    # What it shows by itself, or what `?format=` of its address asks for.
    wants_html = bool(html) and plugin.resolve_format() == NotifyFormat.HTML
    with _overheard() as said, connections.only_to(opened()) as watch:
        try:
            taken = plugin.notify(
                title=harmless(" ".join(title.split())),
                body=html if wants_html else harmless(body),
                notify_type=by_severity[Severity(severity)],
                body_format=NotifyFormat.HTML if wants_html else NotifyFormat.TEXT,
            )
        except Exception as error:  # whatever a library of some service raises
            return redacted(f"{type(error).__name__}: {error}", url)
    if watch.refused:
        return OF_A_PLATFORM if settings.HEADEND_NOTIFY_PRIVATE_HOSTS else NOT_PUBLIC
    return "" if taken else redacted(said[-1] if said else "The service did not take it.", url)


def harmless(text: str) -> str:
    """Return text in which nothing calls a whole room: titles of videos are other people's words."""
    return _MENTION.sub(lambda match: match[0] + "\u200b", text)


def redacted(text: str, url: str) -> str:
    """Return a sentence without anything that occurs in the address, nor any other address; fits its column."""
    parts = urlsplit(url.partition("://")[2].join(("x://", "")))
    pieces = {url, parts.netloc, *re.split(r"[/:@,]", parts.netloc), *parts.path.split("/")}
    pieces |= {value for _, value in parse_qsl(parts.query)}
    pieces |= {unquote(piece) for piece in pieces}
    for piece in sorted(pieces, key=len, reverse=True):
        if len(piece) >= SHORTEST_SECRET:
            text = text.replace(piece, "[hidden]")
    text = re.sub(r"[a-zA-Z][a-zA-Z0-9+.-]*://\S+", "[hidden]", text)
    return " ".join(redaction.hidden(text).split())[:300]


@contextmanager
def _overheard() -> Iterator[list[str]]:
    """Collect what Apprise says in this thread, from warnings up."""
    said: list[str] = []
    mine = threading.get_ident()

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == mine:
                said.append(record.getMessage())

    listener = Listener(level=logging.WARNING)
    _logger.addHandler(listener)
    try:
        yield said
    finally:
        _logger.removeHandler(listener)


# ------------------------------------------------------------------------------------------------------- where it leads


def _check_hosts(plugin: Any) -> None:
    """Refuse hosts that must not be reached.

    Of a service with an address of its own, the "host" is a token or a topic, which leads nowhere.
    """
    for name in ("host", "smtp_host"):
        host = getattr(plugin, name, None)
        if isinstance(host, str) and host:
            check_host(host, getattr(plugin, "port", None) or 443)


def opened() -> Sequence[IPNetwork]:
    """Return the networks that may be reached beside the public internet; never a cloud platform's own addresses."""
    return connections.ANYWHERE if settings.HEADEND_NOTIFY_PRIVATE_HOSTS else ()


def check_host(host: str, port: int) -> None:
    """Refuse a host that is found and must not be reached; asked again as the connection is made. Raises: InvalidRequest."""
    try:
        resolve_fetchable(host, port, allowed_networks=opened())
    except UnsafeUrl:
        raise _refused(NOT_PUBLIC if not settings.HEADEND_NOTIFY_PRIVATE_HOSTS else OF_A_PLATFORM) from None
    except SourceUnreachable:
        return
