"""Show what happened: the activity log and the numbers."""

from __future__ import annotations

from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse

from dashboard.doors import page, service
from dashboard.listing import chosen, chosen_id, page_of, text, whole_number
from dashboard.naming import mentions
from dashboard.screens import show
from orchestration.models import Activity
from orchestration.states import Trigger

SUBJECTS = (
    ("channel", "channel"),
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
)


@page
def activity(request: HttpRequest) -> HttpResponse:
    """List the audit entries: who did what to which row, through which door, and why."""
    trigger = chosen(request, "trigger", Trigger.values)
    subject = chosen(request, "subject", [name for name, _ in SUBJECTS])
    verb, actor, cid, words = (text(request, name) for name in ("verb", "actor", "cid", "q"))
    object_id = chosen_id(request, "id")
    rows = Activity.objects.select_related("content_type")
    if verb:
        rows = rows.filter(verb=verb)
    if actor:
        rows = rows.filter(actor_label__icontains=actor)
    if trigger:
        rows = rows.filter(trigger=trigger)
    if subject:
        rows = rows.filter(content_type__in=ContentType.objects.filter(model=subject))
    if object_id is not None:
        rows = rows.filter(object_id=object_id)
    if cid:
        rows = rows.filter(cid=cid)
    if words:
        rows = rows.filter(mentions(words))
    return show(
        request,
        "activity.html",
        {
            "page": page_of(request, rows.order_by("-timestamp", "-id")),
            "verbs": Activity.objects.order_by("verb").values_list("verb", flat=True).distinct(),
            "verb": verb,
            "actor": actor,
            "trigger": trigger,
            "triggers": Trigger.choices,
            "subject": subject,
            "subjects": SUBJECTS,
            "cid": cid,
            "id": object_id,
            "q": words,
        },
    )


@page
def statistics(request: HttpRequest) -> HttpResponse:
    """Show what YouTube counted, and what we did, side by side and never mixed."""
    days = whole_number(request, "days", 7, (1, 7, 14, 30))
    report = service(request).get_statistics(days=days)
    top = max((row["count"] for row in report.published_by_day), default=0)
    total = len(report.published_by_day) or 1
    columns = [
        {
            "x": f"{index * 100 / total + 8 / total:.2f}%",
            "middle": f"{(index + 0.5) * 100 / total:.2f}%",
            "width": f"{84 / total:.2f}%",
            "y": 118 - round(100 * row["count"] / top) if top else 118,
            "height": round(100 * row["count"] / top) if top else 0,
            "label_y": (118 - round(100 * row["count"] / top) if top else 118) - 5,
            "row": row,
            "named": total <= 14 or index % 3 == 0,
        }
        for index, row in enumerate(report.published_by_day)
    ]
    return show(
        request,
        "statistics.html",
        {
            "report": report,
            "days": days,
            "choices": (1, 7, 14, 30),
            "columns": columns,
            "published": sum(row["count"] for row in report.published_by_day),
        },
    )
