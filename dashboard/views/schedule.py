"""Show what is to be public when, and do what the buttons of single publications ask for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.db.models import Count, Min, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_POST

from channels.models import Blackout, Channel
from dashboard import bulk, outside, timeline
from dashboard.actions import act, page, reason_of, refuse, service, version_of
from dashboard.addresses import reverse
from dashboard.filters import filters_of, first
from dashboard.forms import MoveForm, ReviewForm, TimeForm, sentence_of
from dashboard.listing import page_of, whole_number
from dashboard.live_pages import show
from dashboard.picking import filter_picker
from dashboard.views import words_outside
from dashboard.views.missing import found
from dashboard.wording import on_clock
from dashboard.words_form import panel
from orchestration.errors import InvalidRequest
from orchestration.lists import ScheduleFilters, ScheduleGroup
from orchestration.models import Schedule, Video, Wave
from orchestration.models.functions import HourOf, MinuteOf
from orchestration.states import OCCUPYING_SCHEDULES, OPEN_WAVES, ScheduleState

SPANS = ((6, "6 h"), (24, "24 h"), (72, "3 d"), (168, "7 d"), (336, "14 d"))
MAX_DRAWN, MAX_LANES = 300, 24
COLUMNS = {6: 48, 24: 24, 72: 36, 168: 42, 336: 42}
"""How many columns show bursts, by the hours of the window: each is whole hours wide, or minutes in the shortest."""
STATES = (*ScheduleGroup.choices, *ScheduleState.choices)

REFUSED = "Refused where the channel's rules forbid it, naming the next free times."
TIME_FORMS = {
    "move": ("Move", "Move to another time", REFUSED),
    "release": ("Release", "Release it at another time", REFUSED),
    "reopen": (
        "Reopen",
        "Reopen it",
        "It is planned again at this time. It leaves a wave that was cancelled or is over.",
    ),
}


def _window(request: HttpRequest, hours: int, now: datetime) -> datetime:
    asked = request.GET.get("from", "")
    try:
        day = parse_date(asked)
    except ValueError:
        day = None
    if day:
        return datetime(day.year, day.month, day.day, tzinfo=UTC)
    back = timedelta(hours=hours / 8)
    return (now - back).astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def _drawing(
    inside: QuerySet[Schedule],
    counted: list[tuple[int, int]],
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
) -> timeline.Drawing:
    """Draw the channels of a window, the busiest alone where there are too many; bursts are counted of all.

    `counted` are the channels' ids with how many publications each has in the window, the busiest first.
    """
    hours = round((ends_at - starts_at).total_seconds() / 3600)
    chosen: list[int] = []
    drawn = 0
    for channel_id, count in counted[:MAX_LANES]:
        drawn += count
        if chosen and drawn > MAX_DRAWN:
            break
        chosen.append(channel_id)
    rows = inside.filter(channel_id__in=chosen).order_by("publish_at", "id")
    columns = (
        "pk",
        "channel_id",
        "publish_at",
        "state",
        "distribution__video_id",
        "distribution__video__title",
    )
    events = [
        timeline.Event(pk, channel_id, at, state, title or str(Video(pk=video_id)))
        for pk, channel_id, at, state, video_id, title in rows.values_list(*columns)[:MAX_DRAWN]
    ]
    span_of = MinuteOf if hours < 24 else HourOf
    moments = (
        inside.filter(state__in=OCCUPYING_SCHEDULES)
        .order_by()
        .annotate(moment=span_of("publish_at"))
        .values_list("moment")
        .annotate(many=Count("*"))
    )
    channels = Channel.objects.in_bulk(chosen)
    order = chosen if len(chosen) < len(counted) else sorted(chosen, key=lambda pk: channels[pk].name)
    blackouts = Blackout.objects.filter(
        channel__in=chosen,
        last_date__gte=starts_at.date() - timedelta(days=1),
        first_date__lte=ends_at.date() + timedelta(days=1),
    )
    return timeline.draw(
        events,
        [channels[pk] for pk in order],
        list(blackouts),
        starts_at,
        ends_at,
        now,
        left_out=len(counted) - len(chosen),
        moments=moments if chosen else (),
        columns=COLUMNS[hours],
    )


@page
def schedule(request: HttpRequest) -> HttpResponse:
    """Show the agenda: a drawing in which conflicts, gaps and bursts are seen, and a list by day."""
    now = timezone.now()
    hours = whole_number(request, "span", 24, [span for span, _ in SPANS])
    filters = filters_of(
        request, ScheduleFilters, ("state", "channel_id", "wave_id", "late", "channels", "group", "label")
    )
    wave_id = first(filters.wave_id)
    starts_at = _window(request, hours, now)
    if filters.late and not request.GET.get("from"):
        starts_at = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours - 1)
    ends_at = starts_at + timedelta(hours=hours)
    rows = filters.filter(Schedule.objects.in_a_row())
    inside = rows.filter(publish_at__gte=starts_at, publish_at__lt=ends_at)
    later = rows.open().filter(publish_at__gte=ends_at).aggregate(count=Count("*"), first=Min("publish_at"))
    by_channel = inside.order_by().values_list("channel_id").annotate(count=Count("*"))
    counted = list(by_channel.order_by("-count", "channel_id"))
    here = page_of(
        request,
        inside.order_by("publish_at", "channel__name", "id"),
        count=sum(count for _, count in counted),
    )
    return show(
        request,
        "schedule.html",
        {
            "bulk": bulk.bar(
                request, "schedule", filters, here.paginator.count, since=starts_at, until=ends_at
            ),
            "drawing": _drawing(inside, counted, starts_at, ends_at, now),
            "page": here,
            "later": later["count"],
            "overdue": rows.open().filter(publish_at__lt=starts_at).count(),
            "first_later": later["first"],
            "starts_at": starts_at,
            "ends_at": ends_at,
            "earlier_day": (starts_at - timedelta(hours=max(hours, 24))).date(),
            "next_day": (starts_at + timedelta(hours=max(hours, 24))).date(),
            "hours": hours,
            "late": filters.late,
            "spans": SPANS,
            "state": first(filters.state),
            "states": STATES,
            "picker": filter_picker(request, filters),
            "wave_id": wave_id,
            "waves": Wave.objects.filter(Q(state__in=OPEN_WAVES) | Q(pk=wave_id or 0)).only("pk", "name")[
                :50
            ],
        },
    )


@page
def publication(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one publication and everything that can be done with it."""
    shown = found(lambda: service(request).get_publication(schedule_id=pk))
    row, there = shown.schedule, shown.words_outside
    local = row.publish_at.astimezone(row.channel.zone).replace(tzinfo=None, microsecond=0)
    return show(
        request,
        "publication.html",
        {
            "schedule": row,
            "distribution": row.distribution,
            "outside": outside.lines_of(row),
            "why": shown.why,
            "words": panel(shown.words),
            "words_outside": there,
            "words_outside_form": words_outside.form_of(row, there) if there.may_edit else None,
            "forms": ("move", "release", "reopen", "review"),
            "time_forms": _time_forms(row),
            "move_form": MoveForm(initial={"at": local, "zone": row.channel.timezone}),
            "review_form": ReviewForm(initial={"youtube_video_id": row.distribution.youtube_video_id or ""}),
            "jobs": shown.jobs,
            "conflicts": shown.conflicts,
            "activity": shown.entries,
            "busy": row.is_open,
        },
    )


