"""Show pools and leases, and pause, resume or release them."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from dashboard.actions import act, page, reason_of, service
from dashboard.addresses import reverse
from dashboard.live_pages import show
from orchestration.models import Job, Pool
from orchestration.states import (
    JobState,
)

MOST_WAITING = 50


@page
def pools(request: HttpRequest) -> HttpResponse:
    """Show who holds what, since when, and who waits for it and why."""
    waiting = (
        Job.objects.open()
        .exclude(waits_for="")
        .exclude(state=JobState.RUNNING)
        .select_related("channel", "video", "source")
        .order_by("-priority", "run_at", "id")
    )
    first = list(waiting[:MOST_WAITING])
    return show(
        request,
        "pools.html",
        {
            "disk": service(request).get_disk(),
            "pools": service(request).get_pools(),
            "waiting": first,
            "waiting_count": len(first) if len(first) < MOST_WAITING else waiting.count(),
        },
    )


def _change_pool(request: HttpRequest, pk: int, method: str, message: str) -> HttpResponse:
    row = get_object_or_404(Pool, pk=pk)
    call = getattr(service(request), method)
    return act(
        request,
        lambda: call(pool_id=pk, reason=reason_of(request)),
        message.format(label=row.label),
        to=reverse("dashboard:pools"),
    )


@require_POST
def pool_pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Take nothing new from a pool."""
    return _change_pool(request, pk, "pause_pool", "{label}: paused, nothing new is taken from it.")


@require_POST
def pool_resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a pool be used again."""
    return _change_pool(request, pk, "resume_pool", "{label}: in use again.")


@require_POST
def lease_release(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a resource back from its holder."""
    return act(
        request,
        lambda: service(request).release_lease(lease_id=pk, reason=reason_of(request)),
        lambda lease: f"Taken back from {lease.holder}; its job is asked to stop.",
        to=reverse("dashboard:pools"),
    )
