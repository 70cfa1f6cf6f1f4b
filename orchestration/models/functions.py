"""Expressions that both databases answer, and fast at a hundred thousand rows."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import DateTimeField, Func, IntegerField, QuerySet, Subquery
from django.db.models.sql.compiler import SQLCompiler


class CountOf(Subquery):
    """How many rows a subquery has; nothing is grouped, so that none are 0, and a list counts its rows without it."""

    template = "(SELECT count(*) FROM (%(subquery)s) counted)"
    output_field = IntegerField()

    def __init__(self, rows: QuerySet[Any], **extra: Any) -> None:
        super().__init__(rows.order_by().values("pk"), **extra)


class _BinOf(Func):
    """The beginning of the span in UTC that an instant lies in, by arithmetic: no offset of a zone is asked for each row.

    That takes a microsecond each, which is most of what counting a hundred thousand rows takes.
    """

    output_field = DateTimeField()
    arity = 1
    span: str
    letters: int
    rest: str

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> Any:
        """Write it with PostgreSQL's own arithmetic."""
        template = f"date_bin('{self.span}', %(expressions)s, TIMESTAMPTZ '2000-01-01 00:00:00+00')"
        return self.as_sql(compiler, connection, template=template, **extra)

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **extra: Any) -> Any:
        """Write it for text in UTC, as Django keeps instants there."""
        template = f"(substr(%(expressions)s, 1, {self.letters}) || '{self.rest}')"
        return self.as_sql(compiler, connection, template=template, **extra)


class MinuteOf(_BinOf):
    """The full minute in UTC."""

    span, letters, rest = "1 minute", 16, ":00"


class HourOf(_BinOf):
    """The full hour in UTC: days of a zone whose offset is a number of hours, such as California's, are made of these."""

    span, letters, rest = "1 hour", 13, ":00:00"


class DayOf(_BinOf):
    """The day in UTC, by its first instant."""

    span, letters, rest = "1 day", 10, " 00:00:00"
