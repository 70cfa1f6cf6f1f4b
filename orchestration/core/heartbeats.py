"""Keep when each component last showed that it works, without a trace in the audit log."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from orchestration.models import Heartbeat

SILENT_AFTER_SECONDS = 30
WORKERS = ("worker:control", "worker:work")
"""A tick wakes both every few seconds; one that is busy with long jobs shows life through their leases."""
PROCESS_SINCE = timezone.now()
"""When this process began, or the worker that it was forked from."""
PING = "ping:"
"""How the rows begin that say when a watchdog outside was called last; they are no components."""


def beat(component: str, info: str = "") -> None:
    """Record that a component (`beat`, `worker`, or `worker:<name>` where there are several) works, now; one statement."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(component=component[:40], beat_at=timezone.now(), since=PROCESS_SINCE, info=info[:200])],
        update_conflicts=True,
        unique_fields=["component"],
        update_fields=["beat_at", "since", "info"],
    )


def component_ages(now: datetime | None = None) -> dict[str, float]:
    """Return the seconds since each component last showed life, by name."""
    now = now or timezone.now()
    rows = (
        Heartbeat.objects.exclude(component__startswith=PING)
        .order_by("component")
        .values_list("component", "beat_at")
    )
    return {component: max(0.0, (now - beat_at).total_seconds()) for component, beat_at in rows}


def woken_by(ages: dict[str, float]) -> float:
    """Return after how many seconds a worker counts as silent: it shows itself when beat's tick wakes it."""
    return max(ages.get("beat", 0.0), 0.0) + SILENT_AFTER_SECONDS
