"""Show the activity log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.dateparse import parse_date

from dashboard.actions import page
from dashboard.filters import filters_of, first
from dashboard.listing import page_of
from dashboard.live_pages import show
from dashboard.naming import Action, by_action, named
from dashboard.picking import filter_picker
from orchestration.lists import ActivityFilters
from orchestration.models import Activity
from orchestration.states import Trigger

ONE_DAY = timedelta(days=1)
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
    "since",
    "until",
)


def _day(request: HttpRequest) -> datetime | None:
    """Return the beginning in UTC of the day that the address names; None if it names none."""
    try:
        found = parse_date(request.GET.get("day", "").strip())
    except ValueError:
        found = None
    inside = found is not None and 2000 <= found.year <= timezone.now().year
    return datetime(found.year, found.month, found.day, tzinfo=UTC) if found is not None and inside else None


@page
def activity(request: HttpRequest) -> HttpResponse:
    """List the audit entries: who did what to which row, by which trigger, and why."""
    filters = filters_of(request, ActivityFilters, FILTERS)
    rows = filters.filter(Activity.objects.select_related("content_type"))
    day = _day(request)
    if day is not None:
        rows = rows.filter(timestamp__gte=day, timestamp__lt=day + ONE_DAY)
    here = page_of(request, rows.order_by("-timestamp", "-id"), 50)  # entries of one action are one line
    return show(
        request,
        "activity.html",
        {
            "page": here,
            "actions": by_action(here)
            if not filters.correlation_id
            else [Action([row]) for row in named(here)],
            "day": day,
            "day_before": (day or timezone.now()) - ONE_DAY,
            "day_after": day + ONE_DAY if day is not None and day + ONE_DAY <= timezone.now() else None,
            "since": filters.since,
            "until": filters.until,
            "filtered": bool(filters.model_fields_set) or day is not None,
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
