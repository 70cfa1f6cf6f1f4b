"""Give channels weekly posting slots, and take them away."""

from __future__ import annotations

from datetime import time

from auditlog.context import disable_auditlog
from django.db import IntegrityError, transaction

from channels.models import Channel, PostingSlot
from orchestration import activity, lookup
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
            channel = lookup.one(Channel, channel_id, field="channel_id", lock=True)
            slot = PostingSlot(channel=channel, weekday=weekday, local_time=local_time, enabled=enabled)
            with disable_auditlog():  # the action's own entry says it
                slot.save()
            activity.record("slot_added", slot, after=_facts(slot))
    except IntegrityError as error:
        day = PostingSlot.Weekday(weekday).label
        raise InvalidRequest(
            f"{channel.name} has a slot on {day} at {local_time:%H:%M} already.", field="local_time"
        ) from error
    return slot


def remove_slot(slot_id: int, reason: str = "") -> None:
    """Take a weekly slot away; what is scheduled already stays as it is. Raises: NotFound."""
    with transaction.atomic():
        slot = lookup.one(PostingSlot, slot_id, field="slot_id", lock=True)
        activity.record("slot_removed", slot, before=_facts(slot), reason=reason)
        with disable_auditlog():
            slot.delete()


def _facts(slot: PostingSlot) -> dict[str, object]:
    return {
        "channel_id": slot.channel_id,
        "weekday": slot.weekday,
        "local_time": f"{slot.local_time:%H:%M}",
        "enabled": slot.enabled,
    }
