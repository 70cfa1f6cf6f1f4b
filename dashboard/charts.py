"""Draw tables of figures as SVG: bars, lines, and the hours of a week.

A chart is made of a `Sheet` and of nothing else, so the table below it has exactly its numbers. Across, everything is in
per cent and grows with the page; up, in pixels; texts keep their size at any width. Colours are classes of the stylesheet.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import escape
from django.utils.safestring import SafeString

from dashboard.sheets import Column, Form, Sheet

HEIGHT = 150
"""Of the part that is drawn in, in pixels."""
TOP = 12
FOOT = 22
MOST_LABELS = 8
LINE_LOOKS = ("s1", "s2", "s3", "s4", "s5", "s6")
ROW = 22
SHADES = 5
LENGTHS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 43200, 86400)
DAY_SECONDS = 86400


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the scale, with what stands beside it."""

    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Label:
    """What stands below the drawing; `thin` is left out where there is little room."""

    x: str
    text: str
    thin: bool


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle."""

    x: str
    width: str
    y: float
    height: float
    look: str
    title: str


@dataclass(frozen=True, slots=True)
class Dot:
    """One value of a line."""

    x: str
    y: float
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line, its corners in thousandths of the width and in pixels."""

    look: str
    name: str
    corners: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """One drawing of a table."""

    sheet: Sheet
    description: str
    ticks: tuple[Tick, ...]
    labels: tuple[Label, ...]
    legend: tuple[Column, ...] = ()
    bars: tuple[Bar, ...] = ()
    lines: tuple[Line, ...] = ()
    height: int = TOP + HEIGHT
    is_grid: bool = False

    @property
    def foot(self) -> int:
        """Return where the labels stand."""
        return self.height + 15

    @property
    def bars_drawn(self) -> SafeString:
        """Return the bars as SVG, put together here for the hundreds of a week; only the title is anybody's text."""
        return SafeString(
            "".join(
                f'<rect class="chart-bar {bar.look}" x="{bar.x}" width="{bar.width}" y="{bar.y}" height="{bar.height}">'
                f"<title>{escape(bar.title)}</title></rect>"
                for bar in self.bars
            )
        )

    @property
    def whole(self) -> int:
        """Return the height with the labels."""
        return self.height + FOOT


def bars(sheet: Sheet) -> Chart:
    """Draw each row as a bar, the columns but the first on top of each other."""
    drawn = sheet.columns[1:]
    top = _top([sum(_known(row[1:])) for row in sheet.rows], drawn[0].form)
    step = 100 / (len(sheet.rows) or 1)
    found = []
    for place, row in enumerate(sheet.rows):
        below = 0.0
        for column, value in zip(drawn, row[1:], strict=True):
            if not value:
                continue
            height = HEIGHT * value / top
            found.append(
                Bar(
                    x=_percent((place + 0.1) * step),
                    width=_percent(0.8 * step),
                    y=round(TOP + HEIGHT - below - height, 1),
                    height=round(height, 1),
                    look=column.look or "busy",
                    title=_title(sheet, row, column, value),
                )
            )
            below += height
    return Chart(
        sheet=sheet,
        description=_described(sheet, "Bars"),
        ticks=_ticks(0, top, drawn[0]),
        labels=_labels(sheet),
        legend=drawn if len(drawn) > 1 else (),
        bars=tuple(found),
    )


def lines(sheet: Sheet, *, from_zero: bool = True) -> Chart:
    """Draw each column but the first as a line over the rows; what has no value is passed over.

    Without `from_zero` the scale begins near the least value, for numbers that change little.
    """
    drawn = tuple(
        column if column.look else Column(column.name, column.form, LINE_LOOKS[place % len(LINE_LOOKS)])
        for place, column in enumerate(sheet.columns[1:])
    )
    values = [value for row in sheet.rows for value in _known(row[1:])]
    form = drawn[0].form if drawn else Form.NUMBER
    least, top = (0.0, _top(values, form)) if from_zero or not values else _around(values)
    step = 100 / (len(sheet.rows) or 1)
    found = []
    for place, column in enumerate(drawn, 1):
        dots, corners = [], []
        for number, row in enumerate(sheet.rows):
            if row[place] is None:
                continue
            x, y = (number + 0.5) * step, TOP + HEIGHT * (1 - (row[place] - least) / (top - least))
            corners.append(f"{x * 10:.1f},{y:.1f}")
            dots.append(Dot(_percent(x), round(y, 1), _title(sheet, row, column, row[place])))
        found.append(Line(column.look, column.name, " ".join(corners), tuple(dots)))
    return Chart(
        sheet=sheet,
        description=_described(sheet, "Lines"),
        ticks=_ticks(least, top, drawn[0]) if drawn else (),
        labels=_labels(sheet),
        legend=drawn if len(drawn) > 1 else (),
        lines=tuple(found),
    )


