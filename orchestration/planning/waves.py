"""Plan a wave: videos over channels in time, every conflict found and resolved before anything is written.

`simultaneous`: one instant for all channels; a conflict moves the whole group. `staggered`: channel after
channel, video after video; a conflict moves one member. `independent`: each channel's own next free slots.

The parties of a conflict yield by priority. Under `shift` a schedule of lower priority and of no wave makes room
for the wave; otherwise the wave's member goes to its next free time. `preempt` also takes the time of lower
members of other waves. Equal or higher priorities are never moved. What was moved finds its new place when
the wave stands, and moves nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from orchestration.planning import rules, unit_days
from orchestration.planning.calendar import calendars_of
from orchestration.planning.conflicts import format_count
from orchestration.planning.eligibility import sort_members
from orchestration.planning.gc_pause import with_gc_paused
from orchestration.planning.slots import ONE_DAY, require_aware
from orchestration.planning.timings import place_independent, place_simultaneous, place_staggered
from orchestration.planning.types import (
    ChannelView,
    Conflict,
    Existing,
    Occupied,
    OnConflict,
    Plan,
    PoolView,
    Resolution,
    Timing,
    VideoView,
    WaveRequest,
)
from orchestration.planning.wave_placer import WavePlacer

_PLACE = {
    Timing.SIMULTANEOUS: place_simultaneous,
    Timing.STAGGERED: place_staggered,
    Timing.INDEPENDENT: place_independent,
}


@with_gc_paused
def plan_wave(
    request: WaveRequest,
    channels: Iterable[ChannelView],
    videos: Iterable[VideoView],
    occupied: Iterable[Occupied] = (),
    existing: Iterable[Existing] = (),
    pools: Iterable[PoolView] = (),
    *,
    now: datetime,
) -> Plan:
    """Plan a wave, or one video over channels, as a value: placements, conflicts and what has to move.

    Everything it needs is given: `occupied` for the channels of the request from a day before the wave up
    to `Plan.looked_until` (see `planning_window`), `existing` for its channels or videos. Under `reject` a
    single conflict (other than the policy warning) refuses the whole wave, and all conflicts are still
    found.

    Raises NaiveDatetime, UnknownMember, and ValueError for an empty wave or an unknown timing or
    resolution.
    """
    request = _checked(request)
    now = require_aware(now, "now")
    channel_of = {channel.id: channel for channel in channels}
    video_of = {video.id: video for video in videos}
    pools = tuple(sorted(pools, key=lambda p: p.name))
    members, conflicts = sort_members(request, channel_of, video_of, existing)
    active = list({c.id: c for _, goes_to in members for c in goes_to}.values())
    calendars = calendars_of(active, occupied, now, _yielding(request))
    placer = WavePlacer(request, calendars, pools, now)
    members = placer.place_pinned(members)
    _PLACE[Timing(request.timing)](placer, members)
    placer.record_short_of_staging()
    placer.place_displaced()
    return _concluded(request, placer, [*conflicts, *placer.conflicts])


def planning_window(
    request: WaveRequest, channels: Iterable[ChannelView], now: datetime
) -> tuple[datetime, datetime]:
    """Estimate from when to when `occupied` is needed, so that a first load nearly always suffices.

    After planning compare `Plan.looked_until` with the end; if it lies behind it, load up to there and plan
    again.
    """
    channels = list(channels)
    start = max(now, request.scheduled_at or now)
    gap = max((timedelta(minutes=c.min_gap_minutes) for c in channels), default=timedelta())
    step = max(gap, timedelta(seconds=request.delay_seconds))
    if request.timing == Timing.STAGGERED:
        step = max(gap, timedelta(seconds=request.delay_seconds) * len(request.channels))
    caps = [c.daily_cap for c in channels if c.daily_cap]
    days = len(request.videos) // min(caps) + 1 if caps else 1
    if request.timing == Timing.INDEPENDENT:
        fewest = min((len(c.slots) for c in channels if c.slots), default=0)
        days = max(days, len(request.videos) * 7 // fewest + 7 if fewest else 1)
    length = max(step * len(request.videos), ONE_DAY * days)
    pins = [at for at in request.overrides.values() if at.utcoffset() is not None]
    around = ONE_DAY + ONE_DAY / 12 + gap
    return min([start, *pins]) - around, max([start + length, *pins]) + around


def _checked(request: WaveRequest) -> WaveRequest:
    """Return the request with its instants in UTC, or refuse it by name."""
    if not request.videos or not request.channels:
        raise ValueError("a wave needs at least one video and one channel")
    Timing(request.timing)
    OnConflict(request.on_conflict)
    scheduled_at = request.scheduled_at
    if scheduled_at is not None:
        scheduled_at = require_aware(scheduled_at, "scheduled_at")
    overrides = {member: require_aware(at, "override") for member, at in request.overrides.items()}
    if scheduled_at is request.scheduled_at and not overrides:
        return request
    return replace(request, scheduled_at=scheduled_at, overrides=overrides)


def _yielding(request: WaveRequest) -> Callable[[Occupied], bool] | None:
    """Return which entries give way to this wave, or None where none does."""
    priority = request.priority
    if request.on_conflict == OnConflict.PREEMPT:
        return lambda entry: entry.priority < priority and entry.movable
    if request.on_conflict == OnConflict.SHIFT:
        return lambda entry: entry.priority < priority and entry.movable and entry.wave_id is None
    return None


def _concluded(request: WaveRequest, placer: WavePlacer, conflicts: list[Conflict]) -> Plan:
    """Put the plan together, say it in a sentence, and refuse it whole where it has to be."""
    placements = placer.placements()
    rejects = request.on_conflict == OnConflict.REJECT
    conflicts += unit_days.conflicts(
        [p.at for p in placements],
        placer.pools,
        placer.stager.days,
        Resolution.REJECTED if rejects else Resolution.OPEN,
    )
    blocking = [c for c in conflicts if c.resolution == Resolution.REJECTED]
    if rejects and blocking:
        return Plan(
            (),
            tuple(conflicts),
            looked_until=placer.looked_until(),
            refused=True,
            summary=f"refused: {_counted(blocking)}; nothing is planned",
        )
    if not placements:
        return Plan(
            (),
            tuple(conflicts),
            looked_until=placer.looked_until(),
            refused=True,
            summary=f"nothing can be planned: {_counted(conflicts)}",
        )
    first_at = min(p.at for p in placements)
    last_at = max(p.at for p in placements)
    days = placer.day_loads()
    staged_on = {p.stage_on for p in placements if p.stage_on is not None}
    days_needed = len(staged_on) or len({placer.stager.days.day(p.at) for p in placements})
    plan = Plan(
        placements=tuple(placements),
        conflicts=tuple(conflicts),
        displacements=tuple(placer.displacements),
        days=days,
        days_needed=days_needed,
        first_at=first_at,
        last_at=last_at,
        looked_until=placer.looked_until(),
    )
    return replace(plan, summary=_summary(request, plan, bool(staged_on)))


def _summary(request: WaveRequest, plan: Plan, budgeted: bool) -> str:
    videos = len({p.video_id for p in plan.placements})
    channels = len({p.channel_id for p in plan.placements})
    wanted = len(set(request.videos)) * len(set(request.channels))
    parts = [
        f"{format_count(len(plan.placements), 'publication')} of {format_count(videos, 'video')} "
        f"on {format_count(channels, 'channel')}, "
        f"{plan.first_at:%Y-%m-%d %H:%M} to {plan.last_at:%Y-%m-%d %H:%M} UTC"
    ]
    if budgeted:
        first, last = plan.days[0].day, max(load.day for load in plan.days)
        if plan.days_needed == 1:
            parts.append(f"staged on one Pacific day, {last}")
        else:
            parts.append(f"staging takes {plan.days_needed} Pacific days, {min(first, last)} to {last}")
    if len(plan.placements) < wanted:
        parts.append(f"{wanted - len(plan.placements)} of {wanted} left out")
    if plan.displacements:
        gone = len(plan.displacements)
        parts.append(f"{format_count(gone, 'existing schedule')} {'gives' if gone == 1 else 'give'} way")
    if plan.conflicts:
        parts.append(_counted(plan.conflicts))
    return "; ".join(parts)


def _counted(conflicts: Iterable[Conflict]) -> str:
    """Say how many conflicts there are, and of which rules by their titles, the most frequent one first."""
    counts = Counter(conflict.rule for conflict in conflicts)
    titles = [
        rules.TITLE_OF_RULE[rule] + (f", {count} times" if count > 1 else "")
        for rule, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    ]
    return f"{format_count(counts.total(), 'conflict')} ({'; '.join(titles)})"
