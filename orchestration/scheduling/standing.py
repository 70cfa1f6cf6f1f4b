"""Enter, change and remove standing rules: what the clock plans by itself, how often and how far ahead."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from auditlog.context import disable_auditlog
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils import timezone

from channels.zones import zone_names
from orchestration.core import audit, lookup, scope
from orchestration.errors import InvalidRequest
from orchestration.models import Source, StandingRule, Video
from orchestration.planning.distribution import MAX_HORIZON_DAYS
from orchestration.planning.slots import next_slots
from orchestration.planning.types import SlotRule

FASTEST_MINUTES, SLOWEST_MINUTES = 5, 10_080
MOST_TIMES = 50
LONGEST_NAME = 80
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_TIME = re.compile(r"([a-z]{3,9})\s+([0-2]?\d):([0-5]\d)")


@dataclass(frozen=True, slots=True)
class StandingValues:
    """All that a standing rule says; a change gives all of it anew. `times` are (weekday, wall-clock time), Monday is 0.

    It holds for its channels, and for those that are in its groups or have its labels whenever it runs.
    """

    name: str
    kind: str = StandingRule.Kind.DISTRIBUTE
    enabled: bool = True
    channel_ids: Sequence[int] = ()
    groups: Sequence[str] = ()
    labels: Sequence[str] = ()
    source_id: int | None = None
    every_minutes: int = 60
    daily_at: time | None = None
    zone: str = "UTC"
    horizon_days: int = 14
    backlog_floor: int = 0
    times: Sequence[tuple[int, time]] = field(default_factory=tuple)
    since: datetime | None = None
    priority: int | None = None


def read_times(text: str) -> list[tuple[int, time]]:
    """Read `tue 18:00, fri 12:30` as weekdays and times. Raises: InvalidRequest, naming the part that is none."""
    found = []
    for part in filter(None, (each.strip().lower() for each in re.split(r"[,;\n]", text))):
        match = _TIME.fullmatch(part)
        days = [n for n, day in enumerate(WEEKDAYS) if match and day.startswith(match[1])]
        if match is None or not days or int(match[2]) > 23:
            raise InvalidRequest(
                f"{part[:40]!r} is not a weekday and a time, such as tue 18:00.", field="times"
            )
        found.append((days[0], time(int(match[2]), int(match[3]))))
    return found


def write_times(times: Sequence[Sequence[Any]]) -> str:
    """Write stored times as `read_times` reads them."""
    return ", ".join(f"{WEEKDAYS[day][:3]} {at[:5]}" for day, at in times)


def slot_rules(rule: StandingRule) -> tuple[SlotRule, ...]:
    """Return the times of a series as planning takes them."""
    return tuple(SlotRule(day, time.fromisoformat(at)) for day, at in rule.times)


def list_rules() -> list[StandingRule]:
    """Return every rule with its channels and source, by name."""
    return list(
        StandingRule.objects.select_related("source").prefetch_related("channels", "groups", "labels")
    )


def one(rule_id: int) -> StandingRule:
    """Return a rule with its channels and source. Raises: NotFound."""
    return lookup.one(
        StandingRule.objects.select_related("source").prefetch_related("channels", "groups", "labels"),
        rule_id,
        field="rule_id",
    )


def add(values: StandingValues) -> StandingRule:
    """Enter a rule; it first runs at the clock's next look. Raises: InvalidRequest, naming the field; NotFound."""
    with transaction.atomic():
        return _write(StandingRule(next_run_at=timezone.now()), values, "standing_rule_added")


def change(rule_id: int, values: StandingValues) -> StandingRule:
    """Give a rule all its values anew; what it planned stays. Raises: NotFound, InvalidRequest."""
    with transaction.atomic():
        rule = lookup.one(StandingRule.objects.locked(), rule_id, field="rule_id")
        rule.next_run_at = timezone.now()
        return _write(rule, values, "standing_rule_changed")


def remove(rule_id: int, reason: str = "") -> None:
    """Remove a rule; what it planned stays. Raises: NotFound."""
    with transaction.atomic():
        rule = lookup.one(StandingRule.objects.locked(), rule_id, field="rule_id")
        audit.record("standing_rule_removed", rule, before=_document(rule), after={}, reason=reason)
        with disable_auditlog():
            rule.delete()


def skip_episode(rule_id: int, video_id: int, *, skip: bool = True, reason: str = "") -> StandingRule:
    """Let a series pass over one episode, or take it in again. Raises: NotFound, InvalidRequest."""
    with transaction.atomic():
        rule = lookup.one(StandingRule.objects.locked(), rule_id, field="rule_id")
        video = lookup.one(Video, video_id, field="video_id")
        if rule.kind != StandingRule.Kind.SERIES or video.source_id != rule.source_id:
            raise InvalidRequest(f"{video} is no episode of {rule}.", field="video_id")
        if skip:
            rule.skipped.add(video)
        else:
            rule.skipped.remove(video)
        audit.record(
            "episode_skipped" if skip else "episode_taken_in",
            rule,
            after={"video": video.pk},
            reason=reason,
            members={"video": [video.pk]},
        )
        StandingRule.objects.filter(pk=rule.pk).update(next_run_at=timezone.now())
        return one(rule_id)


