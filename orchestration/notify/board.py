"""Show who is told what, and what stands of which people are told."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from orchestration.models import Incident, NotificationAddress, NotificationRule, Silence

MOST_INCIDENTS = 200


@dataclass(frozen=True, slots=True)
class NotificationBoard:
    """Everything about notifications but the log."""

    addresses: list[NotificationAddress]
    rules: list[NotificationRule]
    silences: list[Silence]
    """Those that have not ended."""
    incidents: list[Incident]
    """What stands, the newest first."""


def show() -> NotificationBoard:
    """Return it, in a number of queries that does not grow."""
    return NotificationBoard(
        addresses=list(NotificationAddress.objects.order_by("name")),
        rules=list(
            NotificationRule.objects.prefetch_related("addresses", "channels", "groups", "labels").order_by(
                "name"
            )
        ),
        silences=list(
            Silence.objects.filter(until__gt=timezone.now())
            .select_related("channel", "group")
            .order_by("until", "id")
        ),
        incidents=list(
            Incident.objects.filter(over_at=None)
            .select_related("channel")
            .order_by("-opened_at", "-id")[:MOST_INCIDENTS]
        ),
    )
