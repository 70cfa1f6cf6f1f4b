"""Follow each cause from its beginning to its end, and write what rules ask for into the outbox, in one transaction.

Any number may evaluate at once: one does, and each message is written under a name of its own (`once`), so that none is
written twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction

from orchestration.models import Incident, Notification, NotificationAddress
from orchestration.models.notify import (
    OPEN_OUTCOMES,
    SEVERITIES,
    NotificationKind,
    NotificationOutcome,
)
from orchestration.monitoring.problem_values import RECENT
from orchestration.notify import causes, digest, messages, rules, silences
from orchestration.notify.rules import RuleView
from orchestration.notify.silences import Holding

KEPT = timedelta(days=90)
_TRY = "SELECT pg_try_advisory_xact_lock(1212498244, 1)"
# The system's switch is the lock of one number; this one, of two, is another lock.


def evaluate(now: datetime) -> int:
    """Write the messages that are wanted now; returns how many. Whoever comes while another evaluates does nothing."""
    with transaction.atomic():
        if not _alone():
            return 0
        watching, quiet = rules.enabled(), silences.holding(now)
        standing, over = _follow(now)
        told = _told([*standing, *over])
        rows = [
            *_wanted(standing, watching, quiet, told, now),
            *_recoveries(over, watching, told, now),
            *digest.due(watching, now),
        ]
        _withdraw(quiet, now)
        before = Notification.objects.count() if rows else 0
        Notification.objects.bulk_create(rows, ignore_conflicts=True)
        _forget(now)
        return Notification.objects.count() - before if rows else 0


def _alone() -> bool:
    """Return whether nobody else evaluates; on SQLite a transaction excludes every other writer anyway."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute(_TRY)
        return bool(cursor.fetchone()[0])


# ------------------------------------------------------------------------------------------------------------ incidents


def _follow(now: datetime) -> tuple[list[Incident], list[Incident]]:
    """Open, carry on and close incidents; returns those that stand and have settled, and those that are over now."""
    found = causes.found(now)
    settle = timedelta(seconds=settings.HEADEND_NOTIFY_SETTLE_SECONDS)
    known = {row.key: row for row in Incident.objects.filter(over_at=None)}
    fresh = [_opened(cause, now) for key, cause in found.causes.items() if key not in known]
    Incident.objects.bulk_create(fresh)
    standing: list[Incident] = list(fresh)
    over: list[Incident] = []
    changed: list[Incident] = []
    for key, row in known.items():
        cause = found.causes.get(key)
        if cause is not None:
            if _carry_on(row, cause):
                changed.append(row)
            standing.append(row)
        elif _may_be_unlisted(row, found.cut):
            standing.append(row)
        elif row.missing_since is None and settle:
            row.missing_since = now
            changed.append(row)
        elif row.missing_since is None or now - row.missing_since >= settle:
            row.over_at = now
            changed.append(row)
            over.append(row)
    Incident.objects.bulk_update(
        changed, ["severity", "subject", "sentence", "link", "channel", "since", "missing_since", "over_at"]
    )
    return [row for row in standing if now - row.opened_at >= settle], over


def _opened(cause: causes.Cause, now: datetime) -> Incident:
    return Incident(
        key=cause.key,
        code=cause.code,
        category=cause.category,
        severity=cause.severity,
        subject=cause.subject,
        sentence=cause.sentence,
        link=cause.link,
        channel_id=cause.channel_id,
        since=cause.since,
        opened_at=now,
    )


_CARRIED = ("severity", "subject", "sentence", "link", "channel_id", "since")


def _carry_on(row: Incident, cause: causes.Cause) -> bool:
    """Take over how the cause stands now; returns whether anything is new. An incident never becomes milder."""
    before = [getattr(row, name) for name in _CARRIED], row.missing_since
    worst = max(row.severity, cause.severity, key=SEVERITIES.__getitem__)
    for name in _CARRIED:
        setattr(row, name, worst if name == "severity" else getattr(cause, name))
    row.missing_since = None
    return before != ([getattr(row, name) for name in _CARRIED], None)


def _may_be_unlisted(row: Incident, cut: frozenset[str]) -> bool:
    """Return whether an incident may stand without being listed, since there is more of its type than is listed."""
    subject = row.key.rsplit(":", 2)[-2] if row.key.count(":") > 1 else ""
    if row.code.startswith("job_"):
        subject = "job"
    return subject in cut and not row.key.endswith(":more")


