"""Offer every time zone that there is: 600 of them, which one template each would make the dearest part of a page."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django import forms
from django.forms.utils import flatatt
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from channels.zones import zone_names
from dashboard import options


@lru_cache(maxsize=1)
def zones_in_order() -> tuple[str, ...]:
    """Return every time zone that there is, UTC first."""
    return ("UTC", *sorted(zone_names() - {"UTC"}))


@lru_cache(maxsize=1)
def datalist_options() -> SafeString:
    """Return the options of a list that filters as one types."""
    return format_html_join("", '<option value="{}"></option>', ((name,) for name in zones_in_order()))


class ZoneSelect(forms.Select):
    """Draw a choice of zones from strings that are put together once for each process."""

    def __init__(self, empty: str = "") -> None:
        super().__init__()
        self.empty = empty

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        """Return the element, its value chosen."""
        first = format_html('<option value="">{}</option>', self.empty) if self.empty else ""
        attributes = flatatt(self.build_attrs(self.attrs, {"name": name, **(attrs or {})}))
        return format_html(
            "<select{}>{}{}</select>", attributes, first, options.drawn(_choices(), str(value or ""))
        )


class ZoneChoice(forms.ChoiceField):
    """A time zone; `empty` is what none is called, without it one has to be chosen."""

    def __init__(self, *, empty: str = "", **options: Any) -> None:
        nothing = [("", empty)] if empty else []
        super().__init__(
            choices=[*nothing, *((name, name) for name in zones_in_order())],
            widget=ZoneSelect(empty),
            required=not empty,
            **options,
        )


@lru_cache(maxsize=1)
def _choices() -> tuple[tuple[str, str], ...]:
    return tuple((name, name) for name in zones_in_order())
