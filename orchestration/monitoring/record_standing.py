"""Say how the record stands without reading it: what guards it, how far it is sealed, which anchor came last."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Sum

from orchestration.core import anchors, append_only, sealing
from orchestration.models import Activity, SealBlock

SEALED_WITHIN = timedelta(minutes=15)
"""How long an entry may wait for its seal before that is a complaint; the sealer comes every few seconds."""


def facts() -> list[tuple[str, str, str]]:
    """Return what to know about the record: its name, its value, and what stands against it."""
    last = sealing.last_block()
    missing = append_only.missing()
    guard = "; ".join(f"{table or 'the database'} {what}" for table, what in missing)
    sealed = SealBlock.objects.aggregate(many=Sum("entries"))["many"] or 0
    waiting = sealing.unsealed(last).count()
    return [
        ("Changing an entry", "refused by the database" if not missing else "not refused", guard),
        ("Sealed", f"{sealed:,} entries in {last.number:,} blocks" if last else "nothing yet", ""),
        (
            "Last block",
            f"{last.sealed_at:%Y-%m-%d %H:%M:%S} UTC, {last.digest[:16]}…" if last else "none",
            "",
        ),
        ("Waiting for a seal", f"{waiting:,}", ""),
        _anchor(),
    ]


def _anchor() -> tuple[str, str, str]:
    try:
        known = anchors.read()
    except ValueError as error:
        return ("Last anchor", "unreadable", f"{error}; see docs/troubleshooting.md")
    if not known or known[-1].at is None:
        return ("Last anchor", "none yet", "")
    return ("Last anchor", f"block {known[-1].block:,} at {known[-1].at:%Y-%m-%d %H:%M} UTC", "")


def waits_too_long(now: datetime) -> datetime | None:
    """Return since when the oldest entry waits for its seal, if that is too long and the sealer ever came."""
    last = sealing.last_block()
    if last is None:
        return None
    oldest: Activity | None = sealing.unsealed(last).filter(timestamp__lt=now - SEALED_WITHIN).first()
    return oldest.timestamp if oldest else None
