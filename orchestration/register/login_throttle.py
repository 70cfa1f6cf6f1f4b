"""Refuse to try passwords on, beside django-axes' count of one name from one address.

From one address, whatever the names, only so many passwords may be wrong in a quarter of an hour; and of one name, from
whatever addresses. A browser in which this name was logged in before goes on trying in both cases (a signed cookie says so),
so that nobody can keep a person out by trying their name: OWASP's "device cookies".
"""

from __future__ import annotations

from typing import Any

from axes.exceptions import AxesBackendPermissionDenied
from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse

from orchestration.core import rates
from orchestration.core.addresses import client_address

SECONDS = 900
COOKIE = "headend_known"
KNOWN_FOR_SECONDS = 180 * 86_400
BY_ADDRESS, BY_NAME = "login from", "login as"


class ThrottleBackend:
    """Stand before the check of a password, and refuse it where too many were wrong."""

    def authenticate(self, request: HttpRequest | None, username: str | None = None, **kwargs: Any) -> None:
        """Let whoever is not refused go on to the next way. Raises: AxesBackendPermissionDenied."""
        if request is None or not username or is_known(request, username):
            return
        address, name = _keys(request, username)
        found = rates.counts({address: SECONDS, name: SECONDS})
        if (
            found[address] >= settings.HEADEND_LOGIN_FAILURES_PER_ADDRESS
            or found[name] >= settings.HEADEND_LOGIN_FAILURES_PER_NAME
        ):
            request.axes_locked_out = True  # type: ignore[attr-defined]  # axes' middleware makes the answer of it
            raise AxesBackendPermissionDenied("too many wrong passwords")


def count_failure(*, credentials: dict[str, Any], request: HttpRequest | None = None, **_signal: Any) -> None:
    """Count a wrong password; receives Django's signal. What was refused before it was looked at does not count."""
    username = str(credentials.get("username") or "")
    if request is None or not username or getattr(request, "axes_locked_out", False):
        return
    for key in _keys(request, username):
        rates.add(key, SECONDS)


def know(response: HttpResponse, username: str) -> None:
    """Let a browser show later that this name was logged in with it."""
    response.set_signed_cookie(
        COOKIE,
        username.casefold(),
        salt=COOKIE,
        max_age=KNOWN_FOR_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )


def is_known(request: HttpRequest, username: str) -> bool:
    """Return whether this name was logged in with this browser."""
    try:
        found = request.get_signed_cookie(COOKIE, "", salt=COOKIE, max_age=KNOWN_FOR_SECONDS)
    except signing.BadSignature:
        return False
    return bool(found) and found == username.casefold()


def forget(username: str) -> int:
    """Let a name be tried again from everywhere; returns whether it was counted."""
    return rates.forget(f"{BY_NAME} {username.casefold()}")


def _keys(request: HttpRequest, username: str) -> tuple[str, str]:
    return f"{BY_ADDRESS} {client_address(request)}", f"{BY_NAME} {username.casefold()}"
