"""Read a record backwards: a row as it was, from the row as it is and what was written down since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """One entry about one row: what some of its fields were before, and whether the row came or went with it.

    `before` of what was removed has the whole row.
    """

    id: int
    before: Mapping[str, Any] = field(default_factory=dict)
    made: bool = False
    removed: bool = False


def as_it_was(row: Mapping[str, Any] | None, since: Iterable[Change]) -> dict[str, Any] | None:
    """Return a row's values before the changes `since`, undone from the newest to the oldest; None if it was not there.

    `row` is None for what is there no more. Entries about one row stand in the order of their ids: whoever changes it
    holds its lock, while clocks of several machines differ, and two changes may have one time.
    """
    values = None if row is None else dict(row)
    for change in sorted(since, key=lambda change: change.id, reverse=True):
        if change.made:
            values = None
        elif change.removed:
            values = dict(change.before)
        elif values is not None:
            values |= change.before
    return values


@dataclass(frozen=True, slots=True)
class Exchange:
    """One entry that says of a whole set what it was before: each row's values, by its id."""

    id: int
    before: Mapping[int, Mapping[str, Any]]


def set_as_it_was(
    rows: Mapping[int, Mapping[str, Any]],
    since: Mapping[int, Iterable[Change]],
    exchanges: Iterable[Exchange],
) -> dict[int, dict[str, Any]]:
    """Return a set of rows, such as the slots of a channel, before what changed single ones and what exchanged all."""
    found = {pk: dict(values) for pk, values in rows.items()}
    steps: list[tuple[int, int | None, Change | Exchange]] = [
        *((change.id, pk, change) for pk, changes in since.items() for change in changes),
        *((exchange.id, None, exchange) for exchange in exchanges),
    ]
    for _, pk, step in sorted(steps, key=lambda step: step[0], reverse=True):
        if isinstance(step, Exchange):
            found = {other: dict(values) for other, values in step.before.items()}
        elif pk is not None:
            values = as_it_was(found.pop(pk, None), [step])
            if values is not None:
                found[pk] = values
    return found


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that was another one then: its column, and both values."""

    field: str
    then: Any
    now: Any


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    """Return what differs between then and now, of what is known of both."""
    return [
        Difference(name, then[name], now[name]) for name in then if name in now and then[name] != now[name]
    ]
