"""Say what the past is answered with as a person reads it: what is otherwise now, and where to go from an instant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dashboard.addresses import reverse
from dashboard.wording import duration, stager, words
from orchestration.models import Wave
from orchestration.monitoring.rewind.answers import Past, PastPublication, Tick
from orchestration.planning.rewind import Difference

JUST_BEFORE = timedelta(microseconds=1)
SETTINGS = {
    "slug": "Slug",
    "name": "Name",
    "youtube_channel_id": "YouTube channel",
    "timezone": "Zone",
    "priority": "Priority",
    "min_gap_minutes": "Least gap",
    "daily_cap": "Most a day",
    "misfire_policy": "If late",
    "misfire_grace_minutes": "Grace",
    "lead_time_minutes": "Staged ahead",
    "executor": "Executor",
    "repository": "Repository",
    "workflow": "Workflow",
    "ref": "Branch",
    "failover": "Failover",
}
"""What is set of a channel, in the order in which a page shows it."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a channel: what it was, and what it is now where that differs."""

    label: str
    then: str
    now: str | None


@dataclass(frozen=True, slots=True)
class Column:
    """One tick under the slider, in per cent of its width and pixels."""

    x: str
    y: int
    height: int
    title: str


def address(at: datetime, **where: Any) -> str:
    """Return the permalink of an instant."""
    values = {"at": at.astimezone(UTC).isoformat(), **{name: value for name, value in where.items() if value}}
    return f"{reverse('dashboard:rewind')}?{urlencode(values)}"


def before(at: datetime, **where: Any) -> str:
    """Return the permalink of the moment just before something happened."""
    return address(at - JUST_BEFORE, **where)


def settings_of(values: Any, differences: Iterable[Difference]) -> list[Setting]:
    """Say what was set of a channel, and what is set now."""
    now = {each.field: each.now for each in differences}
    return [
        Setting(label, _set(name, getattr(values, name)), _set(name, now[name]) if name in now else None)
        for name, label in SETTINGS.items()
    ]


def _set(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if name.endswith("_minutes"):
        return duration(value * 60)
    if name == "executor":
        return stager(value)
    return words(value) if name == "misfire_policy" else str(value) if value not in (None, "") else "–"


def since_then(rows: Iterable[PastPublication]) -> dict[int, list[str]]:
    """Say of each publication what is otherwise now, in short sentences."""
    rows = list(rows)
    ids = {
        each.now
        for row in rows
        for each in row.differences
        if each.field == "wave_id" and each.now is not None
    }
    waves = dict(Wave.objects.filter(pk__in=ids).values_list("pk", "name")) if ids else {}
    return {
        row.schedule.pk: [sentence for each in row.differences if (sentence := _sentence(each, row, waves))]
        for row in rows
    }


def _sentence(each: Difference, row: PastPublication, waves: dict[int, str]) -> str:
    if each.field == "publish_at":
        return f"is now {_moment(each.now, each.then, row.schedule.zone)}"
    if each.field == "state":
        return f"is {words(each.now)} now"
    if each.field == "wave_id":
        return (
            f"belongs to wave {waves.get(each.now, each.now)} now" if each.now else "belongs to no wave now"
        )
    if each.field == "priority":
        return f"has priority {each.now} now"
    if each.field == "zone":
        return f"is meant in {each.now} now"
    if each.field == "overridden":
        return "set by hand since" if each.now else "not set by hand any more"
    return ""


def _moment(now: datetime, then: datetime, zone: str) -> str:
    try:
        clock: Any = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        clock = UTC
    here, there = now.astimezone(clock), then.astimezone(clock)
    day = "" if here.date() == there.date() else f"{here:%a} {here.day} {here:%b} "
    seconds = f":{here:%S}" if here.second else ""
    return f"{day}{here:%H:%M}{seconds} {here.tzname()}"


def columns(ticks: Iterable[Tick], begins: datetime, ends: datetime) -> list[Column]:
    """Lay the ticks out under the slider."""
    ticks = list(ticks)
    top = max((tick.count for tick in ticks), default=1)
    span = (ends - begins).total_seconds() or 1.0
    found = []
    for tick in ticks:
        share = 100 * (tick.at - begins).total_seconds() / span
        height = max(3, round(18 * (tick.count / top) ** 0.5))
        title = f"{tick.at:%a} {tick.at.day} {tick.at:%b %H:%M} UTC: {tick.count} changes"
        found.append(Column(f"{share:.2f}%", 20 - height, height, title))
    return found


def steps(past: Past, **where: Any) -> list[tuple[str, str, str]]:
    """Return where to go from an instant: label, address (empty where there is nothing), and what it is."""
    hour = timedelta(hours=1)
    later = past.at + hour
    return [
        ("‹ Change before", address(past.previous_at, **where) if past.previous_at else "", "previous"),
        ("− 1 h", address(past.at - hour, **where), ""),
        ("+ 1 h", address(later, **where) if later <= past.now else "", ""),
        ("Change after ›", address(past.next_at, **where) if past.next_at else "", "next"),
    ]
