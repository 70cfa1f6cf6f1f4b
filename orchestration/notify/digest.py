"""Write the daily digest: what went out, what did not and why, what needs a person, what is coming.

It is written on every day, also when nothing happened: that it is missing tells that nobody tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import F
from django.utils.html import format_html, format_html_join

from orchestration.models import Notification, NotificationRule, Schedule
from orchestration.models.notify import SEVERITIES, NotificationKind, Severity
from orchestration.notify import causes
from orchestration.notify.hours import digest_due, instant
from orchestration.notify.rules import RuleView
from orchestration.states import ScheduleState

MOST_LINES = 30


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a digest: a heading with a count, and its lines, of which the first are shown."""

    heading: str
    lines: tuple[str, ...]
    count: int

    @property
    def shown(self) -> tuple[str, ...]:
        """Return the lines, with what is left out counted."""
        more = self.count - len(self.lines)
        return (*self.lines, f"and {more} more") if more > 0 else self.lines


def due(rules: Iterable[RuleView], now: datetime) -> list[Notification]:
    """Return the digests whose moment has come and that were not written yet."""
    rows: list[Notification] = []
    for rule in rules:
        row = rule.row
        day = row.digest_at and digest_due(now, row.digest_at, row.zone, row.digest_from)
        if not day or not rule.addresses:
            continue
        names = {address.pk: f"digest:{row.pk}:{address.pk}:{day}" for address in rule.addresses}
        written = set(Notification.objects.filter(once__in=names.values()).values_list("once", flat=True))
        missing = [address for address in rule.addresses if names[address.pk] not in written]
        if not missing:
            continue
        title, body, html, severity = compose(row, rule.channels, day, now)
        rows += [
            Notification(
                once=names[address.pk],
                kind=NotificationKind.DIGEST,
                severity=severity,
                rule=row,
                address=address,
                address_name=address.name,
                title=title[:200],
                body=body,
                html=html,
                due_at=now,
                created_at=now,
            )
            for address in missing
        ]
    return rows


def compose(
    rule: NotificationRule, channels: frozenset[int] | None, day: date, now: datetime
) -> tuple[str, str, str, str]:
    """Return a digest's title, its text, its HTML and its severity; the day is that of the rule's own zone."""
    assert rule.digest_at is not None  # noqa: S101 - the caller has asked for its day
    begins = instant(day - timedelta(days=1), rule.digest_at, rule.zone)
    ends = instant(day, rule.digest_at, rule.zone)
    next_one = instant(day + timedelta(days=1), rule.digest_at, rule.zone)
    needs, severity = _needs_a_person(channels, now)
    sections = [
        _went_out(channels, begins, ends, rule.zone),
        _did_not(channels, begins, ends, rule.zone),
        needs,
        _coming(channels, ends, next_one, rule.zone),
    ]
    if sections[1].count or needs.count:
        word = f"{sections[1].count} did not go out, {needs.count} to look at"
    else:
        word = "all well"
    title = f"Headend, {day:%A %d %B}: {word}"
    span = f"From {_local(begins, rule.zone)} to {_local(ends, rule.zone)} ({rule.zone})."
    return title, _text(span, word, sections), _html(span, word, sections), severity


def _schedules(channels: frozenset[int] | None):
    rows = Schedule.objects.select_related("distribution__video", "channel")
    return rows.filter(channel_id__in=channels) if channels is not None else rows


def _went_out(channels: frozenset[int] | None, begins: datetime, ends: datetime, zone: str) -> Section:
    rows = _schedules(channels).filter(
        state=ScheduleState.PUBLISHED,
        distribution__published_at__gte=begins,
        distribution__published_at__lt=ends,
    )
    rows = rows.annotate(went_out_at=F("distribution__published_at")).order_by("went_out_at", "id")
    lines = [f"{_local(row.went_out_at, zone)} {_name(row)}" for row in rows[:MOST_LINES]]
    return _section("Went out", lines, rows)


def _did_not(channels: frozenset[int] | None, begins: datetime, ends: datetime, zone: str) -> Section:
    rows = (
        _schedules(channels)
        .filter(
            state__in=[
                ScheduleState.FAILED,
                ScheduleState.MISSED,
                ScheduleState.SKIPPED,
                ScheduleState.NEEDS_REVIEW,
            ],
            state_changed_at__gte=begins,
            state_changed_at__lt=ends,
        )
        .order_by("publish_at", "id")
    )
    lines = [
        f"{_local(row.publish_at, zone)} {_name(row)}: {row.get_state_display()}"
        f"{f', {row.reason}' if row.reason else ''}"
        for row in rows[:MOST_LINES]
    ]
    return _section("Did not go out", lines, rows)


def _needs_a_person(channels: frozenset[int] | None, now: datetime) -> tuple[Section, str]:
    found = [
        cause
        for cause in causes.found(now).causes.values()
        if channels is None or cause.channel_id in channels or cause.channel_id is None
    ]
    found = [cause for cause in found if cause.severity != Severity.INFO]
    found.sort(key=lambda cause: (-SEVERITIES[cause.severity], cause.since or now))
    lines = tuple(f"{cause.severity}: {cause.sentence}" for cause in found[:MOST_LINES])
    return Section("Needs a person", lines, len(found)), found[0].severity if found else Severity.INFO


def _coming(channels: frozenset[int] | None, begins: datetime, ends: datetime, zone: str) -> Section:
    rows = (_schedules(channels).open().filter(publish_at__gte=begins, publish_at__lt=ends)).order_by(
        "publish_at", "id"
    )
    lines = [f"{_local(row.publish_at, zone)} {_name(row)}" for row in rows[:MOST_LINES]]
    return _section(f"Coming until {_local(ends, zone)}", lines, rows)


def _section(heading: str, lines: Sequence[str], rows) -> Section:
    return Section(heading, tuple(lines), len(lines) if len(lines) < MOST_LINES else rows.count())


def _name(row: Schedule) -> str:
    return f"{row.distribution.video} on {row.channel}"


def _local(at: datetime | None, zone: str) -> str:
    return f"{(at or datetime.now(UTC)).astimezone(ZoneInfo(zone)):%a %H:%M}"


def _text(span: str, word: str, sections: Sequence[Section]) -> str:
    blocks = [f"{word[:1].upper()}{word[1:]}. {span}"]
    for section in sections:
        lines = [f"- {line}" for line in section.shown] or ["- nothing"]
        blocks.append("\n".join([f"{section.heading} ({section.count})", *lines]))
    return "\n\n".join(blocks)


def _html(span: str, word: str, sections: Sequence[Section]) -> str:
    parts = [format_html("<p><b>{}.</b> {}</p>", f"{word[:1].upper()}{word[1:]}", span)]
    for section in sections:
        lines = format_html_join("", "<li>{}</li>", ((line,) for line in section.shown or ("nothing",)))
        parts.append(format_html("<h3>{} ({})</h3><ul>{}</ul>", section.heading, section.count, lines))
    return "".join(parts)
