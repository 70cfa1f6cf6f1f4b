"""Do what a button asks for: call the service as the user who pressed it, and say what became of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol, cast
from urllib.parse import urlsplit, urlunsplit

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import Resolver404, resolve
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from dashboard.field_words import refusal_words
from dashboard.forms import sentence_of
from dashboard.listing import id_of
from orchestration.below import within
from orchestration.core import readings
from orchestration.core.permissions import Actor
from orchestration.errors import InvalidRequest, NotFound, NotPermitted, OrchestrationError
from orchestration.service import CentralOrchestrationService
from orchestration.states import Trigger
from orchestration.text import plain_line

UNDO = "undo-"
"""Before a correlation id among a message's tags."""


def service(request: HttpRequest) -> CentralOrchestrationService:
    """Return the service, acting as the user of this request."""
    door = CentralOrchestrationService(actor=Actor.of_user(request.user), trigger=Trigger.BUTTON)
    request.acted_under = door.correlation_id  # type: ignore[attr-defined]
    return door


class _HtmxRequest(HttpRequest):
    htmx: HtmxDetails


def by_htmx(request: HttpRequest) -> bool:
    """Return whether htmx asks, and so takes a part of a page."""
    return bool(cast(_HtmxRequest, request).htmx)


class _Page(Protocol):
    is_page: bool

    def __call__(self, request: HttpRequest, /, *args: Any, **kwargs: Any) -> HttpResponseBase: ...


def page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Mark a view as a page: it takes GET, one may be led back to it, and a refusal of the service is a page, too.

    What it reads makes its version (`orchestration/core/readings.py`).
    """

    @wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            with readings.reading():
                return view(request, *args, **kwargs)
        except NotPermitted as error:
            raise PermissionDenied(error.message) from error
        except NotFound as error:
            raise Http404(error.message) from error

    guarded = cast(_Page, require_GET(shown))
    guarded.is_page = True
    return guarded


def where_from(request: HttpRequest, fallback: str) -> str:
    """Return the page that a form was on, if it is one of ours that can be opened again."""
    address = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    ):
        return fallback
    parts = urlsplit(address)
    try:
        view = resolve(within(parts.path)).func
    except Resolver404:
        return fallback
    return urlunsplit(("", "", parts.path, parts.query, "")) if getattr(view, "is_page", False) else fallback


def say(
    request: HttpRequest, text: str, *, level: str = "success", status: int = 200, undo: str = ""
) -> HttpResponse:
    """Show one sentence in the message area of the page that is open, and have the page look again at once."""
    response = render(
        request,
        "parts/message.html",
        {"text": text, "level": level, "status": status, "undo": undo},
        status=status,
    )
    response.headers["HX-Trigger"] = "headend:look"
    return response


def refuse(request: HttpRequest, error: OrchestrationError, fallback: str) -> HttpResponse:
    """Show the fact that stands against what was asked, and what could be had instead."""
    text = refusal_words(error)
    offers = [offer["sentence"] for offer in error.details.get("alternatives", ())]
    text += f" Possible instead: {'; '.join(offers)}." if offers else ""
    if by_htmx(request):
        return say(request, text, level="error", status=error.status)
    messages.error(request, text)
    return redirect(where_from(request, fallback))


def done(request: HttpRequest, text: str, *, to: str, leave: bool = False, undo: str = "") -> HttpResponse:
    """Show what was done: on the open page, or on `to` if the operator is led away (`leave`, or no JavaScript).

    With the correlation id of an action in `undo` the message offers to take it back, where there is a way.
    """
    if undo and not service(request).can_undo(correlation_id=undo):
        undo = ""
    if by_htmx(request) and not leave:
        return say(request, text, undo=undo)
    messages.success(request, text, extra_tags=f"{UNDO}{undo}" if undo else "")
    if by_htmx(request):
        return HttpResponseClientRedirect(to)
    return redirect(to if leave else where_from(request, to))


def act(
    request: HttpRequest,
    call: Callable[[], Any],
    outcome: str | Callable[[Any], str],
    *,
    to: str,
    leave: bool = False,
    undo: bool = False,
) -> HttpResponse:
    """Call one method of the service and show its outcome, or its refusal, to whoever pressed the button.

    With `undo` the message offers to take it back; with `leave` it is shown on `to` in any case.
    """
    try:
        result = call()
    except OrchestrationError as error:
        return refuse(request, error, to)
    cid = getattr(request, "acted_under", "") if undo else ""
    return done(request, outcome(result) if callable(outcome) else outcome, to=to, leave=leave, undo=cid)


def act_on_typed(
    request: HttpRequest, form: Form, call: Callable[[], Any], outcome: Callable[[Any], str], *, to: str
) -> HttpResponse:
    """Hand what was typed to the service, and lead to a fresh page: what was typed does not stay in the fields.

    `call` takes its values from the form; it is not called when they do not fit.
    """
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), to)
    return act(request, call, outcome, to=to, leave=True)


def version_of(request: HttpRequest) -> int | None:
    """Return the version of the row that the page showed when a button on it was pressed; None where it said none."""
    return id_of(request.POST.get("version", ""))


def reason_of(request: HttpRequest) -> str:
    """Return the reason that was typed beside a button, as one line that any column holds."""
    return plain_line(request.POST.get("reason", ""))[:300]
