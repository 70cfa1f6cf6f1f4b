"""Show a page, or only its living part if the page asks again; answer 204 when that part has not changed.

A page template extends `screen.base` and wraps what lives into `{% live %}`. The first answer is the whole page; the
page then asks for itself with `?version=…`, and the same template gives the living part alone. The version is a hash
of what would be shown, so it changes exactly when the screen does.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone

from dashboard.doors import service
from dashboard.navigation import navigation_of
from orchestration.results import SystemReport
from orchestration.states import SystemStatus

VERSION_PARAMETER = "version"
_TOKEN = re.compile(r'(name="csrfmiddlewaretoken" value=")[^"]*')


@dataclass(frozen=True, slots=True)
class SystemBar:
    """The switch, as every page shows it."""

    report: SystemReport

    @property
    def busy(self) -> bool:
        """Say whether anything may change by itself, so that it is worth looking often."""
        return self.report.state != SystemStatus.STOPPED or self.report.running_jobs > 0


def version_of(html: str) -> str:
    """Return a hash of what a person would see; CSRF tokens differ in every answer and do not count."""
    return hashlib.sha256(_TOKEN.sub(r"\1", html).encode()).hexdigest()[:20]


def asks_for_living_part(request: HttpRequest) -> bool:
    """Say whether an open page asks whether anything changed."""
    return request.method == "GET" and VERSION_PARAMETER in request.GET


def own_address(request: HttpRequest) -> str:
    """Return the address of the page itself, without the version that it was asked with."""
    query = request.GET.copy()
    query.pop(VERSION_PARAMETER, None)
    return f"{request.path}?{query.urlencode()}" if query else request.path


def show(
    request: HttpRequest, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """Render a page, its living part, or nothing (204) if the living part is still what the page shows."""
    living = asks_for_living_part(request)
    screen: dict[str, Any] = {
        "base": "living.html" if living else "page.html",
        "address": own_address(request),
        "version": "",
    }
    values = {**(context or {}), "screen": screen}
    if not living:
        screen["navigation"] = navigation_of(request)
        screen["now_ms"] = round(timezone.now().timestamp() * 1000)
        values.setdefault("system", SystemBar(service(request).get_status()))
    html = render_to_string(template, values, request)
    if living and request.GET[VERSION_PARAMETER] == screen["version"]:
        response = HttpResponse(status=204)
    else:
        response = HttpResponse(html, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response
