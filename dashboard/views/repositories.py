"""Do what the buttons about a channel's repository ask for."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from channels.gateways.errors import RemoteError
from channels.models import Channel
from dashboard.actions import act, done, page, reason_of, refuse, service
from dashboard.addresses import reverse
from dashboard.live_pages import show
from orchestration.errors import InvalidRequest, OrchestrationError


def _page(slug: str) -> str:
    return reverse("dashboard:channel", args=[slug])


@require_POST
def channel_acknowledge_public(request: HttpRequest, slug: str) -> HttpResponse:
    """Acknowledge that a channel's repository is public, or take that back."""
    row = get_object_or_404(Channel, slug=slug)
    withdraw = request.POST.get("withdraw") == "1"
    return act(
        request,
        lambda: service(request).acknowledge_public_repository(
            channel_id=row.pk, reason=reason_of(request), withdraw=withdraw
        ),
        f"{row.repository} may stage only while it is private."
        if withdraw
        else f"{row.repository} stages although it is public.",
        to=_page(slug),
    )


@require_POST
def channel_resolve_drift(request: HttpRequest, slug: str) -> HttpResponse:
    """Say whose version counts of what was changed by hand in a channel's repository."""
    row = get_object_or_404(Channel, slug=slug)
    way = request.POST.get("way", "")
    outcome = "Ours is written again." if way == "overwrite" else "Theirs is taken."
    return act(
        request,
        lambda: service(request).resolve_repository_drift(
            channel_id=row.pk, way=way, reason=reason_of(request)
        ),
        outcome,
        to=_page(slug),
    )


@page
def channel_provision(request: HttpRequest, slug: str) -> HttpResponse:
    """Show what giving a channel a repository would write there, once one is named."""
    row = get_object_or_404(Channel, slug=slug)
    name, create = request.GET.get("repository", "").strip(), request.GET.get("create") == "1"
    plan, refusal = None, ""
    if name:
        try:
            plan = service(request).provision_repository(
                channel_id=row.pk, repository=name, create=create, dry_run=True
            )
        except (OrchestrationError, RemoteError) as error:
            refusal = str(error)
    context = {
        "channel": row,
        "name": name or row.repository,
        "create": create,
        "plan": plan,
        "refusal": refusal,
    }
    return show(request, "provision.html", context)


@require_POST
def channel_give(request: HttpRequest, slug: str) -> HttpResponse:
    """Create or adopt a channel's repository, as the page showed it."""
    row = get_object_or_404(Channel, slug=slug)
    try:
        plan = service(request).provision_repository(
            channel_id=row.pk,
            repository=request.POST.get("repository", ""),
            create=request.POST.get("create") == "1",
            reason=reason_of(request),
        )
    except OrchestrationError as error:
        return refuse(request, error, _page(slug))
    except RemoteError as error:
        return refuse(request, InvalidRequest(str(error), field="repository"), _page(slug))
    return done(request, f"{plan.repository} is being written.", to=_page(slug), leave=True)
