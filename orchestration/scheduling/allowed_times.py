"""Answer, for a whole stretch of time, where a publication may stand and why not; and what a move would come to.

Each question ends in the functions by which a move or a plan is refused: `why_not` of the channel's calendar, and the pools
as `reservations` asks them. They are read once for a stretch, which is what a drag over a calendar needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from channels.models import Channel
from orchestration.core import lookup
from orchestration.core.verbs import require
from orchestration.errors import IllegalTransition, InvalidRequest, PlanRefused
from orchestration.models import Schedule, Video
from orchestration.planning import types, unit_days
from orchestration.planning.allowed import (
    MOST_DAYS,
    Stretch,
    around,
    pacific_edges,
    staging_rule,
    stretches,
)
from orchestration.planning.budgets import PacificDays, Stager
from orchestration.planning.calendar import ChannelCalendar, calendars_of
from orchestration.planning.difference_values import Differences
from orchestration.planning.eligibility import sort_members
from orchestration.planning.rule_differences import of_move
from orchestration.scheduling import reservations, snapshots, waves
from orchestration.scheduling.requests import FURTHEST, check_time
from orchestration.scheduling.rows import why_not_at
from orchestration.states import OnConflict


@dataclass(frozen=True, slots=True)
class AllowedTimes:
    """Where a publication may stand in a window, in order of time, without a hole.

    `refused` says why it may stand nowhere, whatever the time: of a video that may not go to the channel at all.
    """

    channel_id: int
    starts_at: datetime
    ends_at: datetime
    stretches: tuple[Stretch, ...]
    refused: str = ""


@dataclass(frozen=True, slots=True)
class MovePreview:
    """What a move would come to: nothing is written. `messages` say why it is refused, `alternatives` what could be had."""

    at: datetime
    from_at: datetime
    minutes_later: int
    members: int
    messages: tuple[str, ...]
    alternatives: tuple[types.Alternative, ...] = ()

    @property
    def is_allowed(self) -> bool:
        """Return whether the move would be done."""
        return not self.messages

    @property
    def difference(self) -> Differences:
        """Return how the move differs from what was asked."""
        return of_move(self.from_at, self.at, self.messages, self.members)


# --------------------------------------------------------------------------------------------------------- a publication


def of_schedule(schedule_id: int, since: datetime, until: datetime) -> AllowedTimes:
    """Return where a publication may be moved to in a window.

    Raises: NotFound, InvalidRequest (the window), IllegalTransition, if it cannot be moved at all.
    """
    row = _movable(schedule_id)
    now = timezone.now()
    since, until = _window(since, until, now)
    calendar = _calendar(row.channel_id, since, until, now, without=row.pk)
    pools = reservations.Pools.of([row], now)

    def unstaged(at: datetime) -> Iterable[str]:
        moves = [(row, at)]
        short = reservations.shortages(moves, now, pools) + reservations.unpaid(moves, now, pools)
        return [lack.rule for lack in short]

    edges = pacific_edges(since, until, PacificDays())
    for lack in reservations.shortages([(row, since)], now, pools):
        if lack.booking is not None:
            edges.append(lack.booking.ready_at)
    found = stretches(calendar, since, until, unstaged=unstaged, more_edges=edges)
    return AllowedTimes(row.channel_id, since, until, tuple(found))


def preview_move(schedule_id: int, publish_at: datetime, *, version: int | None = None) -> MovePreview:
    """Return what `move` would answer, with alternatives where it would refuse; nothing is written.

    Raises: NotFound, InvalidRequest (the time), IllegalTransition, StaleVersion.
    """
    row = _movable(schedule_id, version)
    at = _time(publish_at, "publish_at")
    messages, offers = why_not_at(row, at)
    return MovePreview(
        at, row.publish_at, _minutes(row.publish_at, at), 1, tuple(messages), tuple(map(_alternative, offers))
    )


def _movable(schedule_id: int, version: int | None = None) -> Schedule:
    rows = Schedule.objects.select_related("channel", "distribution__video", "wave")
    row = lookup.one(rows, schedule_id, field="schedule_id")
    require(row, "move", version=version)
    return row


def _alternative(document: dict[str, Any]) -> types.Alternative:
    at = document["at"]
    return types.Alternative(**{**document, "at": datetime.fromisoformat(at) if isinstance(at, str) else at})


# --------------------------------------------------------------------------------------------------------------- a wave


def preview_wave_move(wave_id: int, scheduled_at: datetime, *, version: int | None = None) -> MovePreview:
    """Return what moving a whole wave would come to; nothing is written.

    Raises: NotFound, InvalidRequest (the time), IllegalTransition, StaleVersion.
    """
    at = _time(scheduled_at, "scheduled_at")
    wave = waves.known(wave_id)
    require(wave, "move", version=version)
    members = Schedule.objects.select_related("channel", "distribution").open().filter(wave=wave)
    moving = waves.movable([*members])
    if not moving:
        raise IllegalTransition("No member of this wave is left to be moved.", state=wave.state)
    first_at = min(row.publish_at for row in moving)
    messages: tuple[str, ...] = ()
    try:
        waves.refuse_collisions([(row, row.publish_at + (at - first_at)) for row in moving], timezone.now())
    except PlanRefused as refusal:
        messages = tuple(refusal.details["conflicts"])
    return MovePreview(at, first_at, _minutes(first_at, at), len(moving), messages)


# ------------------------------------------------------------------------------------------------- a video on a channel


def of_video(video_id: int, channel_id: int, since: datetime, until: datetime) -> AllowedTimes:
    """Return where a video may be planned on a channel in a window, if nobody else is to give way to it.

    Raises: NotFound, InvalidRequest (the window).
    """
    now = timezone.now()
    since, until = _window(since, until, now)
    videos = snapshots.video_views([video_id])
    lookup.check_found(Video, [video_id], [view.id for view in videos], field="video_id")
    channels = snapshots.channel_views([channel_id])
    lookup.check_found(Channel, [channel_id], [view.id for view in channels], field="channel_id")
    request = types.WaveRequest((video_id,), (channel_id,), on_conflict=OnConflict.REJECT)
    members, conflicts = sort_members(
        request, {channels[0].id: channels[0]}, {videos[0].id: videos[0]}, snapshots.existing(videos)
    )
    if not any(goes_to for _, goes_to in members):
        why = "; ".join(conflict.message for conflict in conflicts)
        return AllowedTimes(channel_id, since, until, (), why)
    calendar = _calendar(channel_id, since, until, now)
    pools, days = snapshots.pool_views(now), PacificDays()
    channel, video = channels[0], videos[0]
    seconds = video.stage_seconds if video.stage_seconds is not None else channel.stage_seconds
    booking = Stager(pools, now).peek(channel.executor, seconds)

    def unstaged(at: datetime) -> Sequence[str]:
        unpaid = unit_days.conflicts([at], pools, days, types.Resolution.REJECTED)
        return [*staging_rule(booking, at), *(conflict.rule for conflict in unpaid)]

    edges = pacific_edges(since, until, days)
    if booking is not None:
        edges.append(booking.ready_at)
    found = stretches(calendar, since, until, unstaged=unstaged, more_edges=edges)
    return AllowedTimes(channel_id, since, until, tuple(found))


# ------------------------------------------------------------------------------------------------------------- in common


def _window(since: datetime, until: datetime, now: datetime) -> tuple[datetime, datetime]:
    if until <= since:
        raise InvalidRequest("until does not lie after since.", field="until")
    if until - since > timedelta(days=MOST_DAYS):
        raise InvalidRequest(f"since and until lie more than {MOST_DAYS} days apart.", field="until")
    if until > now + FURTHEST:
        raise InvalidRequest("until is more than two years away.", field="until")
    if since < now - FURTHEST:
        raise InvalidRequest("since lies more than two years back.", field="since")
    return since, until


def _time(value: datetime, field: str) -> datetime:
    at = check_time(value, field, timezone.now())
    if at is None:
        raise InvalidRequest(f"{field} is missing.", field=field)
    return at


def _calendar(
    channel_id: int, since: datetime, until: datetime, now: datetime, *, without: int | None = None
) -> ChannelCalendar:
    """Return a channel's calendar around a window, as planning reads it."""
    view = snapshots.channel_views([channel_id])[0]
    reach = around(view.min_gap_minutes)
    entries = snapshots.occupied([channel_id], since - reach, until + reach)
    return calendars_of([view], [e for e in entries if e.schedule_id != without or without is None], now)[
        view.id
    ]


def _minutes(before: datetime, after: datetime) -> int:
    return round((after - before).total_seconds() / 60)
