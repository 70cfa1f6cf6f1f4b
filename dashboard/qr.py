"""Draw a QR code as a picture in the page: nothing is sent to another host, and no style is needed."""

from __future__ import annotations

import segno
from django.utils.safestring import SafeString, mark_safe


def drawn(text: str) -> SafeString:
    """Return an SVG of a text, dark on light in either theme, as cameras want it."""
    svg: str = segno.make(text, error="m").svg_inline(
        scale=5, border=3, dark="#000", light="#fff", omitsize=True
    )
    return mark_safe(svg)  # noqa: S308 - segno's own shapes: the text is in them as black squares only
