"""Let everyone add and take away what they show besides their password, and keep their recovery codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from dashboard.actions import act, done, page, refuse, service
from dashboard.addresses import reverse
from dashboard.live_pages import show
from dashboard.people_forms import CodeForm, PresentPasswordForm
from dashboard.qr import drawn
from dashboard.views.log_in import PATIENCE_SECONDS
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.register import factors, passkeys
from orchestration.register.second_step import host_of

ASKED = "passkey_adding"


def _home() -> str:
    return reverse("dashboard:second_factor")


@page
def second_factor(request: HttpRequest) -> HttpResponse:
    """Show one's second factors, and the authenticator app that waits for its first code."""
    user = cast(User, request.user)
    begun = factors.begun_authenticator(user)
    own = service(request).get_own_second_factors()
    return show(
        request,
        "second_factor.html",
        {
            "own": own,
            "begun": begun,
            "picture": drawn(begun.uri) if begun else "",
            "has_app": any(row.kind == "authenticator" for row in own.factors),
            "must": factors.lacks(user),
            "code_form": CodeForm(),
            "password_form": PresentPasswordForm(),
        },
    )


@sensitive_post_parameters()
@require_POST
def authenticator_begin(request: HttpRequest) -> HttpResponse:
    """Make a secret for the app."""
    return _to_page(
        request,
        lambda: service(request).begin_authenticator(current=request.POST.get("current", "")),
        "Add the secret to your app, then type the code that it shows.",
    )


@sensitive_post_parameters()
@require_POST
def authenticator_confirm(request: HttpRequest) -> HttpResponse:
    """Let the app count, and show recovery codes if they are new."""
    return _codes(
        request,
        lambda: service(request).confirm_authenticator(code=request.POST.get("code", "")[:100]),
        "Your authenticator app is asked for a code from now on.",
    )


@sensitive_post_parameters()
@require_POST
def passkey_add_begin(request: HttpRequest) -> HttpResponse:
    """Return what the browser asks the new passkey, to whoever knows their password."""
    try:
        service(request).prove_password(current=request.POST.get("current", ""))
    except OrchestrationError as error:
        return JsonResponse({"detail": error.message}, status=error.status)
    options, asked = passkeys.begin_adding(cast(User, request.user), host_of(request))
    request.session[ASKED] = {"asked": asked, "until": timezone.now().timestamp() + PATIENCE_SECONDS}
    return JsonResponse(options)


@sensitive_post_parameters()
@require_POST
def passkey_add(request: HttpRequest) -> HttpResponse:
    """Keep the passkey that answered, and show recovery codes if they are new."""

    def add() -> list[str]:
        kept_question = request.session.pop(ASKED, None) or {"until": 0, "asked": {}}
        if kept_question["until"] < timezone.now().timestamp():
            raise InvalidRequest("It took too long; show your password again.", field="credential")
        kept = passkeys.added(kept_question["asked"], request.POST.get("credential", ""), host_of(request))
        return service(request).add_passkey(name=request.POST.get("name", ""), **kept)

    return _codes(request, add, "Your passkey opens Headend from now on.")


@sensitive_post_parameters()
@require_POST
def recovery_codes_make(request: HttpRequest) -> HttpResponse:
    """Have other recovery codes, shown this once."""
    return _codes(
        request, lambda: service(request).make_recovery_codes(current=request.POST.get("current", "")), ""
    )


@sensitive_post_parameters()
@require_POST
def second_factor_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take one away."""
    return act(
        request,
        lambda: service(request).remove_second_factor(factor_id=pk, current=request.POST.get("current", "")),
        lambda name: f"{name} opens nothing any more.",
        to=_home(),
    )


def _to_page(request: HttpRequest, call: Callable[[], object], text: str) -> HttpResponse:
    try:
        call()
    except OrchestrationError as error:
        return refuse(request, error, _home())
    return done(request, text, to=_home(), leave=True)


def _codes(request: HttpRequest, call: Callable[[], list[str]], text: str) -> HttpResponse:
    """Show codes in the answer itself, which no browser keeps; without any go back to the page."""
    try:
        codes = call()
    except OrchestrationError as error:
        return refuse(request, error, _home())
    if not codes:
        return done(request, text, to=_home(), leave=True)
    return show(request, "recovery_codes.html", {"codes": codes, "text": text})
