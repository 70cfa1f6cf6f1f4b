"""Keep one channel's calendar: is a time free, if not why not, and when is the next free one.

Entries lie sorted by instant; every question is a bisection, so a calendar of a hundred thousand entries
answers as fast as one of ten, and only the days that are asked about are looked at. Two layers: `firm`
entries stand, `yielding` ones give way to what is being planned (a lower priority under shift or preempt)
and are only reported.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from zoneinfo import ZoneInfo

from orchestration.planning.obstacles import (
    Collision,
    DayFull,
    InBlackout,
    InThePast,
    Obstacle,
    OverCap,
    TooClose,
    yields,
)
from orchestration.planning.slots import ONE_DAY, Instant, day_starts_at, slot_timeline, wall_of, zone_of
from orchestration.planning.types import Blackout, ChannelView, Occupied

SEARCH_DAYS = 730
"""How far ahead a free time is looked for before planning says that there is none."""

_BY_INSTANT = attrgetter("at")
_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
_FIRST_OF_ALL = _LONG_AGO + timedelta(days=2)


class ZoneClock:
    """Answer wall times and local days of one zone.

    Remembers the day asked for last, as plans go day by day.
    """

    __slots__ = ("_day", "_walls", "name", "zone")

    def __init__(self, name: str) -> None:
        self.name = name
        self.zone: ZoneInfo = zone_of(name)
        self._day: tuple[datetime, datetime] = (_LONG_AGO, _LONG_AGO)
        self._walls: dict[datetime, datetime] = {}

    def wall(self, at: datetime) -> datetime:
        """Return what the zone's clocks show at an instant."""
        wall = self._walls.get(at)
        if wall is None:
            wall = self._walls[at] = wall_of(at, self.zone)
        return wall

    def day(self, at: datetime) -> tuple[datetime, datetime]:
        """Return the first instant of the local day of `at`, and the first one after it."""
        day = self._day
        if day[0] <= at < day[1]:
            return day
        date = wall_of(at, self.zone).date()
        starts_at, ends_at = day_starts_at(date, self.zone), day_starts_at(date + ONE_DAY, self.zone)
        while ends_at <= at:  # an overlap that reaches back over midnight: the day is the one that has begun
            date += ONE_DAY
            starts_at, ends_at = ends_at, day_starts_at(date + ONE_DAY, self.zone)
        self._day = (starts_at, ends_at)
        return self._day


