"""Note which tables are read while something is shown, so that its version is that of everything it was made of.

Whoever writes a page names no topics: what the page shows is a function of the rows it read and of the clock, so a page
whose tables have not changed is the same page. Its version is read before its rows: what is committed in between makes the
page newer than its version, never older.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from django.db import connection

from channels import limits
from orchestration.core import change_counts

Made = TypeVar("Made")


@cache
def _topics_by_table() -> tuple[re.Pattern[str], dict[str, str]]:
    topics = change_counts.topics_by_table()
    beginnings = sorted({table.split("_")[0] for table in topics})
    return re.compile(rf"\b(?:{'|'.join(beginnings)})_\w+"), topics


class Reading:
    """What is read from now on, and how often each topic had changed before."""

    def __init__(self, counted: dict[str, int]) -> None:
        self.counted = counted
        self.topics = {change_counts.PEOPLE}

    def __call__(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        """Note the tables of a statement, and have it run (a wrapper of Django's connections)."""
        tables, known = _topics_by_table()
        self.topics.update(known[name] for name in set(tables.findall(sql)) if name in known)
        return execute(sql, params, many, context)

    @property
    def total(self) -> int:
        """Return the version of all that was read."""
        return change_counts.total(self.counted, self.topics)


_current: ContextVar[Reading | None] = ContextVar("reading", default=None)


def current() -> Reading | None:
    """Return what is being noted, if anything is."""
    return _current.get()


@contextmanager
def reading(*, apart: bool = False) -> Iterator[Reading]:
    """Note what is read in this block; within another one it is noted there, too, unless it is `apart` from it."""
    outer = _current.get()
    noted = Reading(change_counts.counts() if outer is None else outer.counted)
    token = _current.set(noted)
    before = list(connection.execute_wrappers)
    kept = [one for one in before if not (apart and isinstance(one, Reading))]
    connection.execute_wrappers[:] = [*kept, noted]
    try:
        yield noted
    finally:
        connection.execute_wrappers[:] = before
        _current.reset(token)


# ---------------------------------------------------------------------------------------------- what is kept by its version


@dataclass(frozen=True, slots=True)
class _Kept:
    value: Any
    topics: frozenset[str]
    version: int


_kept: dict[str, _Kept] = {}


def kept(name: str, make: Callable[[], Made]) -> Made:
    """Return what `make` returns from rows alone; until a table that it read has changed, what it returned last.

    For what seldom changes and is asked for on many pages; what is returned belongs to all of them and is changed by none.
    The version is one that the page has read, so that this asks
    nothing; where no page is being noted, and for whoever is limited to some channels, it is made.
    """
    outer = current()
    if outer is None or limits.current() is not None:
        return make()
    known = _kept.get(name)
    if known is None or change_counts.total(outer.counted, known.topics) != known.version:
        with reading(apart=True) as noted:
            value = make()
        known = _kept[name] = _Kept(value, frozenset(noted.topics), noted.total)
    outer.topics |= known.topics
    return known.value


def forget() -> None:
    """Forget what was kept; for tests, whose changes are undone and leave no count behind."""
    _kept.clear()
