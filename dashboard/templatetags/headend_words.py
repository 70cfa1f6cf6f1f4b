"""Draw the cells of the table of words: a template for each of a page's hundreds is most of what the page takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import template
from django.utils.html import escape
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from dashboard.options import drawn
from orchestration.words.answers import PublicationWords

register = template.Library()

LONG = frozenset({"description"})
MOST_CHARACTERS = 160


@register.simple_tag
def word_cells(row: PublicationWords, cells: Sequence[dict[str, Any]], editable: bool) -> SafeString:
    """Draw what one publication says: fields to fill in, each with what holds where it is empty, or text."""
    whose = escape(f"{row.video} on {row.channel}")
    return SafeString(
        "".join(
            f'<td data-label="{escape(cell["label"])}">'
            f"{_field(row, cell, whose) if editable and not row.locked else _text(cell)}</td>"
            for cell in cells
        )
    )


def _text(cell: dict[str, Any]) -> str:
    return f'<span class="clip" title="{escape(cell["origin"])}" dir="auto">{escape(_short(cell["holds"]))}</span>'


def _field(row: PublicationWords, cell: dict[str, Any], whose: str) -> str:
    value, holds, origin = escape(cell["value"]), cell["holds"], escape(cell["origin"])
    names = f'name="{cell["name"]}-{row.distribution_id}" aria-label="{escape(cell["label"])} of {whose}" title="{origin}"'
    if cell["name"] in LONG:
        return f'<textarea {names} rows="2" placeholder="{escape(_short(holds))}">{value}</textarea>'
    if cell["choices"]:
        nothing = f'<option value="">{escape(holds)} ({origin})</option>'
        return f"<select {names}>{nothing}{drawn(cell['choices'], cell['value'])}</select>"
    return f'<input {names} value="{value}" placeholder="{escape(holds)}">'


def _short(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else Truncator(text).chars(MOST_CHARACTERS)
