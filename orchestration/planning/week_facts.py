"""Say what a week of posting slots means: what the gap and the cap make impossible, and what the clocks do to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from orchestration.planning.slots import resolve_local_leniently, wall_of, zone_of

DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEK_MINUTES: Final = 7 * 24 * 60
LOOKED_AHEAD_DAYS: Final = 370


@dataclass(frozen=True, slots=True, order=True)
class SlotAt:
    """One weekly wall-clock time; Monday is 0."""

    weekday: int
    local_time: time
    enabled: bool = True

    @property
    def minute(self) -> int:
        """Return the minute of the week."""
        return self.weekday * 1440 + self.local_time.hour * 60 + self.local_time.minute

    def __str__(self) -> str:
        return f"{DAYS[self.weekday]} {self.local_time:%H:%M}"


@dataclass(frozen=True, slots=True)
class WeekFact:
    """One thing that a week of slots means, with a stable code; `weekday` where it is about one day."""

    code: str
    sentence: str
    weekday: int | None = None


def facts_of(
    slots: Iterable[SlotAt], *, min_gap_minutes: int, daily_cap: int, zone: str, now: datetime
) -> list[WeekFact]:
    """Return what is to be known of a week: slots too close, days beyond the cap, and the next changes of the clocks."""
    used = sorted(slot for slot in slots if slot.enabled)
    return [
        *_too_close(used, min_gap_minutes),
        *_beyond_cap(used, daily_cap),
        *_clock_changes(used, zone, now),
    ]


def _too_close(used: Sequence[SlotAt], gap: int) -> list[WeekFact]:
    if len(used) < 2:
        return []
    facts = []
    for this, following in zip(used, [*used[1:], used[0]], strict=True):
        apart = (following.minute - this.minute) % WEEK_MINUTES
        if apart < gap:
            facts.append(
                WeekFact(
                    "slots_too_close",
                    f"{this} and {following} are {length(apart)} apart, but two publications need {length(gap)}: "
                    "of these two slots one stays empty.",
                    following.weekday,
                )
            )
    return facts


def _beyond_cap(used: Sequence[SlotAt], cap: int) -> list[WeekFact]:
    by_day: dict[int, int] = defaultdict(int)
    for slot in used:
        by_day[slot.weekday] += 1
    return [
        WeekFact(
            "day_beyond_cap",
            f"{DAYS[day]} has {count} slots, but at most {cap} are published a day: {count - cap} "
            f"{'stays' if count - cap == 1 else 'stay'} empty.",
            day,
        )
        for day, count in sorted(by_day.items())
        if count > cap
    ]


def _clock_changes(used: Sequence[SlotAt], zone: str, now: datetime) -> list[WeekFact]:
    """Return the next changes of a zone's clocks, with the slots that they move."""
    zone_info = zone_of(zone)
    facts = []
    day, before = now.astimezone(zone_info).date(), None
    for _ in range(LOOKED_AHEAD_DAYS):
        offset = datetime.combine(day, time(), UTC).astimezone(zone_info).utcoffset() or timedelta()
        if before is not None and offset != before:
            facts.append(_clock_change(used, zone, day - timedelta(days=1), offset - before))
            if len(facts) == 2:
                break
        before, day = offset, day + timedelta(days=1)
    return facts


def _clock_change(used: Sequence[SlotAt], zone: str, about: date, by: timedelta) -> WeekFact:
    """Say what a change on this day, or the one after it, does to the slots of that day."""
    zone_info = zone_of(zone)
    low = datetime.combine(about, time(), UTC) - timedelta(hours=1)
    high = low + timedelta(hours=26)
    first = low.astimezone(zone_info).utcoffset()
    while high - low > timedelta(minutes=1):
        middle = low + (high - low) / 2
        low, high = (middle, high) if middle.astimezone(zone_info).utcoffset() == first else (low, middle)
    at = (high + timedelta(seconds=30)).replace(second=0, microsecond=0)
    old = wall_of(at - timedelta(minutes=1), zone_info) + timedelta(minutes=1)
    new = wall_of(at, zone_info)
    on, minutes = old.date(), abs(int(by.total_seconds())) // 60
    moved = []
    for slot in used:
        if slot.weekday != on.weekday():
            continue
        found = resolve_local_leniently(datetime.combine(on, slot.local_time), zone)
        if found.shifted:
            moved.append(f"the slot at {slot.local_time:%H:%M} is used at {new:%H:%M}")
        elif found.folded:
            moved.append(f"the slot at {slot.local_time:%H:%M} is used once, the first time")
    way = "forward" if by > timedelta() else "back"
    said = f"On {DAYS[on.weekday()]}, {on.day} {on:%B %Y}, the clocks go {way} by {length(minutes)} at {old:%H:%M}"
    consequence = "; ".join(moved) or "no slot of that day is touched"
    return WeekFact("clocks_change", f"{said}: {consequence}.", on.weekday() if moved else None)


def length(minutes: int) -> str:
    """Return a number of minutes as people say it."""
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{rest} min"
    return f"{hours} h" + (f" {rest} min" if rest else "")
