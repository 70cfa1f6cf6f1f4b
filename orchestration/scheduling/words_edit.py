"""Change what channels, videos, waves and publications say: many at once, whole or not at all, with a preview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.db.models import Q

from channels.models import Channel
from orchestration.core import audit
from orchestration.core.wakeups import wake_tick
from orchestration.errors import IllegalTransition, InvalidRequest, StaleVersion, WordsRefused
from orchestration.models import Activity, Distribution, Video, Wave
from orchestration.scheduling import words_documents as documents
from orchestration.scheduling.publication_words import Member, member_of, resolve_members, with_words
from orchestration.scheduling.words_documents import Row
from orchestration.states import DistributionState
from orchestration.words.answers import (
    BrokenWords,
    Subject,
    TitleChange,
    WordsChange,
    WordsEdit,
    WordsFault,
    WordsResult,
    version_of,
)
from orchestration.words.checks import WordsWrong
from orchestration.words.fields import FIELDS
from orchestration.words.resolving import Resolved

MOST_EDITS = 10_000
MOST_TOUCHED = 10_000
"""So many publications an edit is tried on; of a channel's or wave's further ones nothing is said."""
SHOWN = 200
SHOWN_SENTENCES = 3
VERB = "words_changed"


class EditsRefused(Exception):
    """Edits have faults; whoever made them says in their words where. It never leaves this wing."""

    def __init__(self, faults: Sequence[WordsFault]) -> None:
        super().__init__(f"{len(faults)} faults")
        self.faults = faults


@dataclass(slots=True)
class _Planned:
    """One edit on its way: its row, and its document before and after."""

    edit: WordsEdit
    subject: Subject
    row: Row
    before: dict[str, Any]
    after: dict[str, Any]


def edit_all(
    edits: Sequence[WordsEdit], *, dry_run: bool = False, accept_problems: bool = False, reason: str = ""
) -> WordsResult:
    """Make edits together or not at all; a dry run tells what they would change and writes nothing.

    Raises: EditsRefused; NotFound; WordsRefused, if a publication's words would break a limit that they keep now, unless
    that is accepted.
    """
    if not edits:
        raise InvalidRequest("edits is empty: name at least one.", field="edits")
    if len(edits) > MOST_EDITS:
        raise InvalidRequest(f"{len(edits)} edits are more than {MOST_EDITS:,} at once.", field="edits")
    with transaction.atomic():
        planned, faults = _plan(edits, lock=not dry_run)
        if faults:
            raise EditsRefused(faults)
        changing = [one for one in planned if one.before != one.after]
        result = _tried(changing, dry_run=dry_run)
        result = replace(result, unchanged=len(planned) - len(changing))
        if result.broken and not accept_problems and not dry_run:
            raise _broken(result.broken)
        if not dry_run:
            _write(changing, reason)
    return result


def _plan(edits: Sequence[WordsEdit], *, lock: bool) -> tuple[list[_Planned], list[WordsFault]]:
    """Return the edits with their rows under lock, channels first and publications last, and what is wrong with them."""
    faults: list[WordsFault] = []
    subjects = [_subject(edit) for edit in edits]
    rows: dict[tuple[Subject, int], Row] = {}
    for subject in Subject:
        ids = {edit.id for edit, known in zip(edits, subjects, strict=True) if known == subject}
        if ids:
            rows |= {(subject, pk): row for pk, row in documents.rows_of(subject, ids, lock=lock).items()}
    running = documents.being_staged(pk for subject, pk in rows if subject == Subject.PUBLICATION)
    planned: list[_Planned] = []
    seen: set[tuple[Subject, int]] = set()
    for index, (edit, subject) in enumerate(zip(edits, subjects, strict=True)):
        row = rows[subject, edit.id]
        before = documents.document_of(row)
        one = _Planned(edit, subject, row, before, documents.merged(before, edit.words))
        fault = _fault_of_row(one, running, (subject, edit.id) in seen)
        seen.add((subject, edit.id))
        if fault is None:
            planned.append(one)
        else:
            faults.append(WordsFault(index, edit.subject, edit.id, *fault))
    _check(edits, planned, faults)
    return planned, faults


def _subject(edit: WordsEdit) -> Subject:
    try:
        return Subject(edit.subject)
    except ValueError:
        known = ", ".join(Subject)
        raise InvalidRequest(f"{edit.subject!r} is none of {known}.", field="subject") from None


def _fault_of_row(one: _Planned, running: set[int], is_twice: bool) -> tuple[str, str, str] | None:
    """Return field, code and sentence of why a row cannot be edited, whatever is to be said."""
    edit, row = one.edit, one.row
    if is_twice:
        return "id", "invalid_request", f"{one.subject} {edit.id} is named more than once"
    if edit.version is not None and edit.version != version_of(one.before):
        return (
            "version",
            "stale_version",
            f"the words of {one.subject} {edit.id} have changed since they were read",
        )
    if (
        isinstance(row, Distribution)
        and one.before != one.after
        and (why := documents.why_not_here(row, running))
    ):
        return "id", "illegal_transition", f"publication {edit.id} ({row}): {why}"
    return None


def _check(edits: Sequence[WordsEdit], planned: list[_Planned], faults: list[WordsFault]) -> None:
    """Check what each edit would have its subject say, and keep it as it is kept."""
    indexes = {id(edit): index for index, edit in enumerate(edits)}
    attachments = documents.attachments_in(one.after for one in planned)
    own: set[str] | None = None
    for one in planned:
        if own is None and one.subject != Subject.CHANNEL and documents.asks_for_own(one.after):
            own = documents.own_names(_around(planned))
        try:
            one.after = documents.checked(one.subject, one.after, own or ())
            wrong = documents.attachment_faults(one.row, one.after, attachments)
        except WordsWrong as error:
            wrong = error.faults
        index = indexes[id(one.edit)]
        for name, sentence in wrong.items():
            faults.append(WordsFault(index, one.edit.subject, one.edit.id, name, "invalid_request", sentence))


def _around(planned: Sequence[_Planned]) -> list[Mapping[str, Any]]:
    """Return the documents whose own fields a template of these subjects may use, beside the channels'."""
    ids: dict[Subject, set[int]] = {subject: set() for subject in Subject}
    for one in planned:
        ids[one.subject].add(one.row.pk)
    near = _touching(ids)
    videos = Video.objects.filter(Q(distributions__in=near) | Q(pk__in=ids[Subject.VIDEO])).exclude(words={})
    waves = Wave.objects.filter(Q(distributions__in=near) | Q(pk__in=ids[Subject.WAVE])).exclude(words={})
    found: list[Mapping[str, Any]] = [one.after for one in planned]
    for rows in (videos, waves):
        found += rows.order_by().values_list("words", flat=True)
    return found


