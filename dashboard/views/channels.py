"""List the channels, and do what the buttons of one or all ask for."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from channels.models import Channel
from channels.states import ChannelHealth, ChannelState, Executor
from dashboard import bulk, channel_list
from dashboard.actions import act, done, page, reason_of, refuse, service, version_of
from dashboard.addresses import reverse
from dashboard.filters import filters_of, first
from dashboard.forms import TriggerForm, sentence_of
from dashboard.listing import chosen, page_of
from dashboard.live_pages import show
from dashboard.picking import filter_picker
from dashboard.wording import stager
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.lists import ChannelFilters
from orchestration.models import Job
from orchestration.results.repositories import SyncResult


@page
def channels(request: HttpRequest) -> HttpResponse:
    """List the channels with their health and why, their next publication, their slots and their counts."""
    filters = filters_of(
        request, ChannelFilters, ("state", "health", "executor", "channels", "group", "label", "q")
    )
    sort = chosen(request, "sort", channel_list.SORTS) or "name"
    found = filters.filter(Channel.objects.all())
    here = page_of(request, channel_list.sorted_by(found, sort).values_list("pk", flat=True))
    ids = list(here.object_list)
    reports = (
        {row.channel.pk: row for row in service(request).monitor_channels(channel_ids=ids).channels}
        if ids
        else {}
    )
    here.object_list = channel_list.rows_of([reports[pk] for pk in ids if pk in reports])
    filtered = bool(filters.model_fields_set)
    return show(
        request,
        "channels.html",
        {
            "page": here,
            "total": Channel.objects.count() if filtered else here.paginator.count,
            "bulk": bulk.bar(request, "channel", filters, here.paginator.count),
            "q": filters.q or "",
            "filters": {
                "state": first(filters.state),
                "health": first(filters.health),
                "executor": filters.executor or "",
                "sort": sort,
            },
            "choices": {
                "state": ChannelState.choices,
                "health": ChannelHealth.choices,
                "executor": [(word, stager(word)) for word in Executor.values],
            },
            "picker": filter_picker(request, filters),
            "sorts": channel_list.SORTS.items(),
        },
    )


def _page(slug: str) -> str:
    return reverse("dashboard:channel", args=[slug])


def _change(request: HttpRequest, slug: str, method: str, message: str) -> HttpResponse:
    row = get_object_or_404(Channel, slug=slug)
    call = getattr(service(request), method)
    return act(
        request,
        lambda: call(channel_id=row.pk, reason=reason_of(request), version=version_of(request)),
        message.format(name=row.name),
        to=_page(slug),
        undo=True,
    )


@require_POST
def channel_pause(request: HttpRequest, slug: str) -> HttpResponse:
    """Pause a channel."""
    return _change(request, slug, "pause_channel", "{name} is paused; what runs finishes.")


@require_POST
def channel_resume(request: HttpRequest, slug: str) -> HttpResponse:
    """Let a channel go on."""
    return _change(request, slug, "resume_channel", "{name} is active.")


@require_POST
def channel_disable(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a channel out of planning."""
    return _change(request, slug, "disable_channel", "{name} is disabled.")


@require_POST
def channel_check(request: HttpRequest, slug: str) -> HttpResponse:
    """Look at a channel now."""
    row = get_object_or_404(Channel, slug=slug)
    return act(
        request,
        lambda: service(request).check_channels(channel_ids=[row.pk]),
        f"{row.name} is being checked.",
        to=_page(slug),
    )


@require_POST
def channels_check(request: HttpRequest) -> HttpResponse:
    """Look at all channels now."""
    return act(
        request,
        lambda: service(request).check_channels(),
        lambda result: f"{len(result.jobs)} checks are under way.",
        to=reverse("dashboard:channels"),
    )


def _synced(result: SyncResult) -> str:
    return " ".join(
        f"{outcome.channel.name}: {outcome.message or outcome.outcome}." for outcome in result.outcomes[:3]
    )


@require_POST
def channel_sync(request: HttpRequest, slug: str) -> HttpResponse:
    """Write a channel's configuration to its repository."""
    row = get_object_or_404(Channel, slug=slug)
    return act(
        request,
        lambda: service(request).sync_channel_configs(channel_ids=[row.pk]),
        lambda result: _synced(result).replace("..", "."),
        to=_page(slug),
    )


@require_POST
def channels_sync(request: HttpRequest) -> HttpResponse:
    """Write every channel's configuration to its repository, where it changed."""

    def outcome_of(result: SyncResult) -> str:
        counts: dict[str, int] = {}
        for outcome in result.outcomes:
            counts[outcome.outcome] = counts.get(outcome.outcome, 0) + 1
        return (
            "Configurations: " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) + "."
        )

    return act(
        request, lambda: service(request).sync_channel_configs(), outcome_of, to=reverse("dashboard:channels")
    )


@require_POST
def channel_trigger(request: HttpRequest, slug: str) -> HttpResponse:
    """Run a channel's pipeline now."""
    row = get_object_or_404(Channel, slug=slug)
    form = TriggerForm(request.POST)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), _page(slug))
    data = form.cleaned_data
    values: dict[str, Any] = {
        "channel_id": row.pk,
        "video_id": data["video"][0] if data["video"] else None,
        "source_url": data["source_url"] or None,
        "skip_upload": data["skip_upload"],
    }
    try:
        result = service(request).trigger_pipeline(**values)
    except OrchestrationError as error:
        return refuse(request, error, _page(slug))
    job: Job = result.job
    return done(
        request,
        f"{result.message or 'Started'} (job {job.pk}, {result.method.replace('_', ' ')}).",
        to=_page(slug),
    )
