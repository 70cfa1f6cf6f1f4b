"""Keep a set of triggers in the database as a rule in the code wants it, on both engines.

A trigger's name says what it does, so that one of an older rule is seen as such and replaced. `install()` is called after
every `migrate`, `faults()` by whatever asks if all is as it should be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger as it should be: what follows `CREATE TRIGGER name` stands in `statement`."""

    prefix: str
    table: str
    event: str
    statement: str

    @property
    def name(self) -> str:
        """Return the trigger's name, which no other table or version of it has."""
        told = hashlib.sha256(f"{self.table} {self.statement}".encode()).hexdigest()[:12]
        return f"{self.prefix}{self.event.lower()}_{told}"

    def put_up(self, cursor: Any) -> None:
        """Create it; raises DatabaseError if it is there."""
        cursor.execute(f'CREATE TRIGGER "{self.name}" {self.statement}')


@dataclass(frozen=True, slots=True)
class TriggerSet:
    """All triggers of one purpose, with the function that they call on PostgreSQL."""

    prefix: str
    """What the names of these triggers begin with, and no others' do."""
    doing: str
    """What each does of an event, as in "has no trigger that counts UPDATE"."""
    function: str
    body: str
    lock: int
    """An advisory lock of PostgreSQL: two `migrate` at once wait for each other."""
    rule: Callable[[str], Iterable[Trigger]]
    """Return every trigger that is wanted on a vendor's database."""

    def install(self, tables: Iterable[str] | None = None) -> list[str]:
        """Put up what is missing and take down what no rule wants; return what was mended, by name.

        Of tables that are not there (a migration stopped before them) nothing is said.
        """
        there = set(connection.introspection.table_names() if tables is None else tables)
        with transaction.atomic(), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [self.lock])
            wanted = {one.name: one for one in self.rule(connection.vendor) if one.table in there}
            mended = self._mend_function(cursor)
            stands = self.standing(cursor)
            for name, table in self.standing(cursor, even_disabled=True).items():
                if name not in wanted or name not in stands:
                    _take_down(cursor, name, table)
                    mended.append(f"{table}: {name} taken down")
            for name, one in wanted.items():
                if name not in stands:
                    one.put_up(cursor)
                    mended.append(f"{one.table}: {name} put up")
        return mended

    def faults(self) -> list[tuple[str, str]]:
        """Return each table and how it differs from the rule; empty if it does not. The function has no table: ""."""
        wanted = {one.name: one for one in self.rule(connection.vendor)}
        with connection.cursor() as cursor:
            stands = self.standing(cursor)
            function = self._function_stands(cursor)
        return [
            *([] if function else [("", f"the function {self.function} is missing or another one")]),
            *(
                (one.table, f"has no trigger that {self.doing} {one.event}")
                for name, one in wanted.items()
                if name not in stands
            ),
            *(
                (table, f"has a trigger that no rule wants: {name}")
                for name, table in stands.items()
                if name not in wanted
            ),
        ]

    def standing(self, cursor: Any, *, even_disabled: bool = False) -> Mapping[str, str]:
        """Return the table of each of these triggers that is up, by the trigger's name."""
        if connection.vendor == "postgresql":
            cursor.execute(
                "SELECT t.tgname, c.relname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
                "WHERE NOT t.tgisinternal AND (%s OR t.tgenabled IN ('O', 'A')) AND t.tgname LIKE %s "
                "AND pg_table_is_visible(c.oid)",
                [even_disabled, f"{self.prefix}%"],
            )
        else:
            cursor.execute(
                "SELECT name, tbl_name FROM sqlite_master WHERE type = 'trigger' AND name LIKE %s",
                [f"{self.prefix}%"],
            )
        return dict(cursor.fetchall())

    def take_down(self, cursor: Any) -> list[Trigger]:
        """Take down all that are up, and return those of them that the rule wants, to be put up again."""
        stands = self.standing(cursor)
        for name, table in stands.items():
            _take_down(cursor, name, table)
        return [one for one in self.rule(connection.vendor) if one.name in stands]

    def _function_stands(self, cursor: Any) -> bool:
        if connection.vendor != "postgresql":
            return True
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", [self.function])
        return [row[0] for row in cursor.fetchall()] == [self.body]

    def _mend_function(self, cursor: Any) -> list[str]:
        if self._function_stands(cursor):
            return []
        cursor.execute(
            f"CREATE OR REPLACE FUNCTION {self.function}() RETURNS trigger LANGUAGE plpgsql "
            f"AS $headend${self.body}$headend$"
        )
        return [f"the function {self.function} put up"]


def _take_down(cursor: Any, name: str, table: str) -> None:
    cursor.execute(f'DROP TRIGGER "{name}"' + (f' ON "{table}"' if connection.vendor == "postgresql" else ""))
