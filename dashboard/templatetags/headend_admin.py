"""A tag for the back door: where in the console one acts on what is shown."""

from __future__ import annotations

from typing import Any

from django import template

from dashboard.back_door import Way, way_to_console

register = template.Library()


@register.simple_tag(takes_context=True)
def console_way(context: template.Context) -> Way | None:
    """Return where one acts on the kind of row, or the row, that a page of the admin is about; None of its other pages."""
    options: Any = context.get("opts")
    if options is None:
        return None
    row = context.get("original") or context.get("object")
    return way_to_console(options.model, row if isinstance(row, options.model) else None)
