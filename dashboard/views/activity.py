"""Show the activity log."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from dashboard.actions import page
from dashboard.filters import filters_of, first
from dashboard.listing import page_of
from dashboard.live_pages import show
from dashboard.picking import filter_picker
from orchestration.lists import ActivityFilters
from orchestration.models import Activity
from orchestration.states import Trigger

SUBJECTS = (
    ("channel", "channel"),
    ("channelgroup", "group of channels"),
    ("label", "label"),
    ("systemstate", "system"),
    ("source", "source"),
    ("video", "video"),
    ("wave", "wave"),
    ("distribution", "distribution"),
    ("schedule", "schedule"),
    ("job", "job"),
    ("workflowrun", "run"),
    ("conflict", "conflict"),
    ("pool", "pool"),
    ("lease", "lease"),
    ("credential", "credential"),
    ("postingslot", "posting slot"),
    ("blackout", "blackout"),
    ("apitoken", "token"),
    ("notificationaddress", "notification address"),
    ("notificationrule", "notification rule"),
    ("silence", "silence"),
)

FILTERS = (
    "verb",
    "actor_contains",
    "trigger",
    "subject_type",
    "subject_id",
    "correlation_id",
    "q",
    "channels",
    "group",
    "label",
)


@page
def activity(request: HttpRequest) -> HttpResponse:
    """List the audit entries: who did what to which row, by which trigger, and why."""
    filters = filters_of(request, ActivityFilters, FILTERS)
    rows = filters.filter(Activity.objects.select_related("content_type"))
    return show(
        request,
        "activity.html",
        {
            "page": page_of(request, rows.order_by("-timestamp", "-id")),
            "verbs": Activity.objects.order_by("verb").values_list("verb", flat=True).distinct(),
            "verb": first(filters.verb),
            "actor": filters.actor_contains or "",
            "trigger": first(filters.trigger),
            "triggers": Trigger.choices,
            "subject": filters.subject_type or "",
            "subjects": SUBJECTS,
            "picker": filter_picker(request, filters),
            "cid": filters.correlation_id or "",
            "id": filters.subject_id,
            "q": filters.q or "",
        },
    )
