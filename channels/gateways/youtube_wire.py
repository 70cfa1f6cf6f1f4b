"""Carry YouTube's calls: one HTTP client a gateway, each write sent exactly once, errors turned into ours."""

from __future__ import annotations

import http.client
import io
import ipaddress
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

import google.auth.exceptions
import google_auth_httplib2
import httplib2
from django.utils import timezone
from google.oauth2.credentials import Credentials
from googleapiclient.discovery import build_from_document
from googleapiclient.discovery_cache import get_static_doc
from googleapiclient.errors import HttpError

from channels.gateways import observed, readings, redaction
from channels.gateways.errors import RemoteError, RemoteUnavailable, RemoteUncertain

SEND_BLOCK_BYTES = 64 * 1024
CLOCKS_AGREE = timedelta(seconds=2)
_READS = ("GET", "HEAD")
T = TypeVar("T")

TRANSPORT_ERRORS = (
    OSError,
    httplib2.HttpLib2Error,
    http.client.HTTPException,
    google.auth.exceptions.TransportError,
)


class NotSent(ConnectionError):
    """Raised when no connection could be made, so that nothing was sent."""


class OneAttemptHttp(httplib2.Http):  # type: ignore[misc]  # the library has no types
    """Send every call that changes something exactly once.

    httplib2 sends a request again when the connection ends without an answer, whatever its method: a
    publication or an upload would happen twice behind our back. Writes here take a new connection (a kept one
    may have gone stale) and are tried once; reads keep httplib2's behaviour.
    """

    redirect_codes: frozenset[int]

    def __init__(self, url: str, timeout_seconds: float) -> None:
        # A proxy from the environment has no way to this machine's own loopback.
        proxy = None if _is_loopback(url) else httplib2.proxy_info_from_environment
        super().__init__(timeout=timeout_seconds, proxy_info=proxy)
        self.ahead = timedelta(0)
        # 308 is how a resumable upload says "go on", not a redirect.
        self.redirect_codes = self.redirect_codes - {308}

    def _conn_request(
        self, conn: Any, request_uri: str, method: str, body: Any, headers: Mapping[str, str]
    ) -> tuple[httplib2.Response, bytes]:
        sent_at = timezone.now()
        with observed.request(method, f"//{conn.host}{request_uri}") as heard:
            answer, content = self._ask(conn, request_uri, method, body, headers)
            heard.take(answer.status, answer)
        self.ahead = clock_ahead(answer.get("date", ""), sent_at, timezone.now())
        return answer, content

    def _ask(
        self, conn: Any, request_uri: str, method: str, body: Any, headers: Mapping[str, str]
    ) -> tuple[httplib2.Response, bytes]:
        if method in _READS:
            read: tuple[httplib2.Response, bytes] = super()._conn_request(
                conn, request_uri, method, body, headers
            )
            return read
        conn.close()
        try:
            conn.connect()
        except OSError as error:
            raise NotSent(str(error)) from error
        if isinstance(body, bytes) and len(body) > SEND_BLOCK_BYTES:
            # The timeout counts for one send; in blocks it means "no progress", not "8 MiB took too long".
            conn.blocksize = SEND_BLOCK_BYTES
            body = io.BytesIO(body)
        try:
            conn.request(method, request_uri, body, {**headers, "accept-encoding": "identity"})
            answer = conn.getresponse()
            content = answer.read()
        except BaseException:
            conn.close()
            raise
        return httplib2.Response(answer), content


def clock_ahead(date: str, sent_at: datetime, received_at: datetime) -> timedelta:
    """Return how far our clock is ahead of the one that wrote an answer's Date header; 0 where it is not, for certain.

    The header is whole seconds and was written between sending and receiving, so only more than that proves anything.
    """
    try:
        there = parsedate_to_datetime(date)
        is_ahead = sent_at - there > CLOCKS_AGREE
    except (ValueError, TypeError):  # no date, or one without its zone
        return timedelta(0)
    return received_at - there if is_ahead else timedelta(0)


