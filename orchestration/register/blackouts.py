"""Give channels blackouts, change them and take them away; what is planned in one stays, and is a warning of its health."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, time

from auditlog.context import disable_auditlog
from django.core.exceptions import ValidationError
from django.db import transaction

from channels.models import Blackout, Channel
from orchestration.core import audit, lookup
from orchestration.core.wakeups import wake_tick
from orchestration.errors import InvalidRequest


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
    with transaction.atomic():
        channel = lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
        row = Blackout(
            channel=channel,
            first_date=first_date,
            last_date=last_date,
            from_time=_minute("from_time", from_time),
            until_time=_minute("until_time", until_time),
            reason=reason,
        )
        _check(row)
        with disable_auditlog():
            row.save()
        audit.record("blackout_added", row, after=_facts_of_blackout(row), reason=reason)
        wake_tick()
    return row


def change_blackout(
    blackout_id: int,
    first_date: date,
    last_date: date,
    from_time: time | None = None,
    until_time: time | None = None,
    reason: str = "",
) -> Blackout:
    """Give a blackout another stretch and reason, as `add_blackout`. Raises: NotFound, InvalidRequest."""
    known = lookup.one(Blackout, blackout_id, field="blackout_id")
    with transaction.atomic():
        lookup.one(Channel.objects.locked(), known.channel_id, field="channel_id")
        row = lookup.one(
            Blackout.objects.locked().select_related("channel"), blackout_id, field="blackout_id"
        )
        before = _facts_of_blackout(row) | {"reason": row.reason}
        row.first_date, row.last_date, row.reason = first_date, last_date, reason
        row.from_time, row.until_time = _minute("from_time", from_time), _minute("until_time", until_time)
        _check(row)
        after = _facts_of_blackout(row) | {"reason": row.reason}
        if before != after:
            with disable_auditlog():
                row.save()
            audit.record("blackout_changed", row, before=before, after=after, reason=reason)
            wake_tick()
    return row


def set_blackouts(channel_id: int, rows: Sequence[Blackout], reason: str = "") -> list[Blackout]:
    """Let a channel have exactly these blackouts, which are not saved yet. Raises: NotFound, InvalidRequest."""
    with transaction.atomic():
        channel = lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
        there = list(channel.blackouts.all())
        before = [_facts_of_blackout(row) for row in there]
        for row in rows:
            row.pk, row.channel = None, channel
        if sorted(map(str, before)) == sorted(str(_facts_of_blackout(row)) for row in rows):
            return there  # the same rows stay: the record knows them by their ids
        with disable_auditlog():
            channel.blackouts.all().delete()
            for row in rows:
                _check(row)
                row.save()
        after = [_facts_of_blackout(row) for row in channel.blackouts.all()]
        if before != after:
            audit.record(
                "blackouts_changed",
                channel,
                before={"blackouts": before},
                after={"blackouts": after},
                reason=reason,
                was={"blackouts": [{"id": row.pk, **_facts_of_blackout(row)} for row in there]},
            )
            wake_tick()
    return list(rows)


def _minute(field: str, at: time | None) -> time | None:
    """Return a wall-clock time without its seconds. Raises: InvalidRequest, if it has an offset."""
    if at is not None and at.tzinfo is not None:
        raise InvalidRequest("A blackout's time is a wall-clock time without an offset.", field=field)
    return at and at.replace(second=0, microsecond=0)


def _check(row: Blackout) -> None:
    """Refuse a stretch that cannot be, or that its channel has already; the channel is locked.

    Raises: InvalidRequest, naming the field.
    """
    try:
        row.clean()
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise InvalidRequest(messages[0], field=field) from error
    same = Blackout.objects.filter(
        channel=row.channel,
        first_date=row.first_date,
        last_date=row.last_date,
        from_time=row.from_time,
        until_time=row.until_time,
    )
    if same.exclude(pk=row.pk).exists():  # of two that come at once the second sees the first
        raise InvalidRequest(f"{row.channel.name} has this blackout already.", field="first_date")


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
        "reason": row.reason,
    }