def _touching(ids: Mapping[Subject, set[int]]) -> Any:
    return Distribution.objects.filter(
        Q(pk__in=ids[Subject.PUBLICATION])
        | Q(video__in=ids[Subject.VIDEO])
        | Q(wave__in=ids[Subject.WAVE])
        | Q(channel__in=ids[Subject.CHANNEL])
    )


def _tried(changing: Sequence[_Planned], *, dry_run: bool) -> WordsResult:
    """Return what edits change, and how the publications that they touch would look."""
    ids: dict[Subject, set[int]] = {subject: set() for subject in Subject}
    for one in changing:
        ids[one.subject].add(one.row.pk)
    near = _touching(ids)
    uploaded = near.exclude(youtube_video_id=None).count() if changing else 0
    waiting = near.filter(youtube_video_id=None, state=DistributionState.ASSIGNED)
    touched = waiting.count() if changing else 0
    rows = with_words(waiting.order_by("pk").values_list("pk", flat=True)[:MOST_TOUCHED]) if touched else []
    members = [member_of(row) for row in rows]
    before = resolve_members(members)
    after = resolve_members(_as_edited(rows, members, changing))
    broken: list[BrokenWords] = []
    titles: list[TitleChange] = []
    for row, old, new in zip(rows, before, after, strict=True):
        broken += _newly_broken(row, old, new)
        if old.title != new.title and len(titles) < SHOWN:
            titles.append(TitleChange(row.pk, str(row.video), row.channel.name, old.title, new.title))
    return WordsResult(
        changes=[_change(one) for one in changing],
        unchanged=0,
        touched=touched,
        uploaded=uploaded,
        broken=broken,
        titles=titles,
        dry_run=dry_run,
    )


def _as_edited(
    rows: Sequence[Distribution], members: Sequence[Member], changing: Sequence[_Planned]
) -> list[Member]:
    """Return the members as they would be; the rows read for this are nobody else's and are changed in place."""
    new = {(one.subject, one.row.pk): one.after for one in changing}
    edited = []
    for row, member in zip(rows, members, strict=True):
        for subject, part in ((Subject.CHANNEL, row.channel), (Subject.VIDEO, row.video)):
            if (document := new.get((subject, part.pk))) is not None:
                documents.write(part, document)
        edited.append(
            replace(
                member,
                wave_words=new.get((Subject.WAVE, row.wave_id or 0), member.wave_words),
                words=new.get((Subject.PUBLICATION, row.pk), member.words),
            )
        )
    return edited


def _newly_broken(row: Distribution, old: Resolved, new: Resolved) -> list[BrokenWords]:
    known = {(problem.field, problem.code) for problem in old.problems}
    return [
        BrokenWords(row.pk, str(row.video), row.channel.name, problem.field, problem.code, problem.message)
        for problem in new.problems
        if (problem.field, problem.code) not in known
    ]


