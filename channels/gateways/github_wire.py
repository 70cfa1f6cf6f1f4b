"""Read GitHub's failures: which of our errors each one is, and how long it wants us to wait."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import requests
from github import GithubException
from github.Requester import (
    HTTPRequestsConnectionClass,
    HTTPSRequestsConnectionClass,
    Requester,
    RequestsResponse,
)
from urllib3.exceptions import NewConnectionError, SSLError

from channels.gateways import observed, readings, redaction
from channels.gateways.errors import (
    GitHubTokenRefused,
    PermissionMissing,
    RateLimited,
    RemoteError,
    RemoteRejected,
    RemoteUnavailable,
    RemoteUncertain,
)

API_VERSION = "2022-11-28"
EXPIRY_HEADER = "github-authentication-token-expiration"


class _Redacted(RequestsResponse):
    """An answer in which GitHub, or what stands before it, repeats nothing that was sent in secret.

    The answer that brings an App's fresh token is taken as it is: the token in it is the thing that was asked for.
    """

    def read(self) -> str:
        """Return the text of the answer."""
        return str(redaction.hidden_in(super().read()))


class _Observed(HTTPSRequestsConnectionClass):
    """A connection of PyGithub's whose requests are heard of."""

    def getresponse(self) -> RequestsResponse:
        """Make the request, and say how it went."""
        with observed.request(self.verb, f"//{self.host}{self.url}") as heard:
            answer = super().getresponse()
            heard.take(answer.status, dict(answer.getheaders()))
            return answer if self.url.endswith("/access_tokens") else _Redacted(answer.response)


class _ObservedPlain(HTTPRequestsConnectionClass):
    """The same without TLS, for a sandbox."""

    def getresponse(self) -> RequestsResponse:
        """Make the request, and say how it went."""
        with observed.request(self.verb, f"//{self.host}{self.url}") as heard:
            answer = super().getresponse()
            heard.take(answer.status, dict(answer.getheaders()))
            return answer if self.url.endswith("/access_tokens") else _Redacted(answer.response)


# PyGithub's own way, `injectConnectionClasses`, would end the reuse of connections for all.
Requester._Requester__httpsConnectionClass = _Observed  # type: ignore[attr-defined]
Requester._Requester__httpConnectionClass = _ObservedPlain  # type: ignore[attr-defined]


@contextmanager
def reading(doing: str, where: str = "any") -> Iterator[None]:
    """Turn whatever a reading call raises into our errors; reading has no effect, so nothing is uncertain."""
    try:
        yield
    except GithubException as error:
        raise error_of(error, doing, where) from error
    except requests.RequestException as error:
        raise RemoteUnavailable(f"{doing}: GitHub could not be reached or did not answer in time") from error
    except RuntimeError as error:
        raise RemoteRejected(
            f"{doing}: GitHub's answer leads to another server; check its address"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, AssertionError) as error:
        raise RemoteUnavailable(f"{doing}: GitHub's answer cannot be understood") from error


def never_sent(error: requests.RequestException) -> bool:
    """Return whether the request certainly did not reach the server."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.InvalidURL):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    reason = getattr(reason, "original_error", reason)  # what a proxy's failure wraps
    unverified = isinstance(reason, SSLError) and isinstance(reason.args[0], ssl.SSLCertVerificationError)
    return unverified or isinstance(reason, NewConnectionError)


LONGEST_PAUSE_SECONDS = 60.0
"""What is waited where GitHub names a limit and no end of it."""


def error_of(error: GithubException, doing: str, where: str = "any", *, writes: bool = False) -> RemoteError:
    """Return our error for one of PyGithub's, in GitHub's words; `where` is the call, as the table of readings has it."""
    data = as_dict(error.data)
    document = data if "message" in data else None  # a page that is no JSON, as PyGithub hands it over
    said = redaction.hidden(str(data.get("message") or error.message or "no reason given"))
    said = said.split("\n\n")[-1][:300]
    found = readings.read("github", where, error.status, document, error.headers or {}, writes=writes)
    text = f"{doing}: {said}"
    match found.code:
        case RateLimited.code:
            return RateLimited(
                text, status=error.status, retry_after_seconds=found.wait_seconds or LONGEST_PAUSE_SECONDS
            )
        case GitHubTokenRefused.code:
            text = f"{doing}: GitHub refuses the token ({said})"
        case PermissionMissing.code:
            text = f"{doing}: the token does not permit it ({said})"
        case RemoteUnavailable.code | RemoteUncertain.code:
            text = f"{doing}: GitHub answered {error.status}"
    if error.status == 404 and said.lower() == "not found":
        text = f"{doing}: not found, or the token may not see it"
    return found.error(text, status=error.status)


def token_end(headers: Mapping[str, Any]) -> datetime | None:
    """Return when a personal token expires, which GitHub says in every answer; None: never, or it does not say."""
    said = str({name.lower(): value for name, value in headers.items()}.get(EXPIRY_HEADER, ""))
    try:
        return datetime.fromisoformat(said.replace(" UTC", "+00:00")).astimezone(UTC)
    except ValueError:
        return None


def as_dict(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}
