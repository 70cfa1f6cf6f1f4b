"""Guard every request: who sent it, what it may load, and that nobody enters without logging in."""

from collections.abc import Callable
from typing import Any

from auditlog.middleware import AuditlogMiddleware
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware
from django.shortcuts import redirect, render

from channels.limits import current, limited_to, narrow_to
from dashboard import tickets
from dashboard.actions import where_from
from orchestration.api.auth import READING, bearer_secret
from orchestration.below import below
from orchestration.core import refusals
from orchestration.core.addresses import client_address, is_trusted
from orchestration.core.audit import Acting, acting_as
from orchestration.core.permissions import Actor
from orchestration.register import factors
from orchestration.states import Trigger

POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "media-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
FORWARDED_HEADERS = tuple(
    f"HTTP_{name}"
    for name in ("FORWARDED", "X_FORWARDED_FOR", "X_FORWARDED_PROTO", "X_FORWARDED_HOST", "X_FORWARDED_PORT")
)
API_PREFIX = "/api/"

Handler = Callable[[HttpRequest], HttpResponse]


class TrustedProxies:
    """Drop forwarding headers unless a proxy named in HEADEND_TRUSTED_PROXIES sent them."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Clean the request before anything reads it."""
        if not is_trusted(request.META.get("REMOTE_ADDR", "")):
            for name in FORWARDED_HEADERS:
                request.META.pop(name, None)
        return self.get_response(request)


class ContentSecurityPolicy:
    """Tell the browser to run and style pages from our own files only: no inline script, no other host."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Set the policy unless a view has set a stricter one."""
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        return response


class Compress(GZipMiddleware):
    """Compress pages and answers of the API for whoever takes it that way; files are sent as they lie.

    Django adds a random length to each, and masks the CSRF tokens, so that their size betrays nothing (BREACH).
    """

    KINDS = ("text/html", "application/json", "application/problem+json")

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Compress what is text and whole."""
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        if response.streaming or kind not in self.KINDS:
            return response
        return super().process_response(request, response)


class Polls:
    """Tell an open page with a valid ticket that nothing changed, before a session is read or a page is made."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer 204, or let the page itself look, as whoever is logged in."""
        if not tickets.holds(request):
            return self.get_response(request)
        return HttpResponse(status=204, headers={"Cache-Control": "no-store"})


WITHOUT_SECOND_FACTOR = frozenset(
    {
        "second_factor",
        "authenticator_begin",
        "authenticator_confirm",
        "passkey_add_begin",
        "passkey_add",
        "logout",
    }
)
"""Where whoever needs a second factor and has none gets one, or leaves; everything else leads there."""


class LoginRequired(LoginRequiredMiddleware):
    """Refuse every page to whoever is not logged in, unless the view is marked `login_not_required`."""

    def process_view(self, request: HttpRequest, view_func, view_args, view_kwargs):
        """Leave the API to its own authentication, which answers 401 instead of sending to a login page."""
        if request.path_info.startswith(API_PREFIX):
            return None
        refused = super().process_view(request, view_func, view_args, view_kwargs)
        if refused is not None or not getattr(view_func, "login_required", True):
            return refused
        match = request.resolver_match
        if (match is None or match.url_name not in WITHOUT_SECOND_FACTOR) and factors.lacks(request.user):
            return redirect("dashboard:second_factor")
        return None

    def handle_no_permission(self, request: HttpRequest, view_func):
        """Lead whoever pressed a button without a session back to the page that it was on, once they have logged in.

        The button's own address takes POST only: landing there would show nothing but a refusal.
        """
        if request.method in READING:
            return super().handle_no_permission(request, view_func)
        return redirect_to_login(
            where_from(request, below("/")),
            self.get_login_url(view_func),
            self.get_redirect_field_name(view_func),
        )


class Limits:
    """Show whoever is limited to groups of channels nothing of the others, in whatever a request asks for.

    A file that is made as it is sent is made before this is over; the stream of events narrows itself. The API finds out
    itself who calls.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Begin without a limit, and end with none."""
        with limited_to(None):
            response = self.get_response(request)
            sent: Any = response
            narrows_itself = isinstance(response, FileResponse) or getattr(sent, "narrows_itself", False)
            if current() is not None and response.streaming and not narrows_itself:
                sent.streaming_content = [b"".join(sent.streaming_content)]
        return response

    def process_view(self, request: HttpRequest, view_func, view_args, view_kwargs):
        """Limit what a page asks for; what is open without a login asks for nothing of channels."""
        open_to_all = not getattr(view_func, "login_required", True)
        if not open_to_all and not request.path_info.startswith(API_PREFIX) and request.user.is_authenticated:
            narrow_to(Actor.of_user(request.user).limit)


class WrongMethodPage:
    """Answer with a page, not an empty one, that an address of the console takes a button's press only."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Give a refusal of the method its page; the API and the machines' addresses answer by themselves."""
        response = self.get_response(request)
        match = request.resolver_match
        if response.status_code != 405 or match is None or match.app_name != "dashboard":
            return response
        shown = render(request, "405.html", status=405)
        shown.headers["Allow"] = response.headers.get("Allow", "")
        return shown


NOBODY = "not logged in"
_TRIGGERS = ((API_PREFIX, Trigger.API), ("/admin/", Trigger.ADMIN))


class Audit(AuditlogMiddleware):
    """Put user, address and correlation id of a request on the activity entries that it causes.

    A token is known to the service only, which names it in all that it does.
    """

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Let whoever sent it act, from before anything is written until its answer is made."""
        who = _whoever_sent(request)
        with acting_as(who):
            response = super().__call__(request)
        if response.status_code in (401, 403):
            _count_refusal(request, response, who)
        return response

    @staticmethod
    def _get_remote_addr(request: HttpRequest) -> str | None:
        # The library takes the first X-Forwarded-For as it comes, which anyone may write.
        return client_address(request)

    def get_extra_data(self, request: HttpRequest) -> dict[str, Any]:
        """Leave the user out: who acts is named by `acting_as`, for entries of the library and of our own alike."""
        return {"remote_addr": self._get_remote_addr(request), "remote_port": self._get_remote_port(request)}


def _count_refusal(request: HttpRequest, response: HttpResponse, who: Acting) -> None:
    """Keep that a call was refused: of whom, a token's by its name, and what the first of them was."""
    token = getattr(request, "token_label", "")
    if token:
        who = Acting(token, None, who.trigger)
    elif not who.user_id and bearer_secret(request) is not None:
        who = Acting("unknown token", None, who.trigger)
    what = f"{response.status_code} {request.method} {request.path_info}"
    refusals.note(refusals.CALL, who, address=client_address(request), what=what)


def _whoever_sent(request: HttpRequest) -> Acting:
    user = request.user
    trigger = next((by for prefix, by in _TRIGGERS if request.path_info.startswith(prefix)), Trigger.BUTTON)
    if not user.is_authenticated:
        return Acting(NOBODY, None, trigger)
    return Acting(user.get_username(), user.pk, trigger)
