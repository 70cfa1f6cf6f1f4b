"""Render the living part of a page: what the page asks for again, under the version that it shows."""

from __future__ import annotations

from django import template
from django.template.base import FilterExpression, NodeList
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard.screens import VERSION_PARAMETER, version_of


class LiveNode(template.Node):
    """The living part of a page, with the version that the page will ask with."""

    def __init__(
        self,
        nodelist: NodeList,
        busy: FilterExpression | None,
        name: FilterExpression | None,
        address: FilterExpression | None,
    ) -> None:
        self.nodelist = nodelist
        self.busy = busy
        self.name = name
        self.address = address

    def render(self, context: template.Context) -> SafeString:
        """Render the part and put its version on it."""
        html = self.nodelist.render(context)
        screen = context["screen"]
        screen["version"] = version = version_of(html)
        address = self.address.resolve(context) if self.address else screen["address"]
        separator = "&" if "?" in address else "?"
        pace = "2000" if self.busy is None or self.busy.resolve(context) else "10000"
        return format_html(
            '<div id="{}" data-pace="{}" data-version="{}" hx-get="{}" hx-trigger="headend:poll" '
            'hx-swap="outerMorph" hx-status:4xx="swap:none">{}</div>',
            self.name.resolve(context) if self.name else "live",
            pace,
            version,
            f"{address}{separator}{VERSION_PARAMETER}={version}",
            SafeString(html),
        )
