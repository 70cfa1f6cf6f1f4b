"""Give channels weekly posting slots, and take them away; what is scheduled already stays as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import time

from auditlog.context import disable_auditlog
from django.db import IntegrityError, transaction

from channels.models import Channel, PostingSlot
from orchestration.core import audit, lookup
from orchestration.core.wakeups import wake_tick
from orchestration.errors import InvalidRequest, StaleVersion
from orchestration.planning.week_facts import SlotAt

MOST_SLOTS = 7 * 24 * 4
"""A slot for each quarter of an hour; more than that is a mistake in a file."""


def add_slot(channel_id: int, weekday: int, local_time: time, enabled: bool = True) -> PostingSlot:
    """Let a channel post at a weekly wall-clock time of its zone; Monday is 0, seconds are cut off.

    What is scheduled already stays as it is. Raises: NotFound; InvalidRequest, if the channel has this slot.
    """
    local_time = _minute(local_time)
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


def _row(slot: PostingSlot) -> dict[str, object]:
    """Return a slot whole, with its id: what a week was is read from the entry of its change."""
    return {"id": slot.pk, **_facts(slot)}


def add_slots(channel_id: int, weekdays: Iterable[int], local_times: Iterable[time]) -> list[PostingSlot]:
    """Let a channel post at some times of some days; those that it has already stay as they are.

    Raises: NotFound; InvalidRequest, if there is no day or no time, or nothing would be added.
    """
    days, times = sorted(set(weekdays)), sorted({_minute(at) for at in local_times})
    if not days or not times:
        raise InvalidRequest(
            "Choose at least one day, and a time.", field="weekday" if times else "local_time"
        )
    with transaction.atomic():
        channel = lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
        was = [_row(slot) for slot in channel.slots.all()]
        there = {(slot.weekday, slot.local_time) for slot in channel.slots.all()}
        new = [
            PostingSlot(channel=channel, weekday=day, local_time=at)
            for day in days
            for at in times
            if (day, at) not in there
        ]
        if not new:
            raise InvalidRequest(f"{channel.name} has all of these slots already.", field="local_time")
        _require_few(len(there) + len(new))
        made = PostingSlot.objects.bulk_create(new)
        audit.record(
            "slots_added",
            channel,
            after={"slots": [_said(slot) for slot in made]},
            was={"slots": was},
        )
        wake_tick()
    return made


def enable_slot(slot_id: int, enabled: bool, reason: str = "") -> PostingSlot:
    """Let a slot be used, or leave it out until it is switched on again; what is scheduled stays. Raises: NotFound."""
    with transaction.atomic():
        slot = lookup.one(PostingSlot.objects.locked().select_related("channel"), slot_id, field="slot_id")
        if slot.enabled != enabled:
            before, slot.enabled = _facts(slot), enabled
            with disable_auditlog():
                slot.save(update_fields=["enabled"])
            audit.record("slot_changed", slot, before=before, after=_facts(slot), reason=reason)
            wake_tick()
    return slot


def set_slots(
    channel_id: int, slots: Sequence[SlotAt], *, version: str = "", reason: str = ""
) -> list[PostingSlot]:
    """Let a channel post at exactly these times of the week, and at no other.

    With `version` (`version_of`) a week that was changed since it was read refuses it. A slot that stays keeps its id.
    Raises: NotFound, StaleVersion; InvalidRequest, if one is named twice.
    """
    wanted: dict[tuple[int, time], bool] = {}
    for slot in slots:
        if not 0 <= slot.weekday <= 6:
            raise InvalidRequest(
                f"{slot.weekday} is no day of the week; Monday is 0, Sunday 6.", field="slots"
            )
        key = slot.weekday, _minute(slot.local_time)
        if key in wanted:
            raise InvalidRequest(f"{slot} stands there twice.", field="slots")
        wanted[key] = slot.enabled
    _require_few(len(wanted))
    with transaction.atomic():
        channel = lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
        there = list(channel.slots.all())
        if version and version != version_of(there):
            raise StaleVersion(
                f"The week of {channel.name} was changed since you looked at it; look again before you decide.",
                version=version_of(there),
            )
        before, was = [_said(row) for row in there], [_row(row) for row in there]
        kept = [row for row in there if (row.weekday, row.local_time) in wanted]
        with disable_auditlog():
            channel.slots.exclude(pk__in=[slot.pk for slot in kept]).delete()
            for row in kept:
                row.enabled = wanted.pop((row.weekday, row.local_time))
            PostingSlot.objects.bulk_update(kept, ["enabled"])
            new = [
                PostingSlot(channel=channel, weekday=day, local_time=at, enabled=enabled)
                for (day, at), enabled in wanted.items()
            ]
            made = PostingSlot.objects.bulk_create(new)
        week = sorted([*kept, *made], key=lambda slot: (slot.weekday, slot.local_time))
        after = [_said(slot) for slot in week]
        if before != after:
            audit.record(
                "week_changed",
                channel,
                before={"slots": before},
                after={"slots": after},
                reason=reason,
                was={"slots": was},
            )
            wake_tick()
    return week


def copy_day(channel_id: int, weekday: int, to: Iterable[int], reason: str = "") -> list[PostingSlot]:
    """Give other days exactly the slots of one day. Raises: NotFound, InvalidRequest."""
    days = set(to) - {weekday}
    if not days or not all(0 <= day <= 6 for day in [*days, weekday]):
        raise InvalidRequest("Choose at least one other day.", field="to")
    with transaction.atomic():
        channel = lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
        week = [slot_at(slot) for slot in channel.slots.all()]
        model = [slot for slot in week if slot.weekday == weekday]
        copied = [SlotAt(day, slot.local_time, slot.enabled) for day in days for slot in model]
        rest = [slot for slot in week if slot.weekday not in days]
        return set_slots(channel_id, sorted([*rest, *copied]), reason=reason)


def slot_at(slot: PostingSlot) -> SlotAt:
    """Return a row as a value."""
    return SlotAt(slot.weekday, slot.local_time, slot.enabled)


def version_of(slots: Iterable[PostingSlot]) -> str:
    """Return a short text that changes when a week of slots does."""
    said = sorted(_said(slot) for slot in slots)
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:12]


def _minute(at: time) -> time:
    """Return a wall-clock time without its seconds. Raises: InvalidRequest, if it has an offset."""
    if at.tzinfo is not None:
        raise InvalidRequest("A slot is a wall-clock time without an offset.", field="local_time")
    return at.replace(second=0, microsecond=0)


def _require_few(count: int) -> None:
    if count > MOST_SLOTS:
        raise InvalidRequest(f"A week has at most {MOST_SLOTS} slots.", field="slots")


def _said(slot: PostingSlot) -> str:
    return f"{slot_at(slot)}{'' if slot.enabled else ', off'}"