class ChannelCalendar:
    """One channel's calendar while a plan is made; `yields` names the entries that give way to the plan."""

    __slots__ = (
        "_blackout_ends", "_blackout_starts", "_blackouts", "_blocked_from", "_blocked_until", "_firm", "_times",
        "_yielding", "cap", "channel", "clock", "gap", "line", "now", "reach",
    )  # fmt: skip

    def __init__(
        self,
        channel: ChannelView,
        occupied: Iterable[Occupied],
        now: datetime,
        clock: ZoneClock | None = None,
        yields: Callable[[Occupied], bool] | None = None,
    ) -> None:
        self.channel = channel
        self.clock = clock or ZoneClock(channel.zone)
        self.line = slot_timeline(channel.slots, channel.zone)
        self.gap = timedelta(minutes=channel.min_gap_minutes)
        self.cap = channel.daily_cap
        self.now = now
        self.reach = now
        entries = list(occupied)
        firm = [e for e in entries if not yields(e)] if yields else entries
        self._firm: list[Occupied] = sorted(firm, key=_BY_INSTANT)
        self._times: list[datetime] = [e.at for e in self._firm]
        self._yielding: list[Occupied] = []
        if yields and len(firm) < len(entries):
            self._yielding = sorted((e for e in entries if yields(e)), key=_BY_INSTANT)
        self._blackouts = _joined(channel.blackouts)
        self._blackout_starts = [b.starts_at for b in self._blackouts]
        self._blackout_ends = [b.ends_at for b in self._blackouts]
        self._blocked_from = self._blocked_until = _FIRST_OF_ALL

    def __iter__(self) -> Iterator[Occupied]:
        return iter(sorted(self._firm + self._yielding, key=_BY_INSTANT))

    # ------------------------------------------------------------------------------------------------------- change

    def add(self, entry: Occupied) -> None:
        """Put an entry into the calendar; it stands firm."""
        times, at = self._times, entry.at
        if not times or times[-1] <= at:
            times.append(at)
            self._firm.append(entry)
        else:
            index = bisect_right(times, at)
            times.insert(index, at)
            self._firm.insert(index, entry)

    def remove(self, entry: Occupied) -> None:
        """Take an entry out, whichever layer it lies in. Raises KeyError if it is not there."""
        for layer in (self._firm, self._yielding):
            index = bisect_left(layer, entry.at, key=_BY_INSTANT)
            while index < len(layer) and layer[index].at == entry.at:
                if layer[index] == entry:
                    del layer[index]
                    if layer is self._firm:
                        del self._times[index]
                        self._blocked_from = self._blocked_until = _FIRST_OF_ALL
                    return
                index += 1
        raise KeyError(f"no such entry at {entry.at.isoformat()} in the calendar of {self.channel.slug}")

    @property
    def has_yielding(self) -> bool:
        """Return whether any entry would give way."""
        return bool(self._yielding)

    def make_firm(self) -> None:
        """Let every entry stand, those too that gave way so far."""
        if self._yielding:
            self._firm = sorted(self._firm + self._yielding, key=_BY_INSTANT)
            self._times = [e.at for e in self._firm]
            self._yielding = []

    def count_between(self, start: datetime, end: datetime) -> int:
        """Return how many firm entries lie from `start` on and before `end`."""
        return bisect_left(self._times, end) - bisect_left(self._times, start)

    # -------------------------------------------------------------------------------------------------------- search

    def is_free(self, at: datetime) -> bool:
        """Return whether a publication may stand at this instant."""
        return at > self.now and self.free_from(at, at) == at

    def free_from(self, at: datetime, until: datetime | None = None) -> datetime | None:
        """Return the first instant from `at` on at which a publication may stand, or None up to `until`.

        Yielding entries do not count. The stretch that was found blocked is remembered: entries are only
        added while a plan is made, so it stays blocked, and a whole plan walks each calendar once.
        """
        start = at
        limit = until if until is not None else start + ONE_DAY * SEARCH_DAYS
        if self._blocked_from <= at < self._blocked_until:
            at = self._blocked_until
        times, gap, cap = self._times, self.gap, self.cap
        count = len(times)
        while at <= limit:
            if self._blackouts:
                at = self._after_blackouts(at)
            index = bisect_left(times, at)
            if gap:
                if index and at - times[index - 1] < gap:
                    at = times[index - 1] + gap
                    continue
                if index < count and times[index] - at < gap:
                    at = times[index] + gap
                    continue
            if cap is not None and count >= cap:
                day_starts, day_ends = self.clock.day(at)
                if bisect_left(times, day_ends, lo=index) - bisect_left(times, day_starts, hi=index) >= cap:
                    at = day_ends
                    continue
            break
        if at > start:
            self._remember_blocked(start, at)
            if at > self.reach:
                self.reach = at
        return at if at <= limit else None

    def _remember_blocked(self, start: datetime, end: datetime) -> None:
        if start <= self._blocked_until and end >= self._blocked_from:
            self._blocked_from = min(start, self._blocked_from)
            self._blocked_until = max(end, self._blocked_until)
        else:
            self._blocked_from, self._blocked_until = start, end

    def _after_blackouts(self, at: datetime) -> datetime:
        index = bisect_right(self._blackout_starts, at) - 1
        if index >= 0 and at < self._blackout_ends[index]:
            return self._blackout_ends[index]
        return at

    def next_slot(self, at: datetime) -> Instant | None:
        """Return the channel's first posting slot at or after an instant, free or not; None without slots."""
        return self.line.first_from(at)

    def free_slot_from(self, at: datetime, until: datetime | None = None) -> Instant | None:
        """Return the channel's first free posting slot at or after an instant, or None up to `until`."""
        until = until or at + ONE_DAY * SEARCH_DAYS
        slot = self.next_slot(at)
        while slot is not None and slot.at <= until:
            free_at = self.free_from(slot.at, until)
            if free_at is None:
                return None
            if free_at == slot.at:
                if not self._is_taken_at(free_at):
                    return slot
                free_at += timedelta(microseconds=1)
            slot = self.next_slot(free_at)
        return None

    def _is_taken_at(self, at: datetime) -> bool:
        """Return whether an entry stands at this very instant.

        A slot is used once, also by a channel without a gap.
        """
        index = bisect_left(self._times, at)
        return index < len(self._times) and self._times[index] == at

    # --------------------------------------------------------------------------------------------------- explanation

    def why_not(self, at: datetime) -> list[Obstacle]:
        """Return every rule that forbids an instant, with its numbers; an empty list where it is free."""
        obstacles: list[Obstacle] = []
        if at <= self.now:
            obstacles.append(InThePast(int((self.now - at).total_seconds())))
        index = bisect_right(self._blackout_starts, at) - 1
        if index >= 0 and at < self._blackout_ends[index]:
            obstacles.append(InBlackout(self._blackouts[index]))
        if self.gap:
            obstacles.extend(self._too_close(at))
        if self.cap is not None:
            yielding_already = {id(obstacle.entry) for obstacle in obstacles if yields(obstacle)}
            obstacles.extend(self._over_cap(at, self.cap, yielding_already))
        return obstacles

    def _too_close(self, at: datetime) -> Iterator[TooClose]:
        """Yield the nearest firm entry closer than the gap, and every yielding one."""
        index = bisect_left(self._times, at)
        around = self._firm[max(0, index - 1) : index + 1]
        near = min(around, key=lambda e: (abs(e.at - at), e.at), default=None)
        if near is not None and abs(near.at - at) < self.gap:
            yield self._closeness(at, near, yields=False)
        if self._yielding:
            low = bisect_right(self._yielding, at - self.gap, key=_BY_INSTANT)
            high = bisect_left(self._yielding, at + self.gap, key=_BY_INSTANT)
            for entry in self._yielding[low:high]:
                yield self._closeness(at, entry, yields=True)

    def _closeness(self, at: datetime, entry: Occupied, yields: bool) -> TooClose:
        minutes = int(abs(entry.at - at).total_seconds()) // 60
        return TooClose(entry, minutes, self.channel.min_gap_minutes, yields)

    def _over_cap(self, at: datetime, cap: int, yielding_already: set[int]) -> Iterator[DayFull | OverCap]:
        """Yield what stands over the daily cap.

        The whole day, or the yielding entries that have to make room.
        """
        day_starts, day_ends = self.clock.day(at)
        firm = bisect_left(self._times, day_ends) - bisect_left(self._times, day_starts)
        if firm >= cap:
            yield DayFull(firm, cap)
            return
        if not self._yielding:
            return
        low = bisect_left(self._yielding, day_starts, key=_BY_INSTANT)
        high = bisect_left(self._yielding, day_ends, key=_BY_INSTANT)
        staying = [e for e in self._yielding[low:high] if id(e) not in yielding_already]
        surplus = firm + 1 + len(staying) - cap
        if surplus > 0:
            staying.sort(key=lambda e: (e.priority, -e.at.timestamp(), e.schedule_id or 0))
            for entry in staying[:surplus]:
                yield OverCap(entry, cap)

    def take(self, entry: Occupied) -> list[Collision]:
        """Put an entry in and take out what has to give way to it; return those, with the rule."""
        gone: list[Collision] = []
        if self._yielding:
            gone = [obstacle for obstacle in self.why_not(entry.at) if yields(obstacle)]
            for collision in gone:
                self.remove(collision.entry)
        self.add(entry)
        return gone


