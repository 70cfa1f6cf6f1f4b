"""Lead a new installation to its first publication: what is done, what is next, what is missing at Google and GitHub."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from channels.models import Channel
from dashboard.actions import page, refuse, service
from dashboard.addresses import reverse
from dashboard.listing import id_of
from dashboard.live_pages import show
from dashboard.views.connect import redirect_uri_of
from orchestration.errors import OrchestrationError
from orchestration.models import KeptReport
from orchestration.monitoring.connection_checks import staged_at_github
from orchestration.monitoring.first_steps import REHEARSAL

MOST_CHANNELS = 100


@page
def set_up(request: HttpRequest) -> HttpResponse:
    """Show the steps."""
    return show(request, "set_up.html", {"found": service(request).get_set_up()})


@page
def set_up_google(request: HttpRequest) -> HttpResponse:
    """Show what Google needs, and what was found when it was last checked."""
    channels = list(Channel.objects.enabled().order_by("name").only("slug", "name")[:MOST_CHANNELS])
    return show(
        request,
        "set_up_google.html",
        {
            "report": service(request).get_connection_report(subject="google"),
            "channels": channels,
            "chosen": request.GET.get("channel", ""),
            "redirect_uri": redirect_uri_of(request),
        },
    )


@require_POST
def set_up_check_google(request: HttpRequest) -> HttpResponse:
    """Ask Google, step by step."""
    channel = Channel.objects.filter(pk=id_of(request.POST.get("channel", "")) or 0).first()
    try:
        service(request).check_google(
            redirect_uri=redirect_uri_of(request), channel_id=channel.pk if channel else None
        )
    except OrchestrationError as error:
        return refuse(request, error, reverse("dashboard:set_up_google"))
    query = f"?channel={channel.slug}" if channel else ""
    return redirect(f"{reverse('dashboard:set_up_google')}{query}")


@page
def set_up_github(request: HttpRequest) -> HttpResponse:
    """Show what GitHub needs, and what was found when it was last checked."""
    return show(
        request,
        "set_up_github.html",
        {
            "report": service(request).get_connection_report(subject="github"),
            "channels": staged_at_github(),
            "chosen": request.GET.get("channel", ""),
            "public_url": settings.HEADEND_PUBLIC_URL,
        },
    )


@require_POST
def set_up_check_github(request: HttpRequest) -> HttpResponse:
    """Ask GitHub, step by step."""
    pk = id_of(request.POST.get("channel", "")) or 0
    try:
        report = service(request).check_github(channel_id=pk)
    except OrchestrationError as error:
        return refuse(request, error, reverse("dashboard:set_up_github"))
    return redirect(f"{reverse('dashboard:set_up_github')}?channel={report.channel}")


@page
def set_up_rehearsal(request: HttpRequest) -> HttpResponse:
    """Say how to rehearse, and what the last rehearsal found."""
    kept = KeptReport.objects.filter(key=REHEARSAL).first()
    return show(request, "set_up_rehearsal.html", {"kept": kept, "report": kept.document if kept else None})