def next_run(rule: StandingRule, after: datetime) -> datetime:
    """Return when a rule runs next: at its time of day on its clock, else so many minutes later."""
    if rule.daily_at is None:
        return after + timedelta(minutes=rule.every_minutes)
    days = [SlotRule(day, rule.daily_at) for day in range(7)]
    return next_slots(days, rule.zone, after, 1)[0].at


# --------------------------------------------------------------------------------------------------------------- checks


def _write(rule: StandingRule, values: StandingValues, verb: str) -> StandingRule:
    before = _document(rule) if rule.pk else None
    rows, source = _check(values, but=rule.pk)
    for name in ("kind", "enabled", "every_minutes", "daily_at", "zone", "horizon_days", "backlog_floor"):
        setattr(rule, name, getattr(values, name))
    rule.name = " ".join(values.name.split())
    rule.source = source
    is_series = values.kind == StandingRule.Kind.SERIES
    rule.times = [[day, f"{at:%H:%M}"] for day, at in sorted(set(values.times))] if is_series else []
    rule.since = values.since if is_series else None
    rule.priority = values.priority if is_series else None
    rule.last_problem, rule.last_low = "", []
    try:
        with transaction.atomic():
            with disable_auditlog():  # the action's own entry says it
                rule.save()
                for name, members in rows.items():
                    getattr(rule, name).set(members)
            audit.record(verb, rule, before=before, after=_document(rule))
    except IntegrityError as error:
        raise InvalidRequest(f"There is a standing rule named {rule.name} already.", field="name") from error
    return one(rule.pk)


def _document(rule: StandingRule) -> dict[str, Any]:
    names = ("name", "kind", "enabled", "every_minutes", "zone", "horizon_days", "backlog_floor", "priority")
    return {
        **{name: getattr(rule, name) for name in names},
        "daily_at": f"{rule.daily_at:%H:%M}" if rule.daily_at else None,
        "source": rule.source_id,
        "channels": sorted(rule.channels.values_list("slug", flat=True)),
        "groups": sorted(rule.groups.values_list("slug", flat=True)),
        "labels": sorted(rule.labels.values_list("name", flat=True)),
        "times": write_times(rule.times),
        "since": rule.since.isoformat() if rule.since else None,
    }


def _check(values: StandingValues, *, but: int | None) -> tuple[dict[str, Sequence[Model]], Source | None]:
    """Return the channels, groups and labels, and the source that are named. Raises: InvalidRequest, NotFound."""
    name = " ".join(values.name.split())
    if not name or len(name) > LONGEST_NAME:
        raise InvalidRequest(f"A name has 1 to {LONGEST_NAME} characters.", field="name")
    namesakes = StandingRule.objects.filter(name=name)
    if (namesakes if but is None else namesakes.exclude(pk=but)).exists():
        raise InvalidRequest(f"There is a standing rule named {name} already.", field="name")
    if values.kind not in StandingRule.Kind.values:
        raise InvalidRequest(
            f"{values.kind!r} is not one of {', '.join(StandingRule.Kind.values)}.", field="kind"
        )
    _between("every_minutes", values.every_minutes, FASTEST_MINUTES, SLOWEST_MINUTES)
    _between("horizon_days", values.horizon_days, 1, MAX_HORIZON_DAYS)
    _between("backlog_floor", values.backlog_floor, 0, 10_000)
    if values.priority is not None:
        _between("priority", values.priority, 0, 10)
    if values.zone not in zone_names():
        raise InvalidRequest(f"{values.zone} is not an IANA time zone.", field="zone")
    lookup.check_ids(values.channel_ids, field="channel_ids") if values.channel_ids else None
    rows: dict[str, Sequence[Model]] = {
        "channels": scope.check_channels(values.channel_ids),
        "groups": scope.check_groups(values.groups),
        "labels": scope.check_labels(values.labels),
    }
    source = None if values.source_id is None else lookup.one(Source, values.source_id, field="source_id")
    if values.kind == StandingRule.Kind.SERIES:
        if source is None:
            raise InvalidRequest("A series needs the source whose episodes it is.", field="source_id")
        if not any(rows.values()):
            raise InvalidRequest("A series needs the channels that it runs on.", field="channel_ids")
        if not 1 <= len(values.times) <= MOST_TIMES:
            raise InvalidRequest(f"A series needs 1 to {MOST_TIMES} times, such as tue 18:00.", field="times")
        if any(not 0 <= day <= 6 for day, _ in values.times):
            raise InvalidRequest("A weekday is 0 (Monday) to 6 (Sunday).", field="times")
    elif values.times or values.since or values.priority is not None:
        given = next(
            name for name in ("times", "since", "priority") if getattr(values, name) not in (None, (), [])
        )
        raise InvalidRequest("Only a series has times, a beginning and a priority of its own.", field=given)
    return rows, source


def _between(field_name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise InvalidRequest(f"{field_name} {value} is not between {least} and {most}.", field=field_name)
