"""Tell nobody of something until an end."""

from __future__ import annotations

from datetime import datetime

from auditlog.context import disable_auditlog
from django.db import transaction
from django.utils import timezone

from channels.models import Channel
from orchestration.core import audit, lookup
from orchestration.errors import InvalidRequest
from orchestration.models import Silence
from orchestration.notify.names import check_kind


def add_silence(
    *, until: datetime, kind: str = "", channel_id: int | None = None, cause: str = "", reason: str = ""
) -> Silence:
    """Tell nobody of something until an end, which it must have. Raises: InvalidRequest, NotFound, naming the field."""
    if until <= timezone.now():
        raise InvalidRequest("The end of a silence lies in the future.", field="until")
    if not kind and channel_id is None and not cause:
        raise InvalidRequest("Say what is silenced: a kind, a channel or a cause.", field="kind")
    if kind:
        kind = check_kind(kind, "kind")
    if len(cause) > 200 or "\x00" in cause:
        raise InvalidRequest("A cause is the key of what stands, of 200 characters at most.", field="cause")
    channel = None if channel_id is None else lookup.one(Channel, channel_id, field="channel_id")
    with transaction.atomic(), disable_auditlog():
        row = Silence.objects.create(
            until=until,
            kind=kind,
            channel=channel,
            cause=cause.strip(),
            reason=reason.strip()[:300],
            who=audit.acting().label[:150],
        )
        audit.record("silence_added", row, after={"until": until.isoformat()}, reason=row.reason)
    return row


def end_silence(silence_id: int, reason: str = "") -> Silence:
    """End a silence now; what stands is told. Raises: NotFound; InvalidRequest, if it is over."""
    now = timezone.now()
    with transaction.atomic(), disable_auditlog():
        row = lookup.one(Silence.objects.locked(), silence_id, field="silence_id")
        if row.until <= now:
            raise InvalidRequest(f"This silence ended at {row.until:%Y-%m-%d %H:%M} UTC.", field="silence_id")
        before = {"until": row.until.isoformat()}
        row.until = now
        row.save(update_fields=["until"])
        audit.record("silence_ended", row, before=before, after={"until": now.isoformat()}, reason=reason)
    return row
