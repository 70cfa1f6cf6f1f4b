"""Let the database fail at the N-th statement of a call, or around its commit, and say what the tables hold."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import OperationalError, connection

BESIDE = {"orchestration_changecount", "orchestration_ratecount", "orchestration_refusal", "django_session"}
"""What counts and what is written beside a call, which is no part of its effect."""
BESIDE_SQL = (*(f'"{table}"' for table in sorted(BESIDE)), 'SET "last_used_at"')


READS = ("SELECT", "BEGIN", "SET ")


class Lost(OperationalError):
    """The database did not answer."""


@dataclass
class Hit:
    """What came of letting one statement fail."""

    sql: str = ""
    """The statement; empty while it was not reached."""
    stands: bool = False
    """Whether anything was written for good, before the statement or after it."""


@contextmanager
def failing_at(number: int) -> Iterator[Hit]:
    """Fail at one statement, counted from 1; says what came of it.

    Inside of a transaction that was there before, what its savepoints let go counts as written for good.
    """
    seen, hit = 0, Hit()
    is_inside = connection.in_atomic_block
    written = [False]  # in the transaction, and in each savepoint in it
    commit, rollback = connection.commit, connection.rollback

    def note(sql: str) -> None:
        first = sql.lstrip("( ")
        if first.startswith("SAVEPOINT"):
            written.append(False)
        elif first.startswith("ROLLBACK TO"):
            written[-1] = False
        elif first.startswith("RELEASE"):
            inner = written.pop()
            written[-1] |= inner
        elif not first.startswith(READS) and not any(part in sql for part in BESIDE_SQL):
            written[-1] = True
        if len(written) == 1 and (is_inside or not connection.in_atomic_block):
            hit.stands |= written[0]

    def wrapper(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        nonlocal seen
        seen += 1
        if seen == number:
            hit.sql = sql
            raise Lost("the statement was lost")
        result = execute(sql, params, many, context)
        note(sql)
        return result

    def committing() -> None:
        commit()
        hit.stands |= any(written)
        written[:] = [False]

    def rolling_back() -> None:
        written[:] = [False]
        rollback()

    connection.commit, connection.rollback = committing, rolling_back  # type: ignore[method-assign]
    try:
        with connection.execute_wrapper(wrapper):
            yield hit
    finally:
        del connection.commit, connection.rollback


@contextmanager
def failing_commit(number: int, *, after: bool) -> Iterator[list[int]]:
    """Fail at the N-th commit: before it, so that nothing stands, or after it, so that all of it does."""
    seen, hit = 0, []
    commit = connection.commit

    def failing() -> None:
        nonlocal seen
        seen += 1
        if seen != number:
            return commit()
        hit.append(seen)
        if after:
            commit()
        raise Lost("the answer of the commit was lost")

    connection.commit = failing  # type: ignore[method-assign]
    try:
        yield hit
    finally:
        del connection.commit


def _tables() -> Iterator[tuple[str, Any]]:
    for model in apps.get_models(include_auto_created=True):
        table = model._meta.db_table
        if not (
            model._meta.proxy or not model._meta.managed or table in BESIDE or table == "auditlog_logentry"
        ):
            yield table, model


def counts() -> dict[str, int]:
    """Return how many rows every table has, by its name."""
    return {table: model._base_manager.count() for table, model in _tables()}


def digest() -> dict[str, str]:
    """Return a digest of every table's rows, by its name."""
    found = {}
    for table, model in _tables():
        rows = sorted(map(repr, model._base_manager.values_list()))
        found[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


def changed(before: dict[str, str]) -> list[str]:
    """Return the tables whose rows are others than before."""
    now = digest()
    return sorted(table for table in now if now[table] != before.get(table))
