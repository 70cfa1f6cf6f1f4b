"""Find the rows that a request names, and say which of them do not exist, by the name of the field."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from django.db import models

from orchestration.core import preconditions
from orchestration.errors import InvalidRequest, NotFound

Row = TypeVar("Row", bound=models.Model)
Item = TypeVar("Item")


def one(rows: type[Row] | models.QuerySet[Row] | models.Manager[Row], row_id: int, *, field: str) -> Row:
    """Return the row with this id, of a model or of rows chosen from it. Raises: NotFound, naming `field`.

    A row that is locked is held against what is expected of it.
    """
    found = rows._default_manager.all() if isinstance(rows, type) else rows.all()
    row = found.filter(pk=row_id).first()
    if row is None:
        raise missing(found.model, row_id, field=field)
    if found.query.select_for_update:
        preconditions.hold(found.model, row_id)
    return row


def missing(model: type[models.Model], *ids: int, field: str) -> NotFound:
    """Return the refusal of ids that name nothing."""
    return NotFound(
        f"There is no {model._meta.verbose_name} {', '.join(map(str, ids))}.", field=field, missing=list(ids)
    )


def among(rows: Iterable[Item], key: object, *, called: str, by: str = "pk", field: str) -> Item:
    """Return the one of some rows that has this key. Raises: NotFound, naming `field`."""
    for row in rows:
        if getattr(row, by) == key:
            return row
    raise NotFound(f"There is no {called} {key}.", field=field)


def check_ids(ids: Sequence[int], *, field: str) -> list[int]:
    """Return the ids as a list. Raises: InvalidRequest, if there is none or one is named twice."""
    wanted = list(ids)
    if not wanted:
        raise InvalidRequest(f"{field} is empty: name at least one.", field=field)
    twice = (
        sorted({row_id for row_id in wanted if wanted.count(row_id) > 1})
        if len(set(wanted)) < len(wanted)
        else []
    )
    if twice:
        raise InvalidRequest(f"{field} names {', '.join(map(str, twice))} more than once.", field=field)
    return wanted


def check_found(model: type[models.Model], ids: Iterable[int], found: Iterable[int], *, field: str) -> None:
    """Compare the ids that were asked for with those found. Raises: NotFound, naming the missing ones."""
    absent = sorted(set(ids) - set(found))
    if absent:
        raise missing(model, *absent, field=field)
