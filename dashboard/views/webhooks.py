"""Show where events are sent and what became of them, and change it; administrators only."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from dashboard.actions import act, act_on_typed, done, page, reason_of, refuse, service
from dashboard.addresses import reverse
from dashboard.filters import filters_of, first
from dashboard.forms import sentence_of
from dashboard.hook_forms import ChangedEndpointForm, EndpointForm, ResendForm, SecretForm
from dashboard.listing import page_of
from dashboard.live_pages import show
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.lists import DeliveryFilters
from orchestration.models.webhooks import DeliveryOutcome
from orchestration.webhooks import deliveries, endpoints

LOG_FILTERS = ("endpoint_id", "outcome", "type", "q")


def _home() -> str:
    return reverse("dashboard:webhooks")


def _of(pk: int) -> str:
    return reverse("dashboard:webhook", args=[pk])


@page
def webhooks(request: HttpRequest) -> HttpResponse:
    """List the endpoints, with how each answers."""
    rows = service(request).get_webhook_endpoints()
    return show(request, "webhooks.html", {"endpoints": rows, "form": EndpointForm()})


@page
def webhook(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an endpoint: how it answers, and what may be changed."""
    row = service(request).get_webhook_endpoint(endpoint_id=pk)
    return show(
        request,
        "webhook.html",
        {
            "row": row,
            "waiting": endpoints.waiting(row),
            "form": ChangedEndpointForm.of(row),
            "secret_form": SecretForm(),
            "resend_form": ResendForm(),
            "latest": row.deliveries.select_related("endpoint").order_by("-id")[:15],
        },
    )


@page
def webhook_deliveries(request: HttpRequest) -> HttpResponse:
    """List what was sent, what waits, and what did not arrive and why."""
    filters = filters_of(request, DeliveryFilters, LOG_FILTERS)
    found = service(request)
    return show(
        request,
        "webhook_deliveries.html",
        {
            "page": page_of(request, filters.filter(found.get_webhook_deliveries())),
            "endpoint": first(filters.endpoint_id),
            "endpoints": found.get_webhook_endpoints(),
            "outcome": first(filters.outcome),
            "outcomes": DeliveryOutcome.choices,
            "type": filters.type or "",
            "q": filters.q or "",
        },
    )


@page
def webhook_delivery(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one event at one endpoint: each try, and what is sent."""
    row = service(request).get_webhook_delivery(delivery_id=pk)
    body = deliveries.body_of(row)
    return show(request, "webhook_delivery.html", {"row": row, "body": (body or b"").decode()})


@require_POST
def webhook_add(request: HttpRequest) -> HttpResponse:
    """Enter an endpoint and show its secret this once: the answer is the page, and is kept by no browser."""
    form = EndpointForm(request.POST)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), _home())
    try:
        row, secret = service(request).add_webhook_endpoint(**form.values())
    except OrchestrationError as error:
        return refuse(request, error, _home())
    return show(request, "webhook_secret.html", {"row": row, "secret": secret})


@require_POST
def webhook_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Change an endpoint."""
    form = ChangedEndpointForm(request.POST)
    return act_on_typed(
        request,
        form,
        lambda: service(request).change_webhook_endpoint(endpoint_id=pk, **form.values()),
        lambda row: f"{row.name} is changed.",
        to=_of(pk),
    )


def _switch(request: HttpRequest, pk: int, enabled: bool, outcome: str) -> HttpResponse:
    return act(
        request,
        lambda: service(request).change_webhook_endpoint(endpoint_id=pk, enabled=enabled),
        lambda row: f"{row.name} {outcome}",
        to=_of(pk),
    )


@require_POST
def webhook_enable(request: HttpRequest, pk: int) -> HttpResponse:
    """Send to an endpoint again, what happens from now on."""
    return _switch(request, pk, True, "is switched on: it hears what happens from now on.")


@require_POST
def webhook_disable(request: HttpRequest, pk: int) -> HttpResponse:
    """Send nothing to an endpoint."""
    return _switch(request, pk, False, "is switched off; what waited for it is not sent.")


@require_POST
def webhook_rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Give an endpoint another secret and show it this once."""
    form = SecretForm(request.POST)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), _of(pk))
    try:
        row, secret = service(request).rotate_webhook_secret(
            endpoint_id=pk, overlap_hours=form.cleaned_data["overlap_hours"], reason=reason_of(request)
        )
    except OrchestrationError as error:
        return refuse(request, error, _of(pk))
    return show(request, "webhook_secret.html", {"row": row, "secret": secret})


@require_POST
def webhook_test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a test now, and show what became of it."""
    try:
        row = service(request).test_webhook_endpoint(endpoint_id=pk)
    except OrchestrationError as error:
        return refuse(request, error, _of(pk))
    if row.outcome != DeliveryOutcome.DELIVERED:
        return refuse(request, InvalidRequest(f"The test did not reach {row.endpoint}: {row.error}"), _of(pk))
    return done(request, f"The test went to {row.endpoint}.", to=_of(pk))


@require_POST
def webhook_resend(request: HttpRequest, pk: int) -> HttpResponse:
    """Send everything anew since an instant."""
    form = ResendForm(request.POST)
    return act_on_typed(
        request,
        form,
        lambda: service(request).resend_webhook_events(endpoint_id=pk, since=form.cleaned_data["since"]),
        lambda row: f"{row.name} is sent everything since then anew.",
        to=_of(pk),
    )


@require_POST
def webhook_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove an endpoint with its log."""
    return act(
        request,
        lambda: service(request).remove_webhook_endpoint(endpoint_id=pk, reason=reason_of(request)),
        "The endpoint is removed; what waited for it is not sent.",
        to=_home(),
    )


@require_POST
def webhook_delivery_resend(request: HttpRequest, pk: int) -> HttpResponse:
    """Send one event once more."""
    return act(
        request,
        lambda: service(request).resend_webhook_delivery(delivery_id=pk),
        "It is sent once more within seconds.",
        to=reverse("dashboard:webhook_deliveries"),
    )
