"""Read GitHub's failures: which of our errors each one is, and how long it wants us to wait."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import requests
from github import BadCredentialsException, GithubException
from github.Requester import Requester
from urllib3.exceptions import NewConnectionError, SSLError

from channels.gateways.errors import (
    GitHubTokenRefused,
    PermissionMissing,
    RateLimited,
    RemoteError,
    RemoteNotFound,
    RemoteRejected,
    RemoteUnavailable,
)

API_VERSION = "2022-11-28"
EXPIRY_HEADER = "github-authentication-token-expiration"


@contextmanager
def reading(doing: str) -> Iterator[None]:
    """Turn whatever a reading call raises into our errors; reading has no effect, so nothing is uncertain."""
    try:
        yield
    except GithubException as error:
        raise error_of(error, doing) from error
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


def error_of(error: GithubException, doing: str) -> RemoteError:
    """Return our error for one of PyGithub's. The message is GitHub's, which carries no secret of ours."""
    status, headers = error.status, {k.lower(): v for k, v in (error.headers or {}).items()}
    said = str(as_dict(error.data).get("message") or error.message or "no reason given")
    said = said.split("\n\n")[-1][:300]
    text = f"{doing}: {said}"
    if status == 429 or (status == 403 and _is_limit(said, headers)):
        return RateLimited(text, status=status, retry_after_seconds=_wait_seconds(headers))
    if isinstance(error, BadCredentialsException) or status == 401:
        return GitHubTokenRefused(f"{doing}: GitHub refuses the token ({said})", status=status)
    if status == 403 and "archived" in said.lower():
        return RemoteRejected(text, status=status)
    if status in (403, 451):
        return PermissionMissing(f"{doing}: the token does not permit it ({said})", status=status)
    if status == 404:
        return RemoteNotFound(f"{doing}: not found, or the token may not see it", status=status)
    if status >= 500 or status == 408:
        return RemoteUnavailable(f"{doing}: GitHub answered {status}", status=status)
    return RemoteRejected(text, status=status)


def _is_limit(said: str, headers: dict[str, Any]) -> bool:
    return (
        Requester.isRateLimitError(said)
        or "retry-after" in headers
        or str(headers.get("x-ratelimit-remaining")) == "0"
    )


def _wait_seconds(headers: dict[str, Any], now: Callable[[], float] = time.time) -> float:
    """Return how long GitHub wants us to wait: retry-after, else until the limit resets, else a minute."""
    if str(headers.get("retry-after", "")).isdigit():
        return float(headers["retry-after"])
    if (
        str(headers.get("x-ratelimit-remaining")) == "0"
        and str(headers.get("x-ratelimit-reset", "")).isdigit()
    ):
        return max(1.0, float(headers["x-ratelimit-reset"]) - now())
    return 60.0


def token_end(headers: Mapping[str, Any]) -> datetime | None:
    """Return when a personal token expires, which GitHub says in every answer; None: never, or it does not say."""
    said = str({name.lower(): value for name, value in headers.items()}.get(EXPIRY_HEADER, ""))
    try:
        return datetime.fromisoformat(said.replace(" UTC", "+00:00")).astimezone(UTC)
    except ValueError:
        return None


def as_dict(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}
