"""Cut long lists into pages and read filters from the address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest

PER_PAGE = 25
LENGTHS = (PER_PAGE, 50, 100)
"""How many rows a page may have; the address asks by `rows`."""


class Pages(Paginator):
    """Pages whose length a person chooses."""

    lengths = LENGTHS


def page_of(request: HttpRequest, rows: Any, length: int = PER_PAGE, *, count: int | None = None) -> Page:
    """Return the page that the address asks for, as long as it asks; one that does not exist is the nearest one.

    `count` is how many rows there are, where that is known already.
    """
    pages = Pages(rows, whole_number(request, "rows", length, LENGTHS))
    if count is not None:
        pages.count = count
    return pages.get_page(request.GET.get("page"))


def chosen(request: HttpRequest, name: str, allowed: Iterable[str]) -> str:
    """Return a filter's value if it is one of those allowed, else nothing: a stale link still opens."""
    value = request.GET.get(name, "").strip()
    return value if value in set(allowed) else ""


def id_of(value: str) -> int | None:
    """Return the id that a text is; nothing for what no database holds: other scripts' digits, or thousands of them."""
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 19 else None


def ids_of(values: Iterable[str]) -> list[int]:
    """Return the ids among some texts."""
    return [number for number in map(id_of, values) if number is not None]


def chosen_id(request: HttpRequest, name: str) -> int | None:
    """Return a filter that is an id."""
    return id_of(request.GET.get(name, "").strip())


def whole_number(request: HttpRequest, name: str, default: int, allowed: Sequence[int] | range) -> int:
    """Return a number from the address if it is one of those allowed."""
    value = chosen_id(request, name)
    return value if value is not None and value in allowed else default
