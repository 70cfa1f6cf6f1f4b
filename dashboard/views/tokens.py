"""Show who may call the API, and make, rename and revoke tokens; administrators only."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from dashboard.actions import act, page, reason_of, refuse, service
from dashboard.addresses import reverse
from dashboard.forms import sentence_of
from dashboard.live_pages import show
from dashboard.people_forms import TokenForm, TokenNameForm
from orchestration.errors import InvalidRequest, OrchestrationError


def _home() -> str:
    return reverse("dashboard:tokens")


@page
def tokens(request: HttpRequest) -> HttpResponse:
    """List the tokens, with when each was last used."""
    return show(
        request,
        "tokens.html",
        {"tokens": service(request).get_tokens(), "form": TokenForm(), "name_form": TokenNameForm()},
    )


@require_POST
def token_make(request: HttpRequest) -> HttpResponse:
    """Make a token and show it this once: the answer is the page, and is kept by no browser."""
    form = TokenForm(request.POST)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), _home())
    expires_at = form.instant("expires_at")
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), _home())
    try:
        made = service(request).make_token(
            expires_at=expires_at,
            **{
                name: form.cleaned_data[name]
                for name in ("name", "scope", "limited_to", "networks", "for_assistant")
            },
        )
    except OrchestrationError as error:
        return refuse(request, error, _home())
    return show(request, "token_made.html", {"made": made})


@require_POST
def token_rename(request: HttpRequest, pk: int) -> HttpResponse:
    """Call a token something else."""
    form = TokenNameForm(request.POST)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), _home())
    return act(
        request,
        lambda: service(request).rename_token(token_id=pk, name=form.cleaned_data["name"]),
        lambda token: f"It is called {token.name} from now on.",
        to=_home(),
    )


@require_POST
def token_rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a token another text and show it this once."""
    try:
        made = service(request).rotate_token(token_id=pk, reason=reason_of(request))
    except OrchestrationError as error:
        return refuse(request, error, _home())
    return show(request, "token_made.html", {"made": made})


@require_POST
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a token useless."""
    return act(
        request,
        lambda: service(request).revoke_token(token_id=pk, reason=reason_of(request)),
        lambda token: f"{token.name} opens nothing any more.",
        to=_home(),
    )
