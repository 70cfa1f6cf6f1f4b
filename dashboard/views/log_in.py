"""The way in: a password and then a second factor where there is one, or a passkey alone."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate, get_user_model, login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, RedirectURLMixin
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dashboard.addresses import reverse
from orchestration.core import refusals
from orchestration.core.addresses import client_address
from orchestration.core.audit import Acting
from orchestration.errors import OrchestrationError
from orchestration.register import factors, login_throttle, passkeys
from orchestration.register import sign_on as sign_on_rules
from orchestration.register.second_step import host_of
from orchestration.states import Trigger

PENDING, ASKED, SIGN_ON = "second_step", "passkey_login", "sign_on"
"""Keys of a session that nobody is logged in with yet."""
PATIENCE_SECONDS = 300
KEEPS = "orchestration.register.roles.RoleBackend"
"""The way of authentication that reads who is logged in."""
WRONG = "That is neither the code of your app now nor one of your recovery codes."
UNKNOWN = "This passkey opens nothing here."


class LogIn(LoginView):
    """Ask for name and password; whoever has a second factor is asked for it next, and not logged in before."""

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        """Say whether a provider is offered, too."""
        name = settings.HEADEND_OIDC_NAME if sign_on_rules.is_offered() else ""
        return super().get_context_data(**context) | {"sign_on": name}

    def form_valid(self, form: Any) -> HttpResponse:
        """Log in, or lead to the second step."""
        return _second_or_in(self.request, form.get_user(), self.get_success_url())


@never_cache
@login_not_required
@sensitive_post_parameters("code")
@require_http_methods(["GET", "HEAD", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    """Ask whoever knew the password for their second factor; wrong ones count like wrong passwords."""
    pending = request.session.get(PENDING) or {}
    user = get_user_model().objects.filter(pk=pending.get("user", 0), is_active=True).first()
    is_late = pending.get("until", 0) < timezone.now().timestamp()
    if user is None or is_late or user.get_session_auth_hash() != pending["knows"]:
        request.session.pop(PENDING, None)
        return redirect("login")
    if request.method != "POST":
        return render(request, "login_second.html", {"error": ""})
    code = request.POST.get("code", "").replace("\x00", "")[:100]
    found = authenticate(request, username=user.get_username(), secret_code=code)
    if found is None or found.pk != user.pk:
        return render(request, "login_second.html", {"error": WRONG})
    return _logged_in(request, found, pending["to"])


@never_cache
@login_not_required
@require_POST
def passkey_begin(request: HttpRequest) -> HttpResponse:
    """Return what a browser asks its passkeys; the same for everybody."""
    options, request.session[ASKED] = passkeys.begin_login(host_of(request))
    return JsonResponse(options)


class _Way(RedirectURLMixin):
    """Where to, as Django's own login decides it: nowhere outside."""

    next_page = "dashboard:overview"

    def __init__(self, request: HttpRequest) -> None:
        self.request = request


@never_cache
@login_not_required
@sensitive_post_parameters("credential")
@require_POST
def passkey_login(request: HttpRequest) -> HttpResponse:
    """Log in whoever's passkey answered what was just asked; each question is answered once."""
    asked = request.session.pop(ASKED, None)
    answer = request.POST.get("credential", "")
    found = authenticate(request, secret_passkey=answer, asked=asked) if asked else None
    if found is None:
        return render(request, "login_second.html", {"error": UNKNOWN, "only_passkey": True}, status=403)
    return _logged_in(request, found, _Way(request).get_success_url())


@never_cache
@login_not_required
@require_GET
def sign_on(request: HttpRequest) -> HttpResponse:
    """Lead to the provider; what comes back has to be the answer to this."""
    if not sign_on_rules.is_offered():
        raise Http404
    try:
        address, asked = sign_on_rules.begin(_back(request))
    except OrchestrationError as error:
        return _refused(request, error)
    way = _Way(request).get_success_url()
    request.session[SIGN_ON] = {
        "asked": asked,
        "to": way,
        "until": timezone.now().timestamp() + PATIENCE_SECONDS,
    }
    return redirect(address)


@never_cache
@login_not_required
@sensitive_variables("code")
@require_GET
def sign_on_done(request: HttpRequest) -> HttpResponse:
    """Take the provider's answer, once; whoever has a second factor here is asked for it as after a password."""
    kept = request.session.pop(SIGN_ON, None) or {"asked": {}, "to": "", "until": 0}
    asked = kept["asked"] if kept["until"] > timezone.now().timestamp() else {}
    try:
        claims = sign_on_rules.finish(
            asked,
            state=request.GET.get("state", ""),
            code=request.GET.get("code", ""),
            redirect_uri=_back(request),
        )
        user = sign_on_rules.person_of(claims)
    except OrchestrationError as error:
        return _refused(request, error)
    return _second_or_in(request, user, kept["to"])


def _back(request: HttpRequest) -> str:
    return request.build_absolute_uri(reverse("sign_on_done"))


def _refused(request: HttpRequest, error: OrchestrationError) -> HttpResponse:
    who = Acting("nobody", None, Trigger.BUTTON)
    refusals.note(refusals.LOGIN, who, address=client_address(request), what="by single sign-on")
    return render(request, "login_second.html", {"error": error.message, "only_passkey": True}, status=403)


def _second_or_in(request: HttpRequest, user: Any, to: str) -> HttpResponse:
    """Log in, or ask whoever has a second factor for it first."""
    if not factors.has_any(user.pk):
        return _logged_in(request, user, to)
    request.session.cycle_key()
    request.session[PENDING] = {
        "user": user.pk,
        "knows": user.get_session_auth_hash(),
        "until": int(timezone.now().timestamp()) + PATIENCE_SECONDS,
        "to": to,
    }
    return redirect("second_step")


def _logged_in(request: HttpRequest, user: Any, to: str) -> HttpResponse:
    """Begin the session; the browser can show later that this name was logged in with it, and may go on trying."""
    request.session.pop(PENDING, None)
    login(request, user, backend=KEEPS)
    response = redirect(to or reverse("dashboard:overview"))
    login_throttle.know(response, user.get_username())
    return response