# ------------------------------------------------------------------------------------------------------------- messages

Told = dict[tuple[int, int | None], list[Notification]]


def _told(incidents: Iterable[Incident]) -> Told:
    """Return what was written of these incidents, by incident and address."""
    rows = (
        Notification.objects.filter(incident__in=[row.pk for row in incidents])
        .select_related("address")
        .defer("body", "html")
    )
    told: Told = {}
    for row in rows.order_by("id"):
        told.setdefault((row.incident_id or 0, row.address_id), []).append(row)
    return told


def is_silenced(quiet: Iterable[Holding], row: Incident) -> bool:
    """Return whether one of the silences covers an incident."""
    return any(silence.covers(row) for silence in quiet)


def _wanted(
    standing: Sequence[Incident],
    watching: Sequence[RuleView],
    quiet: Sequence[Holding],
    told: Told,
    now: datetime,
) -> list[Notification]:
    """Return the first message of each incident for each address, and the reminders that are due."""
    rows: list[Notification] = []
    for incident in standing:
        if is_silenced(quiet, incident):
            continue
        asking = [rule for rule in watching if rule.wants(incident)]
        for address in {address.pk: address for rule in asking for address in rule.addresses}.values():
            if incident.key == f"notification_failed:notificationaddress:{address.pk}":
                continue  # it would wait at the very address that fails
            mine = [rule for rule in asking if address in rule.addresses]
            row = _next(incident, address, mine, told.get((incident.pk, address.pk), []), now)
            if row is not None:
                rows.append(row)
    return rows


def _next(
    incident: Incident,
    address: NotificationAddress,
    watching: Sequence[RuleView],
    written: Sequence[Notification],
    now: datetime,
) -> Notification | None:
    rule = min(watching, key=lambda rule: rule.due_at(now, incident.severity))
    due = rule.due_at(now, incident.severity)
    first = next((row for row in written if row.kind == NotificationKind.PROBLEM), None)
    if first is None:
        return messages.of_incident(NotificationKind.PROBLEM, incident, address, rule.row, due, now)
    hours = min((rule.row.reminder_hours for rule in watching if rule.row.reminder_hours), default=0)
    passed = int((now - first.created_at) / timedelta(hours=hours)) if hours else 0
    if not passed or any(row.outcome in OPEN_OUTCOMES for row in written):
        return None
    return messages.of_incident(
        NotificationKind.REMINDER, incident, address, rule.row, due, now, occurrence=passed
    )


def _recoveries(
    over: Sequence[Incident], watching: Sequence[RuleView], told: Told, now: datetime
) -> list[Notification]:
    """Return the notices that something is over, for the addresses that heard of it or are about to."""
    by_id = {rule.row.pk: rule for rule in watching}
    closed = {row.pk: row for row in over if not _left_by_age(row, now)}
    rows = []
    for (incident_id, _), written in told.items():
        incident, first = closed.get(incident_id), written[0]
        rule = by_id.get(first.rule_id or 0)
        heard = first.outcome not in {NotificationOutcome.GIVEN_UP, NotificationOutcome.WITHDRAWN}
        if incident is None or rule is None or first.address is None:
            continue
        if rule.row.send_recovery and heard:
            due = max(rule.due_at(now, incident.severity), first.due_at)
            rows.append(
                messages.of_incident(NotificationKind.RECOVERY, incident, first.address, rule.row, due, now)
            )
    return rows


def _left_by_age(row: Incident, now: datetime) -> bool:
    return row.code in causes.EVENTS and now - (row.since or row.opened_at) >= RECENT


def _withdraw(quiet: Sequence[Holding], now: datetime) -> None:
    """Take back what waited through a silence for something that is over by now, and was never told."""
    if not quiet:
        return
    waiting = Notification.objects.filter(
        outcome__in=OPEN_OUTCOMES, incident__over_at__isnull=False
    ).select_related("incident")
    silent = [row.pk for row in waiting if row.incident and is_silenced(quiet, row.incident)]
    Notification.objects.filter(pk__in=silent).update(outcome=NotificationOutcome.WITHDRAWN)


def _forget(now: datetime) -> None:
    """Delete what is older than the log is kept."""
    old = now - KEPT
    Notification.objects.filter(created_at__lt=old).exclude(outcome__in=OPEN_OUTCOMES).delete()
    Incident.objects.filter(over_at__lt=old).delete()
