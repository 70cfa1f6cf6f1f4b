"""Show who may log in, and add, change, shut out and let in people; administrators only."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from dashboard.actions import act, act_on_typed, page, reason_of, refuse, service
from dashboard.addresses import reverse
from dashboard.live_pages import show
from dashboard.people_forms import NewUserForm, TwicePassword, UserForm
from orchestration.core.permissions import LEVELS
from orchestration.errors import OrchestrationError


def _home() -> str:
    return reverse("dashboard:users")


def _page_of(pk: int) -> str:
    return reverse("dashboard:user", args=[pk])


@page
def users(request: HttpRequest) -> HttpResponse:
    """List who may log in, who may not any more, and who is locked out."""
    asked = service(request)
    return show(
        request,
        "users.html",
        {
            "users": asked.get_users(),
            "levels": LEVELS,
            "lockouts": asked.get_lockouts(),
            "form": NewUserForm(),
        },
    )


@page
def user(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one person, to be changed."""
    asked = service(request)
    row = asked.get_user(user_id=pk)
    return show(
        request,
        "user.html",
        {
            "row": row,
            "levels": LEVELS,
            "form": UserForm.of(row),
            "password_form": None if row.is_you else TwicePassword(auto_id="password_%s"),
            "tokens": [token for token in asked.get_tokens() if token.created_by_id == pk],
            "lockouts": [
                found
                for found in asked.get_lockouts()
                if found.username.casefold() == row.username.casefold()
            ],
        },
    )


@sensitive_post_parameters()
@require_POST
def user_add(request: HttpRequest) -> HttpResponse:
    """Register a person."""
    form = NewUserForm(request.POST)
    return act_on_typed(
        request,
        form,
        lambda: service(request).add_user(**form.cleaned_data),
        lambda row: (
            f"{row.username} may log in."
            if row.has_password
            else f"{row.username} is registered; make them a link to set a password."
        ),
        to=_home(),
    )


@require_POST
def user_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a person another level or name."""
    form = UserForm(request.POST)
    return act_on_typed(
        request,
        form,
        lambda: service(request).change_user(user_id=pk, **form.cleaned_data),
        lambda row: f"{row.username} is kept, as {LEVELS[row.level]}.",
        to=_page_of(pk),
    )


@sensitive_post_parameters()
@require_POST
def user_set_password(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a person another password."""
    form = TwicePassword(request.POST)
    return act_on_typed(
        request,
        form,
        lambda: service(request).set_user_password(user_id=pk, password=form.cleaned_data["password"]),
        lambda row: f"{row.username} has another password; every session of theirs is over.",
        to=_page_of(pk),
    )


@require_POST
def user_password_link(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a link by which a person sets a password, and show it this once."""
    try:
        made = service(request).make_password_link(user_id=pk, reason=reason_of(request))
    except OrchestrationError as error:
        return refuse(request, error, _page_of(pk))
    shown = {"made": made, "address": request.build_absolute_uri(made.path), "pk": pk}
    return show(request, "password_link.html", shown)


@require_POST
def user_deactivate(request: HttpRequest, pk: int) -> HttpResponse:
    """Shut a person out."""
    return act(
        request,
        lambda: service(request).deactivate_user(user_id=pk, reason=reason_of(request)),
        lambda row: f"{row.username} is shut out, and every session of theirs is over.",
        to=_page_of(pk),
    )


@require_POST
def user_reactivate(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a person in again."""
    return act(
        request,
        lambda: service(request).reactivate_user(user_id=pk, reason=reason_of(request)),
        lambda row: f"{row.username} may log in again, with the password they had.",
        to=_page_of(pk),
    )


@require_POST
def user_reset_second_factors(request: HttpRequest, pk: int) -> HttpResponse:
    """Take away what somebody has lost."""
    return act(
        request,
        lambda: service(request).reset_second_factors(user_id=pk, reason=reason_of(request)),
        lambda row: f"{row.username} logs in with the password alone, until they add a second factor.",
        to=_page_of(pk),
    )


@require_POST
def user_end_sessions(request: HttpRequest, pk: int) -> HttpResponse:
    """Log a person out of every browser."""
    return act(
        request,
        lambda: service(request).end_user_sessions(user_id=pk, reason=reason_of(request)),
        lambda ended: f"Logged out of {ended} browser{'' if ended == 1 else 's'}.",
        to=_page_of(pk),
    )


@require_POST
def lockout_lift(request: HttpRequest) -> HttpResponse:
    """Let a locked-out name, or every name from an address, try again."""
    username = request.POST.get("username", "").replace("\x00", "")[:150]
    address = request.POST.get("address", "").replace("\x00", "")[:64]
    return act(
        request,
        lambda: service(request).lift_lockout(username=username, address=address, reason=reason_of(request)),
        f"{username or f'Every name from {address}'} may try again.",
        to=_home(),
    )
