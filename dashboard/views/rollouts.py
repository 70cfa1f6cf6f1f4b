"""Show rollouts of configurations, let them go on and stop them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from dashboard.actions import act, page, reason_of, service
from dashboard.live_pages import show
from orchestration.results.repositories import RolloutReport

SHOWN = 20


@page
def rollouts(request: HttpRequest) -> HttpResponse:
    """List the latest rollouts, each with its cohorts."""
    return show(request, "rollouts.html", {"rollouts": service(request).get_rollouts()[:SHOWN]})


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