def week(sheet: Sheet) -> Chart:
    """Draw the hours of a week: a row of the table is an hour, its columns but the first are the days from Monday on."""
    top = max((value for row in sheet.rows for value in _known(row[1:])), default=0)
    step = 100 / len(sheet.rows)
    found = []
    for place, row in enumerate(sheet.rows):
        for day, (column, value) in enumerate(zip(sheet.columns[1:], row[1:], strict=True)):
            shade = math.ceil(SHADES * value / top) if value else 0
            found.append(
                Bar(
                    x=_percent(place * step + 0.1),
                    width=_percent(step - 0.2),
                    y=TOP + day * ROW,
                    height=ROW - 2,
                    look=f"shade{shade}",
                    title=_title(sheet, row, column, value),
                )
            )
    return Chart(
        sheet=sheet,
        description=f"Each hour of a week, the darker the more; the most in one hour is {top:g}. {_TABLE}",
        ticks=tuple(
            Tick(TOP + day * ROW + ROW / 2 + 3, column.name) for day, column in enumerate(sheet.columns[1:])
        ),
        labels=_labels(sheet),
        bars=tuple(found),
        height=TOP + len(sheet.columns[1:]) * ROW,
        is_grid=True,
    )


_TABLE = "The table that opens below it has all its numbers."


def _known(values: Sequence[Any]) -> Iterator[float]:
    return (value for value in values if value is not None)


def _percent(value: float) -> str:
    return f"{value:.2f}%"


def _title(sheet: Sheet, row: Sequence[Any], column: Column, value: Any) -> str:
    return f"{sheet.columns[0].text(row[0])}: {column.text(value)} {column.name}"


def _described(sheet: Sheet, what: str) -> str:
    """Say what is drawn, and its highest value with where it is."""
    if not sheet.rows:
        return f"{what}; nothing to draw. {_TABLE}"
    first, last = (sheet.columns[0].text(row[0]) for row in (sheet.rows[0], sheet.rows[-1]))
    most = max(
        (
            (value, column, row)
            for row in sheet.rows
            for column, value in zip(sheet.columns[1:], row[1:], strict=True)
            if value is not None
        ),
        key=lambda found: found[0],
        default=None,
    )
    highest = (
        f"the highest is {most[1].text(most[0])} {most[1].name} at {sheet.columns[0].text(most[2][0])}"
        if most and most[0]
        else "nothing is above zero"
    )
    return f"{what} from {first} to {last}; {highest}. {_TABLE}"


def _labels(sheet: Sheet) -> tuple[Label, ...]:
    every = max(1, math.ceil(len(sheet.rows) / MOST_LABELS))
    step = 100 / (len(sheet.rows) or 1)
    form = sheet.columns[0]
    return tuple(
        Label(_percent((place + 0.5) * step), _short(form, row[0]), bool(place // every % 2))
        for place, row in enumerate(sheet.rows)
        if place % every == 0
    )


def _short(column: Column, value: Any) -> str:
    return f"{value.day} {value:%b}" if column.form == Form.DAY else column.text(value)


def _top(values: Sequence[float], form: Form) -> float:
    """Return a round number that no value passes."""
    most = max(values, default=0)
    if form == Form.LENGTH and most > LENGTHS[0]:
        return next(
            (length for length in LENGTHS if length >= most), math.ceil(most / DAY_SECONDS) * DAY_SECONDS
        )
    if form == Form.SHARE:
        return _round_up(most) if most > 0 else 1.0
    return max(_round_up(most), 4.0 if form == Form.NUMBER else 1.0)


def _round_up(value: float) -> float:
    if value <= 0:
        return 0.0
    size = 10 ** math.floor(math.log10(value))
    return next(step * size for step in (1, 2, 4, 5, 10) if step * size >= value * (1 - 1e-9))


def _around(values: Sequence[float]) -> tuple[float, float]:
    """Return round numbers below and above all values."""
    low, high = min(values), max(values)
    step = _round_up((high - low) / 4) or _round_up(max(abs(high), 1) / 100)
    step = max(step, 1.0)
    return max(0.0, math.floor(low / step) * step), math.ceil(high / step + 1e-9) * step + (
        step if high == low else 0
    )


def _ticks(least: float, top: float, column: Column) -> tuple[Tick, ...]:
    span = top - least
    parts = 1 if column.form == Form.NUMBER and span % 2 else 2
    parts = 4 if column.form == Form.NUMBER and span % 4 == 0 else parts
    return tuple(
        Tick(round(TOP + HEIGHT * (1 - part / parts), 1), _brief(least + span * part / parts, column))
        for part in range(parts + 1)
    )


def _brief(value: float, column: Column) -> str:
    """Write a value of the scale in little room."""
    if column.form == Form.NUMBER:
        for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
            if value >= size:
                divided = value / (1e3 if unit == "k" else size)
                return f"{divided:.4g}{unit}"
        return f"{value:.0f}"
    return column.text(value) if value else "0"
