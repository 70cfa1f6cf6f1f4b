"""Edit sources and pools, and settle uploads that belong to nothing."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_POST

from dashboard.actions import act, act_on_typed, done, page, reason_of, refuse, service, version_of
from dashboard.addresses import reverse
from dashboard.live_pages import show
from dashboard.setup_forms import PoolForm, RetentionForm, RightsForm, SourceEditForm
from orchestration.errors import OrchestrationError
from orchestration.models import Pool, Source


def _source(pk: int) -> str:
    return reverse("dashboard:source", args=[pk])


@page
def source_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a source, to be changed."""
    row = get_object_or_404(Source, pk=pk)
    rights = {"rights_basis": row.rights_basis, "rights_note": row.rights_note}
    keeps = {"keep_originals": row.keep_originals, "keep_prepared": row.keep_prepared}
    return show(
        request,
        "source_edit.html",
        {
            "source": row,
            "form": SourceEditForm.of(row),
            "rights_form": RightsForm(initial=rights, auto_id="rights_%s"),
            "retention_form": RetentionForm(initial=keeps, auto_id="retention_%s"),
            "has_videos": row.videos.exists(),
        },
    )


@require_POST
def source_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a source other values."""
    form = SourceEditForm(request.POST).of_kind(get_object_or_404(Source, pk=pk))
    return act_on_typed(
        request,
        form,
        lambda: service(request).change_source(
            source_id=pk, version=version_of(request), **form.cleaned_data
        ),
        lambda row: f"{row.name} is kept.",
        to=_source(pk),
    )


@require_POST
def source_set_rights(request: HttpRequest, pk: int) -> HttpResponse:
    """Say on which basis a source's videos are published."""
    form = RightsForm(request.POST)
    return act_on_typed(
        request,
        form,
        lambda: service(request).set_source_rights(
            source_id=pk, version=version_of(request), **form.cleaned_data
        ),
        lambda answer: f"The rights of {answer.source.name} are kept. {answer.sentence}".strip(),
        to=_source(pk),
    )


@require_POST
def source_set_retention(request: HttpRequest, pk: int) -> HttpResponse:
    """Say for how long a source's files are kept."""
    form = RetentionForm(request.POST)
    return act_on_typed(
        request,
        form,
        lambda: service(request).set_source_retention(
            source_id=pk, version=version_of(request), **form.cleaned_data
        ),
        lambda row: f"Files of {row.name} are kept by these rules from now on.",
        to=_source(pk),
    )


@require_POST
def source_remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a source away from which nothing came."""
    try:
        service(request).remove_source(source_id=pk, reason=reason_of(request))
    except OrchestrationError as error:
        return refuse(request, error, _source(pk))
    return done(request, "The source is removed.", to=reverse("dashboard:sources"), leave=True)


@page
def pool(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one pool, to be changed."""
    row = get_object_or_404(Pool, pk=pk)
    report = next((found for found in service(request).get_pools() if found.id == pk), None)
    return show(request, "pool.html", {"row": row, "report": report, "form": PoolForm.of(row)})


@require_POST
def pool_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Set what a pool holds."""
    form = PoolForm(request.POST).of_kind(get_object_or_404(Pool, pk=pk))
    return act_on_typed(
        request,
        form,
        lambda: service(request).change_pool(pool_id=pk, **form.cleaned_data),
        lambda row: f"{row.label} holds {row.capacity:,} from the next claim on.",
        to=reverse("dashboard:pool", args=[pk]),
    )


@page
def orphans(request: HttpRequest) -> HttpResponse:
    """List uploads at YouTube that belong to nothing."""
    return show(request, "orphans.html", {"orphans": service(request).get_orphans()})


@require_POST
def orphan_note_deleted(request: HttpRequest, pk: int) -> HttpResponse:
    """Note that an upload was deleted at YouTube."""
    return act(
        request,
        lambda: service(request).note_orphan_deleted(orphan_id=pk, reason=reason_of(request)),
        lambda row: f"{row.youtube_video_id} is noted as deleted.",
        to=reverse("dashboard:orphans"),
    )
