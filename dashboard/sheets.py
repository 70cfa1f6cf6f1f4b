"""A table of figures: shown on a page, drawn as a chart, handed out as CSV, always from the same rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString

from dashboard.wording import duration, number
from orchestration.scheduling.words_csv import BOM, safe


class Form(StrEnum):
    """How the values of a column are written."""

    TEXT = "text"
    NUMBER = "number"
    LENGTH = "length"
    SHARE = "share"
    DAY = "day"
    HOUR = "hour"
    INSTANT = "instant"


UNITS = {Form.LENGTH: "seconds", Form.SHARE: "share", Form.HOUR: "UTC", Form.DAY: "UTC", Form.INSTANT: "UTC"}
"""What stands behind a column's name in CSV, where values are plain numbers and ISO 8601."""
DECIMALS_BELOW = 10
_TO_THE_RIGHT = ' class="num"'
"""An attribute of a cell, written here and by nobody else: what people wrote goes through `escape`."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, how its values are written, and the colour that it is drawn in."""

    name: str
    form: Form = Form.NUMBER
    look: str = ""

    @property
    def is_number(self) -> bool:
        """Return whether its values stand to the right."""
        return self.form in {Form.NUMBER, Form.LENGTH, Form.SHARE}

    def text(self, value: Any) -> str:
        """Write a value as a person reads it."""
        if value is None or value == "":
            return "–"
        match self.form:
            case Form.LENGTH:
                return duration(value)
            case Form.SHARE:
                return f"{value * 100:.2g} %" if 0 < value < 0.1 else f"{value * 100:.0f} %"
            case Form.NUMBER:
                return (
                    f"{value:.1f}" if isinstance(value, float) and value < DECIMALS_BELOW else number(value)
                )
            case Form.DAY | Form.HOUR | Form.INSTANT:
                return _moment(value, self.form)
        return str(value)

    def plain(self, value: Any) -> str:
        """Write a value as a program reads it; a text that a spreadsheet would take for a formula is kept from it."""
        if value is None:
            return ""
        if isinstance(value, datetime):
            return value.astimezone(UTC).isoformat(timespec="seconds")
        if isinstance(value, float):
            return f"{value:.6g}" if self.form == Form.SHARE else f"{value:.1f}"
        return safe(value) if isinstance(value, str) else str(value)


def _moment(value: date | datetime, form: Form) -> str:
    if form == Form.DAY or not isinstance(value, datetime):
        return f"{value:%a} {value.day} {value:%b}"
    value = value.astimezone(UTC)
    return f"{value:%H:%M}" if form == Form.HOUR else f"{value:%a} {value.day} {value:%b} {value:%H:%M}"


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table: `key` names it in addresses, `rows` are values in the order of the columns, `links` lead on from a row."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...]
    links: tuple[str, ...] = ()

    @property
    def rows_written(self) -> SafeString:
        """Return the rows as the page shows them, put together here for the hours of a week."""
        return SafeString("".join(self._row(place, row) for place, row in enumerate(self.rows)))

    def _row(self, place: int, row: Sequence[Any]) -> str:
        head: str = escape(self.columns[0].text(row[0]))
        if self.links:
            head = f'<a href="{escape(self.links[place])}">{head}</a>'
        cells = "".join(
            f"<td{_TO_THE_RIGHT if column.is_number else ''}>{escape(column.text(value))}</td>"
            for column, value in zip(self.columns[1:], row[1:], strict=True)
        )
        return f'<tr><th scope="row">{head}</th>{cells}</tr>'

    def csv(self) -> str:
        """Write it as CSV, with its units in the names of the columns."""
        out = io.StringIO()
        write = csv.writer(out).writerow
        write([safe(_named(column)) for column in self.columns])
        for row in self.rows:
            write([column.plain(value) for column, value in zip(self.columns, row, strict=True)])
        return BOM + out.getvalue()


def _named(column: Column) -> str:
    unit = UNITS.get(column.form)
    return f"{column.name} ({unit})" if unit else column.name
