"""Show what publications say, page by page: each field's value, where it came from, and what stands against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db.models import Case, F, FilteredRelation, IntegerField, Q, QuerySet, Value, When
from django.utils import timezone

from channels.models import Channel
from orchestration.core import lookup
from orchestration.errors import InvalidRequest
from orchestration.models import Distribution, Video
from orchestration.scheduling import words_documents as documents
from orchestration.scheduling.publication_words import Member, member_of, resolve_members, with_words
from orchestration.states import DistributionState, VideoState
from orchestration.words.answers import (
    ChannelWordsPreview,
    PublicationWords,
    Subject,
    SubjectWords,
    WordsPreview,
    version_of,
)
from orchestration.words.checks import WordsWrong
from orchestration.words.resolving import Resolved

FEW = 5
MOST = 200


def publications(distribution_ids: Iterable[int]) -> list[PublicationWords]:
    """Return publications with their words, in the order of the ids, in four queries whatever their number."""
    ids = list(distribution_ids)
    rows = {row.pk: row for row in with_words(ids)}
    return _all_shown([rows[pk] for pk in ids if pk in rows])


def _all_shown(rows: Sequence[Distribution]) -> list[PublicationWords]:
    running = documents.being_staged(row.pk for row in rows if not row.youtube_video_id)
    resolved = resolve_members([member_of(row) for row in rows])
    return [_shown(row, words, running) for row, words in zip(rows, resolved, strict=True)]


def _shown(row: Distribution, words: Resolved, running: set[int]) -> PublicationWords:
    schedule = getattr(row, "schedule", None)
    own = documents.document_of(row)
    return PublicationWords(
        distribution_id=row.pk,
        schedule_id=schedule.pk if schedule is not None else None,
        video_id=row.video_id,
        video=str(row.video),
        channel_id=row.channel_id,
        channel=row.channel.name,
        wave_id=row.wave_id,
        wave=row.wave.name if row.wave is not None else "",
        publish_at=schedule.publish_at if schedule is not None else None,
        zone=row.channel.timezone,
        state=row.state,
        own=own,
        version=version_of(own),
        words=words,
        locked=documents.why_locked(row, running),
        has_still=bool(row.video.thumbnail_file),
    )


def of_subject(subject: str, subject_id: int, *, few: int = FEW) -> SubjectWords:
    """Return what one subject says itself, and some of its publications, those still to come first.

    Raises: InvalidRequest, NotFound.
    """
    known = subject_of(subject)
    row = documents.rows_of(known, [subject_id], lock=False)[subject_id]
    own = documents.document_of(row)
    near = _publications_of(known, subject_id)
    first = _in_order(near, known, subject_id)[: min(few, MOST)]
    found = with_words(first.values("pk"))
    return SubjectWords(
        subject=known.value,
        id=subject_id,
        label=str(row),
        own=own,
        version=version_of(own),
        publications=_all_shown(sorted(found, key=_place)),
        total=near.count(),
    )


def of_publication(row: Distribution, running: set[int]) -> SubjectWords:
    """Return the same of one publication, read with its video, channel, wave and plan.

    `running` has its id while it is being uploaded.
    """
    (resolved,) = resolve_members([member_of(row)])
    own = documents.document_of(row)
    return SubjectWords(
        subject=Subject.PUBLICATION,
        id=row.pk,
        label=str(row),
        own=own,
        version=version_of(own),
        publications=[_shown(row, resolved, running)],
        total=1,
    )


def preview(subject: str, subject_id: int, words: Mapping[str, Any], *, few: int = FEW) -> WordsPreview:
    """Return how some publications of a subject would look by a change of its words, and what is wrong with the change.

    Where something is wrong they look as they do now. Raises: InvalidRequest, NotFound.
    """
    known = subject_of(subject)
    row = documents.rows_of(known, [subject_id], lock=False)[subject_id]
    before = documents.document_of(row)
    after, faults = documents.merged(before, words), {}
    own = (
        documents.own_names([*_near_words(known, subject_id), after])
        if documents.asks_for_own(after)
        else set()
    )
    try:
        after = documents.checked(known, after, own)
        faults = documents.attachment_faults(row, after, documents.attachments_in([after]))
    except WordsWrong as wrong:
        after, faults = before, wrong.faults
    first = _in_order(_publications_of(known, subject_id), known, subject_id)
    rows = {found.pk: found for found in with_words(first.values_list("pk", flat=True)[: min(few, MOST)])}
    members = [_with(known, found, after) for found in rows.values()]
    resolved = resolve_members(members)
    shown = [_shown(found, said, set()) for found, said in zip(rows.values(), resolved, strict=True)]
    return WordsPreview(shown, faults)


def preview_channel(
    channel_id: int, words: Mapping[str, Any], video_id: int | None = None
) -> ChannelWordsPreview:
    """Return how a video would look on a channel by a change of its words: the one that is named, else the newest ready one.

    Where something is wrong with the change it looks as it does now. Raises: NotFound.
    """
    channel = lookup.one(Channel, channel_id, field="channel_id")
    videos = Video.objects.select_related("source")
    if video_id is None:
        ready = videos.filter(state=VideoState.READY).order_by("-pk")
        video = ready.first() or Video(title="A film", description="What it is about.")
    else:
        video = lookup.one(videos, video_id, field="video_id")
    before = documents.document_of(channel)
    after, faults = documents.merged(before, words), {}
    try:
        after = documents.checked(Subject.CHANNEL, after, ())
    except WordsWrong as wrong:
        after, faults = before, wrong.faults
    documents.write(channel, after)
    (resolved,) = resolve_members([Member(video, channel, timezone.now())])
    return ChannelWordsPreview(video.pk, str(video), resolved, faults)


def _with(subject: Subject, row: Distribution, document: Mapping[str, Any]) -> Member:
    """Return a publication as it would be with a subject's document; the row is nobody else's."""
    parts: dict[Subject, Any] = {
        Subject.CHANNEL: row.channel,
        Subject.VIDEO: row.video,
        Subject.WAVE: row.wave,
        Subject.PUBLICATION: row,
    }
    if parts[subject] is not None:
        documents.write(parts[subject], document)
    return member_of(row)


def _near_words(subject: Subject, subject_id: int) -> Sequence[Mapping[str, Any]]:
    near = _publications_of(subject, subject_id)
    return [
        *near.exclude(video__words={}).order_by().values_list("video__words", flat=True),
        *near.exclude(wave=None).exclude(wave__words={}).order_by().values_list("wave__words", flat=True),
    ]


def subject_of(subject: str) -> Subject:
    """Return which kind of subject is meant. Raises: InvalidRequest."""
    try:
        return Subject(subject)
    except ValueError:
        raise InvalidRequest(f"{subject!r} is none of {', '.join(Subject)}.", field="subject") from None


def _publications_of(subject: Subject, subject_id: int) -> QuerySet[Distribution]:
    field = {
        Subject.CHANNEL: "channel",
        Subject.VIDEO: "video",
        Subject.WAVE: "wave",
        Subject.PUBLICATION: "pk",
    }
    return Distribution.objects.filter(**{field[subject]: subject_id})


def _in_order(rows: QuerySet[Distribution], subject: Subject, subject_id: int) -> QuerySet[Distribution]:
    """Return a subject's publications as they come, those still waiting first."""
    if subject in {
        Subject.CHANNEL,
        Subject.WAVE,
    }:  # joined with the subject's own plans, not with all there are
        rows = rows.annotate(
            plan=FilteredRelation("schedule", condition=Q(**{f"schedule__{subject}": subject_id}))
        )
        moment = "plan__publish_at"
    else:
        moment = "schedule__publish_at"
    return rows.order_by(_waiting_first(), F(moment).asc(nulls_last=True), "pk")


def _place(row: Distribution) -> tuple[Any, ...]:
    """Return the same place of a publication that was read."""
    waits = row.youtube_video_id is None and row.state == DistributionState.ASSIGNED
    plan = getattr(row, "schedule", None)
    return not waits, plan is None, plan.publish_at.timestamp() if plan is not None else 0.0, row.pk


def _waiting_first() -> Case:
    return Case(
        When(youtube_video_id=None, state=DistributionState.ASSIGNED, then=Value(0)),
        default=Value(1),
        output_field=IntegerField(),
    )
