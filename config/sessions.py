"""End a session that nobody used for a while, and each one in the end, however much it is used."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

BEGAN, USED = "began_at", "used_at"
"""Keys of a session: seconds of the epoch."""
NOTED_EVERY_SECONDS = 60


@receiver(user_logged_in, dispatch_uid="session_begins")
def begins(request: HttpRequest | None, **_: Any) -> None:
    """Note when a session began."""
    if request is not None:
        now = int(timezone.now().timestamp())
        request.session[BEGAN] = request.session[USED] = now


class EndsSessions:
    """Log out whoever was away for longer than HEADEND_SESSION_IDLE_MINUTES, or logged in HEADEND_SESSION_DAYS ago.

    What an open page asks for by itself is no use: it would keep a forgotten browser logged in for ever.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """End the session, or note its use, before anything asks who is logged in."""
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            now = int(timezone.now().timestamp())
            if _is_over(request, now):
                logout(request)
            elif not _asks_by_itself(request) and now - request.session.get(USED, 0) >= NOTED_EVERY_SECONDS:
                request.session[USED] = now
                request.session.setdefault(BEGAN, now)
        return self.get_response(request)


def _is_over(request: HttpRequest, now: int) -> bool:
    began, used = request.session.get(BEGAN, now), request.session.get(USED, now)
    return (
        now - used > settings.HEADEND_SESSION_IDLE_MINUTES * 60
        or now - began > settings.HEADEND_SESSION_DAYS * 86_400
    )


def _asks_by_itself(request: HttpRequest) -> bool:
    """Return whether an open page asks what has changed (`dashboard.live_pages`)."""
    return request.method == "GET" and "version" in request.GET
