"""Show what waits for an approval, with its player and its words; approve and refuse."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from channels.models import Channel
from dashboard.actions import act, page, reason_of, refuse, service
from dashboard.addresses import reverse
from dashboard.listing import id_of
from dashboard.live_pages import show
from orchestration.errors import InvalidRequest
from orchestration.models import Source
from orchestration.pipeline import approvals


@page
def reviews(request: HttpRequest) -> HttpResponse:
    """List what waits for an approval, the nearest first."""
    return show(
        request,
        "reviews.html",
        {"rows": service(request).get_reviews(), "most": approvals.MAX_LISTED, "busy": False},
    )


@require_POST
def reviews_decide(request: HttpRequest) -> HttpResponse:
    """Approve or refuse what was ticked, as it was seen."""
    to = reverse("dashboard:reviews")
    marks = [mark.partition(":") for mark in request.POST.getlist("seen")]
    ids = [id_of(pk) for pk, _, _ in marks]
    known = [pk for pk in ids if pk is not None]
    if not known or len(known) != len(ids):
        return refuse(request, InvalidRequest("Tick what is meant.", field="seen"), to)
    door, reason = service(request), reason_of(request)
    if request.POST.get("way") == "refuse":
        return act(
            request,
            lambda: door.refuse_publications(schedule_ids=known, reason=reason),
            lambda rows: f"Refused: {len(rows)}.",
            to=to,
        )
    return act(
        request,
        lambda: door.approve_publications(
            schedule_ids=known, seals=[seal for _, _, seal in marks], reason=reason
        ),
        lambda rows: f"Approved: {len(rows)}.",
        to=to,
    )


@require_POST
def channel_approval(request: HttpRequest, slug: str) -> HttpResponse:
    """Let a channel's publications wait for an approval, or not any more."""
    row = get_object_or_404(Channel, slug=slug)
    needed = request.POST.get("needed") == "yes"
    return act(
        request,
        lambda: service(request).set_channel_approval(
            channel_id=row.pk, needed=needed, reason=reason_of(request)
        ),
        lambda change: change.sentence,
        to=reverse("dashboard:channel", args=[slug]),
    )


@require_POST
def source_approval(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the publications of a source's videos wait for an approval, or not any more."""
    row = get_object_or_404(Source, pk=pk)
    needed = request.POST.get("needed") == "yes"
    return act(
        request,
        lambda: service(request).set_source_approval(
            source_id=row.pk, needed=needed, reason=reason_of(request)
        ),
        lambda change: change.sentence,
        to=reverse("dashboard:sources"),
    )
