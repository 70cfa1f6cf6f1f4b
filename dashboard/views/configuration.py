"""Give the whole configuration as a file, show what one would change, and apply it as it was shown."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from dashboard.actions import act, page, reason_of, refuse, service
from dashboard.live_pages import show
from dashboard.sent_file import text_of
from orchestration.api.configuration import file_of
from orchestration.as_code.yaml_text import MOST_CHARACTERS
from orchestration.errors import OrchestrationError
from orchestration.models import ApiToken


def _home() -> str:
    return reverse("dashboard:configuration")


@page
def configuration(request: HttpRequest) -> HttpResponse:
    """Show how the configuration is given and taken."""
    service(request).actor.require(ApiToken.Scope.ADMIN, "the configuration as a file")
    return show(request, "configuration.html", {})


@require_GET
def configuration_export(request: HttpRequest) -> HttpResponse:
    """Give the configuration as YAML."""
    try:
        return file_of(service(request).export_configuration())
    except OrchestrationError as error:
        return refuse(request, error, reverse("dashboard:overview"))


def _text(request: HttpRequest) -> str:
    """Return the file with line ends as they are counted. Raises: InvalidRequest."""
    return text_of(request, most=MOST_CHARACTERS).replace("\r\n", "\n")


def _prune(request: HttpRequest) -> bool:
    return request.POST.get("prune") == "on"


@require_POST
def configuration_preview(request: HttpRequest) -> HttpResponse:
    """Show what a file would change."""
    try:
        text = _text(request)
        made = service(request).preview_configuration(text=text, prune=_prune(request))
    except OrchestrationError as error:
        return refuse(request, error, _home())
    shown = [
        (change, [(each.field, _said(each.before), _said(each.after)) for each in change.fields])
        for change in made.changes
    ]
    return show(
        request, "configuration.html", {"made": made, "shown": shown, "text": text, "prune": _prune(request)}
    )


def _said(value: Any) -> str:
    return "none" if value is None else json.dumps(value, ensure_ascii=False)


@require_POST
def configuration_apply(request: HttpRequest) -> HttpResponse:
    """Apply a file as it was shown, or nothing of it."""
    return act(
        request,
        lambda: service(request).apply_configuration(
            text=_text(request),
            digest=request.POST.get("digest", ""),
            prune=_prune(request),
            reason=reason_of(request),
        ),
        lambda made: f"The configuration is applied: {made.summary}.",
        to=_home(),
    )
