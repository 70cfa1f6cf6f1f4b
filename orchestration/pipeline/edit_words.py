"""Make edits of words together, wherever the publications stand: as rows, or by a call for each that is on YouTube."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db import transaction

from orchestration.errors import OrchestrationError
from orchestration.models import Distribution
from orchestration.pipeline import word_edits
from orchestration.pipeline.words_outside import EDITABLE_STATES
from orchestration.scheduling import words_edit, words_sheet
from orchestration.scheduling.words_documents import document_of, merged
from orchestration.scheduling.words_edit import EditsRefused, refusal
from orchestration.words.answers import Subject, WordsChange, WordsEdit, WordsFault, WordsResult, version_of

NOTHING = WordsResult(changes=(), unchanged=0, touched=0, uploaded=0)


def edit(
    edits: Sequence[WordsEdit], *, dry_run: bool = False, accept_problems: bool = False, reason: str = ""
) -> WordsResult:
    """Make edits together or not at all; what is on YouTube is queued as one budgeted call each.

    Raises: as `words_edit.edit`; what `word_edits.edit` refuses.
    """
    try:
        return edit_all(edits, dry_run=dry_run, accept_problems=accept_problems, reason=reason)
    except EditsRefused as refused:
        raise refusal(refused.faults) from None


def load(content: bytes, *, dry_run: bool, accept_problems: bool, reason: str) -> WordsResult:
    """Make what a table says otherwise than now, as `edit`. Raises: InvalidRequest, naming line and column; WordsRefused."""
    return words_sheet.load(
        content,
        lambda edits: edit_all(edits, dry_run=dry_run, accept_problems=accept_problems, reason=reason),
    )


def edit_all(edits: Sequence[WordsEdit], *, dry_run: bool, accept_problems: bool, reason: str) -> WordsResult:
    """Make edits as `edit`. Raises: EditsRefused, with what is wrong by the place of each; NotFound; WordsRefused."""
    named = [one.id for one in edits if one.subject == Subject.PUBLICATION]
    there = Distribution.objects.filter(pk__in=named, state__in=EDITABLE_STATES).exclude(
        youtube_video_id=None
    )
    rows = {row.pk: row for row in there}
    outside = [
        (place, one)
        for place, one in enumerate(edits)
        if one.subject == Subject.PUBLICATION and one.id in rows
    ]
    if not outside:
        return words_edit.edit_all(edits, dry_run=dry_run, accept_problems=accept_problems, reason=reason)
    places = [place for place in range(len(edits)) if place not in {place for place, _ in outside}]
    with transaction.atomic():
        result = NOTHING
        if places:
            result = _here(edits, places, dry_run=dry_run, accept_problems=accept_problems, reason=reason)
        return _there(outside, rows, replace(result, dry_run=dry_run), reason)


def _here(edits: Sequence[WordsEdit], places: Sequence[int], **options: object) -> WordsResult:
    try:
        return words_edit.edit_all([edits[place] for place in places], **options)  # type: ignore[arg-type]
    except EditsRefused as refused:
        raise EditsRefused([replace(fault, index=places[fault.index]) for fault in refused.faults]) from None


def _there(
    outside: Sequence[tuple[int, WordsEdit]], rows: dict[int, Distribution], result: WordsResult, reason: str
) -> WordsResult:
    """Edit what is on YouTube, each by the one way that there is for it, and add it to a result."""
    faults: list[WordsFault] = []
    changes: list[WordsChange] = []
    units, free, notes, unchanged = 0, 0, [*result.notes], result.unchanged
    for place, one in outside:
        row = rows[one.id]
        before = document_of(row)
        after = merged(before, one.words)
        if one.version is not None and one.version != version_of(before):
            sentence = f"the words of publication {one.id} have changed since they were read"
            faults.append(WordsFault(place, one.subject, one.id, "version", "stale_version", sentence))
            continue
        names = [name for name in (before | after) if before.get(name) != after.get(name)]
        if not names:
            unchanged += 1
            continue
        try:
            made = word_edits.edit(
                one.id, {name: after.get(name) for name in names}, dry_run=result.dry_run, reason=reason
            )
        except OrchestrationError as error:
            faults.append(
                WordsFault(
                    place, one.subject, one.id, error.field or "id", error.code, error.message.rstrip(".")
                )
            )
            continue
        units, free = units + made.units, made.units_free
        notes += made.notes
        changes.append(
            WordsChange(
                one.subject,
                one.id,
                str(row),
                {name: before.get(name) for name in names},
                {name: after.get(name) for name in names},
            )
        )
    if faults:
        raise EditsRefused(faults)
    return replace(
        result,
        changes=[*result.changes, *changes],
        unchanged=unchanged,
        calls=len(changes),
        units=units,
        units_free=free,
        notes=notes,
    )
