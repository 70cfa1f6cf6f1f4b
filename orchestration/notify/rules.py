"""Enter, change and remove rules; read them once for all incidents, and ask each what it wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from auditlog.context import disable_auditlog
from django.db import transaction
from django.utils import timezone

from channels.zones import zone_names
from orchestration.core import audit, lookup, scope
from orchestration.errors import InvalidRequest
from orchestration.models import Incident, NotificationAddress, NotificationRule
from orchestration.models.notify import HEARTBEAT, SEVERITIES, Severity
from orchestration.notify.hours import quiet_until
from orchestration.notify.names import all_of, check_kind, name_taken, usable_name


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule with what it names, read once for all incidents."""

    row: NotificationRule
    addresses: Sequence[NotificationAddress]
    channels: frozenset[int] | None

    def wants(self, incident: Incident) -> bool:
        """Return whether the rule asks for an incident."""
        if SEVERITIES[incident.severity] < SEVERITIES[self.row.min_severity]:
            return False
        if self.row.kinds and not {incident.code, incident.category} & set(self.row.kinds):
            return False
        return self.channels is None or incident.channel_id in self.channels

    def due_at(self, now: datetime, severity: str) -> datetime:
        """Return when something may be sent: now, or at the end of the quiet hours."""
        if severity == Severity.CRITICAL and self.row.critical_breaks_quiet:
            return now
        return quiet_until(now, self.row.quiet_from, self.row.quiet_until, self.row.zone) or now


def enabled() -> list[RuleView]:
    """Return the rules that are switched on, in seven queries; heartbeats take no messages.

    Who is in their groups, or has their labels, is asked each time.
    """
    rows = list(
        NotificationRule.objects.filter(enabled=True).prefetch_related(
            "addresses", "channels", "groups", "labels"
        )
    )
    limited_to = scope.channels_of(rows)
    return [
        RuleView(
            row,
            [address for address in row.addresses.all() if address.enabled and address.kind != HEARTBEAT],
            limited_to[row.pk],
        )
        for row in rows
    ]


# -------------------------------------------------------------------------------------------------------------- entries


@dataclass(frozen=True, slots=True)
class RuleValues:
    """All that a rule says; a change gives all of it anew."""

    name: str
    address_ids: Sequence[int]
    min_severity: str = Severity.WARNING
    kinds: Sequence[str] = ()
    channel_ids: Sequence[int] = ()
    groups: Sequence[str] = ()
    labels: Sequence[str] = ()
    quiet_from: time | None = None
    quiet_until: time | None = None
    zone: str = "UTC"
    critical_breaks_quiet: bool = True
    reminder_hours: int = 24
    send_recovery: bool = True
    digest_at: time | None = None
    enabled: bool = True


_PLAIN = (
    *("name", "min_severity", "kinds", "quiet_from", "quiet_until", "zone", "critical_breaks_quiet"),
    *("reminder_hours", "send_recovery", "digest_at", "enabled"),
)


def add_rule(values: RuleValues) -> NotificationRule:
    """Enter a rule. Raises: InvalidRequest or NotFound, naming the field."""
    return _write(NotificationRule(), values, "notification_rule_added")


def change_rule(rule_id: int, values: RuleValues) -> NotificationRule:
    """Give a rule all its values anew. Raises: NotFound, InvalidRequest, naming the field."""
    with transaction.atomic():
        row = lookup.one(NotificationRule.objects.locked(), rule_id, field="rule_id")
        return _write(row, values, "notification_rule_changed")


def remove_rule(rule_id: int, reason: str = "") -> None:
    """Remove a rule; what it has written already is sent. Raises: NotFound."""
    with transaction.atomic(), disable_auditlog():
        row = lookup.one(NotificationRule.objects.locked(), rule_id, field="rule_id")
        audit.record("notification_rule_removed", row, before=_shown(row), after={}, reason=reason)
        row.delete()


def _write(row: NotificationRule, values: RuleValues, verb: str) -> NotificationRule:
    before = _shown(row) if row.pk else None
    name = usable_name(NotificationRule, values.name, but=row.pk)
    kinds = [check_kind(kind, "kinds") for kind in dict.fromkeys(values.kinds)]
    _check(values)
    addresses = all_of(NotificationAddress, values.address_ids, "address_ids")
    if not addresses:
        raise InvalidRequest("address_ids is empty: name at least one.", field="address_ids")
    if any(address.kind == HEARTBEAT for address in addresses):
        raise InvalidRequest("A heartbeat takes no message; choose another address.", field="address_ids")
    channels = scope.check_channels(values.channel_ids)
    groups, labels = scope.check_groups(values.groups), scope.check_labels(values.labels)
    if before is None or (row.digest_at, row.zone) != (values.digest_at, values.zone):
        row.digest_from = timezone.now()  # a digest whose moment has passed today is not made up for
    for field in _PLAIN:
        setattr(row, field, getattr(values, field))
    row.name, row.kinds = name, kinds
    with name_taken("rule", name), transaction.atomic(), disable_auditlog():
        row.save()
        row.addresses.set(addresses)
        row.channels.set(channels)
        row.groups.set(groups)
        row.labels.set(labels)
        audit.record(verb, row, before=before, after=_shown(row))
    return row


def _check(values: RuleValues) -> None:
    if values.min_severity not in Severity.values:
        known = ", ".join(Severity.values)
        raise InvalidRequest(
            f"{values.min_severity!r} is no severity; choose one of {known}.", field="min_severity"
        )
    if (values.quiet_from is None) != (values.quiet_until is None):
        missing = "quiet_until" if values.quiet_until is None else "quiet_from"
        raise InvalidRequest("Quiet hours need both a beginning and an end.", field=missing)
    if values.quiet_from is not None and values.quiet_from == values.quiet_until:
        raise InvalidRequest(
            "Quiet hours begin and end at the same time; leave both empty for none.", field="quiet_until"
        )
    if values.zone not in zone_names():
        raise InvalidRequest(
            f"{values.zone!r} is not the name of a time zone, such as Europe/Berlin.", field="zone"
        )
    if not 0 <= values.reminder_hours <= 720:
        raise InvalidRequest("reminder_hours lies between 0 (none) and 720.", field="reminder_hours")


def _shown(row: NotificationRule) -> dict[str, Any]:
    plain = {name: getattr(row, name) for name in _PLAIN}
    shown = {key: f"{value:%H:%M}" if isinstance(value, time) else value for key, value in plain.items()}
    return shown | {
        "addresses": sorted(row.addresses.values_list("name", flat=True)),
        "channels": sorted(row.channels.values_list("slug", flat=True)),
        "groups": sorted(row.groups.values_list("slug", flat=True)),
        "labels": sorted(row.labels.values_list("name", flat=True)),
    }
