"""Show what publications say, and change it: for one subject on its own page, for many in a table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_POST

from channels.models import Channel
from dashboard import words_form
from dashboard.actions import by_htmx, done, page, reason_of, refuse, service
from dashboard.addresses import reverse
from dashboard.filters import filters_of, first
from dashboard.listing import ids_of, page_of
from dashboard.live_pages import show
from dashboard.picking import filter_picker
from dashboard.views.missing import found
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.lists import WordsFilters
from orchestration.models import Attachment, Distribution, Wave
from orchestration.scheduling.words_csv import MOST_BYTES, MOST_ROWS, cell
from orchestration.states import DistributionState
from orchestration.words.answers import (
    PublicationWords,
    Subject,
    SubjectWords,
    WordsChange,
    WordsEdit,
    WordsResult,
)
from orchestration.words.fields import FIELDS

FILTERS = ("state", "channel_id", "wave_id", "video_id", "source_id", "q", "channels", "group", "label")
SHOWN = 100


def _rows(request: HttpRequest) -> tuple[WordsFilters, Any]:
    filters = filters_of(request, WordsFilters, FILTERS)
    return filters, filters.filter(Distribution.objects.order_by("-pk")).values_list("pk", flat=True)


@page
def words(request: HttpRequest) -> HttpResponse:
    """List publications with their words, to be changed in the table or in a file."""
    filters, ids = _rows(request)
    here = page_of(request, ids)
    shown = service(request).list_words(distribution_ids=list(here.object_list))
    return show(
        request,
        "words.html",
        {
            "page": here,
            "rows": [_row(row) for row in shown],
            "picker": filter_picker(request, filters),
            "waves": Wave.objects.only("pk", "name").order_by("-pk")[:100],
            "states": DistributionState.choices,
            "chosen": {
                "state": first(filters.state),
                "wave": first(filters.wave_id),
                "video": first(filters.video_id),
                "q": filters.q or "",
            },
            "most_rows": MOST_ROWS,
        },
    )


def _row(row: PublicationWords) -> dict[str, Any]:
    """Return a publication with the cells that the table has for it."""
    return {
        "it": row,
        "cells": [
            {
                "name": name,
                "label": FIELDS[name].label,
                "value": cell(name, row.own[name]) if name in row.own else "",
                "holds": words_form.holds(row, name),
                "origin": words_form.origin(row, name),
                "choices": words_form.CHOICES.get(FIELDS[name].kind, ()),
            }
            for name in words_form.TABLE
        ],
    }


@page
def words_table(request: HttpRequest) -> HttpResponseBase:
    """Hand out what the list shows as a file (CSV), all its pages."""
    _, ids = _rows(request)
    try:
        lines = service(request).export_words(distribution_ids=list(ids[: MOST_ROWS + 1]))
    except OrchestrationError as error:
        return refuse(request, error, reverse("dashboard:words"))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="words.csv"'
    return response


def _edits(request: HttpRequest) -> list[WordsEdit]:
    """Return the edits that the table's form makes. Raises: InvalidRequest."""
    edits = []
    for pk in ids_of(request.POST.getlist("row")):
        said = {
            name: words_form.read(name, request.POST[f"{name}-{pk}"])
            for name in words_form.TABLE
            if f"{name}-{pk}" in request.POST
        }
        edits.append(WordsEdit("publication", pk, said, request.POST.get(f"version-{pk}") or None))
    return edits


def _uploaded(request: HttpRequest) -> bytes:
    """Return the file that was chosen. Raises: InvalidRequest."""
    file = request.FILES.get("file")
    if file is None:
        raise InvalidRequest("Choose a file first.", field="file")
    if (file.size or 0) > MOST_BYTES:
        raise InvalidRequest(f"The file has more than {MOST_BYTES // 1_000_000} MB.", field="file")
    return file.read()


def _made(request: HttpRequest, call: Callable[[], WordsResult], to: str) -> HttpResponse:
    """Make a change, or show what it would change or what stands against it."""
    try:
        result = call()
    except OrchestrationError as error:
        if by_htmx(request):
            return render(request, "parts/words_result.html", {"refusal": error})
        return refuse(request, error, to)
    if not result.dry_run:
        return done(request, _sentence(result), to=to, leave=True)
    context = {
        "result": result,
        "changes": result.changes[:SHOWN],
        "left_out": max(0, len(result.changes) - SHOWN),
    }
    if by_htmx(request):
        return render(request, "parts/words_result.html", context)
    return show(request, "words_result.html", context | {"back": to})


def _shown(change: WordsChange) -> dict[str, Any]:
    """Return a change with its fields in words."""
    lines = [
        {
            "label": FIELDS[name].label,
            "before": words_form.said(name, change.before[name]),
            "after": words_form.said(name, after),
        }
        for name, after in change.after.items()
    ]
    return {"subject": change.subject, "id": change.id, "label": change.label, "lines": lines}


