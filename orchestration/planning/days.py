"""Lay instants on the dates and hours that the clocks of a zone show.

A drawing has a column for each date. What stands in it is what the zone's clocks show on that date: an hour that a zone
repeats stands there once, with everything of both passes, and one that it skips stays empty. That is also true where clocks
are put back over midnight, and so an evening comes twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from orchestration.planning.slots import ONE_DAY, ONE_SECOND, day_starts_at, wall_of, zone_of

OWN_ZONE = ""
"""As the name of a page's zone: each channel's own."""

STEP = timedelta(hours=6)
"""No zone has changed its offset twice within so short a time."""
FURTHEST_OFFSET = timedelta(hours=15)
"""No zone is further from UTC."""
LONGEST_OVERLAP = timedelta(hours=3)


@dataclass(frozen=True, slots=True)
class Offset:
    """A stretch in which a zone's clocks are so far ahead of UTC; `ends_at` is the first instant after it."""

    starts_at: datetime
    ends_at: datetime
    ahead: timedelta


def offsets(since: datetime, until: datetime, zone: str) -> list[Offset]:
    """Return the stretches of one offset that a zone has from `since` up to `until`, in order."""
    zone_info = zone_of(zone)
    since, until = since.astimezone(UTC), until.astimezone(UTC)
    found: list[Offset] = []
    begun, at = since, since
    ahead = _ahead(at, zone_info)
    while at < until:
        following = min(at + STEP, until)
        if _ahead(following, zone_info) != ahead:
            change = _change(at, following, zone_info)
            if change > begun:
                found.append(Offset(begun, min(change, until), ahead))
            begun, ahead = change, _ahead(change, zone_info)
        at = following
    if begun < until:
        found.append(Offset(begun, until, ahead))
    return found


def _ahead(at: datetime, zone: ZoneInfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _change(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """Return the first second in (low, high] with another offset than `low` has."""
    before = _ahead(low, zone)
    while high - low > ONE_SECOND:
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        low, high = (middle, high) if _ahead(middle, zone) == before else (low, middle)
    return high


def date_of(at: datetime, zone: str) -> date:
    """Return the date that a zone's clocks show at an instant."""
    return wall_of(at, zone_of(zone)).date()


def window_of(first: date, last: date, zone: str) -> tuple[datetime, datetime]:
    """Return instants around everything that a zone dates `first` to `last`; some at their end may be dated later.

    For OWN_ZONE they are those of every zone there is.
    """
    if zone == OWN_ZONE:
        begins = datetime.combine(first, time(), UTC) - FURTHEST_OFFSET
        return begins, datetime.combine(last + ONE_DAY, time(), UTC) + FURTHEST_OFFSET
    zone_info = zone_of(zone)
    ends_at = day_starts_at(last + ONE_DAY, zone_info)
    # Where clocks are put back over midnight, the date comes once more after the next one has begun.
    again = any(part.ahead < _ahead(ends_at, zone_info) for part in offsets(ends_at, ends_at + STEP, zone))
    return day_starts_at(first, zone_info), ends_at + LONGEST_OVERLAP if again else ends_at


@lru_cache(maxsize=4096)
def day_bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """Return the first instant of a zone's date and the first of the next one: the day as daily caps count it."""
    zone_info = zone_of(zone)
    return day_starts_at(day, zone_info), day_starts_at(day + ONE_DAY, zone_info)


def skipped_hours(day: date, zone: str) -> frozenset[int]:
    """Return the hours of a date that no clock of the zone shows."""
    return frozenset(range(24)) - _shown(day, zone).keys()


def repeated_hours(day: date, zone: str) -> frozenset[int]:
    """Return the hours of a date of which the zone's clocks show a part twice."""
    return frozenset(hour for hour, shown in _shown(day, zone).items() if shown > timedelta(hours=1))


def _shown(day: date, zone: str) -> dict[int, timedelta]:
    """Return for how long a zone's clocks show each hour of a date; those that are never shown are left out."""
    since, until = window_of(day, day, zone)
    begins = datetime.combine(day, time())
    shown: dict[int, timedelta] = {}
    for part in offsets(since, until, zone):
        low = max((part.starts_at + part.ahead).replace(tzinfo=None), begins)
        high = min((part.ends_at + part.ahead).replace(tzinfo=None), begins + ONE_DAY)
        while low < high:
            end = min(high, low.replace(minute=0, second=0) + timedelta(hours=1))
            shown[low.hour] = shown.get(low.hour, timedelta()) + (end - low)
            low = end
    return shown
