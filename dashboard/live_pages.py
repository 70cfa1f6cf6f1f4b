"""Show a page, or only its live part if the page asks again; answer 204 when that part has not changed.

A page template extends `screen.base` and wraps what is live into `{% live %}`. The first answer is the whole page; the
page then asks for itself with `?version=…`, and the same template gives the live part alone. What it asks with is a ticket
(`dashboard/tickets.py`): as long as no row of what the page was made of has changed, it is answered before any page is made
(`Polls` in `config/middleware.py`). Otherwise the part is made and compared with what the page shows, by its hash.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from django import template
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.base import FilterExpression, NodeList
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from dashboard import tickets
from dashboard.actions import service
from dashboard.navigation import navigation_of
from dashboard.system_bar import bar_for
from orchestration.core import readings

_TOKEN = re.compile(r'(name="csrfmiddlewaretoken" value=")[^"]*')


def version_of(html: str) -> str:
    """Return a hash of what a person would see; CSRF tokens differ in every answer and do not count."""
    return hashlib.sha256(_TOKEN.sub(r"\1", html).encode()).hexdigest()[:20]


def asks_for_live_part(request: HttpRequest) -> bool:
    """Return whether an open page asks whether anything changed."""
    return request.method == "GET" and tickets.PARAMETER in request.GET


def own_address(request: HttpRequest) -> str:
    """Return the address of the page itself, without the version that it was asked with."""
    query = request.GET.copy()
    query.pop(tickets.PARAMETER, None)
    return f"{request.path}?{query.urlencode()}" if query else request.path


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """Render a page, its live part, or nothing (204) if the live part is still what the page shows."""
    live = asks_for_live_part(request)
    screen: dict[str, Any] = {
        "base": "live.html" if live else "page.html",
        "address": own_address(request),
        "version": "",
        "session": request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""),
        "readings": {},
    }
    values = {**(context or {}), "screen": screen}
    if not live:
        screen["release"] = settings.HEADEND_VERSION
        screen["navigation"] = navigation_of(request)
        screen["now_ms"] = round(timezone.now().timestamp() * 1000)
        if "system" not in values:
            values["system"], screen["readings"]["system"] = bar_for(service(request))
    html = render_to_string(template, values, request)
    if live and tickets.shown_by(request.GET[tickets.PARAMETER]) == screen["version"]:
        response = HttpResponse(status=204)
        response.headers[tickets.HEADER] = screen["ticket"]
    else:
        response = HttpResponse(html, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


class LiveNode(template.Node):
    """The live part of a page, with the version that the page will ask with."""

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
        name = self.name.resolve(context) if self.name else "live"
        address = self.address.resolve(context) if self.address else screen["address"]
        screen["version"] = version = version_of(html)
        screen["ticket"] = ticket = tickets.write(
            version,
            screen["readings"].get(name, readings.current()),
            session=screen["session"],
            address=address,
        )
        separator = "&" if "?" in address else "?"
        pace = "2000" if self.busy is None or self.busy.resolve(context) else "10000"
        return format_html(
            '<div id="{}" data-pace="{}" data-version="{}" hx-get="{}" hx-trigger="headend:poll" '
            'hx-swap="outerMorph" hx-status:4xx="swap:none">{}</div>',
            name,
            pace,
            version,
            f"{address}{separator}{tickets.PARAMETER}={ticket}",
            SafeString(html),
        )