class Wire:
    """Hold one authorised connection to the YouTube Data API. Not to be shared between threads."""

    def __init__(self, credentials: Credentials, api_url: str, timeout_seconds: float) -> None:
        self.http = OneAttemptHttp(api_url, timeout_seconds)
        self.credentials = credentials
        self.authorised = google_auth_httplib2.AuthorizedHttp(credentials, http=self.http)
        self.service = build_from_document(_document(api_url), http=self.authorised)
        self.session_uri = ""
        redaction.hold(self)

    def secrets(self) -> tuple[str | None, ...]:
        """Return what must appear in no text: the credential, the present access token, the upload session's address."""
        google = self.credentials
        session = self.session_uri
        return (
            google.client_secret,
            google.refresh_token,
            google.token,
            session,
            session.partition("upload_id=")[2],
        )

    def authorise(self) -> None:
        """Fetch an access token if there is no valid one, so that what fails later is the call itself.

        Raises: CredentialRevoked, RemoteUnavailable.
        """
        if self.credentials.valid:
            return
        try:
            self.credentials.refresh(google_auth_httplib2.Request(self.http))
        except google.auth.exceptions.RefreshError as error:
            raise of_refresh(error) from error
        except TRANSPORT_ERRORS as error:
            raise RemoteUnavailable(f"the token endpoint did not answer: {_said(error)}") from error

    def execute(self, request: Any) -> dict[str, Any]:
        """Make one call and return its answer as a dictionary.

        Raises: a RemoteError. After a write without an answer it is RemoteUncertain.
        """
        writes = request.method not in _READS
        what = request.methodId.removeprefix("youtube.")
        return self.guarded(
            writes, what, lambda: redaction.hidden_in(readable(request.execute(num_retries=0)))
        )

    def guarded(self, writes: bool, what: str, call: Callable[[], T]) -> T:
        """Run `call`, which is `what` in the table of readings, and turn whatever goes wrong into one of our errors."""
        self.authorise()
        try:
            return call()
        except HttpError as error:
            raise of_answer(error, what, writes=writes) from error
        except google.auth.exceptions.RefreshError as error:
            raise of_refresh(error) from error
        except NotSent as error:
            raise RemoteUnavailable(f"{what}: no connection to YouTube: {_said(error)}") from error
        except TRANSPORT_ERRORS as error:
            if writes:
                raise RemoteUncertain(f"{what} was sent, but no answer came: {_said(error)}") from error
            raise RemoteUnavailable(f"{what}: no answer from YouTube: {_said(error)}") from error
        except ValueError as error:  # an answer that is not JSON
            if writes:
                raise RemoteUncertain(f"{what}: YouTube's answer could not be read") from error
            raise RemoteUnavailable(f"{what}: YouTube's answer could not be read") from error

    def close(self) -> None:
        self.http.close()


def readable(answer: Any) -> dict[str, Any]:
    """Return an answer that is an object (or empty), or raise ValueError: a login page answers 200 too."""
    if not answer:
        return {}
    if not isinstance(answer, dict):
        raise ValueError("not a JSON object")
    return answer


# -- errors ----------------------------------------------------------------------------------------


def of_answer(error: HttpError, where: str, *, writes: bool) -> RemoteError:
    """Name the fact behind an HTTP error of the YouTube Data API; `where` is the call, as the table of readings has it.

    A refused access token was renewed by then, and the new one was refused as well.
    """
    status = int(error.resp.status)
    document = _parsed(error.content)
    reasons, message = readings.said(document)
    text = f"{where}: YouTube answered {status} {reasons[0] if reasons and document is not None else ''}".rstrip()
    found = readings.read("youtube", where, status, document, error.resp, writes=writes)
    return found.error(f"{text}: {message}" if message else text, status=status)


def of_refresh(error: google.auth.exceptions.RefreshError) -> RemoteError:
    """Name the fact behind a refused refresh of the access token. Google's library keeps the status to itself."""
    details = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], dict) else None
    found = readings.read("google_token", "token", None, details)
    code = details.get("error") if details else None
    if not isinstance(code, str) or found.code == RemoteUnavailable.code:
        # Not a refusal that is known: it is overloaded, or something in between answered.
        return RemoteUnavailable("the token endpoint gave no usable answer" + (f": {code}" if code else ""))
    text = f"Google refused the refresh token: {code}"
    if details and details.get("error_description"):
        text += f" ({details['error_description']})"
    return found.error(text)


def _parsed(content: bytes | str) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


def _said(error: BaseException) -> str:
    # The name alone for time-outs, whose text is empty or a number; never an address with a session in it.
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__


# -- addresses -------------------------------------------------------------------------------------


@cache
def _static_document() -> dict[str, Any]:
    text = get_static_doc("youtube", "v3")
    if text is None:
        raise RuntimeError("google-api-python-client came without its description of the YouTube Data API")
    document: dict[str, Any] = json.loads(text)
    return document


@cache
def _document(api_url: str) -> str:
    """Return the API's description for another base address (a proxy, a mirror).

    Both addresses have to change: `api_endpoint` alone would still send uploads to Google.
    """
    root = api_url.rstrip("/") + "/"
    return json.dumps({**_static_document(), "rootUrl": root, "baseUrl": root})


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
