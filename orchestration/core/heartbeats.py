"""Keep when each component last showed that it works, without a trace in the audit log."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from orchestration.models import Heartbeat

SILENT_AFTER_SECONDS = 30


def beat(component: str, info: str = "") -> None:
    """Record that a component (`beat`, `worker`, or `worker:<name>` where there are several) works, now; one statement."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(component=component[:40], beat_at=timezone.now(), info=info[:200])],
        update_conflicts=True,
        unique_fields=["component"],
        update_fields=["beat_at", "info"],
    )


def component_ages(now: datetime | None = None) -> dict[str, float]:
    """Return the seconds since each component last showed life, by name."""
    now = now or timezone.now()
    rows = Heartbeat.objects.order_by("component").values_list("component", "beat_at")
    return {component: max(0.0, (now - beat_at).total_seconds()) for component, beat_at in rows}
