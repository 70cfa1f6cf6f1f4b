"""Refuse in the database itself that what the record says is changed or taken away.

Triggers on both engines refuse UPDATE and DELETE of entries and of their seals, and TRUNCATE where there is one, whoever
asks: the console, a script, a person in `psql`. `install()` puts them up after every `migrate`, `missing()` says what is
not there, and `manage.py verify_audit` tells of it. They stop mistakes and whoever has no right to change tables; who owns
the database can take them down, and that the chain of seals tells (docs/decisions/0008-sealed-record.md).

One way leads past them, `may_take_away()`: retention, which exports first, and tests that empty their tables.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, models, transaction

from orchestration.models import Activity, Seal, SealBlock

PREFIX = "headend_keeps_"
FUNCTION = "headend_keep_record"
SAID = "The record is append-only"
_DOOR = "headend.takes_from_record"
_INSTALLING = 7_310_002  # an advisory lock: two `migrate` at once wait for each other

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


@dataclass(frozen=True, slots=True)
class Guard:
    """One trigger as it should be; its name says what it does, so that one of an older rule is seen as such."""

    table: str
    event: str
    statement: str

    @property
    def name(self) -> str:
        """Return the trigger's name, which no other table or version of it has."""
        told = hashlib.sha256(f"{self.table} {self.statement}".encode()).hexdigest()[:12]
        return f"{PREFIX}{self.event.lower()}_{told}"


def guards(vendor: str) -> list[Guard]:
    """Return every trigger that is wanted on this kind of database."""
    made = _for_postgresql if vendor == "postgresql" else _for_sqlite
    return [guard for model in KEPT for guard in made(model._meta.db_table)]


def _for_postgresql(table: str) -> Iterator[Guard]:
    for event in ("UPDATE", "DELETE", "TRUNCATE"):
        each = "STATEMENT" if event == "TRUNCATE" else "ROW"
        yield Guard(
            table, event, f'BEFORE {event} ON "{table}" FOR EACH {each} EXECUTE FUNCTION {FUNCTION}()'
        )


def _for_sqlite(table: str) -> Iterator[Guard]:
    for event in ("UPDATE", "DELETE"):
        yield Guard(
            table,
            event,
            f'BEFORE {event} ON "{table}" FOR EACH ROW BEGIN '
            f"SELECT RAISE(ABORT, '{SAID}: {event} of {table} is refused'); END",
        )


def install(**_signal: Any) -> list[str]:
    """Put up every trigger that is missing and take down those of an older rule; return what was mended, by name.

    Of tables that are not there (a migration stopped before them) nothing is said. Receives `post_migrate`, too.
    """
    there = set(connection.introspection.table_names())
    mended = []
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_INSTALLING])
        wanted = {guard.name: guard for guard in guards(connection.vendor) if guard.table in there}
        stands = _standing(cursor)
        if connection.vendor == "postgresql" and not _function_stands(cursor):
            cursor.execute(
                f"CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $headend${_BODY}$headend$"
            )
            mended.append(f"the function {FUNCTION} put up")
        for name, table in _standing(cursor, even_disabled=True).items():
            if name not in wanted or name not in stands:
                _take_down(cursor, name, table)
                mended.append(f"{table}: {name} taken down")
        for name, guard in wanted.items():
            if name not in stands:
                cursor.execute(f'CREATE TRIGGER "{name}" {guard.statement}')
                mended.append(f"{guard.table}: {name} put up")
    return mended


def missing() -> list[tuple[str, str]]:
    """Return each table and what keeps its rows from being safe; empty if all is as it should be."""
    with connection.cursor() as cursor:
        stands = _standing(cursor)
        found = (
            [] if _function_stands(cursor) else [("", f"the function {FUNCTION} is missing or another one")]
        )
    return found + [
        (guard.table, f"has no trigger that refuses {guard.event}")
        for guard in guards(connection.vendor)
        if guard.name not in stands
    ]


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
        guarded = _standing(cursor)
        for name, table in guarded.items():
            _take_down(cursor, name, table)
        yield
        for guard in guards(connection.vendor):
            if guard.name in guarded:
                cursor.execute(f'CREATE TRIGGER "{guard.name}" {guard.statement}')


def _standing(cursor: Any, *, even_disabled: bool = False) -> dict[str, str]:
    """Return the table of each trigger of ours that is up, by the trigger's name."""
    if connection.vendor == "postgresql":
        cursor.execute(
            "SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND (%s OR t.tgenabled IN ('O', 'A')) AND t.tgname LIKE %s "
            "AND pg_table_is_visible(c.oid)",
            [even_disabled, f"{PREFIX}%"],
        )
    else:
        cursor.execute(
            "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s", [f"{PREFIX}%"]
        )
    return dict(cursor.fetchall())


def _take_down(cursor: Any, name: str, table: str) -> None:
    cursor.execute(f'DROP TRIGGER "{name}"' + (f' ON "{table}"' if connection.vendor == "postgresql" else ""))


def _function_stands(cursor: Any) -> bool:
    if connection.vendor != "postgresql":
        return True
    cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", [FUNCTION])
    return [row[0] for row in cursor.fetchall()] == [_BODY]
