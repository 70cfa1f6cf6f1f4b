"""Find the rows that a request names, and say which of them do not exist, by the name of the field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from django.db import models

from orchestration.errors import InvalidRequest, NotFound

Row = TypeVar("Row", bound=models.Model)


def one(model: type[Row], row_id: int, *, field: str, lock: bool = False) -> Row:
    """Return the row with this id, under lock if asked. Raises: NotFound, naming `field`."""
    rows = model._default_manager.filter(pk=row_id)
    if lock:
        rows = rows.locked()
    row = rows.first()
    if row is None:
        raise NotFound(f"There is no {model._meta.verbose_name} {row_id}.", field=field)
    return row


def check_ids(ids: Sequence[int], *, field: str) -> list[int]:
    """Return the ids as a list. Raises: InvalidRequest, if there is none or one is named twice."""
    wanted = list(ids)
    if not wanted:
        raise InvalidRequest(f"{field} is empty: name at least one, or leave it out for all.", field=field)
    twice = (
        sorted({row_id for row_id in wanted if wanted.count(row_id) > 1})
        if len(set(wanted)) < len(wanted)
        else []
    )
    if twice:
        raise InvalidRequest(f"{field} names {', '.join(map(str, twice))} twice.", field=field)
    return wanted


def check_found(
    model: type[models.Model], ids: Sequence[int], rows: Sequence[models.Model], *, field: str
) -> None:
    """Compare what was asked for with what was found. Raises: NotFound, naming the missing ids."""
    missing = sorted(set(ids) - {row.pk for row in rows})
    if missing:
        raise NotFound(
            f"There is no {model._meta.verbose_name} {', '.join(map(str, missing))}.",
            field=field,
            missing=missing,
        )
