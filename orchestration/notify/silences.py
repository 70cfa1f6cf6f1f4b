"""Tell nobody of something until an end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from auditlog.context import disable_auditlog
from django.db import transaction
from django.utils import timezone

from channels.models import Channel
from orchestration.core import audit, lookup, scope
from orchestration.errors import InvalidRequest
from orchestration.models import Incident, Silence
from orchestration.notify.names import check_kind


@dataclass(frozen=True, slots=True)
class Holding:
    """A silence that holds, with the channels that are in its group now; None where it names no group."""

    row: Silence
    members: frozenset[int] | None

    def covers(self, incident: Incident) -> bool:
        """Return whether an incident is silenced: all that the silence names must fit."""
        return (
            (not self.row.kind or self.row.kind in {incident.code, incident.category})
            and (self.row.channel_id is None or self.row.channel_id == incident.channel_id)
            and (self.members is None or incident.channel_id in self.members)
            and (not self.row.cause or self.row.cause == incident.key)
        )


def holding(now: datetime) -> list[Holding]:
    """Return the silences that hold, in two queries at most."""
    rows = list(Silence.objects.filter(until__gt=now))
    members: dict[int, set[int]] = {row.group_id: set() for row in rows if row.group_id is not None}
    if members:
        inside = Channel.groups.through.objects.filter(channelgroup__in=members)
        for group, channel in inside.values_list("channelgroup_id", "channel_id"):
            members[group].add(channel)
    return [Holding(row, None if row.group_id is None else frozenset(members[row.group_id])) for row in rows]


def add_silence(
    *,
    until: datetime,
    kind: str = "",
    channel_id: int | None = None,
    group: str = "",
    cause: str = "",
    reason: str = "",
) -> Silence:
    """Tell nobody of something until an end, which it must have; of a group, of whoever is in it then.

    Raises: InvalidRequest, NotFound, naming the field.
    """
    if until <= timezone.now():
        raise InvalidRequest("The end of a silence lies in the future.", field="until")
    if not kind and channel_id is None and not group and not cause:
        raise InvalidRequest("Say what is silenced: a kind, a channel, a group or a cause.", field="kind")
    if channel_id is not None and group:
        raise InvalidRequest("Name a channel or a group, not both.", field="group")
    if kind:
        kind = check_kind(kind, "kind")
    if len(cause) > 200 or "\x00" in cause:
        raise InvalidRequest("A cause is the key of what stands, of 200 characters at most.", field="cause")
    channel = None if channel_id is None else lookup.one(Channel, channel_id, field="channel_id")
    groups = scope.check_groups([group] if group else [], field="group")
    with transaction.atomic(), disable_auditlog():
        row = Silence.objects.create(
            until=until,
            kind=kind,
            channel=channel,
            group=groups[0] if groups else None,
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