def _sentence(result: WordsResult) -> str:
    kept = f" {result.uploaded} on YouTube keep what they have." if result.uploaded else ""
    if not result.changes:
        return f"Nothing differs: {result.unchanged} as before."
    calls = f" {result.calls} on YouTube are brought there ({result.units} units)." if result.calls else ""
    return f"Saved: {len(result.changes)} changed, {result.touched} publications read them.{kept}{calls}"


def _options(request: HttpRequest, *, dry_run: bool) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "accept_problems": request.POST.get("accept_problems") == "on",
        "reason": reason_of(request),
    }


@require_POST
def words_preview(request: HttpRequest) -> HttpResponse:
    """Show what the cells of the table would change."""
    options = _options(request, dry_run=True)
    return _made(
        request, lambda: service(request).edit_words(edits=_edits(request), **options), _back(request)
    )


@require_POST
def words_edit(request: HttpRequest) -> HttpResponse:
    """Save the cells of the table, all or none."""
    options = _options(request, dry_run=False)
    return _made(
        request, lambda: service(request).edit_words(edits=_edits(request), **options), _back(request)
    )


@require_POST
def words_import_preview(request: HttpRequest) -> HttpResponse:
    """Show what a file would change."""
    options = _options(request, dry_run=True)
    return _made(
        request, lambda: service(request).import_words(content=_uploaded(request), **options), _back(request)
    )


@require_POST
def words_import(request: HttpRequest) -> HttpResponse:
    """Take a file in, whole or not at all."""
    options = _options(request, dry_run=False)
    return _made(
        request, lambda: service(request).import_words(content=_uploaded(request), **options), _back(request)
    )


def _back(request: HttpRequest) -> str:
    """Return the list as it was filtered."""
    query = request.POST.get("query", "")
    return reverse("dashboard:words") + (query if query.startswith("?") else "")


# -- one subject ---------------------------------------------------------------------------------------------------


@page
def words_of(request: HttpRequest, subject: str, pk: int) -> HttpResponse:
    """Show what one channel, video, wave or publication says, and how it would look on YouTube."""
    _require_known(subject)
    shown = found(lambda: service(request).get_words(subject=subject, subject_id=pk))
    return show(
        request,
        "words_of.html",
        {
            "subject": shown,
            "cells": words_form.cells_of(shown, _attachments(shown)),
            "back": back_of(shown),
            "locked": shown.publications[0].locked if subject == "publication" and shown.publications else "",
            **words_form.cards(shown.publications),
        },
    )


def _require_known(subject: str) -> None:
    """Raises: Http404, for an address that names no kind of subject."""
    if subject not in set(Subject):
        raise Http404(f"There are no words of a {subject}.")


def _attachments(shown: SubjectWords) -> list[Attachment]:
    if shown.subject == "video":
        return list(Attachment.objects.filter(video=shown.id))
    if shown.subject == "publication" and shown.publications:
        return list(Attachment.objects.filter(video=shown.publications[0].video_id))
    return []


def back_of(shown: SubjectWords) -> str:
    """Return the page of a subject itself."""
    if shown.subject == "channel":
        return reverse(
            "dashboard:channel", args=[Channel.objects.values_list("slug", flat=True).get(pk=shown.id)]
        )
    if shown.subject == "publication":
        schedule = shown.publications[0].schedule_id if shown.publications else None
        return reverse("dashboard:publication", args=[schedule]) if schedule else reverse("dashboard:words")
    return reverse(f"dashboard:{shown.subject}", args=[shown.id])


@require_POST
def words_of_preview(request: HttpRequest, subject: str, pk: int) -> HttpResponse:
    """Draw a subject's publications by what is typed, as it is typed."""
    _require_known(subject)
    try:
        said = words_form.document_of(request.POST, subject)
        seen = service(request).preview_words(subject=subject, subject_id=pk, words=said)
    except OrchestrationError as error:
        return render(request, "parts/words_cards.html", {"faults": {error.field or "words": error.message}})
    return render(
        request, "parts/words_cards.html", {"faults": seen.faults, **words_form.cards(seen.publications)}
    )


@require_POST
def words_of_edit(request: HttpRequest, subject: str, pk: int) -> HttpResponse:
    """Save what a subject says."""
    _require_known(subject)
    version = request.POST.get("version") or None
    options = _options(request, dry_run=False)

    def call() -> WordsResult:
        edit = WordsEdit(subject, pk, words_form.document_of(request.POST, subject), version)
        return service(request).edit_words(edits=[edit], **options)

    return _made(request, call, reverse("dashboard:words_of", args=[subject, pk]))