def _time_forms(row: Schedule) -> list[TimeForm]:
    """Return the forms that give a publication a time, as far as its state allows them."""
    return [
        TimeForm(verb, label, title, note, reverse(f"dashboard:schedule_{verb}", args=[row.pk]))
        for verb, (label, title, note) in TIME_FORMS.items()
        if verb in row.actions
    ]


def _page(pk: int) -> str:
    return reverse("dashboard:publication", args=[pk])


def _change(request: HttpRequest, pk: int, method: str, message: str) -> HttpResponse:
    call = getattr(service(request), method)
    return act(
        request,
        lambda: call(schedule_id=pk, reason=reason_of(request), version=version_of(request)),
        message,
        to=_page(pk),
        undo=True,
    )


@require_POST
def schedule_hold(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a publication back."""
    return _change(request, pk, "hold_schedule", "Held until it is released.")


@require_POST
def schedule_release(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a held publication go on, at its own time or at another one."""
    if "at" in request.POST:
        return _to_time(request, pk, "release_schedule", "Released")
    return _change(request, pk, "release_schedule", "Released.")


@require_POST
def schedule_reopen(request: HttpRequest, pk: int) -> HttpResponse:
    """Take up again what is over."""
    return _to_time(request, pk, "reopen_schedule", "Reopened")


@require_POST
def schedule_cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Cancel a publication."""
    return _change(request, pk, "cancel_schedule", "Cancelled; nothing of it becomes public.")


@require_POST
def schedule_bump(request: HttpRequest, pk: int) -> HttpResponse:
    """Move a publication's work to the front."""
    return _change(request, pk, "bump_schedule", "Its work goes first now.")


@require_POST
def schedule_move(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a publication another time."""
    return _to_time(request, pk, "move_schedule", "Moved")


def _to_time(request: HttpRequest, pk: int, method: str, message: str) -> HttpResponse:
    """Call a verb that takes a time of a person's choice."""
    form = MoveForm(request.POST)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), _page(pk))
    call, data = getattr(service(request), method), form.cleaned_data
    return act(
        request,
        lambda: call(
            schedule_id=pk, publish_at=data["at"], reason=data["reason"], version=version_of(request)
        ),
        lambda row: f"{message} to {on_clock(row.publish_at, row.zone)}.",
        to=_page(pk),
        undo=True,
    )


@require_POST
def schedule_review(request: HttpRequest, pk: int) -> HttpResponse:
    """Settle what needs review."""
    form = ReviewForm(request.POST)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), _page(pk))
    data = form.cleaned_data
    return act(
        request,
        lambda: service(request).review_schedule(
            schedule_id=pk,
            outcome=data["outcome"],
            youtube_video_id=data["youtube_video_id"],
            reason=data["reason"],
            version=version_of(request),
        ),
        f"Settled as {data['outcome']}.",
        to=_page(pk),
    )


def _settle_change(request: HttpRequest, pk: int, way: str, message: str) -> HttpResponse:
    row = get_object_or_404(Schedule, pk=pk)
    return act(
        request,
        lambda: service(request).settle_change(
            distribution_id=row.distribution_id,
            way=way,
            reason=reason_of(request),
            version=version_of(request),
        ),
        message,
        to=_page(pk),
    )


@require_POST
def schedule_take_theirs(request: HttpRequest, pk: int) -> HttpResponse:
    """Record what somebody set on YouTube."""
    return _settle_change(request, pk, "take_theirs", "Recorded as it is on YouTube.")


@require_POST
def schedule_put_ours_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Set ours again over what somebody changed on YouTube."""
    return _settle_change(request, pk, "put_ours_back", "Ours is set again.")
