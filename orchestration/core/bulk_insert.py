"""Insert many like rows in one statement.

On PostgreSQL the columns that differ travel as one text each and are taken apart there (`unnest`), the others once: ten
thousand schedules take a fifth of the time of `bulk_create`, which has every value of every row prepared by Python
(figures in docs/performance.md). Elsewhere it is `bulk_create`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from django.db import connection, models

_SEPARATOR = "\x1f"  # the unit separator; no text that is stored may hold it


def insert_set(
    template: models.Model,
    varying: Mapping[str, Sequence[Any]],
    *,
    returning: Sequence[str] = (),
    ignore_conflicts: bool = False,
) -> list[tuple[Any, ...]]:
    """Insert a row for each position of the sequences in `varying` (by attribute name), all else as in `template`.

    Values that vary are ints, texts, aware datetimes, booleans, or JSON documents; never None. Returns, for each row that
    was written, its primary key and the attributes named in `returning`, in no particular order.
    """
    lengths = {len(values) for values in varying.values()}
    if len(lengths) != 1:
        raise ValueError("every varying column needs a value for every row")
    if lengths == {0}:
        return []
    if connection.vendor == "postgresql":
        return _by_unnest(template, varying, returning, ignore_conflicts)
    return _by_bulk_create(template, varying, returning, ignore_conflicts)


def _by_unnest(
    template: models.Model,
    varying: Mapping[str, Sequence[Any]],
    returning: Sequence[str],
    ignore_conflicts: bool,
) -> list[tuple[Any, ...]]:
    fields = {field.attname: field for field in template._meta.concrete_fields if not field.primary_key}
    quote = connection.ops.quote_name
    columns, selects, parameters = [], [], []
    sources, source_parameters = [], []
    for name, field in fields.items():
        columns.append(_column(field))
        if name in varying:
            selects.append(f"t.{quote(name)}")
        else:
            selects.append(f"%s::{field.db_type(connection)}")
            parameters.append(field.get_db_prep_save(getattr(template, name), connection))
    for name, values in varying.items():
        kind = fields[name].db_type(connection)
        joined = _SEPARATOR.join(map(_writer(fields[name]), values))
        if joined:
            sources.append(f"string_to_array(%s, E'\\x1f')::{kind}[]")
            source_parameters.append(joined)
        else:  # one row with an empty text, which string_to_array would lose
            sources.append(f"ARRAY['']::{kind}[]")
    names = ", ".join(quote(name) for name in varying)
    kept = ", ".join(_column(fields[name]) for name in returning)
    sql = (  # identifiers come from the models, values are parameters
        f"INSERT INTO {quote(template._meta.db_table)} ({', '.join(columns)}) "  # noqa: S608
        f"SELECT {', '.join(selects)} FROM unnest({', '.join(sources)}) AS t({names}) "
        f"{'ON CONFLICT DO NOTHING ' if ignore_conflicts else ''}"
        f"RETURNING {_column(template._meta.pk)}{', ' if kept else ''}{kept}"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [*parameters, *source_parameters])
        return cursor.fetchall()


def _column(field: models.Field[Any, Any]) -> str:
    """Return the quoted column of a field; a concrete one has one."""
    return connection.ops.quote_name(cast(str, field.column))


def _writer(field: models.Field[Any, Any]) -> Callable[[Any], str]:
    """Return how a value of a field is written as text."""
    if isinstance(field, models.JSONField):
        return json.dumps  # it escapes the separator itself
    if isinstance(field, models.DateTimeField):
        return datetime.isoformat
    if isinstance(field, models.CharField | models.TextField):
        return lambda value: str(value).replace(_SEPARATOR, " ").replace("\x00", "")
    return str


def _by_bulk_create(
    template: models.Model,
    varying: Mapping[str, Sequence[Any]],
    returning: Sequence[str],
    ignore_conflicts: bool,
) -> list[tuple[Any, ...]]:
    model = type(template)
    constant = {
        field.attname: getattr(template, field.attname)
        for field in model._meta.concrete_fields
        if not field.primary_key and field.attname not in varying
    }
    rows = [
        model(**constant, **dict(zip(varying, values, strict=True)))
        for values in zip(*varying.values(), strict=True)
    ]
    made = model._default_manager.bulk_create(rows, ignore_conflicts=ignore_conflicts)
    return [(row.pk, *(getattr(row, name) for name in returning)) for row in made]
