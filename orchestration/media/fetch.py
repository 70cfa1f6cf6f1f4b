"""Speak HTTP through yt-dlp's networking, and only to addresses that Headend may reach.

yt-dlp sends every request of its extractors and downloaders through the request handlers of its
`YoutubeDL` object. `GuardedYoutubeDL` has exactly one: `GuardedRH`, a urllib handler that

- speaks http and https only (no ftp, no data, no file, no websocket) and uses no proxy, because
  behind a proxy nobody could say which address is reached;
- checks every request, each hop of a redirect included, and resolves, approves and connects in one step, so that a name
  that changes its address in between (DNS rebinding) reaches nothing;
- counts what it receives, and looks at the deadline and at the caller's wish to cancel while it
  waits for bytes, so that a silent server does not hold a worker.

Everything hangs on the one object made for one call. Nothing global is patched, so other threads
and other uses of sockets in the process are untouched. What the guard cannot see is a program that
fetches by itself: yt-dlp is therefore not given an ffmpeg (`ffmpeg_location` names a file that does
not exist), no external downloader and no JavaScript runtime.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import logging
import re
import select
import selectors
import socket
import ssl
import time
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import yt_dlp
import yt_dlp.globals
from yt_dlp.downloader.dash import DashSegmentsFD
from yt_dlp.downloader.fragment import FragmentFD
from yt_dlp.downloader.hls import HlsFD
from yt_dlp.networking import Request, Response
from yt_dlp.networking import _urllib as yt_urllib
from yt_dlp.networking.exceptions import HTTPError, RequestError

from channels.gateways import observed

from .access import Access
from .addresses import IPNetwork
from .errors import (
    AccessRefused,
    Cancelled,
    FileTooLarge,
    MediaError,
    SourceTimedOut,
    SourceUnreachable,
    UnsafeUrl,
)
from .urls import check_form, resolve_fetchable

logger = logging.getLogger(__name__)

# Plugins are code found on the machine; only what the requirements name may run here.
yt_dlp.globals.plugin_dirs.value = []

SOCKET_TIMEOUT_SECONDS = 20.0
LOOK_EVERY_SECONDS = 0.2
MAX_PAGE_BYTES = 32 * 1024 * 1024
SEGMENTS_DOWNLOADERS: dict[str, type[FragmentFD]] = {
    "m3u8_native": HlsFD,
    "http_dash_segments": DashSegmentsFD,
}


class Stopped(RequestError):
    """Carry one of our errors through yt-dlp, which lets its own network errors pass unchanged."""

    def __init__(self, error: MediaError) -> None:
        super().__init__(str(error))
        self.error = error


class Guard:
    """Watch over the requests of one call: where they go, what opens it, how long they take, how much they bring."""

    def __init__(
        self,
        *,
        allowed_networks: Sequence[IPNetwork],
        timeout_seconds: float,
        max_received_bytes: int,
        cancelled: Callable[[], bool] | None = None,
        access: Access | None = None,
    ) -> None:
        self.access = access
        self.allowed_networks = tuple(allowed_networks)
        self.timeout_seconds = timeout_seconds
        self.max_received_bytes = max_received_bytes
        self.received_bytes = 0
        self.stopped: MediaError | None = None  # ends the whole call
        self.refused: MediaError | None = None  # one address was refused; another may still do
        self._cancelled = cancelled
        self._deadline = time.monotonic() + timeout_seconds
        self._look_again_at = 0.0

    def check(self) -> None:
        """Stop the call when it has been cancelled or its time is over.

        `cancelled` is asked in the caller's own thread and a few times a second at most, so that it
        may look into the database.
        """
        now = time.monotonic()
        if self.stopped is None and now >= self._look_again_at:
            self._look_again_at = now + LOOK_EVERY_SECONDS
            if self._cancelled is not None and self._cancelled():
                self.stopped = Cancelled("Cancelled while fetching.")
        if self.stopped is None and now >= self._deadline:
            self.stopped = SourceTimedOut(f"The source took longer than {self.timeout_seconds:g} s.")
        if self.stopped is not None:
            raise Stopped(self.stopped)

    def stop(self, error: MediaError) -> Stopped:
        """End the whole call with this error; returns what to raise."""
        self.stopped = self.stopped or error
        return Stopped(self.stopped)

    def vet(self, url: str) -> None:
        """Check the form of an address before a request for it is made."""
        self.check()
        try:
            check_form(url)
        except MediaError as error:
            self.refused = error
            raise Stopped(error) from error

    def connect(
        self, address: tuple[str, int], timeout: float, source_address: Any = None, **_: Any
    ) -> socket.socket:
        """Resolve, approve and connect in one step; takes the place of `socket.create_connection`."""
        self.check()
        host, port = address
        try:
            candidates = resolve_fetchable(host, port, allowed_networks=self.allowed_networks)
        except SourceUnreachable as error:
            raise OSError(str(error)) from error
        except MediaError as error:
            self.refused = error
            raise Stopped(error) from error
        failure: OSError | None = None
        for family, kind, protocol, _name, sockaddr in candidates:
            connection = _watched(socket.socket, self)(family, kind, protocol)
            try:
                connection.settimeout(min(timeout, SOCKET_TIMEOUT_SECONDS))
                connection.connect(sockaddr)
                return connection
            except OSError as error:
                connection.close()
                failure = error
                self.check()
        raise failure or OSError(f"The host {host} has no address.")

    def count(self, size_bytes: int) -> None:
        """Count received bytes, and stop the call at the limit whatever the server had announced."""
        self.received_bytes += size_bytes
        if self.received_bytes > self.max_received_bytes:
            raise self.stop(
                FileTooLarge(
                    f"The source sent more than {self.max_received_bytes} bytes.",
                    max_bytes=self.max_received_bytes,
                )
            )


def _watched(base: type, guard: Guard) -> Any:
    """Make a socket class that looks at its guard while it waits for bytes."""

    class Watched(base):
        __slots__ = ()

        def recv_into(self, *args: Any, **kwargs: Any) -> int:
            waited_until = time.monotonic() + (self.gettimeout() or SOCKET_TIMEOUT_SECONDS)
            pending = getattr(self, "pending", None)  # bytes that TLS has already decrypted
            while not ((pending and pending()) or _readable(self, LOOK_EVERY_SECONDS)):
                guard.check()
                if time.monotonic() >= waited_until:
                    raise TimeoutError("The source sent nothing for too long.")
            guard.check()
            received = super().recv_into(*args, **kwargs)
            guard.count(received)
            return received

    return Watched


def _readable(connection: socket.socket, seconds: float) -> bool:
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    with selectors.DefaultSelector() as selector:
        selector.register(connection, selectors.EVENT_READ)
        return bool(selector.select(seconds))


class _GuardedHTTPHandler(yt_urllib.HTTPHandler):
    """Open connections through the guard, and never unpack an answer into more than a page's size."""

    def __init__(self, guard: Guard, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._guard = guard

    def http_open(self, req: urllib.request.Request) -> Any:
        self._prepare(req)
        return self.do_open(functools.partial(_connection, http.client.HTTPConnection, self._guard), req)

    def https_open(self, req: urllib.request.Request) -> Any:
        self._prepare(req)
        return self.do_open(
            functools.partial(_connection, http.client.HTTPSConnection, self._guard),
            req,
            context=self._context,
        )

    def _prepare(self, req: urllib.request.Request) -> None:
        """Check one hop, and let it carry what opens the source if it goes there."""
        self._guard.vet(req.full_url)
        if self._guard.access is not None:
            self._guard.access.apply(req)

    @staticmethod
    def gz(data: bytes) -> bytes:
        return _unpack(data, zlib.MAX_WBITS | 16)

    @staticmethod
    def deflate(data: bytes) -> bytes:
        try:
            return _unpack(data, -zlib.MAX_WBITS)
        except zlib.error:
            return _unpack(data, zlib.MAX_WBITS)


def _connection(http_class: type[http.client.HTTPConnection], guard: Guard, *args: Any, **kwargs: Any) -> Any:
    connection = http_class(*args, **kwargs)
    connection._create_connection = guard.connect  # type: ignore[attr-defined]  # the hook that yt-dlp's own handler uses, too
    return connection


def _unpack(data: bytes, window_bits: int) -> bytes:
    if not data:
        return data
    unpacker = zlib.decompressobj(window_bits)
    unpacked = unpacker.decompress(data, MAX_PAGE_BYTES)
    if unpacker.unconsumed_tail:
        raise zlib.error(f"the answer unpacks to more than {MAX_PAGE_BYTES} bytes")
    return unpacked


class GuardedRH(yt_urllib.UrllibRH):
    """Be the only way out for one `GuardedYoutubeDL`."""

    _SUPPORTED_URL_SCHEMES = ("http", "https")
    guard: Guard

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._answers: list[Response] = []

    def _send(self, request: Request) -> Response:
        """Send a request, and remember its answer until somebody has closed it.

        yt-dlp drops answers with an error status, and pages of which it has read enough, without closing
        them; their sockets would stay open until the cycle collector comes by.
        """
        self._answers = [answer for answer in self._answers if not answer.closed]
        try:
            with observed.request(request.method, request.url) as heard:
                try:
                    answer = super()._send(request)
                except HTTPError as error:
                    heard.take(error.status, error.response.headers)
                    raise
                heard.take(answer.status, answer.headers)
        except HTTPError as error:
            self._answers.append(error.response)
            raise
        self._answers.append(answer)
        return answer

    def close(self) -> None:
        for answer in self._answers:
            answer.close()
        self._answers.clear()
        super().close()

    def _create_instance(self, proxies, cookiejar, legacy_ssl_support=None):
        context = self._make_sslcontext(legacy_ssl_support=legacy_ssl_support)
        context.sslsocket_class = _watched(ssl.SSLSocket, self.guard)
        opener = urllib.request.OpenerDirector()
        for handler in (
            _GuardedHTTPHandler(self.guard, context),
            urllib.request.HTTPCookieProcessor(cookiejar),
            urllib.request.UnknownHandler(),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPErrorProcessor(),
            yt_urllib.RedirectHandler(),  # each hop is one more request, checked like the first
        ):
            opener.add_handler(handler)
        opener.addheaders = []
        return opener

    def _get_proxies(self, request: Request) -> dict:
        return {}


class _Quiet:
    """Give yt-dlp's chatter to our log at debug level; it never writes to the terminal."""

    def debug(self, message: str) -> None:
        logger.debug("yt-dlp: %s", message)

    info = warning = error = debug


class GuardedYoutubeDL(yt_dlp.YoutubeDL):
    """Be a yt-dlp that reads no configuration, writes no cache, prints nothing and asks the guard."""

    def __init__(self, guard: Guard, **params: Any) -> None:
        self.guard = guard
        super().__init__(
            {
                "logger": _Quiet(),
                "quiet": True,
                "noprogress": True,
                "no_color": True,
                "cachedir": False,
                "usenetrc": False,
                "proxy": "",
                "js_runtimes": {},
                "remote_components": (),
                "allowed_extractors": ["default", "-youtube.*"],
                "ffmpeg_location": "/nonexistent/headend-gives-yt-dlp-no-ffmpeg",
                "socket_timeout": min(SOCKET_TIMEOUT_SECONDS, guard.timeout_seconds),
                "extractor_retries": 1,
                "retries": 3,
                "fragment_retries": 3,
                "skip_unavailable_fragments": False,
                "check_formats": False,
                "updatetime": False,
                "noplaylist": False,
                **params,
            },
            auto_init=True,
        )

    @functools.cached_property
    def _request_director(self):
        handler = type("GuardedRH", (GuardedRH,), {"guard": self.guard})
        return self.build_request_director([handler])

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> Response:
        """Ask for an address and return the answer, still unread.

        Raises: SourceUnreachable with the status, or whatever stopped or refused the request.
        """
        try:
            return self.urlopen(Request(url, headers=headers or {}))
        except RequestError as error:
            raise as_media_error(error, self.guard) from error

    @contextlib.contextmanager
    def segments_downloader(self, protocol: str) -> Iterator[FragmentFD]:
        """Give the downloader for a stream in segments, and close what it leaves open when it fails.

        Chosen here and not by yt-dlp, which would hand some streams to ffmpeg.
        """
        opened: list[Any] = []

        class Tidy(SEGMENTS_DOWNLOADERS[protocol]):  # type: ignore[valid-type, misc]  # chosen as it runs
            def sanitize_open(self, filename, open_mode):
                stream, name = super().sanitize_open(filename, open_mode)
                opened.append(stream)
                return stream, name

        try:
            yield Tidy(self, self.params)
        finally:
            for stream in opened:
                stream.close()


def as_media_error(error: BaseException, guard: Guard) -> MediaError:
    """Name the fact behind an exception that came out of yt-dlp.

    What stopped the call wins over what yt-dlp made of it, since extractors swallow errors and go on.
    An answer that came with an error status is closed here; nobody reads it any more.
    """
    causes = _causes(error)
    for cause in causes:
        if isinstance(cause, HTTPError):
            cause.close()
    if guard.stopped is not None:
        return guard.stopped
    for cause in causes:
        if isinstance(cause, MediaError):
            return cause
        if isinstance(cause, Stopped):
            return cause.error
        if isinstance(cause, HTTPError):
            return _of_status(cause, guard.access)
    if guard.refused is not None:
        return guard.refused
    return SourceUnreachable(f"The source could not be read: {in_words(error)}")


def _of_status(error: HTTPError, access: Access | None) -> MediaError:
    """Name an answer's status; 401 and 403 say who may mend it, a redirect why it was not followed."""
    if 300 <= error.status < 400 and error.status != 304:
        target = urlsplit(error.response.get_header("Location", "") or "")
        if target.scheme and target.scheme not in ("http", "https"):
            return UnsafeUrl(f"The source redirects to a {target.scheme}: address, which is never followed.")
        return SourceUnreachable(
            f"The source redirects in a circle, or too often ({error.status}); only its publisher can mend that.",
            status=error.status,
        )
    said = f"The source answered {error.status} {error.reason or ''}".rstrip()
    if error.status not in (401, 403):
        return SourceUnreachable(f"{said}.", status=error.status)
    url = error.response.url or ""
    if access is None:
        why = "it asks for a login, cookies or headers"
    elif access.covers(url):
        why = "it does not take the access that it was given"
    else:
        host = urlsplit(url).hostname or "this host"
        why = f"the source's access is not sent to {host}, which is not among its hosts"
    return AccessRefused(f"{said}: {why}.", status=error.status)


def in_words(error: BaseException) -> str:
    """Return what yt-dlp says, without its own name for it and its plea to report a bug."""
    return re.sub(
        r"^ERROR:\s*(\[[^\]]*\]\s*)?|;? please report this issue on .*", "", str(error), flags=re.DOTALL
    )


def _causes(error: BaseException | None) -> list[BaseException]:
    """List an exception and everything it came from, nearest first."""
    found: list[BaseException] = []
    queue = [error]
    while queue:
        current = queue.pop(0)
        if not isinstance(current, BaseException) or current in found:
            continue
        found.append(current)
        info = getattr(current, "exc_info", None)
        queue += [
            getattr(current, "cause", None),
            getattr(current, "reason", None),
            info[1] if isinstance(info, tuple) else None,
            current.__cause__,
            current.__context__,
        ]
    return found
