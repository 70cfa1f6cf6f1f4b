"""Hand out what publications and videos say as a table, and take such a table in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from channels.models import Channel
from orchestration.errors import InvalidRequest, NotFound
from orchestration.models import Distribution, Video
from orchestration.scheduling import words_csv, words_edit, words_table
from orchestration.words.answers import WordsEdit, WordsResult

AT_ONCE = 500


def export(distribution_ids: Sequence[int], video_ids: Sequence[int]) -> Iterator[str]:
    """Yield the lines of a table of publications and videos, some hundred at a time. Raises: InvalidRequest at once."""
    if len(distribution_ids) + len(video_ids) > words_csv.MOST_ROWS:
        raise InvalidRequest(
            f"{len(distribution_ids) + len(video_ids):,} rows are more than {words_csv.MOST_ROWS:,}; filter them.",
            field="distribution_ids",
        )
    return _lines(distribution_ids, video_ids)


def _lines(distribution_ids: Sequence[int], video_ids: Sequence[int]) -> Iterator[str]:
    publications = (
        row
        for start in range(0, len(distribution_ids), AT_ONCE)
        for row in words_table.publications(distribution_ids[start : start + AT_ONCE])
    )
    videos = Video.objects.filter(pk__in=video_ids).order_by("pk").defer("description").iterator(AT_ONCE)
    yield from words_csv.written(publications, videos, own=_own(distribution_ids, video_ids))


def _own(distribution_ids: Sequence[int], video_ids: Sequence[int]) -> set[str]:
    """Return the own fields that a table needs columns for: what its rows have, and what their channels know."""
    rows = Distribution.objects.filter(pk__in=distribution_ids)
    documents = [
        *Channel.objects.exclude(words={}).values_list("words", flat=True),
        *rows.exclude(words={}).order_by().values_list("words", flat=True),
        *Video.objects.filter(pk__in=video_ids).exclude(words={}).order_by().values_list("words", flat=True),
    ]
    return {name for document in documents for name in (document or {}).get("fields") or ()}


def load(content: bytes, make: Callable[[Sequence[WordsEdit]], WordsResult]) -> WordsResult:
    """Have what a table says otherwise than now made, whole or not at all; `make` raises EditsRefused or NotFound.

    Raises: InvalidRequest, naming line and column of each fault; WordsRefused.
    """
    sheet = words_csv.read(content)
    if not sheet.edits:
        raise InvalidRequest("The table has a header and no rows.", field="csv")
    try:
        result = make(sheet.edits)
    except NotFound as absent:
        named = {
            (f"{edit.subject}_id", edit.id): line for edit, line in zip(sheet.edits, sheet.lines, strict=True)
        }
        raise words_csv.refusal(
            [
                words_csv.CellFault(named[absent.field, pk], "id", f"there is no {absent.field[:-3]} {pk}")
                for pk in absent.details["missing"]
            ]
        ) from None
    except words_edit.EditsRefused as refused:
        raise words_csv.refusal(
            [words_csv.CellFault(sheet.lines[f.index], f.field, f.message) for f in refused.faults]
        ) from None
    return replace(result, ignored_columns=sheet.ignored)
