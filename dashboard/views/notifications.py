"""Show who is told what and what was sent, and change it."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from dashboard.actions import act, act_on_typed, done, page, reason_of, refuse, service
from dashboard.addresses import reverse
from dashboard.filters import filters_of, first
from dashboard.forms import sentence_of
from dashboard.listing import page_of
from dashboard.live_pages import show
from dashboard.notify_forms import AddressForm, NewAddressForm, RuleForm, SilenceForm, hours_ahead
from dashboard.picking import filter_picker
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.lists import NotificationFilters
from orchestration.models import Notification, NotificationAddress, NotificationRule
from orchestration.models.notify import NotificationKind, NotificationOutcome

LOG_FILTERS = ("kind", "outcome", "address_id", "channel_id", "cause", "q", "channels", "group", "label")


def _home() -> str:
    return reverse("dashboard:notifications")


@page
def notifications(request: HttpRequest) -> HttpResponse:
    """Show addresses, rules and silences, and what stands and is told."""
    return show(
        request,
        "notifications.html",
        {
            "board": service(request).get_notification_board(),
            "address_form": NewAddressForm(),
            "silence_form": SilenceForm(),
        },
    )


@page
def notification_log(request: HttpRequest) -> HttpResponse:
    """List what was sent, what waits, and what did not arrive and why."""
    filters = filters_of(request, NotificationFilters, LOG_FILTERS)
    rows = filters.filter(Notification.objects.select_related("channel", "address"))
    return show(
        request,
        "notification_log.html",
        {
            "page": page_of(request, rows.order_by("-id")),
            "kind": first(filters.kind),
            "kinds": NotificationKind.choices,
            "outcome": first(filters.outcome),
            "outcomes": NotificationOutcome.choices,
            "address": first(filters.address_id),
            "addresses": NotificationAddress.objects.order_by("name"),
            "cause": filters.cause or "",
            "picker": filter_picker(request, filters),
            "q": filters.q or "",
        },
    )


# ------------------------------------------------------------------------------------------------------------ addresses


@require_POST
def address_add(request: HttpRequest) -> HttpResponse:
    """Enter an address."""
    form = NewAddressForm(request.POST)
    return act_on_typed(
        request,
        form,
        lambda: service(request).add_notification_address(**form.cleaned_data),
        lambda row: f"{row.name} is entered; test it before a rule relies on it.",
        to=_home(),
    )


@page
def notification_address(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an address, to be changed."""
    row = get_object_or_404(NotificationAddress, pk=pk)
    return show(
        request,
        "notification_address.html",
        {
            "row": row,
            "form": AddressForm(initial={"name": row.name}),
            "latest": row.notifications.order_by("-id")[:15],
        },
    )


@require_POST
def address_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Give an address another name, or another address."""
    form = AddressForm(request.POST)
    return act_on_typed(
        request,
        form,
        lambda: service(request).change_notification_address(
            address_id=pk, name=form.cleaned_data["name"], url=form.cleaned_data["url"] or None
        ),
        lambda row: f"{row.name} is changed.",
        to=_home(),
    )


def _switch(request: HttpRequest, pk: int, enabled: bool, outcome: str) -> HttpResponse:
    return act(
        request,
        lambda: service(request).change_notification_address(address_id=pk, enabled=enabled),
        lambda row: f"{row.name} {outcome}",
        to=_home(),
    )


@require_POST
def address_enable(request: HttpRequest, pk: int) -> HttpResponse:
    """Let messages go to an address again."""
    return _switch(request, pk, True, "is switched on.")


@require_POST
def address_disable(request: HttpRequest, pk: int) -> HttpResponse:
    """Let nothing go to an address."""
    return _switch(request, pk, False, "is switched off; what waits for it is not sent.")


@require_POST
def address_test(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a test now, and show what became of it."""
    try:
        row = service(request).test_notification_address(address_id=pk)
    except OrchestrationError as error:
        return refuse(request, error, _home())
    if row.outcome != NotificationOutcome.SENT:
        return refuse(
            request, InvalidRequest(f"The test did not reach {row.address_name}: {row.error}"), _home()
        )
    return done(request, f"The test went to {row.address_name}.", to=_home())


@require_POST
def address_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove an address."""
    return act(
        request,
        lambda: service(request).remove_notification_address(address_id=pk, reason=reason_of(request)),
        "The address is removed; what waited for it is not sent.",
        to=_home(),
    )


# ---------------------------------------------------------------------------------------------------------------- rules


@page
def rule_new(request: HttpRequest) -> HttpResponse:
    """Show the form of a new rule."""
    return show(request, "notification_rule.html", {"form": RuleForm(), "row": None})


@page
def notification_rule(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a rule, to be changed."""
    row = get_object_or_404(
        NotificationRule.objects.prefetch_related("addresses", "channels", "groups", "labels"), pk=pk
    )
    return show(request, "notification_rule.html", {"form": RuleForm.of(row), "row": row})


@require_POST
def rule_add(request: HttpRequest) -> HttpResponse:
    """Enter a rule."""
    form = RuleForm(request.POST)
    return act_on_typed(
        request,
        form,
        lambda: service(request).add_notification_rule(values=form.values()),
        lambda row: f"The rule {row.name} holds from now on.",
        to=_home(),
    )


@require_POST
def rule_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a rule all its values anew."""
    form = RuleForm(request.POST)
    return act_on_typed(
        request,
        form,
        lambda: service(request).change_notification_rule(rule_id=pk, values=form.values()),
        lambda row: f"The rule {row.name} is changed.",
        to=_home(),
    )


@require_POST
def rule_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a rule."""
    return act(
        request,
        lambda: service(request).remove_notification_rule(rule_id=pk, reason=reason_of(request)),
        "The rule is removed.",
        to=_home(),
    )


# ------------------------------------------------------------------------------------------------------------- silences


@require_POST
def silence_add(request: HttpRequest) -> HttpResponse:
    """Begin a silence: typed, or for so many hours by the button beside what stands."""
    if until := hours_ahead(request.POST.get("hours", "")):
        given: dict[str, Any] = {
            "until": until,
            "cause": request.POST.get("cause", ""),
            "reason": reason_of(request),
        }
    else:
        form = SilenceForm(request.POST)
        if not form.is_valid():
            return refuse(request, InvalidRequest(sentence_of(form)), _home())
        given = {name: form.cleaned_data[name] for name in ("kind", "until", "reason")}
        given |= form.about()
    return act(
        request,
        lambda: service(request).add_silence(**given),
        lambda row: f"Silent until {row.until:%Y-%m-%d %H:%M} UTC; what stands then is told then.",
        to=_home(),
    )


@require_POST
def silence_end(request: HttpRequest, pk: int) -> HttpResponse:
    """End a silence now."""
    return act(
        request,
        lambda: service(request).end_silence(silence_id=pk, reason=reason_of(request)),
        "The silence is over; what stands is told at the next look.",
        to=_home(),
    )
