"""Keep a place in a list by the values of its last item, in a query as in a list of values.

What comes behind a place is asked for by these values, so that neither what is added nor what is taken away before it moves
it. Nothing stands for the largest: it is last when rising and first when falling, as in PostgreSQL's own indexes.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.core import signing
from django.core.exceptions import ObjectDoesNotExist
from django.db.models import F, Field, Model, Q, QuerySet

from orchestration.api.orders import Column
from orchestration.errors import InvalidRequest

KINDS: dict[str, Any] = {"at": datetime, "on": date, "clock": time}
Values = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Place:
    """A list and its order: a cursor is good for these alone."""

    address: str
    sort: str

    def write(self, values: Values, *, back: bool = False) -> str:
        """Return a cursor: signed, so that it is one of ours when it comes back."""
        kept = [self.address, self.sort, [_plain(value) for value in values], *(["back"] if back else [])]
        return _signer().sign_object(kept, compress=True)

    def read(self, cursor: str) -> tuple[Values, bool]:
        """Return the values that a cursor keeps, and whether it leads back.

        Raises: InvalidRequest, if it is not of this list and this order.
        """
        try:
            address, sort, values, *back = _signer().unsign_object(cursor)
        except (signing.BadSignature, ValueError):
            raise InvalidRequest(
                "This cursor is none of ours; begin with an empty one.", field="cursor"
            ) from None
        if (address, sort) != (self.address, self.sort):
            raise InvalidRequest("This cursor is of another list or another order.", field="cursor")
        return [_value(each) for each in values], bool(back)


def turned(columns: Sequence[Column]) -> list[Column]:
    """Return the order of a list read from its end."""
    return [Column(column.path, not column.falling) for column in columns]


def in_order(rows: Any, columns: Sequence[Column]) -> Any:
    """Return rows of a query, or a list of values, in an order."""
    if isinstance(rows, QuerySet):
        return rows.order_by(*(_ordering(rows.model, column) for column in columns))
    return sorted(
        rows, key=functools.cmp_to_key(lambda one, other: _compare(values_of(one, columns), other, columns))
    )


def behind(rows: Any, columns: Sequence[Column], values: Values) -> Any:
    """Return what comes behind a place."""
    if isinstance(rows, QuerySet):
        return rows.filter(_condition(rows.model, columns, values))
    return [row for row in rows if _compare(values, row, columns) < 0]


def values_of(row: Any, columns: Sequence[Column]) -> Values:
    """Return what is compared of a row."""
    return [functools.reduce(_part, column.path.split("__"), row) for column in columns]


# ------------------------------------------------------------------------------------------------------------- queries


def _field(model: type[Model], path: str) -> Field[Any, Any]:
    *between, last = path.split("__")
    for name in between:
        model = model._meta.get_field(name).related_model  # type: ignore[assignment]
    return model._meta.get_field(last)  # type: ignore[return-value]


def _may_be_nothing(model: type[Model], path: str) -> bool:
    return "__" in path or _field(model, path).null


def _ordering(model: type[Model], column: Column) -> Any:
    if not _may_be_nothing(model, column.path):
        return f"-{column.path}" if column.falling else column.path
    return F(column.path).desc(nulls_first=True) if column.falling else F(column.path).asc(nulls_last=True)


def _condition(model: type[Model], columns: Sequence[Column], values: Values) -> Q:
    """Return which rows come behind: those that differ first where they are behind."""
    found, same = Q(pk__in=[]), Q()
    for column, value in zip(columns, values, strict=True):
        found |= same & _beyond(model, column, value)
        same &= Q(**{f"{column.path}__isnull": True}) if value is None else Q(**{column.path: value})
    first, value = columns[0], values[0]
    if value is not None and (first.falling or not _may_be_nothing(model, first.path)):
        side = "lte" if first.falling else "gte"
        bound = Q(**{f"{first.path}__{side}": value})  # follows from the rest, and lets an index begin here
        found &= bound
    return found


def _beyond(model: type[Model], column: Column, value: Any) -> Q:
    if value is None:
        return Q(**{f"{column.path}__isnull": False}) if column.falling else Q(pk__in=[])
    beyond = Q(**{f"{column.path}__{'lt' if column.falling else 'gt'}": value})
    if not column.falling and _may_be_nothing(model, column.path):
        beyond |= Q(**{f"{column.path}__isnull": True})
    return beyond


# -------------------------------------------------------------------------------------------------------------- values


def _part(thing: Any, name: str) -> Any:
    try:
        return None if thing is None else getattr(thing, name)
    except ObjectDoesNotExist:  # nothing is at the other end of a relation
        return None


def _compare(values: Values, row: Any, columns: Sequence[Column]) -> int:
    """Return whether a place lies before (-1) or behind (1) a row."""
    for column, one, other in zip(columns, values, values_of(row, columns), strict=True):
        first, second = _rank(one), _rank(other)
        if first != second:
            return -1 if (first < second) is not column.falling else 1
    return 0


def _rank(value: Any) -> tuple[Any, ...]:
    if value is None:
        return (1,)
    return (0, value.casefold(), value) if isinstance(value, str) else (0, value)


def _plain(value: Any) -> Any:
    for kind, known in KINDS.items():
        if isinstance(value, known):
            return [kind, value.isoformat()]
    return value


def _value(plain: Any) -> Any:
    return KINDS[plain[0]].fromisoformat(plain[1]) if isinstance(plain, list) else plain


def _signer() -> signing.Signer:
    return signing.Signer(salt="orchestration.api.cursors")
