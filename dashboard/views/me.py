"""Show who one is, and let everyone set what is theirs: password, clock, sessions; and take a link to set a password."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import get_user_model, update_session_auth_hash
from django.contrib.auth.views import INTERNAL_RESET_SESSION_TOKEN, PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from dashboard.actions import act, done, page, refuse, service
from dashboard.addresses import reverse
from dashboard.forms import sentence_of
from dashboard.live_pages import show
from dashboard.people_forms import ClockForm, OwnPasswordForm, SetPasswordForm
from orchestration.core.permissions import LEVELS, Actor
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.service import CentralOrchestrationService
from orchestration.states import Trigger


def _home() -> str:
    return reverse("dashboard:me")


@page
def me(request: HttpRequest) -> HttpResponse:
    """Show who one is, and what one may set."""
    asked = service(request)
    who = asked.get_me()
    return show(
        request,
        "me.html",
        {
            "me": who,
            "level": LEVELS[who.level],
            "others": max(0, who.sessions - 1),
            "factors": asked.get_own_second_factors(),
            "password_form": OwnPasswordForm(),
            "clock_form": ClockForm(initial={"timezone": who.timezone}),
        },
    )


@sensitive_post_parameters()
@require_POST
def me_set_password(request: HttpRequest) -> HttpResponse:
    """Choose another password; this browser stays logged in, every other is logged out."""
    form = OwnPasswordForm(request.POST)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), _home())
    try:
        service(request).set_own_password(
            current=form.cleaned_data["current"],
            password=form.cleaned_data["password"],
            keep_session=request.session.session_key or "",
        )
    except OrchestrationError as error:
        return refuse(request, error, _home())
    update_session_auth_hash(request, get_user_model().objects.get(pk=request.user.pk or 0))
    text = "Your password is another one; every other browser is logged out."
    return done(request, text, to=_home(), leave=True)


@require_POST
def me_set_timezone(request: HttpRequest) -> HttpResponse:
    """Choose by whose clock one is told times."""
    form = ClockForm(request.POST)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), _home())
    return act(
        request,
        lambda: service(request).set_own_timezone(timezone=form.cleaned_data["timezone"]),
        lambda zone: f"Your clock is {zone or 'each channel’s own'} from now on.",
        to=_home(),
    )


@require_POST
def me_end_sessions(request: HttpRequest) -> HttpResponse:
    """Log oneself out of every other browser."""
    return act(
        request,
        lambda: service(request).end_own_sessions(keep_session=request.session.session_key or ""),
        lambda ended: f"Logged out of {ended} other browser{'' if ended == 1 else 's'}.",
        to=_home(),
    )


@method_decorator(sensitive_post_parameters(), name="dispatch")
class SetPassword(PasswordResetConfirmView):
    """Let whoever holds a link set a password; Django's view keeps the secret out of the address and the referrer."""

    form_class = SetPasswordForm  # type: ignore[assignment]
    template_name = "set_password.html"
    success_url = reverse_lazy("login")

    def form_valid(self, form: Any) -> HttpResponse:
        """Set it through the service, which asks the link's proof once more under a lock."""
        asked = CentralOrchestrationService(actor=Actor.of_user(self.user), trigger=Trigger.BUTTON)
        token = self.request.session.get(INTERNAL_RESET_SESSION_TOKEN, "")
        try:
            asked.use_password_link(token=token, password=form.cleaned_data["password"])
        except OrchestrationError as error:
            form.add_error("password" if error.field == "password" else None, error.message)
            return self.form_invalid(form)
        self.request.session.flush()  # whoever was logged in here is so no more, and the proof is forgotten
        messages.success(self.request, "Your password is set; log in with it.")
        return redirect(self.success_url)
