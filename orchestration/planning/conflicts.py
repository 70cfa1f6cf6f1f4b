"""Write conflicts out for a person.

The sentence with its numbers, the other party, and what else could be done.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from orchestration.planning import rules
from orchestration.planning.budgets import Booking, soonest
from orchestration.planning.calendar import ChannelCalendar
from orchestration.planning.obstacles import (
    DayFull,
    InBlackout,
    InThePast,
    Obstacle,
    TooClose,
    entry_of,
)
from orchestration.planning.types import (
    Alternative,
    AlternativeKind,
    ChannelView,
    Occupied,
    Party,
    PoolView,
    VideoView,
)

PUBLISHABLE_STATES = frozenset({"found", "scraping", "scraped", "processing", "ready"})
"""A video in one of these is, or will be, a file that can be uploaded."""

CLOSED_CREDENTIALS = frozenset({"revoked", "wrong_channel"})


def format_instant(at: datetime) -> str:
    """Write an instant for a sentence."""
    return f"{at:%Y-%m-%d %H:%M} UTC" if not at.second else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def format_count(count: int, word: str) -> str:
    """Write a count with its noun for a sentence: 1 video, 2 videos."""
    return f"{count} {word}" if count == 1 else f"{count} {word}s"


def format_duration(seconds: float) -> str:
    """Write a duration for a sentence: 40 s, 12 min, 5 h 30 min, 3 d 4 h."""
    seconds = int(seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def channel_label(channel: ChannelView) -> str:
    """Return what a sentence calls a channel."""
    return channel.name or channel.slug or f"channel {channel.id}"


def video_label(video: VideoView) -> str:
    """Return what a sentence calls a video."""
    return f"“{video.title}”" if video.title else f"video {video.id}"


def party_of(entry: Occupied | None) -> Party | None:
    """Return the other side of a conflict as a value of its own."""
    if entry is None:
        return None
    return Party(
        schedule_id=entry.schedule_id,
        channel_id=entry.channel_id,
        at=entry.at,
        priority=entry.priority,
        label=entry.label,
        wave_id=entry.wave_id,
    )


def timing_message(calendar: ChannelCalendar, at: datetime, obstacle: Obstacle) -> str:
    """Return why a time is not free on a channel, with the rule's numbers."""
    channel = channel_label(calendar.channel)
    if isinstance(obstacle, InThePast):
        return past_message(at, obstacle.seconds)
    if isinstance(obstacle, InBlackout):
        blackout = obstacle.blackout
        why = f" ({blackout.reason})" if blackout.reason else ""
        return (
            f"{format_instant(at)} lies in a blackout of {channel}{why} "
            f"from {format_instant(blackout.starts_at)} to {format_instant(blackout.ends_at)}"
        )
    if isinstance(obstacle, TooClose):
        entry = obstacle.entry
        other = entry.label or (f"publication {entry.schedule_id}" if entry.schedule_id else "another")
        return (
            f"{format_instant(at)} is {obstacle.minutes} min from {other} at {format_instant(entry.at)} on {channel}, "
            f"which keeps {obstacle.gap_minutes} min apart"
        )
    count = obstacle.count if isinstance(obstacle, DayFull) else obstacle.cap
    return (
        f"{channel} has {format_count(count, 'publication')} on {calendar.clock.wall(at):%Y-%m-%d} local time; "
        f"its daily cap is {obstacle.cap}"
    )


def past_message(at: datetime, seconds: int) -> str:
    """Return the message that a time is over."""
    return (
        f"{format_instant(at)} lies {format_duration(seconds)} in the past"
        if seconds > 0
        else f"{format_instant(at)} is now, not in the future"
    )


def without_capacity(pools: Iterable[PoolView], executor: str) -> PoolView | None:
    """Return the first pool that can never take an item of this executor, or None."""
    return next((p for p in pools if p.executor in ("", executor) and p.capacity < p.cost_per_item), None)


def resource_message(booking: Booking | None, pool: PoolView | None, wanted: datetime, items: int) -> str:
    """Return why something cannot be staged in time, with the pool's numbers; without a booking it never can."""
    what = format_count(items, "item")
    if booking is None:
        which = f"the pool {pool.name}" if pool else "a pool that staging needs"
        return f"{what} cannot be staged at all: {which} has no capacity"
    late = format_duration((booking.ready_at - wanted).total_seconds())
    if pool is None:
        return f"{what} cannot be staged before {format_instant(booking.ready_at)}, {late} after {format_instant(wanted)}"
    if booking.rule == rules.BUDGET_EXHAUSTED:
        return (
            f"the budget {pool.name} gives {pool.capacity} a Pacific day and has no room before "
            f"{format_instant(booking.starts_at)}: {what} wanted at {format_instant(wanted)} can be ready {late} later"
        )
    limit = (
        f"{pool.capacity} at once" if pool.kind == "slots" else f"{pool.capacity} in {pool.window_seconds} s"
    )
    return (
        f"the pool {pool.name} takes {limit}: {what} wanted at {format_instant(wanted)} "
        f"can be ready at {format_instant(booking.ready_at)}, {late} later"
    )


def alternatives(
    calendar: ChannelCalendar,
    wanted: datetime,
    obstacles: Iterable[Obstacle],
    priority: int,
    earliest: datetime | None = None,
    taken: datetime | None = None,
    video: VideoView | None = None,
) -> tuple[Alternative, ...]:
    """Return what else could be done for one channel, cheapest first: minutes later, then units.

    `taken` is the time that was chosen already and is not offered again; `earliest` is when staging can be
    ready.
    """
    base = max(wanted, soonest(calendar.now), earliest or wanted)
    offers: list[Alternative] = []
    name = channel_label(calendar.channel)
    entries = [entry_of(obstacle) for obstacle in obstacles]
    outranked = [entry for entry in entries if entry is not None and _is_outranked(entry, priority)]
    if outranked and earliest is None and len(outranked) == len(entries):
        units = sum(entry.move_units for entry in outranked)
        what = ", ".join(entry.label or f"publication {entry.schedule_id}" for entry in outranked)
        offers.append(
            Alternative(AlternativeKind.PREEMPT, wanted, 0, units, f"take the time on {name} and move {what}")
        )
    free_at = calendar.free_from(base)
    if free_at is not None and free_at != taken:
        later = _minutes(wanted, free_at)
        offers.append(
            Alternative(
                AlternativeKind.SHIFT, free_at, later, 0, f"publish on {name} at {format_instant(free_at)}"
            )
        )
    slot = calendar.free_slot_from(base)
    if slot is not None and slot.at not in (taken, free_at):
        later = _minutes(wanted, slot.at)
        sentence = (
            f"use the posting slot {slot.local_wall:%a %Y-%m-%d %H:%M} {calendar.channel.zone} of {name}"
        )
        offers.append(Alternative(AlternativeKind.NEXT_SLOT, slot.at, later, 0, sentence))
    offers.sort(key=lambda a: (a.minutes_later, a.units))
    what = video_label(video) if video else "it"
    offers.append(Alternative(AlternativeKind.SKIP, None, 0, 0, f"leave {what} out on {name}"))
    return tuple(offers)


def _is_outranked(entry: Occupied, priority: int) -> bool:
    return entry.movable and entry.schedule_id is not None and entry.priority < priority


def _minutes(wanted: datetime, at: datetime) -> int:
    return max(0, -int((wanted - at).total_seconds() // 60))
