"""Show the channels, and do what their buttons ask for."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from channels.models import Channel
from channels.states import ChannelHealth, ChannelState, Executor
from dashboard import timeline
from dashboard.actions import act, done, page, reason_of, refuse, service, version_of
from dashboard.filters import filters_of, first
from dashboard.forms import TriggerForm, sentence_of
from dashboard.listing import page_of
from dashboard.live_pages import show
from dashboard.words_form import panel_of
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.lists import ChannelFilters
from orchestration.models import Activity, Job
from orchestration.results import SyncResult


@page
def channels(request: HttpRequest) -> HttpResponse:
    """List the channels with their health and why, their next publication and their counts."""
    filters = filters_of(request, ChannelFilters, ("state", "health", "executor", "q"))
    everything = service(request).monitor_channels().channels
    found = everything
    if filters.model_fields_set:
        wanted = set(filters.filter(Channel.objects.all()).values_list("pk", flat=True))
        found = [report for report in everything if report.channel.pk in wanted]
    return show(
        request,
        "channels.html",
        {
            "page": page_of(request, found),
            "total": len(everything),
            "q": filters.q or "",
            "filters": {
                "state": first(filters.state),
                "health": first(filters.health),
                "executor": filters.executor or "",
            },
            "choices": {
                "state": ChannelState.choices,
                "health": ChannelHealth.choices,
                "executor": Executor.choices,
            },
        },
    )


@page
def channel(request: HttpRequest, slug: str) -> HttpResponse:
    """Show one channel: how it is, when it posts, what comes, what happened."""
    row = get_object_or_404(Channel.objects.select_related("credential"), slug=slug)
    now = timezone.now()
    report = service(request).monitor_channels(channel_ids=[row.pk]).channels[0]
    coming = list(
        row.schedules.open()
        .select_related("distribution__video", "wave", "channel")
        .order_by("publish_at")[:25]
    )
    slots = list(row.slots.all())
    blackouts = list(row.blackouts.filter(last_date__gte=now.date() - timedelta(days=1)))
    return show(
        request,
        "channel.html",
        {
            "channel": row,
            "report": report,
            "credential": getattr(row, "credential", None),
            "week": timeline.week_of(slots, now.astimezone(row.zone).weekday()),
            "slots": slots,
            "blackouts": blackouts,
            "coming": coming,
            "calendar": timeline.strip_of(row, coming, blackouts, now),
            "distributions": row.distributions.select_related("video", "wave", "schedule")[:15],
            "jobs": row.jobs.select_related("video", "source").prefetch_related("runs")[:12],
            "repository": service(request).get_repository(channel_id=row.pk),
            "blocked_public": any(look.ok is False and look.check == "visibility" for look in report.checks),
            "revisions": row.revisions.defer("document").order_by("-number")[:8],
            "statistics": row.statistics.first(),
            "activity": _activity_of(row),
            "words": panel_of(service(request), "channel", row.pk),
            "form": TriggerForm(),
            "profiles": service(request).get_profiles(),
            "busy": row.jobs.open().exists(),
        },
    )


def _activity_of(row: Channel) -> list[Activity]:
    return list(
        Activity.objects.filter(
            Q(content_type__app_label="channels", content_type__model="channel", object_id=row.pk)
        ).select_related("content_type")[:8]
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
