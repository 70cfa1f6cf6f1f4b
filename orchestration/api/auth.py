"""Find out who calls the API: a bearer token, or a logged-in browser with a CSRF token."""

from typing import Any, ClassVar, cast

from django.conf import settings
from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.security import APIKeyCookie, HttpBearer

from channels.limits import narrow_to
from orchestration.core import rates
from orchestration.core.addresses import client_address
from orchestration.core.permissions import Actor
from orchestration.errors import NotPermitted, OrchestrationError
from orchestration.models import ApiToken
from orchestration.register import factors, tokens
from orchestration.service import CentralOrchestrationService
from orchestration.states import Trigger

REQUESTS = rates.Allowance("asks", 60)
READING = ("GET", "HEAD", "OPTIONS")


class NotAuthenticated(OrchestrationError):
    """Nobody is logged in and no valid token came with the request."""

    code = "not_authenticated"
    status = 401

    def __init__(self, message: str, *, challenge: str = 'Bearer realm="headend"') -> None:
        super().__init__(message)
        self.challenge = challenge


class TooManyRequests(OrchestrationError):
    """A caller asked more often than it may, or an address sent too many tokens that open nothing."""

    code = "too_many_requests"
    status = 429
    again = "again"

    def __init__(self, message: str, *, wait_seconds: int) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


class CsrfFailed(OrchestrationError):
    """A browser's session asked for a change without the CSRF token that shows it came from our pages."""

    code = "csrf_failed"
    status = 403


def bearer_secret(request: HttpRequest) -> str | None:
    """Return what follows `Bearer` in the Authorization header; None without one."""
    scheme, _, secret = request.headers.get("Authorization", "").strip().partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None


THEIR_OWN = ("/api/since/seen", "/api/views", "/api/me/")
"""Where a person changes what is theirs alone, whatever they may do else: the service says what of it needs more."""


def _count(request: HttpRequest, actor: Actor) -> None:
    """Count a request, once, and note what its answer says of that. Raises: TooManyRequests."""
    limit = settings.HEADEND_API_PER_MINUTE
    if limit == 0 or hasattr(request, "rate"):
        return
    spent = REQUESTS.spend(actor.label, limit)
    request.rate = (limit, spent)  # type: ignore[attr-defined]
    if not spent.allowed:
        raise TooManyRequests(
            f"{actor.label} may ask {limit} times a minute; wait {spent.resets_in} s.",
            wait_seconds=spent.resets_in,
        )


def rate_headers(request: HttpRequest) -> dict[str, str]:
    """Return how often the caller may ask, as the IETF's draft of RateLimit header fields says it; empty without a limit."""
    found = getattr(request, "rate", None)
    if found is None:
        return {}
    limit, spent = found
    return {
        "RateLimit-Policy": f'"minute";q={limit};w=60',
        "RateLimit": f'"minute";r={spent.remaining};t={spent.resets_in}',
    }


def _checked(request: HttpRequest, actor: Actor) -> Actor:
    """Refuse a change early to whoever may only read; what a method needs beyond that, the service says."""
    _count(request, actor)
    narrow_to(actor.limit)
    is_their_own = actor.user_id is not None and request.path_info.startswith(THEIR_OWN)
    if request.method not in READING and not is_their_own:
        actor.require(ApiToken.Scope.SCHEDULE, "a change")
    return actor


class TokenAuth(HttpBearer):
    """A token made by `manage.py issue_token`."""

    def __call__(self, request: HttpRequest) -> Actor | None:
        """Leave a request without a bearer token to the next way of logging in."""
        if known := getattr(request, "known", None):
            return known
        secret = bearer_secret(request)
        return None if secret is None else self.authenticate(request, secret)

    def authenticate(self, request: HttpRequest, token: str) -> Actor:
        """Return the token's actor. Raises: NotAuthenticated, if it is unknown or revoked."""
        found = tokens.verify(token)
        address = client_address(request)
        if found is None or not tokens.is_from(found, address):
            most = settings.HEADEND_API_FAILURES_PER_MINUTE
            if rates.add(f"wrong tokens from {address}", 60) > most:
                raise TooManyRequests(
                    f"More than {most} tokens that open nothing came from your address within a minute.",
                    wait_seconds=rates.window_of(60)[1],
                )
            raise NotAuthenticated(
                "This token is unknown or revoked, or does not open anything from here.",
                challenge='Bearer realm="headend", error="invalid_token"',
            )
        actor = Actor.of_token(found)
        request.token_label = actor.label  # type: ignore[attr-defined]  # for the record, should it be refused
        return _checked(request, actor)


class SessionAuth(APIKeyCookie):
    """The session of a logged-in browser; changes need the CSRF token as on any page."""

    param_name = "session"
    openapi_description: ClassVar[str] = "the browser's session cookie, with X-CSRFToken for changes"

    def _get_key(self, request: HttpRequest) -> str | None:
        user: Any = getattr(request, "user", None)
        if user is None or not user.is_authenticated:
            return None
        try:
            super()._get_key(request)  # checks CSRF
        except HttpError as error:
            raise CsrfFailed(
                "The CSRF token is missing or wrong; send it as X-CSRFToken, or use a bearer token."
            ) from error
        return str(user.pk)

    def authenticate(self, request: HttpRequest, key: str | None) -> Actor | None:
        """Return the user's actor. Raises: NotPermitted, if they need a second factor and have none yet."""
        if not key:
            return None
        if factors.lacks(request.user):
            raise NotPermitted("Your role needs a second factor here: add one on your page first.")
        return _checked(request, Actor.of_user(request.user))


class ApiRequest(HttpRequest):
    """A request to the API: ninja adds who asks, `answers.answered` the correlation id."""

    auth: Actor
    correlation_id: str


WAYS_IN = (TokenAuth(), SessionAuth())


def identify(request: HttpRequest) -> Actor | None:
    """Return who calls, or None. Raises: NotAuthenticated, CsrfFailed, NotPermitted."""
    for way in WAYS_IN:
        actor = way(request)
        if actor:
            request.known = actor  # type: ignore[attr-defined]  # who asks is asked twice: here, and by ninja
            return actor
    return None


def identify_anew(request: HttpRequest) -> Actor | None:
    """Return who calls as it is by now, for an answer that goes on; what was known of it before is not asked."""
    vars(request).pop("known", None)
    return identify(request)


def service(request: HttpRequest) -> CentralOrchestrationService:
    """Return the service for whoever sent this request."""
    asked = cast(ApiRequest, request)
    trigger = Trigger.ASSISTANT if asked.auth.proposes else Trigger.API
    return CentralOrchestrationService(actor=asked.auth, trigger=trigger, correlation_id=asked.correlation_id)