def _joined(blackouts: Iterable[Blackout]) -> list[Blackout]:
    """Return blackouts sorted and without overlaps, so that one bisection finds the one that holds."""
    joined: list[Blackout] = []
    for blackout in sorted(blackouts, key=lambda b: (b.starts_at, b.ends_at)):
        if blackout.ends_at <= blackout.starts_at:
            continue
        if joined and blackout.starts_at <= joined[-1].ends_at:
            last = joined.pop()
            reason = (
                last.reason
                if last.reason == blackout.reason
                else f"{last.reason}, {blackout.reason}".strip(", ")
            )
            joined.append(Blackout(last.starts_at, max(last.ends_at, blackout.ends_at), reason))
        else:
            joined.append(blackout)
    return joined


def calendars_of(
    channels: Iterable[ChannelView],
    occupied: Iterable[Occupied],
    now: datetime,
    yields: Callable[[Occupied], bool] | None = None,
) -> dict[int, ChannelCalendar]:
    """Return a calendar for each channel.

    Those of one zone, or of the same slots, share what they work out.
    """
    entries: dict[int, list[Occupied]] = {}
    channels = list(channels)
    for channel in channels:
        entries[channel.id] = []
    for entry in occupied:
        of_channel = entries.get(entry[0])
        if of_channel is not None:
            of_channel.append(entry)
    clocks: dict[str, ZoneClock] = {}
    calendars: dict[int, ChannelCalendar] = {}
    for channel in channels:
        clock = clocks.get(channel.zone) or clocks.setdefault(channel.zone, ZoneClock(channel.zone))
        calendars[channel.id] = ChannelCalendar(channel, entries[channel.id], now, clock, yields=yields)
    return calendars
