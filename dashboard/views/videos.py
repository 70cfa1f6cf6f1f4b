"""Show videos, and coordinate the publication of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Count, OuterRef, QuerySet
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from dashboard.actions import by_htmx, done, page, refuse, service
from dashboard.addresses import reverse
from dashboard.filters import filters_of, first
from dashboard.forms import CoordinateForm, sentence_of
from dashboard.listing import chosen_id, page_of
from dashboard.live_pages import show
from dashboard.other_ways import data_of
from dashboard.picking import chosen_channel, one_channel
from dashboard.plan_shown import plan_context, plan_of, plan_part
from dashboard.views.watch import player_of
from dashboard.words_form import panel_of
from orchestration.core.permissions import Actor
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.lists import VideoFilters
from orchestration.models import Activity, Distribution, Source, Video
from orchestration.models.functions import CountOf
from orchestration.states import USABLE_VIDEOS, VideoState


@page
def videos(request: HttpRequest) -> HttpResponse:
    """List the videos with their state."""
    filters = filters_of(request, VideoFilters, ("state", "source_id", "q"))
    places = Distribution.objects.filter(video=OuterRef("pk"))
    rows = filters.filter(Video.objects.select_related("source")).annotate(channels=CountOf(places))
    counts = dict(Video.objects.order_by().values_list("state").annotate(many=Count("*")))
    return show(
        request,
        "videos.html",
        {
            "bulk": {"field": "video"} if Actor.of_user(request.user).may("distribute_videos") else None,
            "page": page_of(request, rows.defer("description").order_by("-created_at", "-id")),
            "states": [(value, label, counts.get(value, 0)) for value, label in VideoState.choices],
            "total": sum(counts.values()),
            "state": first(filters.state),
            "source_id": first(filters.source_id),
            "sources": Source.objects.only("pk", "name"),
            "q": filters.q or "",
            "busy": bool(counts.get(VideoState.SCRAPING) or counts.get(VideoState.PROCESSING)),
        },
    )


@page
def video(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one video, where it goes, and why it may or may not go to a channel."""
    return _show(request, pk, {})


def _where(row: Video) -> QuerySet[Distribution]:
    """Return where a video goes, as a row of the table tells it: to a thousand channels, perhaps."""
    shown = ("state", "published_at", "youtube_video_id", "method", "reason", "channel", "wave", "video")
    of_others = (
        "channel__name",
        "channel__slug",
        "channel__timezone",
        "wave__name",
        "schedule__publish_at",
        "schedule__distribution",
    )
    rows = row.distributions.select_related("channel", "wave", "schedule").only(*shown, *of_others)
    return rows.order_by("channel__name", "pk")


def _show(request: HttpRequest, pk: int, more: dict[str, Any]) -> HttpResponse:
    row = get_object_or_404(Video.objects.select_related("source", "duplicate_of"), pk=pk)
    why = one_channel(request, "channel")
    context: dict[str, Any] = {
        "video": row,
        "page": page_of(request, _where(row)),
        "jobs": row.jobs.select_related("channel", "source").prefetch_related("runs")[:15],
        "why_picker": why,
        "activity": Activity.objects.filter(
            content_type__app_label="orchestration", content_type__model="video", object_id=row.pk
        ).select_related("content_type")[:10],
        "busy": row.jobs.open().exists(),
        "player": player_of(row, chosen_id(request, "rendition")),
        "words": panel_of(service(request), "video", row.pk),
        "form": CoordinateForm() if row.state in USABLE_VIDEOS else None,
    }
    channel_id = chosen_channel(why)
    if channel_id:
        try:
            context["explanation"] = service(request).explain(video_id=pk, channel_id=channel_id)
        except OrchestrationError as error:
            context["why_refused"] = error.message
    return show(request, "video.html", context | more)


@require_POST
def video_preview(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the plan of one video on several channels before anything is written, or the other way that a button offers."""
    to = reverse("dashboard:video", args=[pk])
    asks = {
        "form": "publish-form",
        "preview": reverse("dashboard:video_preview", args=[pk]),
        "commit": reverse("dashboard:video_coordinate", args=[pk]),
        "own_times": False,
    }
    try:
        form = CoordinateForm(data_of(request))
        if not form.is_valid():
            raise InvalidRequest(sentence_of(form))
    except OrchestrationError as error:
        return refuse(request, error, to)
    context: dict[str, Any] = {"form": form, "asks": asks}
    try:
        result = service(request).coordinate_publication(video_id=pk, **form.arguments(), dry_run=True)
        context |= plan_context(result.plan)
    except OrchestrationError as error:
        context |= {"refusal": error, **plan_context(plan_of(error))}
    return plan_part(request, context) if by_htmx(request) else _show(request, pk, context)


@require_POST
def video_coordinate(request: HttpRequest, pk: int) -> HttpResponse:
    """Publish one video on several channels, whole or not at all."""
    form, to = CoordinateForm(request.POST), reverse("dashboard:video", args=[pk])
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), to)
    try:
        result = service(request).coordinate_publication(
            video_id=pk, **form.arguments(), fingerprint=form.fingerprint
        )
    except OrchestrationError as error:
        return refuse(request, error, to)
    return done(
        request,
        f"Planned: {result.plan.summary}.",
        to=reverse("dashboard:wave", args=[result.written.pk]),
        leave=True,
    )


@page
def video_thumbnail(request: HttpRequest, pk: int) -> FileResponse:
    """Serve a video's still to whoever is logged in."""
    row = get_object_or_404(Video.objects.only("thumbnail_file"), pk=pk)
    root = Path(settings.MEDIA_ROOT).resolve()
    path = (root / row.thumbnail_file).resolve()
    if not row.thumbnail_file or not path.is_relative_to(root) or not path.is_file():
        raise Http404("This video has no still.")
    kind = {".png": "image/png", ".webp": "image/webp"}.get(path.suffix.lower(), "image/jpeg")
    response = FileResponse(path.open("rb"), content_type=kind)
    response.headers["Cache-Control"] = "private, max-age=300"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
