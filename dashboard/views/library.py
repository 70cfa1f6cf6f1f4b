"""Show sources, videos and their distribution."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from channels.models import Channel
from dashboard.doors import act, done, page, reason_of, refuse, service
from dashboard.forms import CoordinateForm, DistributeForm, SourceForm, sentence_of
from dashboard.listing import chosen, chosen_id, page_of, text
from dashboard.screens import own_address, show
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.models import Activity, Source, Video
from orchestration.states import OPEN_JOBS, SOURCE_ACTIONS, USABLE_VIDEOS, SourceState, VideoState

MOST_DECISIONS = 500


# ------------------------------------------------------------------------------------------------------------- sources


@page
def sources(request: HttpRequest) -> HttpResponse:
    """List the sources, with what went wrong last, and a form to add one."""
    state, words = chosen(request, "state", SourceState.values), text(request)
    rows = Source.objects.annotate(
        found=Count("videos"), ready=Count("videos", filter=Q(videos__state=VideoState.READY))
    )
    if state:
        rows = rows.filter(state=state)
    if words:
        rows = rows.filter(Q(name__icontains=words) | Q(url__icontains=words))
    return show(
        request,
        "sources.html",
        {
            "page": page_of(request, rows.order_by("name", "id")),
            "form": SourceForm(),
            "state": state,
            "states": SourceState.choices,
            "q": words,
            "actions": SOURCE_ACTIONS,
        },
    )


@require_POST
def source_add(request: HttpRequest) -> HttpResponse:
    """Register a source and have it read at once."""
    form = SourceForm(request.POST)
    to = reverse("dashboard:sources")
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), to)
    return act(
        request,
        lambda: service(request).add_source(**form.cleaned_data),
        lambda row: (
            f"{row.name} is registered"
            + ("." if row.rights_basis else "; without a rights basis nothing is published.")
        ),
        to=to,
    )


@require_POST
def source_scrape(request: HttpRequest, pk: int) -> HttpResponse:
    """Read a source now."""
    return act(
        request,
        lambda: service(request).scrape_source(source_id=pk),
        lambda job: f"Reading it now (job {job.pk}).",
        to=reverse("dashboard:sources"),
    )


@require_POST
def source_pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Stop reading a source."""
    return act(
        request,
        lambda: service(request).pause_source(source_id=pk, reason=reason_of(request)),
        lambda row: f"{row.name} is paused.",
        to=reverse("dashboard:sources"),
    )


@require_POST
def source_resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Read a source again."""
    return act(
        request,
        lambda: service(request).resume_source(source_id=pk, reason=reason_of(request)),
        lambda row: f"{row.name} is read again.",
        to=reverse("dashboard:sources"),
    )


# -------------------------------------------------------------------------------------------------------------- videos


@page
def videos(request: HttpRequest) -> HttpResponse:
    """List the videos with their state."""
    state, words, source_id = (
        chosen(request, "state", VideoState.values),
        text(request),
        chosen_id(request, "source"),
    )
    rows = Video.objects.select_related("source").annotate(channels=Count("distributions"))
    if state:
        rows = rows.filter(state=state)
    if source_id:
        rows = rows.filter(source_id=source_id)
    if words:
        rows = rows.filter(Q(title__icontains=words) | Q(url__icontains=words))
    counts = dict(Video.objects.order_by().values_list("state").annotate(Count("pk")))
    return show(
        request,
        "videos.html",
        {
            "page": page_of(request, rows.defer("description").order_by("-created_at", "-id")),
            "states": [(value, label, counts.get(value, 0)) for value, label in VideoState.choices],
            "total": sum(counts.values()),
            "state": state,
            "source_id": source_id,
            "sources": Source.objects.only("pk", "name"),
            "q": words,
            "busy": bool(counts.get(VideoState.SCRAPING) or counts.get(VideoState.PROCESSING)),
        },
    )


@page
def video(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one video, where it goes, and why it may or may not go to a channel."""
    row = get_object_or_404(Video.objects.select_related("source", "duplicate_of"), pk=pk)
    channel_id = chosen_id(request, "channel")
    context: dict[str, Any] = {
        "video": row,
        "distributions": row.distributions.select_related("channel", "wave", "schedule"),
        "jobs": row.jobs.select_related("channel", "source").prefetch_related("runs")[:15],
        "channels": Channel.objects.only("pk", "name"),
        "channel_id": channel_id,
        "activity": Activity.objects.filter(
            content_type__app_label="orchestration", content_type__model="video", object_id=row.pk
        ).select_related("content_type")[:10],
        "busy": row.jobs.filter(state__in=OPEN_JOBS).exists(),
        "form": CoordinateForm() if row.state in USABLE_VIDEOS else None,
    }
    if channel_id:
        try:
            context["explanation"] = service(request).explain(video_id=pk, channel_id=channel_id)
        except OrchestrationError as error:
            context["refusal"] = error.message
    return show(request, "video.html", context)


@require_POST
def video_coordinate(request: HttpRequest, pk: int) -> HttpResponse:
    """Publish one video on several channels, whole or not at all."""
    form, to = CoordinateForm(request.POST), reverse("dashboard:video", args=[pk])
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), to)
    try:
        result = service(request).coordinate_publication(video_id=pk, **form.arguments())
    except OrchestrationError as error:
        return refuse(request, error, to)
    return done(
        request,
        f"Planned: {result.plan.summary}.",
        to=reverse("dashboard:wave", args=[result.wave.pk]),
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


# ---------------------------------------------------------------------------------------------------------- distribute


@page
def distribute(request: HttpRequest) -> HttpResponse:
    """Show the form that lets the rules distribute ready videos."""
    return show(request, "distribute.html", {"form": DistributeForm(initial={"horizon_days": 14})})


def _decisions(result: Any) -> dict[str, Any]:
    rows = sorted(result.decisions, key=lambda d: (not d.chosen, d.video_id, d.channel_id))
    shown = rows[:MOST_DECISIONS]
    return {
        "result": result,
        "yes": sum(d.chosen for d in rows),
        "no": sum(not d.chosen for d in rows),
        "decisions": shown,
        "left_out": len(rows) - len(shown),
        "channels": Channel.objects.in_bulk({d.channel_id for d in shown}),
        "videos": Video.objects.only("pk", "title", "url").in_bulk({d.video_id for d in shown}),
    }


@require_POST
def distribute_preview(request: HttpRequest) -> HttpResponse:
    """Show what the rules would decide, with the reason for each yes and each no."""
    form = DistributeForm(request.POST)
    context: dict[str, Any] = {"form": form}
    if not form.is_valid():
        context["refusal"] = InvalidRequest(sentence_of(form))
    else:
        try:
            result = service(request).distribute_videos(dry_run=True, **form.cleaned_data)
            context |= _decisions(result)
        except OrchestrationError as error:
            context["refusal"] = error
    if request.htmx:
        return render(
            request, "parts/decisions.html", {**context, "screen": {"address": own_address(request)}}
        )
    return show(request, "distribute.html", context)


@require_POST
def distribute_commit(request: HttpRequest) -> HttpResponse:
    """Place what the rules decided."""
    form = DistributeForm(request.POST)
    to = reverse("dashboard:distribute")
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), to)
    try:
        result = service(request).distribute_videos(**form.cleaned_data)
    except OrchestrationError as error:
        return refuse(request, error, to)
    return done(
        request,
        result.summary or f"{len(result.created)} publications placed.",
        to=reverse("dashboard:schedule") + "?span=336" if result.created else to,
        leave=bool(result.created),
    )
