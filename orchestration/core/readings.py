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
from functools import cache
from typing import Any

from django.db import connection

from orchestration.core import change_counts


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
