"""Draw the options of a choice once for each chosen value: a template each is the dearest part of a long list."""

from __future__ import annotations

from functools import lru_cache

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe


@lru_cache(maxsize=512)
def drawn(choices: tuple[tuple[str, str], ...], chosen: str) -> SafeString:
    """Return the options; a value that is none of them is one more, chosen, so that nothing is lost by saving."""
    known = chosen in {value for value, _ in choices}
    more = () if known or not chosen else ((chosen, chosen),)
    pieces = (
        format_html('<option value="{}"{}>{}</option>', value, _SELECTED if value == chosen else "", label)
        for value, label in (*choices, *more)
    )
    return mark_safe("".join(pieces))  # noqa: S308 - made of escaped pieces


_SELECTED = mark_safe(" selected")  # a constant, of which nothing comes from outside
