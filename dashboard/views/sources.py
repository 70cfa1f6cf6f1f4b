"""Show sources, and add, read, pause or resume them."""

from __future__ import annotations

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from dashboard import bulk
from dashboard.actions import act, done, page, reason_of, refuse, service, version_of
from dashboard.addresses import reverse
from dashboard.filters import filters_of, first
from dashboard.forms import SourceForm, sentence_of
from dashboard.listing import page_of
from dashboard.live_pages import show
from dashboard.source_forms import FolderForm, StorageForm
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.lists import SourceFilters
from orchestration.models import Source
from orchestration.states import SourceState, VideoState


@page
def sources(request: HttpRequest) -> HttpResponse:
    """List the sources, with what went wrong last, and a form to add one."""
    filters = filters_of(request, SourceFilters, ("state", "q"))
    rows = filters.filter(Source.objects.defer("looked_at", "access_sealed")).annotate(
        found=Count("videos"), ready=Count("videos", filter=Q(videos__state=VideoState.READY))
    )
    here = page_of(request, rows.order_by("name", "id"))
    return show(
        request,
        "sources.html",
        {
            "page": here,
            "bulk": bulk.bar(request, "source", filters, here.paginator.count),
            "form": SourceForm(),
            "storage_form": StorageForm(auto_id="storage_%s"),
            "folder_form": FolderForm(auto_id="folder_%s"),
            "state": first(filters.state),
            "states": SourceState.choices,
            "q": filters.q or "",
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
def source_add_folder(request: HttpRequest) -> HttpResponse:
    """Watch a folder, and look into it at once."""
    form = FolderForm(request.POST)
    to = reverse("dashboard:sources")
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), to)
    return act(
        request,
        lambda: service(request).add_folder_source(**form.cleaned_data),
        lambda row: (
            f"{row.place['path']} is watched"
            + ("." if row.rights_basis else "; without a rights basis nothing is published.")
        ),
        to=to,
    )


@require_POST
def source_add_storage(request: HttpRequest) -> HttpResponse:
    """Register an object storage and have it listed at once."""
    form = StorageForm(request.POST)
    to = reverse("dashboard:sources")
    if not form.is_valid():
        return refuse(request, InvalidRequest(sentence_of(form)), to)
    try:
        row = service(request).add_storage_source(**form.values())
    except OrchestrationError as error:
        return refuse(request, error, to)
    # Led to a fresh page: what was typed does not stay in the fields.
    return done(
        request,
        f"{row.where} is registered"
        + ("." if row.rights_basis else "; without a rights basis nothing is published."),
        to=reverse("dashboard:source", args=[row.pk]),
        leave=True,
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
        lambda: service(request).pause_source(
            source_id=pk, reason=reason_of(request), version=version_of(request)
        ),
        lambda row: f"{row.name} is paused.",
        to=reverse("dashboard:sources"),
        undo=True,
    )


@require_POST
def source_resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Read a source again."""
    return act(
        request,
        lambda: service(request).resume_source(
            source_id=pk, reason=reason_of(request), version=version_of(request)
        ),
        lambda row: f"{row.name} is read again.",
        to=reverse("dashboard:sources"),
        undo=True,
    )
