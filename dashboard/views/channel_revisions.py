"""Show one revision of a channel's configuration, and go back to it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from dashboard.actions import by_htmx, page, reason_of, refuse, service
from dashboard.addresses import reverse
from dashboard.live_pages import show
from dashboard.views.channel_page import channel_of, page_of
from dashboard.views.missing import found
from orchestration.errors import OrchestrationError


@page
def channel_revision(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Show what a revision changed, and what going back to it would change."""
    row = channel_of(slug)
    report = found(lambda: service(request).get_revision(channel_id=row.pk, number=number))
    return show(request, "channel_revision.html", {"channel": row, "report": report})


@require_POST
def channel_roll_back(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Bring an earlier configuration back, as a new revision."""
    row = channel_of(slug)
    try:
        result = service(request).roll_back_configuration(
            channel_id=row.pk,
            number=number,
            accept_problems=request.POST.get("accept_problems") == "on",
            reason=reason_of(request),
        )
    except OrchestrationError as error:
        return refuse(request, error, reverse("dashboard:channel_revision", args=[slug, number]))
    many = len(result.changes)
    said = f"{row.name} is as in revision {number}: {many} {'field' if many == 1 else 'fields'} brought back."
    messages.success(request, said if many else f"{row.name} was as in revision {number} already.")
    to = page_of(slug, "revisions")
    return HttpResponseClientRedirect(to) if by_htmx(request) else redirect(to)