def _change(one: _Planned) -> WordsChange:
    names = [name for name in (one.before | one.after) if one.before.get(name) != one.after.get(name)]
    return WordsChange(
        subject=one.subject.value,
        id=one.row.pk,
        label=str(one.row),
        before={name: one.before.get(name) for name in names},
        after={name: one.after.get(name) for name in names},
    )


def _write(changing: Sequence[_Planned], reason: str) -> None:
    """Write documents in sets, and an entry for each subject with its fields before and after."""
    by_model: dict[type[Row], list[Row]] = {}
    columns: dict[type[Row], list[str]] = {}
    entries = []
    for one in changing:
        change = _change(one)
        columns[type(one.row)] = documents.write(one.row, one.after)
        by_model.setdefault(type(one.row), []).append(one.row)
        entries.append(
            audit.entry(VERB, one.row, before=dict(change.before), after=dict(change.after), reason=reason)
        )
    for model, rows in by_model.items():
        manager: Any = model._default_manager
        manager.bulk_update(rows, columns[model], batch_size=500)
    Activity.objects.bulk_create(entries, batch_size=1000)
    if changing:
        wake_tick()


def refusal(faults: Sequence[WordsFault]) -> Exception:
    """Return the error for what is wrong with edits: its own kind if it is one, else all in `details["errors"]`."""
    first = faults[0]
    if len(faults) == 1:
        kinds: dict[str, type[IllegalTransition | StaleVersion | InvalidRequest]] = {
            "illegal_transition": IllegalTransition,
            "stale_version": StaleVersion,
        }
        kind = kinds.get(first.code, InvalidRequest)
        label = f"{_label(first.field)}: " if kind is InvalidRequest else ""
        about = f"{_names(faults)[first.subject, first.id]}: " if first.subject == Subject.PUBLICATION else ""
        return kind(f"{about}{label}{first.message}.", field=first.field)
    names = _names(faults[:SHOWN])
    shown = "; ".join(
        f"{names[f.subject, f.id]}, {_label(f.field)}: {f.message}" for f in faults[:SHOWN_SENTENCES]
    )
    more = f"; and {len(faults) - SHOWN_SENTENCES} more" if len(faults) > SHOWN_SENTENCES else ""
    return InvalidRequest(
        f"{len(faults)} faults, so nothing was changed: {shown}{more}.",
        field=first.field,
        errors=[
            {"field": f.field, "message": f"{names[f.subject, f.id]}: {f.message}", "index": f.index}
            for f in faults[:SHOWN]
        ],
    )


def _label(field: str) -> str:
    return FIELDS[field].label if field in FIELDS else field


def _names(faults: Sequence[WordsFault]) -> dict[tuple[str, int], str]:
    """Return what a person calls the subjects of faults; one that is not there keeps its id."""
    ids: dict[str, set[int]] = {}
    for fault in faults:
        ids.setdefault(fault.subject, set()).add(fault.id)
    publications = Distribution.objects.filter(pk__in=ids.get(Subject.PUBLICATION, ()))
    found = {
        (str(Subject.PUBLICATION), row.pk): f"“{row.video}” on {row.channel.name}"
        for row in publications.select_related("video", "channel")
    }
    models: dict[str, Any] = {Subject.VIDEO: Video, Subject.CHANNEL: Channel, Subject.WAVE: Wave}
    for subject, model in models.items():
        if subject in ids:
            rows = model.objects.filter(pk__in=ids[subject])
            found |= {(str(subject), row.pk): f"{subject} “{row}”" for row in rows}
    return {(f.subject, f.id): found.get((f.subject, f.id), f"{f.subject} {f.id}") for f in faults}


def _broken(broken: Sequence[BrokenWords]) -> WordsRefused:
    shown = "; ".join(f"“{b.video}” on {b.channel}: {b.message}" for b in broken[:SHOWN_SENTENCES])
    more = f"; and {len(broken) - SHOWN_SENTENCES} more" if len(broken) > SHOWN_SENTENCES else ""
    return WordsRefused(
        f"{shown}{more}. Give them words of their own, or accept it (accept_problems): they are not uploaded as they are.",
        field=broken[0].field,
        problems=[
            {"distribution_id": b.distribution_id, "field": b.field, "code": b.code, "message": b.message}
            for b in broken[:SHOWN]
        ],
    )


def check_channel(channel: Channel) -> None:
    """Check a channel's columns and words where they are saved elsewhere than here. Raises: ValidationError."""
    try:
        documents.checked(Subject.CHANNEL, documents.document_of(channel), ())
    except WordsWrong as wrong:
        raise ValidationError(
            {
                documents.COLUMN_OF.get(name, NON_FIELD_ERRORS): [f"{name}: {fault}"]
                for name, fault in wrong.faults.items()
            }
        ) from None
