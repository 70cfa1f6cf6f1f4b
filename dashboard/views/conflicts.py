"""Show conflicts, and resolve or dismiss them."""

from __future__ import annotations

from django.db.models import Case, IntegerField, Value, When
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from dashboard import bulk
from dashboard.actions import act, page, reason_of, refuse, service, version_of
from dashboard.addresses import reverse
from dashboard.filters import filters_of, first
from dashboard.listing import id_of, page_of
from dashboard.live_pages import show
from dashboard.picking import filter_picker
from orchestration.errors import InvalidRequest
from orchestration.lists import ConflictFilters
from orchestration.models import Conflict
from orchestration.planning.rules import TITLE_OF_RULE
from orchestration.states import (
    ConflictKind,
    ConflictState,
)


@page
def conflicts(request: HttpRequest) -> HttpResponse:
    """List the conflicts, open ones first, with what else could be done."""
    filters = filters_of(
        request, ConflictFilters, ("state", "kind", "channel_id", "channels", "group", "label")
    )
    rows = Conflict.objects.select_related(
        "video",
        "channel",
        "wave",
        "schedule__channel",
        "other_schedule__distribution__video",
        "other_schedule__channel",
    )
    open_first = Case(
        When(state=ConflictState.OPEN, then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    here = page_of(request, filters.filter(rows).order_by(open_first, "-created_at", "-id"))
    return show(
        request,
        "conflicts.html",
        {
            "page": here,
            "bulk": bulk.bar(request, "conflict", filters, here.paginator.count),
            "state": first(filters.state),
            "states": ConflictState.choices,
            "kind": first(filters.kind),
            "kinds": ConflictKind.choices,
            "picker": filter_picker(request, filters),
            "narrowed": bool(filters.model_fields_set),
            "titles": TITLE_OF_RULE,
        },
    )


@require_POST
def conflict_apply(request: HttpRequest, pk: int) -> HttpResponse:
    """Resolve a conflict by one of its alternatives."""
    index = id_of(request.POST.get("index", ""))
    to = reverse("dashboard:conflicts")
    if index is None:
        return refuse(request, InvalidRequest("Name one of the alternatives.", field="index"), to)
    return act(
        request,
        lambda: service(request).apply_alternative(conflict_id=pk, index=index, version=version_of(request)),
        lambda row: f"Resolved: {row.resolution or row.message}",
        to=to,
    )


@require_POST
def conflict_dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    """Dismiss it: nothing needs to be done."""
    return act(
        request,
        lambda: service(request).dismiss_conflict(
            conflict_id=pk, reason=reason_of(request), version=version_of(request)
        ),
        "Dismissed.",
        to=reverse("dashboard:conflicts"),
        undo=True,
    )
