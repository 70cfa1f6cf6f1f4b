"""Read the rules once for all incidents, and ask each what it wants."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from orchestration.models import Incident, NotificationAddress, NotificationRule
from orchestration.models.notify import HEARTBEAT, SEVERITIES, Severity
from orchestration.notify.hours import quiet_until


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule with what it names, read once for all incidents."""

    row: NotificationRule
    addresses: Sequence[NotificationAddress]
    channels: frozenset[int]

    def wants(self, incident: Incident) -> bool:
        """Return whether the rule asks for an incident."""
        if SEVERITIES[incident.severity] < SEVERITIES[self.row.min_severity]:
            return False
        if self.row.kinds and not {incident.code, incident.category} & set(self.row.kinds):
            return False
        return not self.channels or incident.channel_id in self.channels

    def due_at(self, now: datetime, severity: str) -> datetime:
        """Return when something may be sent: now, or at the end of the quiet hours."""
        if severity == Severity.CRITICAL and self.row.critical_breaks_quiet:
            return now
        return quiet_until(now, self.row.quiet_from, self.row.quiet_until, self.row.zone) or now


def enabled() -> list[RuleView]:
    """Return the rules that are switched on, in three queries; heartbeats take no messages."""
    rows = NotificationRule.objects.filter(enabled=True).prefetch_related("addresses", "channels")
    return [
        RuleView(
            row,
            [address for address in row.addresses.all() if address.enabled and address.kind != HEARTBEAT],
            frozenset(channel.pk for channel in row.channels.all()),
        )
        for row in rows
    ]
