"""Cut long lists into pages and read filters from the address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.http import HttpRequest

PER_PAGE = 50


def page_of(request: HttpRequest, rows: Any, per_page: int = PER_PAGE) -> Page:
    """Return the page that the address asks for; a page that does not exist is the nearest one."""
    return Paginator(rows, per_page).get_page(request.GET.get("page"))


def chosen(request: HttpRequest, name: str, allowed: Iterable[str]) -> str:
    """Return a filter's value if it is one of those allowed, else nothing: a stale link still opens."""
    value = request.GET.get(name, "").strip()
    return value if value in set(allowed) else ""


def chosen_id(request: HttpRequest, name: str) -> int | None:
    """Return a filter that is an id."""
    value = request.GET.get(name, "").strip()
    return int(value) if value.isdecimal() and len(value) < 19 else None


def text(request: HttpRequest, name: str = "q", most: int = 100) -> str:
    """Return what was typed into a search field."""
    return request.GET.get(name, "").replace("\x00", "").strip()[:most]


def whole_number(request: HttpRequest, name: str, default: int, allowed: Sequence[int] | range) -> int:
    """Return a number from the address if it is one of those allowed."""
    value = chosen_id(request, name)
    return value if value is not None and value in allowed else default
