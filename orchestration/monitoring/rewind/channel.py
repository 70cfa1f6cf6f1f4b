"""Show a channel as it was: what was set, how it stood, when it posted and when it did not."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Model

from channels.models import Blackout, Channel, ConfigRevision, Credential, PostingSlot
from orchestration.monitoring.rewind.answers import PastBlackout, PastChannel, PastSlot
from orchestration.monitoring.rewind.log import Log, columns
from orchestration.planning.rewind import differences


def channel(row: Channel, record: Log) -> PastChannel | None:
    """Return a channel as it was; None if it was not there yet."""
    if row.created_at > record.at:
        return None
    then = record.rewound([row]).get(row.pk)
    if then is None:
        return None
    past = with_values(row, then)
    credential = Credential.objects.filter(channel=row).first()
    state = record.rewound([credential]).get(credential.pk, {}).get("state", "") if credential else ""
    revision = (
        ConfigRevision.objects.filter(channel=row, created_at__lte=record.at)
        .order_by("-number")
        .values_list("number", flat=True)
        .first()
    )
    return PastChannel(
        channel=past,
        differences=differences(then, columns(row)),
        credential=state,
        slots=[
            PastSlot(values["weekday"], values["local_time"], values["enabled"], stands)
            for values, stands in _of_channels(PostingSlot, [row.pk], record)
        ],
        blackouts=[
            PastBlackout(
                values["first_date"],
                values["last_date"],
                values["from_time"],
                values["until_time"],
                values["reason"] or "",
                stands,
            )
            for values, stands in _of_channels(Blackout, [row.pk], record)
        ],
        revision=revision,
    )


def with_values(row: Channel, then: dict[str, Any]) -> Channel:
    """Return a copy of a channel that carries the values of then."""
    past = copy.copy(row)
    for name, value in then.items():
        setattr(past, name, value)
    return past


def channels(rows: Sequence[Channel], record: Log) -> list[Channel]:
    """Return channels as they were; those that were not there are left out."""
    then = record.rewound(rows)
    return [with_values(row, then[row.pk]) for row in rows if row.pk in then and row.created_at <= record.at]


def blackouts(ids: Iterable[int], record: Log) -> list[Blackout]:
    """Return the blackouts that these channels had, as rows that are never saved."""
    return [Blackout(**values) for values, _ in _of_channels(Blackout, list(ids), record)]


def _of_channels(model: type[Model], ids: Sequence[int], record: Log) -> list[tuple[dict[str, Any], bool]]:
    """Return what channels had of a kind, in the order that pages show, and whether each is so now."""
    there = record.present(model, ids)
    now = [values for rows in there.values() for values in rows.values()]
    found = [
        (values, values in now) for rows in record.sets(model, there).values() for values in rows.values()
    ]
    order = ("weekday", "local_time") if model is PostingSlot else ("first_date", "last_date")
    return sorted(found, key=lambda pair: tuple(pair[0][name] for name in order))
