"""Show what the rules would decide about ready videos, and place what they decided."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from channels.models import Channel
from dashboard.actions import by_htmx, done, page, refuse, service
from dashboard.addresses import reverse
from dashboard.forms import DistributeForm, sentence_of
from dashboard.live_pages import own_address, show
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.models import Video

MAX_DECISIONS = 500


@page
def distribute(request: HttpRequest) -> HttpResponse:
    """Show the form that lets the rules distribute ready videos."""
    return show(request, "distribute.html", {"form": DistributeForm(initial={"horizon_days": 14})})


def _decisions(result: Any) -> dict[str, Any]:
    rows = sorted(result.decisions, key=lambda d: (not d.chosen, d.video_id, d.channel_id))
    shown = rows[:MAX_DECISIONS]
    return {
        "result": result,
        "yes": sum(d.chosen for d in rows),
        "no": sum(not d.chosen for d in rows),
        "decisions": shown,
        "left_out": len(rows) - len(shown),
        "channels": Channel.objects.in_bulk({d.channel_id for d in shown}),
        "videos": Video.objects.only("pk", "title", "url").in_bulk({d.video_id for d in shown}),
    }


@require_POST
def distribute_preview(request: HttpRequest) -> HttpResponse:
    """Show what the rules would decide, with the reason for each yes and each no."""
    form = DistributeForm(request.POST)
    context: dict[str, Any] = {"form": form}
    if not form.is_valid():
        context["refusal"] = InvalidRequest(sentence_of(form))
    else:
        try:
            result = service(request).distribute_videos(dry_run=True, **form.arguments())
            context |= _decisions(result)
        except OrchestrationError as error:
            context["refusal"] = error
    if by_htmx(request):
        return render(
            request, "parts/decisions.html", {**context, "screen": {"address": own_address(request)}}
        )
    return show(request, "distribute.html", context)


@require_POST
def distribute_commit(request: HttpRequest) -> HttpResponse:
    """Place what the rules decided."""
    form = DistributeForm(request.POST)
    to = reverse("dashboard:distribute")
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), to)
    try:
        result = service(request).distribute_videos(**form.arguments())
    except OrchestrationError as error:
        return refuse(request, error, to)
    return done(
        request,
        result.summary or f"{len(result.created)} publications placed.",
        to=reverse("dashboard:schedule") + "?span=336" if result.created else to,
        leave=bool(result.created),
    )
