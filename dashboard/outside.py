"""Put side by side what is recorded of a video, what we last set on YouTube, and what was last seen there."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.dateparse import parse_datetime

from orchestration.models import Schedule


def lines_of(row: Schedule) -> list[dict[str, str]]:
    """Return the lines of the table, instants in the publication's zone."""
    distribution = row.distribution
    last_set, seen = distribution.last_set, distribution.last_seen
    if not seen:
        return []
    recorded = distribution.recorded_by(row)
    state = "deleted" if seen.get("is_gone") else seen.get("privacy_status", "")
    why = seen.get("rejection_reason") or seen.get("failure_reason") or seen.get("processing_status") or ""
    upload = ": ".join(part for part in (seen.get("upload_status", ""), why) if part)
    rows = (
        ("Visibility", recorded["privacy_status"], last_set.get("privacy_status"), state),
        (
            "Goes public by itself at",
            _time(recorded["publish_at"], row),
            _time(last_set.get("publish_at"), row),
            _time(seen.get("publish_at"), row),
        ),
        ("Title", "", distribution.title_set, seen.get("title")),
        ("Upload", "", "", upload),
        ("When", "", _time(last_set.get("at"), row), _time(seen.get("at"), row)),
    )
    names = ("what", "recorded", "last_set", "last_seen")
    return [dict(zip(names, (each or "" for each in line), strict=True)) for line in rows]


def _time(at: Any, row: Schedule) -> str:
    instant = parse_datetime(at) if isinstance(at, str) else at
    if not isinstance(instant, datetime):
        return ""
    local = instant.astimezone(row.channel.zone)
    return f"{local:%a} {local.day} {local:%b %H:%M:%S} {local.tzname()}"
