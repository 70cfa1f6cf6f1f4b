"""Save the filters of a list under a name, change and remove what was saved."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch
from django.views.decorators.http import require_POST

from dashboard.actions import act, done, refuse, service, where_from
from dashboard.addresses import reverse
from orchestration.errors import OrchestrationError
from orchestration.models import SavedView
from orchestration.text import plain_line


def _list_of(page: str) -> str:
    try:
        return reverse(f"dashboard:{page}")
    except NoReverseMatch:
        return reverse("dashboard:overview")


def _name(request: HttpRequest) -> str:
    return plain_line(request.POST.get("name", ""))


def _opened(row: SavedView) -> str:
    return _list_of(row.page) + (f"?{row.query}" if row.query else "")


@require_POST
def view_add(request: HttpRequest) -> HttpResponse:
    """Save the filters of a list under a name."""
    page = request.POST.get("page", "").replace("\x00", "")
    try:
        row = service(request).add_saved_view(
            page=page,
            name=_name(request),
            query=request.POST.get("query", ""),
            shared=request.POST.get("shared") == "1",
        )
    except OrchestrationError as error:
        return refuse(request, error, _list_of(page))
    return done(request, f"Saved as {row.name}.", to=_opened(row), leave=True)


@require_POST
def view_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a view another name, share it or keep it."""
    shared = request.POST.get("shared") == "1"
    try:
        row = service(request).change_saved_view(view_id=pk, name=_name(request), shared=shared)
    except OrchestrationError as error:
        return refuse(request, error, reverse("dashboard:overview"))
    return done(request, f"{row.name} is changed.", to=_opened(row), leave=True)


@require_POST
def view_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a view."""
    return act(
        request,
        lambda: service(request).remove_saved_view(view_id=pk),
        "The view is removed.",
        to=where_from(request, reverse("dashboard:overview")),
    )
