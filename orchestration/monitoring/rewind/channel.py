"""Show a channel as it was: what was set, how it stood, when it posted and when it did not."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Model

from channels.models import Blackout, Channel, ConfigRevision, Credential, PostingSlot
from orchestration.monitoring.rewind import log
from orchestration.monitoring.rewind.answers import PastBlackout, PastChannel, PastSlot
from orchestration.planning.rewind import differences


def channel(row: Channel, at: datetime) -> PastChannel | None:
    """Return a channel as it was at an instant; None if it was not there yet."""
    if row.created_at > at:
        return None
    then = log.rewound([row], at).get(row.pk)
    if then is None:
        return None
    past = with_values(row, then)
    credential = Credential.objects.filter(channel=row).first()
    state = log.rewound([credential], at).get(credential.pk, {}).get("state", "") if credential else ""
    revision = (
        ConfigRevision.objects.filter(channel=row, created_at__lte=at)
        .order_by("-number")
        .values_list("number", flat=True)
        .first()
    )
    return PastChannel(
        channel=past,
        differences=differences(then, log.columns(row)),
        credential=state,
        slots=[
            PastSlot(values["weekday"], values["local_time"], values["enabled"], stands)
            for values, stands in _of_channels(PostingSlot, [row.pk], at)
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
            for values, stands in _of_channels(Blackout, [row.pk], at)
        ],
        revision=revision,
    )


def with_values(row: Channel, then: dict[str, Any]) -> Channel:
    """Return a copy of a channel that carries the values of then."""
    past = copy.copy(row)
    for name, value in then.items():
        setattr(past, name, value)
    return past


def channels(rows: Sequence[Channel], at: datetime) -> list[Channel]:
    """Return channels as they were; those that were not there are left out."""
    then = log.rewound(rows, at)
    return [with_values(row, then[row.pk]) for row in rows if row.pk in then and row.created_at <= at]


def blackouts(ids: Iterable[int], at: datetime) -> list[Blackout]:
    """Return the blackouts that these channels had, as rows that are never saved."""
    return [Blackout(**values) for values, _ in _of_channels(Blackout, list(ids), at)]


def _of_channels(model: type[Model], ids: Sequence[int], at: datetime) -> list[tuple[dict[str, Any], bool]]:
    """Return what channels had of a kind, in the order that pages show, and whether each is so now."""
    present = {row.pk: row for row in model._default_manager.filter(channel__in=ids)}
    then = log.rewound(list(present.values()), at)
    gone = {
        pk: values for pk, values in log.removed_since(model, at).items() if values["channel_id"] in set(ids)
    }
    found = [
        (values, pk in present and values == log.columns(present[pk])) for pk, values in (then | gone).items()
    ]
    order = ("weekday", "local_time") if model is PostingSlot else ("first_date", "last_date")
    return sorted(found, key=lambda pair: tuple(pair[0][name] for name in order))
