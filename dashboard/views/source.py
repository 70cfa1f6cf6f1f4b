"""Show one source, and change what opens it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from dashboard.actions import act, done, page, reason_of, refuse, service, version_of
from dashboard.addresses import reverse
from dashboard.forms import sentence_of
from dashboard.live_pages import show
from dashboard.source_forms import AccessForm, KeysForm
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.models import Activity, Source
from orchestration.states import SourceKind, VideoState

SHOWN = 15


def address_of(pk: int) -> str:
    """Return the address of a source's page."""
    return reverse("dashboard:source", args=[pk])


@page
def source(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what a source is, what opens it, what stands against it and what came of it."""
    row = get_object_or_404(Source, pk=pk)
    return show(
        request,
        "source.html",
        {
            "source": row,
            "blockers": [found for found in service(request).get_blockers() if found.source_id == row.pk],
            "videos": row.videos.order_by("-created_at", "-id")[:SHOWN],
            "found": row.videos.count(),
            "ready": row.videos.filter(state=VideoState.READY).count(),
            "jobs": row.jobs.select_related("channel", "video")
            .prefetch_related("runs")
            .order_by("-id")[:SHOWN],
            "activity": Activity.objects.filter(
                content_type__app_label="orchestration", content_type__model="source", object_id=row.pk
            ).select_related("content_type")[:10],
            "busy": row.jobs.open().exists(),
            "profiles": service(request).get_profiles(),
            "access_form": AccessForm() if row.kind == SourceKind.ADDRESS else None,
            "keys_form": KeysForm() if row.kind == SourceKind.STORAGE else None,
        },
    )


@require_POST
def source_set_access(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a source what opens it."""
    form = AccessForm(request.POST)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), address_of(pk))
    try:
        row = service(request).set_source_access(source_id=pk, **form.values())
    except OrchestrationError as error:
        return refuse(request, error, address_of(pk))
    # Led back to a fresh page: what was typed does not stay in the fields.
    return done(request, f"{row.name} is read with this from now on.", to=address_of(pk), leave=True)


@require_POST
def source_set_keys(request: HttpRequest, pk: int) -> HttpResponse:
    """Give an object storage other keys."""
    form = KeysForm(request.POST)
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), address_of(pk))
    try:
        row = service(request).set_source_keys(source_id=pk, reason=reason_of(request), **form.cleaned_data)
    except OrchestrationError as error:
        return refuse(request, error, address_of(pk))
    return done(request, f"{row.name} is read with these keys from now on.", to=address_of(pk), leave=True)


@require_POST
def source_remove_access(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget what opens a source."""
    return act(
        request,
        lambda: service(request).remove_source_access(
            source_id=pk, reason=reason_of(request), version=version_of(request)
        ),
        lambda row: f"{row.name} is read as by anybody now.",
        to=address_of(pk),
    )
