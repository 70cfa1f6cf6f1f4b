"""Turn a rule's wall-clock times into instants: the end of quiet hours, and the moment of a day's digest."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DIGEST_LATE_AT_MOST = timedelta(hours=20)
"""A digest that nobody could write for longer is left out: the next one is near."""


def instant(day: date, wall: time, zone: str) -> datetime:
    """Return when a wall clock shows a time on a date: the first time if it does twice, just after the gap if never."""
    return datetime.combine(day, wall, ZoneInfo(zone)).astimezone(UTC)


def quiet_until(now: datetime, begins: time | None, ends: time | None, zone: str) -> datetime | None:
    """Return when the quiet hours end in which `now` lies; None outside them. They may last over midnight."""
    if begins is None or ends is None:
        return None
    today = now.astimezone(ZoneInfo(zone)).date()
    for day in (today - timedelta(days=1), today):
        last = day if begins < ends else day + timedelta(days=1)
        until = instant(last, ends, zone)
        if instant(day, begins, zone) <= now < until:
            return until
    return None


def digest_due(now: datetime, wall: time, zone: str, since: datetime) -> date | None:
    """Return the local date whose digest is to be written now; None if its moment is to come, or lies before `since`."""
    today = now.astimezone(ZoneInfo(zone)).date()
    for day in (today, today - timedelta(days=1)):
        moment = instant(day, wall, zone)
        if moment <= now:
            return day if moment > since and now - moment < DIGEST_LATE_AT_MOST else None
    return None
