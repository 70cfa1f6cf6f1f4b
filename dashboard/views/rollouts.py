"""Begin rollouts of configurations, show them, let them go on and stop them."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST

from dashboard.actions import act, by_htmx, done, page, reason_of, refuse, service
from dashboard.addresses import reverse
from dashboard.forms import RolloutForm, sentence_of
from dashboard.live_pages import own_address, show
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.results.repositories import RolloutReport

SHOWN = 20
MOST_FORESEEN = 100


@page
def rollouts(request: HttpRequest) -> HttpResponse:
    """List the latest rollouts, each with its cohorts."""
    return _show(request, {"form": RolloutForm(initial={"cohort_size": 10})})


def _show(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    return show(request, "rollouts.html", {"rollouts": service(request).get_rollouts()[:SHOWN], **context})


@require_POST
def rollout_preview(request: HttpRequest) -> HttpResponse:
    """Show which channels have something to write, and in which cohort each would be."""
    form = RolloutForm(request.POST)
    context: dict[str, Any] = {"form": form}
    try:
        if not form.is_valid():
            raise InvalidRequest(sentence_of(form))
        foreseen = service(request).sync_channel_configs(**form.arguments(), dry_run=True).outcomes
        changed = sorted(
            (one for one in foreseen if one.cohort is not None),
            key=lambda one: (one.cohort, one.channel.name),
        )
        context |= {
            "foreseen": changed[:MOST_FORESEEN],
            "count": len(changed),
            "cohorts": len(Counter(one.cohort for one in changed)),
            "others": len(foreseen) - len(changed),
        }
    except OrchestrationError as error:
        context["refusal"] = error
    if by_htmx(request):
        return render(
            request, "parts/rollout_foreseen.html", {**context, "screen": {"address": own_address(request)}}
        )
    return _show(request, context)


@require_POST
def rollout_begin(request: HttpRequest) -> HttpResponse:
    """Begin it."""
    form, to = RolloutForm(request.POST), reverse("dashboard:rollouts")
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), to)
    try:
        begun = service(request).sync_channel_configs(**form.arguments())
    except OrchestrationError as error:
        return refuse(request, error, to)
    if begun.rollout_id is None:
        return done(request, "Nothing has to be written: no configuration changed.", to=to)
    return done(request, f"Rollout {begun.rollout_id} has begun.", to=to, leave=True)


def _outcome(row: RolloutReport) -> str:
    return f"Rollout {row.id} is {row.state}."


@require_POST
def rollout_continue(request: HttpRequest, pk: int) -> HttpResponse:
    """Sync once more what failed, and go on."""
    return act(
        request,
        lambda: service(request).continue_rollout(rollout_id=pk, reason=reason_of(request)),
        _outcome,
        to=reverse("dashboard:rollouts"),
    )


@require_POST
def rollout_stop(request: HttpRequest, pk: int) -> HttpResponse:
    """Let no other channel follow."""
    return act(
        request,
        lambda: service(request).stop_rollout(rollout_id=pk, reason=reason_of(request)),
        _outcome,
        to=reverse("dashboard:rollouts"),
    )
