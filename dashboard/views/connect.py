"""Connect a channel with Google: show what will be asked, lead to the consent page, take the code that comes back."""

import secrets

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_POST

from channels.models import Channel
from dashboard.actions import refuse, service
from dashboard.addresses import reverse
from dashboard.live_pages import show
from orchestration.below import public
from orchestration.errors import OrchestrationError

SESSION_KEY = "google_connection"


def redirect_uri_of(request: HttpRequest) -> str:
    """Return where Google sends the browser back to; it must be registered with the OAuth client word for word."""
    path = reverse("dashboard:connect_google")
    return public(path) if settings.HEADEND_PUBLIC_URL else request.build_absolute_uri(path)


@require_POST
def channel_connect(request: HttpRequest, slug: str) -> HttpResponse:
    """Begin a connection: remember state and verifier in the session, show the way to the consent page."""
    channel = get_object_or_404(Channel, slug=slug)
    state, verifier, redirect_uri = (
        secrets.token_urlsafe(24),
        secrets.token_urlsafe(48),
        redirect_uri_of(request),
    )
    try:
        consent_url = service(request).begin_connection(
            channel_id=channel.pk, redirect_uri=redirect_uri, state=state, verifier=verifier
        )
    except OrchestrationError as error:
        return refuse(request, error, reverse("dashboard:channel", args=[slug]))
    request.session[SESSION_KEY] = {
        "state": state,
        "verifier": verifier,
        "channel_id": channel.pk,
        "slug": slug,
    }
    # A link and not a redirect: the content security policy lets our forms lead nowhere but here.
    return show(
        request,
        "connect.html",
        {"channel": channel, "consent_url": consent_url, "redirect_uri": redirect_uri},
    )


@require_GET
def connect_google(request: HttpRequest) -> HttpResponse:
    """Take what Google sends back; only the session that began the connection may finish it, once."""
    begun = request.session.pop(SESSION_KEY, None)
    given = request.GET.get("state", "")
    if not begun or not secrets.compare_digest(begun["state"].encode(), given.encode()):
        messages.error(
            request, "This connection was not begun here, or was finished already; begin it again."
        )
        return redirect("dashboard:channels")
    if request.GET.get("error"):
        messages.error(request, "Google's page was left without consent; nothing was changed.")
        return redirect("dashboard:channel", slug=begun["slug"])
    try:
        connected = service(request).finish_connection(
            channel_id=begun["channel_id"],
            code=request.GET.get("code", ""),
            redirect_uri=redirect_uri_of(request),
            verifier=begun["verifier"],
        )
    except OrchestrationError as error:
        messages.error(request, error.message)
    else:
        messages.success(
            request, f"{connected.channel.name} is connected: the consent opens {connected.title}."
        )
    return redirect("dashboard:channel", slug=begun["slug"])
