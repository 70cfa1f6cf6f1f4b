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
BY_ADDRESS, BY_NAME, SECOND_STEP = "login from", "login as", "second step as"


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


def refuse_second_step(request: HttpRequest, username: str) -> None:
    """Let a name's codes be tried only as often as passwords from one address, from however many addresses they come.

    A code has six digits, so that what is allowed of passwords would let it be found within weeks. Whoever gets here knows
    the password: nobody else is kept out by it. Raises: AxesBackendPermissionDenied.
    """
    key = _second_step(username)
    if not is_known(request, username) and rates.counts({key: SECONDS})[key] >= settings.AXES_FAILURE_LIMIT:
        request.axes_locked_out = True  # type: ignore[attr-defined]
        raise AxesBackendPermissionDenied("too many wrong codes")


def count_second_step(username: str) -> None:
    """Count a wrong code."""
    rates.add(_second_step(username), SECONDS)


def _second_step(username: str) -> str:
    return f"{SECOND_STEP} {username.casefold()}"


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


def refused() -> tuple[dict[str, int], dict[str, int]]:
    """Return the addresses and the names that are refused now, each with how many passwords or codes were wrong."""
    return (
        rates.reached(f"{BY_ADDRESS} ", SECONDS, settings.HEADEND_LOGIN_FAILURES_PER_ADDRESS),
        rates.reached(f"{BY_NAME} ", SECONDS, settings.HEADEND_LOGIN_FAILURES_PER_NAME)
        | rates.reached(f"{SECOND_STEP} ", SECONDS, settings.AXES_FAILURE_LIMIT),
    )


def forget(username: str) -> int:
    """Let a name be tried again from everywhere; returns whether it was counted."""
    return rates.forget(f"{BY_NAME} {username.casefold()}") + rates.forget(_second_step(username))


def forget_address(address: str) -> int:
    """Let every name be tried again from an address; returns whether it was counted."""
    return rates.forget(f"{BY_ADDRESS} {address}")


def _keys(request: HttpRequest, username: str) -> tuple[str, str]:
    return f"{BY_ADDRESS} {client_address(request)}", f"{BY_NAME} {username.casefold()}"
