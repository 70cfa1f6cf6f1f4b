"""Show the activity log."""

from __future__ import annotations

from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponse

from dashboard.actions import page
from dashboard.listing import chosen, chosen_id, page_of, text
from dashboard.live_pages import show
from dashboard.naming import mentions
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
    """List the audit entries: who did what to which row, by which trigger, and why."""
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
