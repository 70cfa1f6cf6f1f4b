"""Show how it stood at a past instant, and what changed since somebody left."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime
from django.views.decorators.http import require_POST

from channels.models import PostingSlot
from dashboard import past as told
from dashboard import timeline
from dashboard.actions import act, page, service
from dashboard.listing import whole_number
from dashboard.live_pages import show
from orchestration.errors import OrchestrationError
from orchestration.monitoring.rewind import moments
from orchestration.monitoring.rewind.answers import Past
from orchestration.monitoring.rewind.state import PAGES, SPANS

HOURS = ((6, "6 h"), (24, "24 h"), (72, "3 d"), (168, "7 d"))
SPAN_LABELS = {1: "a day", 7: "7 days", 30: "30 days", 90: "90 days"}
PER_PAGE = 100
MOST_LANES = 24


class _Asked(Exception):
    """Something in the address cannot be used; the sentence says what."""


@page
def rewind(request: HttpRequest) -> HttpResponse:
    """Show the plan, the overview or a channel as it was; what cannot be shown is said, beside what can."""
    now = timezone.now()
    try:
        at = _instant(request, now)
    except _Asked as refusal:
        messages.warning(request, str(refusal))
        at = _first_shown(now)
    if "t" in request.GET or "date" in request.GET:  # the slider and the form: their answer has a permalink
        return redirect(told.address(at, **_kept(request)))
    asked: dict[str, Any] = {
        "page": name if (name := request.GET.get("page", "schedule")) in PAGES else "schedule",
        "channel": request.GET.get("channel", "").strip()[:60],
        "starts_at": _window(request),
        "hours": whole_number(request, "hours", 24, [hours for hours, _ in HOURS]),
        "number": whole_number(request, "n", 1, range(1, 1_000_000)),
        "span_days": whole_number(request, "span", 7, SPANS),
    }
    past, status = None, 200
    try:
        past = service(request).get_state_at(at=at, limit=PER_PAGE, **asked)
    except OrchestrationError as refusal:
        messages.warning(request, refusal.message)
        status = refusal.status if refusal.status == 404 else 200
    return show(request, "rewind.html", _context(request, at, now, asked, past), status=status)


def _instant(request: HttpRequest, now: datetime) -> datetime:
    """Read the instant: `at` is one, `t` the slider's seconds, `date` and `clock` a form's fields in UTC."""
    seconds, said = request.GET.get("t", ""), request.GET.get("at", "").strip()
    if "date" in request.GET:
        said = f"{request.GET['date']}T{request.GET.get('clock') or '00:00'}"
    try:
        if seconds:
            at: datetime | None = datetime.fromtimestamp(int(seconds), UTC)
        else:
            at = parse_datetime(said.replace(" ", "+")) if said else _first_shown(now)
    except (ValueError, OverflowError, OSError):
        at = None
    if at is None:
        raise _Asked(f"at: {(seconds or said)[:40]!r} is no instant such as 2026-11-23T18:00:00Z.")
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    if at > now:
        raise _Asked(f"at: {at:%Y-%m-%d %H:%M:%S} UTC has not come yet; only what was can be shown.")
    if at.year < 2000:
        raise _Asked(f"at: {at:%Y-%m-%d} lies before anything was recorded.")
    return at.astimezone(UTC)


def _first_shown(now: datetime) -> datetime:
    """Return what is shown where no instant is asked for: an hour ago, or the middle of a log that is younger than two."""
    begins, hour = moments.begins_at(), timedelta(hours=1)
    return now - (hour if begins is None else min(hour, (now - begins) / 2))


def _window(request: HttpRequest) -> datetime | None:
    try:
        day = parse_date(request.GET.get("from", ""))
    except ValueError:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=UTC) if day else None


def _kept(request: HttpRequest) -> dict[str, str]:
    return {name: request.GET.get(name, "") for name in ("page", "channel", "hours", "from", "span")}


def _context(
    request: HttpRequest, at: datetime, now: datetime, asked: dict[str, Any], past: Past | None
) -> dict[str, Any]:
    kept = _kept(request)
    begins = now - timedelta(days=asked["span_days"])
    if past is not None and past.begins_at is not None:  # no slider over days of which nothing is known
        begins = max(begins, min(past.begins_at, now - timedelta(hours=1)))
    context: dict[str, Any] = {
        "past": past,
        "at": at,
        "asked": asked,
        "kept": kept,
        "pages": [
            (name, label, told.address(at, **{**kept, "page": name}))
            for name, label in (("schedule", "Schedule"), ("overview", "Overview"), ("channel", "Channel"))
            if name != "channel" or asked["channel"]
        ],
        "spans": [
            (days, SPAN_LABELS[days], told.address(at, **{**kept, "span": str(days)})) for days in SPANS
        ],
        "hours": [
            (hours, label, told.address(at, **{**kept, "hours": str(hours)})) for hours, label in HOURS
        ],
        "slider": {
            "min": int(begins.timestamp()),
            "max": int(now.timestamp()),
            "value": int(max(at, begins).timestamp()),
        },
        "permalink": told.address(at, **kept),
    }
    if past is None:
        return context
    context["steps"] = told.steps(past, **kept)
    context["columns"] = told.columns(past.ticks, begins, now)
    rows = past.plan.publications if past.plan else past.overview.upcoming if past.overview else []
    context["since_then"] = told.since_then(rows)
    if past.plan is not None:
        plan = past.plan
        events = timeline.events_of(row.schedule for row in rows)
        counted = Counter(event.channel_id for event in events).most_common(MOST_LANES)
        drawn = [channel for channel in plan.channels if channel.pk in dict(counted)]
        context["drawing"] = timeline.draw(
            events,
            drawn,
            plan.blackouts,
            plan.starts_at,
            plan.ends_at,
            at,
            left_out=len(plan.channels) - len(drawn),
        )
        day = max(timedelta(hours=asked["hours"]), timedelta(days=1))
        context["earlier"] = told.address(at, **{**kept, "from": f"{plan.starts_at - day:%Y-%m-%d}"})
        context["later"] = told.address(at, **{**kept, "from": f"{plan.starts_at + day:%Y-%m-%d}"})
        pages = -(-plan.total // plan.limit)
        context["pager"] = [
            (label, told.address(at, **kept, n=number), rel)
            for label, number, rel in (
                ("‹ Previous", plan.page - 1, "prev"),
                ("Next ›", plan.page + 1, "next"),
            )
            if 1 <= number <= pages
        ]
        context["last_page"] = pages
    if past.channel is not None:
        context["settings"] = told.settings_of(past.channel.channel, past.channel.differences)
        context["now_is"] = {each.field: each.now for each in past.channel.differences}
        context["weekdays"] = dict(PostingSlot.Weekday.choices)
    return context


@page
def since(request: HttpRequest) -> HttpResponse:
    """Show what changed since the person who looks has said that they have seen it all."""
    asked, found = request.GET.get("since", "").strip(), None
    try:
        begin = parse_datetime(asked.replace(" ", "+")) if asked else None
        if asked and begin is None:
            raise ValueError(asked)
        begin = begin.replace(tzinfo=UTC) if begin and begin.tzinfo is None else begin
        found = service(request).get_changes_since(since=begin)
    except ValueError:
        messages.warning(request, f"since: {asked[:40]!r} is no instant such as 2026-11-23T18:00:00Z.")
    except OrchestrationError as refusal:
        messages.warning(request, f"since: {refusal.message}")
    if found is None:
        found = service(request).get_changes_since()
    return show(request, "since.html", {"found": found})


@require_POST
def since_seen(request: HttpRequest) -> HttpResponse:
    """Keep that the person has seen what the page showed."""
    try:
        until = parse_datetime(request.POST.get("until", "").strip())
    except ValueError:
        until = None
    until = until if until is not None and until.tzinfo is not None else None
    return act(
        request,
        lambda: service(request).mark_changes_seen(until=until),
        "Seen: what comes from here on is new.",
        to="/since/",
    )
