"""Give the plan as a file, take one in, and let calendars read it."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.views.decorators.http import require_GET, require_POST

from channels.models import Channel
from dashboard.actions import act, page, refuse, service
from dashboard.addresses import reverse
from dashboard.filters import filters_of
from dashboard.live_pages import show
from dashboard.sent_file import text_of
from orchestration.api.plan_file import csv_of
from orchestration.errors import OrchestrationError
from orchestration.lists import ScheduleFilters
from orchestration.models import CalendarAddress
from orchestration.scheduling import calendar_feed as feed
from orchestration.scheduling.plan_file import COLUMNS, MOST_CHARACTERS, MOST_LINES

FILTERS = ("state", "channel_id", "wave_id")


def _values(request: HttpRequest, **more: object) -> dict[str, object]:
    return {
        "columns": COLUMNS,
        "most_lines": MOST_LINES,
        "address": CalendarAddress.objects.filter(user=request.user.pk).first(),
        "channels": Channel.objects.order_by("name"),
        **more,
    }


@page
def plan_file(request: HttpRequest) -> HttpResponse:
    """Show how the plan is exported and imported, and whether this person's calendar reads it."""
    return show(request, "plan_file.html", _values(request))


@require_GET
def plan_export(request: HttpRequest) -> StreamingHttpResponse:
    """Give the plan as CSV."""
    return csv_of(filters_of(request, ScheduleFilters, FILTERS))


@require_POST
def plan_preview(request: HttpRequest) -> HttpResponse:
    """Show what each line of a file would do."""
    acknowledged = request.POST.get("acknowledge_policy") == "on"
    try:
        text = text_of(request, most=MOST_CHARACTERS)
        made = service(request).preview_plan_file(text=text, acknowledge_policy=acknowledged)
    except OrchestrationError as error:
        return refuse(request, error, reverse("dashboard:plan_file"))
    values = _values(request, made=made, text=text, acknowledged=acknowledged, refused=made.count("refused"))
    return show(request, "plan_file.html", values)


@require_POST
def plan_import(request: HttpRequest) -> HttpResponse:
    """Write what a file asks for, or nothing."""
    return act(
        request,
        lambda: service(request).import_plan_file(
            text=text_of(request, most=MOST_CHARACTERS),
            acknowledge_policy=request.POST.get("acknowledge_policy") == "on",
        ),
        lambda made: f"The plan is imported: {made.summary}.",
        to=reverse("dashboard:plan_file"),
    )


@require_POST
def calendar_make(request: HttpRequest) -> HttpResponse:
    """Make this person's calendar address, and show it this once."""
    try:
        secret = service(request).make_calendar_address()
    except OrchestrationError as error:
        return refuse(request, error, reverse("dashboard:plan_file"))
    made = request.build_absolute_uri(reverse("dashboard:calendar_feed", args=[secret]))
    return show(request, "plan_file.html", _values(request, made_address=made))


@require_POST
def calendar_remove(request: HttpRequest) -> HttpResponse:
    """Let this person's calendar address open nothing any more."""
    return act(
        request,
        lambda: service(request).remove_calendar_address(),
        "The calendar address opens nothing any more.",
        to=reverse("dashboard:plan_file"),
    )


@login_not_required
@require_GET
def calendar_feed(request: HttpRequest, secret: str) -> HttpResponse:
    """Give the plan to a calendar program; whoever has the address is let in, and every other address is not there."""
    found = feed.read(secret, slugs=request.GET.getlist("channel")[:1_000])
    if found is None:
        raise Http404("There is no such calendar.")
    return HttpResponse(
        found,
        content_type="text/calendar; charset=utf-8",
        headers={"Cache-Control": "private, no-store", "X-Robots-Tag": "noindex"},
    )
