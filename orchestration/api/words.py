"""`/api/words`: what publications say, where each field came from, and how it is changed."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from ninja import Path, Query, Router
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.pagination import Pages, WorkedOut
from orchestration.api.schemas.words import (
    EditWords,
    ImportWords,
    PreviewWords,
    PublicationWordsOut,
    SubjectWordsOut,
    WordsPreviewOut,
    WordsResultOut,
)
from orchestration.fields import Id
from orchestration.lists import WordsFilters
from orchestration.models import Distribution
from orchestration.words.answers import Subject, WordsEdit

words = Router(tags=["words"])


def _chosen(filters: WordsFilters) -> QuerySet[Distribution]:
    return filters.filter(Distribution.objects.select_related("schedule"))


def _ids(filters: WordsFilters) -> Any:
    return _chosen(filters).order_by("-pk").values_list("pk", flat=True)


@words.get("", response=list[PublicationWordsOut], operation_id="words_list", summary="List words")
@paginate(Pages, item=PublicationWordsOut, order=orders.WORDS)
def words_list(request: HttpRequest, filters: Query[WordsFilters]):
    """Of publications, the newest first, each field with where it came from."""
    door = service(request)
    return WorkedOut(
        _chosen(filters), lambda rows: door.list_words(distribution_ids=[row.pk for row in rows])
    )


@words.get("/table", operation_id="words_table", summary="Download words as a table", response={200: None})
def words_table(request: HttpRequest, filters: Query[WordsFilters]) -> HttpResponseBase:
    """CSV in UTF-8, one row a publication, 10,000 at most; change cells and import it."""
    lines = service(request).export_words(distribution_ids=list(_ids(filters)[:10_001]))
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="words.csv"'
    return response


@words.get(
    "/{subject}/{subject_id}",
    response=SubjectWordsOut,
    operation_id="words_show",
    summary="Show a subject's words",
)
def words_show(request: HttpRequest, subject: Path[Subject], subject_id: Path[Id]):
    """What a channel, video, wave or publication (by its distribution) says itself, and some publications."""
    return service(request).get_words(subject=subject, subject_id=subject_id)


@words.post("/preview", response=WordsPreviewOut, operation_id="words_preview", summary="Preview words")
def words_preview(request: HttpRequest, body: PreviewWords):
    """How publications would look by a change; nothing is written."""
    return service(request).preview_words(
        subject=body.subject, subject_id=body.id, words=body.words, few=body.few
    )


@words.post("/edit", response=WordsResultOut, operation_id="words_edit", summary="Edit words")
def words_edit(request: HttpRequest, body: EditWords):
    """Of one or many, all or nothing. What is uploaded already is not edited here."""
    edits = [WordsEdit(edit.subject, edit.id, edit.words, edit.version) for edit in body.edits]
    return service(request).edit_words(
        edits=edits, dry_run=body.dry_run, accept_problems=body.accept_problems, reason=body.reason
    )


@words.post(
    "/import", response=WordsResultOut, operation_id="words_import", summary="Import words from a table"
)
def words_import(request: HttpRequest, body: ImportWords):
    """All or nothing; each fault is named by line and column."""
    return service(request).import_words(
        content=body.csv.encode(),
        dry_run=body.dry_run,
        accept_problems=body.accept_problems,
        reason=body.reason,
    )
