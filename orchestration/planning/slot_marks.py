"""Tell which posting slots of a channel stay empty, and which of its local days are full."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from orchestration.planning.calendar import ChannelCalendar
from orchestration.planning.obstacles import InThePast
from orchestration.planning.slots import Instant, iter_slots
from orchestration.planning.types import ChannelView


@dataclass(frozen=True, slots=True)
class EmptySlot:
    """A posting slot in whose time nothing is public, or will be, though something could: `is_over` once it has passed."""

    channel_id: int
    at: datetime
    local_wall: datetime
    zone: str
    slot_id: int | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class FullDay:
    """A local day of a channel on which its daily cap is reached."""

    channel_id: int
    day: date
    zone: str
    count: int
    cap: int


def empty_slots(calendar: ChannelCalendar, since: datetime, until: datetime) -> list[EmptySlot]:
    """Return the slots from `since` up to `until` that nothing takes and no rule of the channel's calendar closes.

    A slot is taken by whatever is closer to it than the minimum gap; in a blackout, or on a day that is full, it is closed.
    """
    channel, now = calendar.channel, calendar.now
    found = []
    for slot in _slots(channel, since, until):
        against = [o for o in calendar.why_not(slot.at) if not isinstance(o, InThePast)]
        if not against and not _stands_at(calendar, slot.at):
            found.append(
                EmptySlot(channel.id, slot.at, slot.local_wall, slot.zone, slot.slot_id, slot.at <= now)
            )
    return found


def _slots(channel: ChannelView, since: datetime, until: datetime) -> Iterable[Instant]:
    for slot in iter_slots(channel.slots, channel.zone, since - timedelta(microseconds=1)):
        if slot.at >= until:
            return
        yield slot


def _stands_at(calendar: ChannelCalendar, at: datetime) -> bool:
    """Return whether something stands at this very instant: a channel without a gap uses a slot once, too."""
    return calendar.count_between(at, at + timedelta(microseconds=1)) > 0


def full_days(calendar: ChannelCalendar) -> list[FullDay]:
    """Return the local days of a channel on which as many publications stand as its daily cap allows, or more."""
    channel, cap = calendar.channel, calendar.cap
    if cap is None:
        return []
    counts: dict[datetime, int] = {}
    for entry in calendar:
        begins = calendar.clock.day(entry.at)[0]
        counts[begins] = counts.get(begins, 0) + 1
    return [
        FullDay(channel.id, calendar.clock.wall(begins).date(), channel.zone, count, cap)
        for begins, count in sorted(counts.items())
        if count >= cap
    ]
