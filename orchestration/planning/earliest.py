"""Look ahead for a wave, and for the slots that nothing fills yet."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import NamedTuple

from channels.quota import pacific_day, pacific_day_bounds
from orchestration.planning.answers import ForecastItem
from orchestration.planning.budgets import ceil_minute, soonest
from orchestration.planning.calendar import calendars_of
from orchestration.planning.gc_pause import with_gc_paused
from orchestration.planning.rules import BUDGET_EXHAUSTED, ConflictKind
from orchestration.planning.slots import ONE_DAY, require_aware
from orchestration.planning.types import (
    ChannelView,
    Conflict,
    Existing,
    Method,
    Occupied,
    OnConflict,
    Plan,
    PoolView,
    Resolution,
    Timing,
    VideoView,
    WaveRequest,
)
from orchestration.planning.waves import plan_wave

MAX_TRIES, MAX_MEMBERS = 60, 200_000
"""Tries end after so many plans, or so many members planned, whichever comes first."""


@with_gc_paused
def earliest_time(
    request: WaveRequest,
    channels: Iterable[ChannelView],
    videos: Iterable[VideoView],
    occupied: Iterable[Occupied] = (),
    existing: Iterable[Existing] = (),
    pools: Iterable[PoolView] = (),
    *,
    now: datetime,
) -> tuple[datetime | None, Plan]:
    """Return the first time found, from the wanted one on, at which no member has to move or will be late.

    And the plan for it.

    Each try is a real plan: where it moves members, the wave moves on by as much as its members slipped; where a day's
    units do not pay for making it public, to the next Pacific day.
    Members with a time of their own keep it, and no other time of the wave can mend what stands in their way.
    None says that no such time was found; the plan is then the one from the wanted time on, with all that
    moves.
    """
    now = require_aware(now, "now")
    channels, videos, occupied = list(channels), list(videos), list(occupied)
    existing, pools = list(existing), list(pools)

    def plan_from(at: datetime) -> Plan:
        attempt = replace(request, scheduled_at=at, on_conflict=OnConflict.SHIFT, priority=0)
        return plan_wave(attempt, channels, videos, occupied, existing, pools, now=now)

    at = max(request.scheduled_at or soonest(now), soonest(now))
    members = len(request.videos) * len(request.channels)
    max_tries = min(MAX_TRIES, max(MAX_MEMBERS // max(members, 1), 5))
    first = plan = plan_from(at)
    for tries in count(1):
        moves, late_at = _moves(plan), _first_late(plan)
        if not moves and late_at is None:
            return (at if plan.placements else None), plan
        if tries == max_tries:
            break
        later = _later(request, plan, at, moves, late_at, pools)
        if later is None:
            break
        at = later
        plan = plan_from(at)
    return None, first


class _Move(NamedTuple):
    """A conflict that a plan resolved by moving a member, or a group, on."""

    conflict: Conflict
    by: timedelta


def _moves(plan: Plan) -> list[_Move]:
    return [
        _Move(c, c.moved_to - c.at)
        for c in plan.conflicts
        if c.resolution == Resolution.SHIFTED and c.moved_to is not None and c.at is not None
    ]


def _first_late(plan: Plan) -> datetime | None:
    """Return the moment of the first conflict for which no budget pays on its day, or None."""
    found = (c.at for c in plan.conflicts if (c.rule, c.resolution) == (BUDGET_EXHAUSTED, Resolution.OPEN))
    return next(found, None)


def _later(
    request: WaveRequest,
    plan: Plan,
    at: datetime,
    moves: list[_Move],
    late_at: datetime | None,
    pools: Iterable[PoolView],
) -> datetime | None:
    """Return from when to try next; None where no other time of the wave mends what stands in its way."""
    if any(_is_of_a_pin(request, move.conflict) for move in moves):
        return None
    if moves:
        return ceil_minute(at + _postponement(moves))
    first_late = None if late_at is None else _first_that_follows(request, plan, late_at, pools)
    return None if first_late is None else _next_day(request, at, first_late)


def _is_of_a_pin(request: WaveRequest, conflict: Conflict) -> bool:
    """Return whether a conflict stands against a member's own time, wherever the rest of the wave goes."""
    video_id = conflict.video_id
    if video_id is None:
        return False
    channels = (conflict.channel_id, *conflict.channel_ids)
    members = [(video_id, channel_id) for channel_id in channels if channel_id is not None]
    return any(request.overrides[member] == conflict.at for member in members if member in request.overrides)


def _first_that_follows(
    request: WaveRequest, plan: Plan, late_at: datetime, pools: Iterable[PoolView]
) -> datetime | None:
    """Return the first member of that Pacific day that moves along with the wave.

    None where moving it on will never do: none of them follows, or they alone want more units than a whole day gives. Each
    channel's own slots lie on other days in another number, so that of them only one has to be payable.
    """
    day = pacific_day(late_at)
    following = [p.at for p in plan.placements if p.method != Method.OVERRIDE and pacific_day(p.at) == day]
    at_once = len(following) if request.timing != Timing.INDEPENDENT else min(len(following), 1)
    if not following or any(at_once * pool.publish_units > pool.capacity for pool in pools):
        return None
    return min(following)


def _next_day(request: WaveRequest, at: datetime, first_late: datetime) -> datetime:
    """Return when the wave has to begin for what is public on that Pacific day to be public on the next one."""
    next_day = pacific_day_bounds(pacific_day(first_late))[1]
    # Each channel's own slots do not move along with the beginning.
    return next_day if request.timing == Timing.INDEPENDENT else ceil_minute(at + (next_day - first_late))


def _postponement(moves: list[_Move]) -> timedelta:
    """Return by how much a wave has to move on.

    The first conflict of time, or all that staging is short of.
    """
    staging: dict[int | None, timedelta] = {}
    for conflict, by in moves:
        if conflict.kind == ConflictKind.RESOURCE:
            staging[conflict.video_id] = max(by, staging.get(conflict.video_id, timedelta()))
    # What one video waits for staging the next ones wait too: their slips add up.
    return max(moves[0].by, sum(staging.values(), timedelta()))


@with_gc_paused
def items_of_slots(
    channels: Iterable[ChannelView],
    occupied: Iterable[Occupied],
    now: datetime,
    days: int = 7,
    stage_seconds: int | None = None,
) -> list[ForecastItem]:
    """Return an item for each free posting slot of the coming days.

    What would have to be staged to fill them all.
    """
    now = require_aware(now, "now")
    until = now + ONE_DAY * days
    found: list[ForecastItem] = []
    for channel_id, calendar in calendars_of(channels, occupied, now).items():
        channel = calendar.channel
        if channel.state != "active":
            continue
        seconds = channel.stage_seconds if stage_seconds is None else stage_seconds
        slot = calendar.free_slot_from(soonest(now), until)
        while slot is not None:
            calendar.add(Occupied(channel_id, slot.at))
            found.append(
                ForecastItem(
                    None,
                    channel_id,
                    slot.at,
                    channel.priority,
                    stage_seconds=seconds,
                    executor=channel.executor,
                    label=f"slot of {channel.name or channel.slug}",
                )
            )
            slot = calendar.free_slot_from(slot.at + timedelta(microseconds=1), until)
    return found
