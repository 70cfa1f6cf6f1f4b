"""Give channels weekly posting slots and blackouts, and take them away; what is scheduled already stays as it is."""

from __future__ import annotations

from datetime import date, time

from auditlog.context import disable_auditlog
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from channels.models import Blackout, Channel, PostingSlot
from orchestration.core import audit, lookup
from orchestration.errors import InvalidRequest


def add_slot(channel_id: int, weekday: int, local_time: time, enabled: bool = True) -> PostingSlot:
    """Let a channel post at a weekly wall-clock time of its zone; Monday is 0, seconds are cut off.

    What is scheduled already stays as it is. Raises: NotFound; InvalidRequest, if the channel has this slot.
    """
    if local_time.tzinfo is not None:
        raise InvalidRequest("A slot is a wall-clock time without an offset.", field="local_time")
    local_time = local_time.replace(second=0, microsecond=0)
    try:
        with transaction.atomic():
            channel = lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
            slot = PostingSlot(channel=channel, weekday=weekday, local_time=local_time, enabled=enabled)
            with disable_auditlog():  # the action's own entry says it
                slot.save()
            audit.record("slot_added", slot, after=_facts(slot))
    except IntegrityError as error:
        day = PostingSlot.Weekday(weekday).label
        raise InvalidRequest(
            f"{channel.name} has a slot on {day} at {local_time:%H:%M} already.", field="local_time"
        ) from error
    return slot


def remove_slot(slot_id: int, reason: str = "") -> None:
    """Take a weekly slot away; what is scheduled already stays as it is. Raises: NotFound."""
    with transaction.atomic():
        slot = lookup.one(PostingSlot.objects.locked(), slot_id, field="slot_id")
        audit.record("slot_removed", slot, before=_facts(slot), reason=reason)
        with disable_auditlog():
            slot.delete()


def _facts(slot: PostingSlot) -> dict[str, object]:
    return {
        "channel_id": slot.channel_id,
        "weekday": slot.weekday,
        "local_time": f"{slot.local_time:%H:%M}",
        "enabled": slot.enabled,
    }


def add_blackout(
    channel_id: int,
    first_date: date,
    last_date: date,
    from_time: time | None = None,
    until_time: time | None = None,
    reason: str = "",
) -> Blackout:
    """Let a channel publish nothing in a stretch of its zone's wall-clock time, both dates included.

    It begins at `from_time` of the first date, or with that day, and ends before `until_time` of the last one, or with
    that day; seconds are cut off. What is planned in it already stays, and is a warning of the channel's health.
    Raises: NotFound; InvalidRequest, if it ends before it begins, or the channel has it.
    """
    times = {"from_time": from_time, "until_time": until_time}
    for field, value in times.items():
        if value is not None and value.tzinfo is not None:
            raise InvalidRequest("A blackout's time is a wall-clock time without an offset.", field=field)
        times[field] = value and value.replace(second=0, microsecond=0)
    with transaction.atomic():
        channel = lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
        row = Blackout(channel=channel, first_date=first_date, last_date=last_date, reason=reason, **times)
        try:
            row.clean()
        except ValidationError as error:
            field, messages = next(iter(error.message_dict.items()))
            raise InvalidRequest(messages[0], field=field) from error
        same = Blackout.objects.filter(channel=channel, first_date=first_date, last_date=last_date, **times)
        if same.exists():  # under the channel's lock: of two that come at once the second sees the first
            raise InvalidRequest(f"{channel.name} has this blackout already.", field="first_date")
        with disable_auditlog():
            row.save()
        audit.record("blackout_added", row, after=_facts_of_blackout(row), reason=reason)
    return row


def remove_blackout(blackout_id: int, reason: str = "") -> None:
    """Take a blackout away. Raises: NotFound."""
    with transaction.atomic():
        row = lookup.one(Blackout.objects.locked(), blackout_id, field="blackout_id")
        audit.record("blackout_removed", row, before=_facts_of_blackout(row), reason=reason)
        with disable_auditlog():
            row.delete()


def _facts_of_blackout(row: Blackout) -> dict[str, object]:
    return {
        "channel_id": row.channel_id,
        "first_date": row.first_date.isoformat(),
        "last_date": row.last_date.isoformat(),
        "from_time": row.from_time and f"{row.from_time:%H:%M}",
        "until_time": row.until_time and f"{row.until_time:%H:%M}",
    }
