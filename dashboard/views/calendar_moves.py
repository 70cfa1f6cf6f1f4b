"""Move what stands in the calendar and place what waits beside it: the plan's answer first, then the change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_GET, require_POST

from channels.models import Channel
from dashboard import calendar_bands
from dashboard.actions import act, page, reason_of, refuse, service, version_of, where_from
from dashboard.addresses import reverse
from dashboard.listing import id_of
from dashboard.live_pages import show
from dashboard.views.calendar import calendar_zone
from dashboard.wording import duration, on_clock
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.models import Schedule, Video
from orchestration.planning.days import window_of
from orchestration.planning.slots import NonexistentLocalTime, resolve_local, zone_of
from orchestration.planning.types import OnConflict, Plan
from orchestration.results.plans import WaveResult
from orchestration.scheduling.allowed_times import MovePreview
from orchestration.scheduling.calendar_view import MOST_DAYS

FORMS = ("%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")


@dataclass(frozen=True, slots=True)
class Offer:
    """Another time that would do, as a button."""

    at: datetime
    label: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What the plan says of a wish: how it would end, how far that is from what was asked, and what else there is."""

    asked_at: datetime
    at: datetime | None
    sentence: str
    difference: str
    messages: tuple[str, ...] = ()
    offers: tuple[Offer, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def is_allowed(self) -> bool:
        """Return whether it can be done."""
        return self.at is not None


def _back(request: HttpRequest) -> str:
    """Return the calendar that one came from, with its address; without one, the calendar as it opens."""
    home = reverse("dashboard:calendar")
    came = request.POST.get("back") or where_from(request, home)
    parts = urlsplit(came)
    return f"{home}?{parts.query}" if parts.path == home and not parts.netloc and parts.query else home


def _wall(text: str) -> datetime | None:
    """Read a wall-clock time; nothing, if it is none."""
    for form in FORMS:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 - whose clock is meant stands beside it
        except ValueError:
            continue
    return None


def _asked(request: HttpRequest, zone: str) -> datetime | None:
    """Return the instant that the address asks for; nothing, where it asks for none. Raises: InvalidRequest."""
    text = request.GET.get("wall", "").strip()
    if not text:
        return None
    wall = _wall(text)
    if wall is None or not 2000 <= wall.year <= 2199:
        raise InvalidRequest(f"{text[:40]} is no time such as 2026-11-23T18:00.", field="wall")
    try:
        return resolve_local(wall, zone).at
    except NonexistentLocalTime as error:
        raise InvalidRequest(str(error), field="wall") from error


def _difference(before: datetime, after: datetime) -> str:
    """Say how far one instant lies from another."""
    span = after - before
    if not span:
        return "the time that it has"
    return f"{duration(abs(span))} {'later' if span > timedelta() else 'earlier'}"


def _said(at: datetime, zone: str, own_zone: str) -> str:
    """Name an instant on the clock of the page, and on the channel's where that shows another time."""
    shown, own = at.astimezone(zone_of(zone)), at.astimezone(zone_of(own_zone))
    text = on_clock(at, zone)
    if shown.utcoffset() != own.utcoffset():
        text += f" ({own:%a %H:%M} in {own_zone})"
    return text


# ------------------------------------------------------------------------------------------------------------------ move


@page
def calendar_moving(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask the plan what moving a publication, or its whole wave, would come to; nothing is written."""
    rows = Schedule.objects.select_related("channel", "wave", "distribution__video")
    row = get_object_or_404(rows, pk=pk)
    zone = calendar_zone(request) or row.zone
    whole = request.GET.get("whole") == "1" and row.wave is not None
    values: dict[str, Any] = {
        "schedule": row,
        "whole": whole,
        "zone": zone,
        "asked_zone": calendar_zone(request),
        "now_said": _said(row.publish_at, zone, row.zone),
        "typed": request.GET.get("wall", "")[:19]
        or row.publish_at.astimezone(zone_of(zone)).strftime(FORMS[1]),
        "back": _back(request),
    }
    try:
        at = _asked(request, zone)
        if at is not None:
            values |= _move_answer(request, row, at, zone, whole=whole)
    except OrchestrationError as error:
        values["refusal"] = error.message
    return _shown(request, "moving", values)


def _move_answer(
    request: HttpRequest, row: Schedule, at: datetime, zone: str, *, whole: bool
) -> dict[str, Any]:
    door = service(request)
    preview: MovePreview
    if whole and row.wave is not None:
        # Its first member falls on the time that is asked for, so that this one goes as far as it was dragged.
        first = door.preview_move_wave(wave_id=row.wave.pk, scheduled_at=at)
        to = first.from_at + (at - row.publish_at)
        preview = door.preview_move_wave(wave_id=row.wave.pk, scheduled_at=to)
    else:
        preview = door.preview_move_schedule(schedule_id=row.pk, publish_at=at)
    target = _said(at, zone, row.zone)
    answer = Answer(
        at,
        preview.at if preview.is_allowed else None,
        f"Free: {target}" if preview.is_allowed else f"Not free: {target}",
        _difference(row.publish_at, at),
        preview.messages,
        tuple(
            Offer(offer.at, f"{_said(offer.at, zone, row.zone)}, {_difference(at, offer.at)}")
            for offer in preview.alternatives
            if offer.at is not None
        ),
    )
    return {"answer": answer, "members": preview.members}


@require_POST
def calendar_move(request: HttpRequest) -> HttpResponse:
    """Move a publication, or its whole wave, to the time that the plan was asked about."""
    back = _back(request)
    pk, at = id_of(request.POST.get("schedule", "")), _instant(request)
    row = get_object_or_404(Schedule.objects.select_related("wave"), pk=pk)
    if at is None:
        return refuse(request, InvalidRequest("Say to which time.", field="at"), back)
    if request.POST.get("whole") == "1" and row.wave is not None:
        wave_id = row.wave.pk
        return act(
            request,
            lambda: service(request).move_wave(
                wave_id=wave_id, scheduled_at=at, reason=reason_of(request), version=version_of(request)
            ),
            f"The wave {row.wave.name} is moved.",
            to=back,
            undo=True,
        )
    return act(
        request,
        lambda: service(request).move_schedule(
            schedule_id=row.pk, publish_at=at, reason=reason_of(request), version=version_of(request)
        ),
        lambda moved: f"Moved to {on_clock(moved.publish_at, moved.zone)}.",
        to=back,
        undo=True,
    )


def _instant(request: HttpRequest) -> datetime | None:
    try:
        at = parse_datetime(request.POST.get("at", ""))
    except ValueError:
        return None
    return at.astimezone(UTC) if at is not None and at.tzinfo is not None and 1 < at.year < 9999 else None


# ----------------------------------------------------------------------------------------------------------------- place


def _channel_of(text: str) -> Channel | None:
    """Return the channel that an id, a slug or a name means."""
    pk = id_of(text)
    if pk is not None:
        return Channel.objects.filter(pk=pk).first()
    text = text.replace("\x00", "").strip()[:120]
    return (
        Channel.objects.filter(slug=text).first() or Channel.objects.filter(name__iexact=text).first()
        if text
        else None
    )


@page
def calendar_placing(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask the plan what becomes of a ready video on a channel at a time; nothing is written."""
    video = get_object_or_404(Video, pk=pk)
    named = request.GET.get("channel", "")
    channel = _channel_of(named)
    own = channel.timezone if channel else "UTC"
    zone = calendar_zone(request) or own
    values: dict[str, Any] = {
        "video": video,
        "channel": channel,
        "named": named[:120],
        "zone": zone,
        "asked_zone": calendar_zone(request),
        "typed": request.GET.get("wall", "")[:19],
        "back": _back(request),
    }
    try:
        at = _asked(request, zone)
        if channel is not None and at is not None:
            result = service(request).coordinate_publication(
                video_id=video.pk, channel_ids=[channel.pk], scheduled_at=at, dry_run=True
            )
            values["answer"] = _place_answer(result, at, zone, own)
        elif at is not None:
            values["refusal"] = f"There is no channel {named[:120]}." if named else "Say on which channel."
    except OrchestrationError as error:
        values["refusal"] = error.message
    return _shown(request, "placing", values)


def _place_answer(result: WaveResult, asked_at: datetime, zone: str, own_zone: str) -> Answer:
    plan: Plan = result.plan
    messages = tuple(conflict.message for conflict in plan.conflicts)
    if plan.refused or not plan.placements:
        return Answer(asked_at, None, "It cannot be planned", "", messages or (plan.summary,))
    at = plan.placements[0].at
    said = _said(at, zone, own_zone)
    if at == asked_at:
        return Answer(asked_at, at, f"Free: {said}", "as asked", (), (), messages)
    difference = f"{_difference(asked_at, at)} than asked"
    return Answer(asked_at, at, f"The plan takes {said}", difference, messages)


@require_POST
def calendar_place(request: HttpRequest) -> HttpResponse:
    """Plan a ready video on a channel at the time that the plan named."""
    back = _back(request)
    video, channel, at = (
        id_of(request.POST.get("video", "")),
        id_of(request.POST.get("channel", "")),
        _instant(request),
    )
    if video is None or channel is None or at is None:
        return refuse(request, InvalidRequest("Say which video, which channel, and when.", field="at"), back)
    return act(
        request,
        lambda: service(request).coordinate_publication(
            video_id=video, channel_ids=[channel], scheduled_at=at, on_conflict=OnConflict.REJECT
        ),
        lambda result: f"Planned: {result.plan.summary}.",
        to=back,
    )


# --------------------------------------------------------------------------------------------------------------- a drag


@require_GET
def calendar_allowed(request: HttpRequest) -> JsonResponse:
    """Answer, as a drag begins, of every part of the dates that are shown whether it may end there, and why not."""
    door, zone = service(request), calendar_zone(request)
    first, last = (_date(request.GET.get(name, "")) for name in ("first", "last"))
    if first is None or last is None or not 0 <= (last - first).days < MOST_DAYS - 2:
        return JsonResponse({"refused": "These dates cannot be asked about."}, status=422)
    try:
        schedule, video = (id_of(request.GET.get(name, "")) for name in ("schedule", "video"))
        if schedule is not None:
            row = get_object_or_404(Schedule.objects.only("zone"), pk=schedule)
            zone = zone or row.zone
            since, until = window_of(first, last, zone)
            found = door.get_allowed_times(schedule_id=schedule, since=since, until=until)
        else:
            channel = get_object_or_404(Channel, pk=id_of(request.GET.get("channel", "")))
            zone = zone or channel.timezone
            since, until = window_of(first, last, zone)
            found = door.get_allowed_times_of_video(
                video_id=video or 0, channel_id=channel.pk, since=since, until=until
            )
    except OrchestrationError as error:
        return JsonResponse({"refused": error.message}, status=error.status)
    return JsonResponse(
        {"refused": found.refused, "zone": zone, "dates": calendar_bands.bands(found.stretches, zone)}
    )


def _date(text: str):
    wall = _wall(f"{text}T00:00")
    return wall.date() if wall is not None and 2000 < wall.year < 2199 else None


def _shown(request: HttpRequest, name: str, values: dict[str, Any]) -> HttpResponse:
    """Show an answer as a page, or only itself where the calendar's script asks for it."""
    values["part"] = f"parts/calendar_{name}.html"
    if request.headers.get("X-Calendar") == "part":
        response = render(request, values["part"], values)
        response.headers["Cache-Control"] = "no-store"
        return response
    return show(request, "calendar_answer.html", values)
