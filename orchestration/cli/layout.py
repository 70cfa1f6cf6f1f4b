"""Lay out times, spans and tables for a terminal; times are UTC unless a zone stands beside them."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any


def when(instant: datetime | None) -> str:
    """Format an instant in UTC."""
    return "-" if instant is None else f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def span(seconds: float | None) -> str:
    """Format a length of time in one or two units."""
    if seconds is None:
        return "-"
    total = round(seconds)
    for unit, size, smaller, smaller_size in (
        ("d", 86400, "h", 3600),
        ("h", 3600, "min", 60),
        ("min", 60, "s", 1),
    ):
        if total >= size:
            rest = total % size // smaller_size
            return f"{total // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{total} s"


def table(headers: Sequence[str], rows: Iterable[Sequence[Any]], *, empty: str = "none") -> list[str]:
    """Return rows under headers, each column as wide as it needs to be; numbers stand to the right."""
    cells = [[_cell(value) for value in row] for row in rows]
    if not cells:
        return [f"  {empty}"]
    right = [all(_is_number(row[i]) for row in cells) for i in range(len(headers))]
    widths = [max(len(headers[i]), *(len(row[i]) for row in cells)) for i in range(len(headers))]
    lines = [list(headers), ["-" * width for width in widths], *cells]
    return [
        "  "
        + "  ".join(
            text.rjust(width) if to_right else text.ljust(width)
            for text, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    ]


def _cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, datetime):
        return when(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    return " ".join(str(value).split())[:100]


def _is_number(text: str) -> bool:
    return text == "-" or text.replace(".", "", 1).replace("-", "", 1).isdigit()
