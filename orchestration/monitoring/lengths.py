"""Count lengths of time in SQL, by tenths of a second: so a hundred thousand rows answer as some thousand groups."""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, DurationField, ExpressionWrapper, F, FloatField, Func
from django.db.models.expressions import Combinable
from django.db.models.sql.compiler import SQLCompiler


class Seconds(Func):
    """The seconds of a length, which each database keeps in its own way."""

    output_field = FloatField()
    arity = 1

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *args: Any, **extra: Any) -> Any:
        """Write it for SQLite, where a difference of instants is a number of microseconds."""
        return super().as_sql(compiler, connection, template="(%(expressions)s / 1000000.0)")

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """Write it for PostgreSQL, where a difference of instants is an interval."""
        return super().as_sql(
            compiler, connection, template="EXTRACT(EPOCH FROM %(expressions)s)::double precision"
        )


class Rounded(Func):
    """A number of seconds as whole tenths of one; what is negative is nothing."""

    output_field = BigIntegerField()
    arity = 1

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, *args: Any, **extra: Any) -> Any:
        """Write it for SQLite."""
        return super().as_sql(
            compiler, connection, template="CAST(ROUND(MAX(%(expressions)s, 0) * 10) AS BIGINT)"
        )

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> Any:
        """Write it for PostgreSQL, which would be slow with the exact numbers that it makes of an interval."""
        return super().as_sql(
            compiler, connection, template="ROUND(GREATEST(%(expressions)s, 0) * 10)::bigint"
        )


def between(begins: str, ends: str) -> Combinable:
    """Return the seconds from one instant of a row to another, rounded as `Rounded` does."""
    return Rounded(Seconds(ExpressionWrapper(F(ends) - F(begins), output_field=DurationField())))


def seconds(tenths: int) -> float:
    """Return what a rounded length is in seconds."""
    return tenths / 10
