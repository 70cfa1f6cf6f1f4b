"""Refuse in the database itself that what the record says is changed or taken away.

Triggers on both engines refuse UPDATE and DELETE of entries and of their seals, and TRUNCATE where there is one, whoever
asks: the console, a script, a person in `psql`. `install()` puts them up after every `migrate`, `missing()` says what is
not there, and `manage.py verify_audit` tells of it. They stop mistakes and whoever has no right to change tables; who owns
the database can take them down, and that the chain of seals tells (docs/decisions/0008-sealed-record.md).

One way leads past them, `may_take_away()`: retention, which exports first, and tests that empty their tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, models, transaction

from orchestration.core.triggers import Trigger, TriggerSet
from orchestration.models import Activity, Seal, SealBlock

PREFIX = "headend_keeps_"
FUNCTION = "headend_keep_record"
SAID = "The record is append-only"
_DOOR = "headend.takes_from_record"

KEPT: tuple[type[models.Model], ...] = (Activity, Seal, SealBlock)
"""What can only be added to."""

_BODY = f"""
BEGIN
  IF current_setting('{_DOOR}', true) = 'yes' AND TG_OP <> 'UPDATE' THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION '{SAID}: % of % is refused', TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
"""


def guards(vendor: str) -> list[Trigger]:
    """Return every trigger that is wanted on this kind of database."""
    made = _for_postgresql if vendor == "postgresql" else _for_sqlite
    return [guard for model in KEPT for guard in made(model._meta.db_table)]


def _for_postgresql(table: str) -> Iterator[Trigger]:
    for event in ("UPDATE", "DELETE", "TRUNCATE"):
        each = "STATEMENT" if event == "TRUNCATE" else "ROW"
        yield Trigger(
            PREFIX, table, event, f'BEFORE {event} ON "{table}" FOR EACH {each} EXECUTE FUNCTION {FUNCTION}()'
        )


def _for_sqlite(table: str) -> Iterator[Trigger]:
    for event in ("UPDATE", "DELETE"):
        yield Trigger(
            PREFIX,
            table,
            event,
            f'BEFORE {event} ON "{table}" FOR EACH ROW BEGIN '
            f"SELECT RAISE(ABORT, '{SAID}: {event} of {table} is refused'); END",
        )


_TRIGGERS = TriggerSet(
    prefix=PREFIX, doing="refuses", function=FUNCTION, body=_BODY, lock=7_310_002, rule=guards
)


def install(**_signal: Any) -> list[str]:
    """Put up every trigger that is missing and take down those of an older rule; receives `post_migrate`, too."""
    return _TRIGGERS.install()


def missing() -> list[tuple[str, str]]:
    """Return each table and what keeps its rows from being safe; empty if all is as it should be."""
    return _TRIGGERS.faults()


@contextmanager
def may_take_away() -> Iterator[None]:
    """Let rows of the record be deleted inside, in one transaction; changing them stays refused (but on SQLite, within it).

    For retention, whose export stands before, and for tests that empty their tables. On SQLite, which lets one writer in
    at a time, the triggers are down until the transaction ends, so nobody else passes.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT set_config(%s, 'yes', true)", [_DOOR])
            yield
            cursor.execute("SELECT set_config(%s, '', true)", [_DOOR])
            return
        guarded = _TRIGGERS.take_down(cursor)
        yield
        for guard in guarded:
            guard.put_up(cursor)
