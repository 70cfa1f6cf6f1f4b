"""Let nothing go out that waits for an approval: who approved what they saw, and what took it back.

An approval holds for what was seen: the words as they would be said on that channel at that moment, picture and subtitles
among them, and the content of the file. Anything else is another publication, and waits again. Staging goes on meanwhile;
arming and publishing ask `why_not` under the schedule's lock, and a clock takes back what changed afterwards.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from channels.models import Channel
from orchestration.core import audit, lookup
from orchestration.core.wakeups import wake_tick
from orchestration.errors import IllegalTransition, InvalidRequest, StaleVersion
from orchestration.models import Approval, Distribution, Rendition, Schedule, Source
from orchestration.pipeline import words_kept
from orchestration.pipeline.own_edits import refuse_own_edits
from orchestration.pipeline.profile_choice import profiles, wanted_of
from orchestration.pipeline.words_outside import SOURCE_PICTURE, extras_of
from orchestration.results.library import ApprovalChange, PendingReview
from orchestration.scheduling import approval_marks
from orchestration.scheduling.publication_words import member_of, resolve_members, with_words
from orchestration.scheduling.rows import lock_channels, take_off
from orchestration.states import OPEN_SCHEDULES, ScheduleState, Verdict
from orchestration.words import outside
from orchestration.words.fields import FIELDS
from orchestration.words.resolving import Resolved

MAX_AT_ONCE = 500
MAX_LISTED = 200
LOOK_AHEAD = timedelta(minutes=15)
WAITING = "it waits for an approval"


def seals_of(distribution_ids: Iterable[int]) -> dict[int, str]:
    """Return a hash of what each publication would say and send now, in a few queries whatever their number."""
    return {pk: seal for pk, (_, _, seal) in _seen(distribution_ids).items()}


def why_not(schedule: Schedule) -> str:
    """Return why a publication may not go out as far as approvals are concerned; empty if it may. Reads everything anew."""
    row = Distribution.objects.select_related("channel", "video__source").get(pk=schedule.distribution_id)
    if not _wanted_by(row.channel, row.video.source):
        return ""
    approval = Approval.objects.filter(distribution=row.pk).first()
    if approval is None or approval.verdict != Verdict.APPROVED:
        return f"{WAITING}, which {_wanted_by(row.channel, row.video.source)} wants"
    if seals_of([row.pk]).get(row.pk) != approval.seal:
        return f"{WAITING}: what {approval.by} approved was changed since"
    if row.youtube_video_id and (words_kept.wanted_words(row) or words_kept.tried(row)):
        return "the words that were approved are not on YouTube yet"
    return ""


def waiting(most: int = MAX_LISTED) -> list[PendingReview]:
    """List the publications that wait for an approval, the nearest first, with what is to be approved."""
    if not approval_marks.anybody_wants():
        return []
    rows = (
        Schedule.objects.filter(approval_marks.waits(), state__in=OPEN_SCHEDULES)
        .select_related("channel", "wave", "distribution__video__source", "distribution__approval")
        .order_by("publish_at", "pk")[:most]
    )
    found = list(rows)
    seen = _seen([row.distribution_id for row in found])
    files = _files_of(row for row, _, _ in seen.values())
    return [
        PendingReview(
            schedule=row,
            words=seen[row.distribution_id][1],
            seal=seen[row.distribution_id][2],
            wanted_by=_wanted_by(row.channel, row.distribution.video.source),
            last=getattr(row.distribution, "approval", None),
            rendition=files[row.distribution_id],
        )
        for row in found
    ]


def approve(
    schedule_ids: Sequence[int], seals: Sequence[str] = (), reason: str = "", *, by: str
) -> list[Schedule]:
    """Approve publications as they are now, all or none; with `seals`, only if they are still what was seen.

    Raises: NotFound, InvalidRequest; IllegalTransition for what is over; StaleVersion for what is not as it was seen;
    NotPermitted for what is not theirs to approve.
    """
    if seals and len(seals) != len(schedule_ids):
        raise InvalidRequest("seals has not as many members as schedule_ids.", field="seals")
    with transaction.atomic():
        rows = _locked(schedule_ids)
        refuse_own_edits(rows, by)
        seen = _seen([row.distribution_id for row in rows])
        given = dict(zip(schedule_ids, seals, strict=True)) if seals else {}
        for row in rows:
            words, seal = seen[row.distribution_id][1:]
            if given.get(row.pk, seal) != seal:
                raise StaleVersion(
                    f"Publication {row.pk} is not as it was seen any more; look again before approving it.",
                    field="seals",
                )
            if words.problems:
                raise InvalidRequest(
                    f"Publication {row.pk} cannot go out as it is: {words.problems[0].message}.",
                    field="schedule_ids",
                )
        _decide(rows, {pk: seal for pk, (_, _, seal) in seen.items()}, Verdict.APPROVED, by, reason)
        wake_tick()
    return rows


def refuse(schedule_ids: Sequence[int], reason: str, *, by: str) -> list[Schedule]:
    """Refuse publications, all or none, with a reason; what is armed is disarmed. They wait on, for another word.

    Raises: NotFound, InvalidRequest; IllegalTransition for what is over, or too near to be stopped.
    """
    if not reason.strip():
        raise InvalidRequest("reason is empty: say why it is refused.", field="reason")
    with transaction.atomic():
        rows = _locked(schedule_ids)
        for row in rows:
            if row.is_beyond_stopping or row.state == ScheduleState.PUBLISHING:
                raise IllegalTransition(
                    f"Publication {row.pk} is going public at this moment: it can only be recalled.",
                    state=row.state,
                )
        _decide(rows, seals_of([row.distribution_id for row in rows]), Verdict.REFUSED, by, reason)
        _stop(rows, f"refused by {by}: {reason}")
    return rows


def take_back_changed(now: datetime) -> int:
    """Take back the approvals of what is not as it was approved any more, and disarm it; called by the tick.

    Only what is armed, or may be soon, is looked at; anything later is looked at before it is armed.
    """
    soon = now + timedelta(seconds=settings.HEADEND_ARM_SECONDS) + LOOK_AHEAD
    rows = Schedule.objects.filter(
        approval_marks.needs_one(),
        Q(armed_for__isnull=False) | Q(publish_at__lte=soon),
        state__in=[ScheduleState.PLANNED, ScheduleState.STAGING, ScheduleState.STAGED],
        distribution__approval__verdict=Verdict.APPROVED,
    )
    taken = _take_off_unapproved()
    approved = dict(
        rows.order_by("publish_at").values_list("distribution_id", "distribution__approval__seal")[
            :MAX_AT_ONCE
        ]
    )
    if not approved:
        return taken
    seals = seals_of(approved)
    changed = [pk for pk, seal in approved.items() if seals.get(pk) != seal]
    for schedule in Schedule.objects.filter(distribution__in=changed).order_by("pk"):
        with transaction.atomic():
            taken += _take_back(schedule.pk)
    return taken


def _take_off_unapproved() -> int:
    """Disarm what is armed and waits for an approval: it was staged, or got its source, while one became needed."""
    rows = Schedule.objects.filter(
        approval_marks.waits(), state=ScheduleState.STAGED, armed_for__isnull=False
    )
    taken = 0
    for pk, channel_id in rows.order_by("pk").values_list("pk", "channel_id")[:MAX_AT_ONCE]:
        with transaction.atomic():
            lock_channels([channel_id])
            found = Schedule.objects.locked().filter(
                pk=pk, state=ScheduleState.STAGED, armed_for__isnull=False
            )
            row = found.prefetch_related("channel", "distribution").first()
            if row is None or row.is_beyond_stopping or not why_not(row):
                continue
            _stop([row], WAITING)
            taken += 1
    return taken


def set_needed(
    subject: Channel | Source, needed: bool, reason: str = "", *, now: datetime | None = None
) -> ApprovalChange:
    """Let the publications of a channel or a source wait for an approval, or not any more.

    What is public stays. What is armed and not approved is disarmed, and stays at its time; what is too near to be stopped
    goes out, and is counted (`too_late`).
    """
    now = now or timezone.now()
    since = now if needed else None
    with transaction.atomic():
        model = type(subject)
        row = model.objects.locked().get(pk=subject.pk)
        was = row.needs_approval_since is not None
        if was == needed:
            return ApprovalChange(needed=needed, disarmed=0, too_late=0)
        model.objects.filter(pk=row.pk).update(needs_approval_since=since)
        subject.needs_approval_since = since
        disarmed, too_late = _disarm_unapproved(subject) if needed else (0, 0)
        audit.record(
            "approval_needed" if needed else "approval_not_needed",
            row,
            before={"needs_approval": was},
            after={"needs_approval": needed, "disarmed": disarmed, "too_late": too_late},
            reason=reason,
        )
        wake_tick()
    return ApprovalChange(needed=needed, disarmed=disarmed, too_late=too_late)


# ------------------------------------------------------------------------------------------------------------ in here


def _seen(distribution_ids: Iterable[int]) -> dict[int, tuple[Distribution, Resolved, str]]:
    rows = with_words(distribution_ids)
    words = resolve_members([member_of(row) for row in rows])
    files = _files_of(rows)
    found = {}
    for row, said in zip(rows, words, strict=True):
        sent = files[row.pk]
        otherwise = _otherwise_on_youtube(row, said)
        seal = _seal(said, otherwise, (sent.content_hash if sent else "") or row.video.prepared_hash)
        found[row.pk] = (row, replace(said, **otherwise) if otherwise else said, seal)
    return found


def _files_of(distributions: Iterable[Distribution]) -> dict[int, Rendition | None]:
    """Return the file that each publication sends, as far as it is made, in two queries whatever their number."""
    rows = list(distributions)
    known = profiles() if rows else None
    there = list(Rendition.objects.present().filter(video__in={row.video_id for row in rows}))
    by_id = {each.pk: each for each in there}
    by_print = {(each.video_id, each.fingerprint): each for each in there}
    return {
        row.pk: by_id.get(row.rendition_id or 0)
        or by_print.get((row.video_id, wanted_of(row, known).fingerprint))
        for row in rows
    }


def _otherwise_on_youtube(row: Distribution, words: Resolved) -> dict[str, Any]:
    """Return the fields in which what lies on YouTube, or is on its way there, is not what our words say by now."""
    if not row.youtube_video_id:
        return {}
    there = {**(row.words_set.get("words") or {}), **(row.words_wanted.get("words") or {})}
    found = {
        name: tuple(there[name] or ()) if name == "tags" else there[name]
        for name in outside.COMPARED
        if name in there and outside.plain(name, there[name]) != outside.plain(name, words.value(name))
    }
    # Picture, subtitles and playlists are those that were wanted when it was uploaded, or edited since.
    wanted, fresh = row.words_wanted.get("extras", {}), extras_of(words, row)
    for name in outside.EXTRAS:
        if (wanted.get(name) or None) != (fresh[name] or None):
            is_picture = name == "picture"
            own = wanted.get(name) if wanted.get(name) != SOURCE_PICTURE else None
            found[name] = own if is_picture else tuple(wanted.get(name) or ())
    return found


def _seal(words: Resolved, otherwise: Mapping[str, Any], file: str) -> str:
    said = {name: words.value(name) for name in FIELDS if hasattr(words, name)}
    document = json.dumps([said, otherwise, file], sort_keys=True, default=_plain, separators=(",", ":"))
    return hashlib.sha256(document.encode()).hexdigest()


def _plain(value: object) -> object:
    return dict(value) if hasattr(value, "keys") else str(value)  # type: ignore[call-overload]


def _wanted_by(channel: Channel, source: Source | None) -> str:
    if channel.needs_approval_since is not None:
        return f"channel {channel.name}"
    if source is not None and source.needs_approval_since is not None:
        return f"source {source.name}"
    return ""


def _locked(schedule_ids: Sequence[int]) -> list[Schedule]:
    """Return schedules that are still to happen, under lock, in the order given."""
    ids = lookup.check_ids(schedule_ids, field="schedule_ids")
    if len(ids) > MAX_AT_ONCE:
        raise InvalidRequest(f"{len(ids)} are more than {MAX_AT_ONCE} at once.", field="schedule_ids")
    lock_channels(list(Schedule.objects.filter(pk__in=ids).values_list("channel_id", flat=True)))
    rows = Schedule.objects.locked().filter(pk__in=ids).order_by("pk")
    found = {row.pk: row for row in rows.prefetch_related("channel", "distribution__video__source")}
    lookup.check_found(Schedule, ids, found, field="schedule_ids")
    for row in found.values():
        if not row.is_open:
            raise IllegalTransition(f"Publication {row.pk} is {row.state}: nothing waits.", state=row.state)
    return [found[pk] for pk in ids]


def _decide(rows: Sequence[Schedule], seals: dict[int, str], verdict: Verdict, by: str, reason: str) -> None:
    now = timezone.now()
    for row in rows:
        seal = seals[row.distribution_id]
        Approval.objects.update_or_create(
            distribution_id=row.distribution_id,
            defaults={
                "verdict": verdict,
                "seal": seal,
                "by": by,
                "reason": reason[:300],
                "decided_at": now,
            },
        )
        audit.record(f"publication_{verdict}", row, after={"seal": seal[:12]}, reason=reason)


def _stop(rows: Sequence[Schedule], why: str) -> None:
    take_off([row for row in rows if row.state == ScheduleState.STAGED], why[:500])


def _take_back(schedule_id: int) -> int:
    (row,) = Schedule.objects.filter(pk=schedule_id)[:1] or (None,)
    if row is None:
        return 0
    lock_channels([row.channel_id])
    row = Schedule.objects.locked().prefetch_related("channel", "distribution").get(pk=schedule_id)
    approval = Approval.objects.filter(distribution=row.distribution_id, verdict=Verdict.APPROVED).first()
    if (
        approval is None
        or not row.is_open
        or seals_of([row.distribution_id])[row.distribution_id] == approval.seal
    ):
        return 0
    why = f"what {approval.by} approved was changed since"
    Approval.objects.filter(pk=approval.pk).update(
        verdict=Verdict.TAKEN_BACK, reason=why, decided_at=timezone.now()
    )
    if not row.is_beyond_stopping:
        _stop([row], why)
    audit.record(
        "approval_taken_back", row, before={"seal": approval.seal[:12]}, after={"seal": ""}, reason=why
    )
    return 1


def _disarm_unapproved(subject: Channel | Source) -> tuple[int, int]:
    mine = Q(channel=subject) if isinstance(subject, Channel) else Q(distribution__video__source=subject)
    staged = Schedule.objects.filter(mine, approval_marks.waits(), state=ScheduleState.STAGED)
    lock_channels(list(staged.order_by().values_list("channel_id", flat=True)))
    ids = list(staged.order_by("pk").values_list("pk", flat=True))
    rows = list(
        Schedule.objects.locked()
        .filter(pk__in=ids, state=ScheduleState.STAGED)
        .prefetch_related("channel", "distribution__video")
        .order_by("pk")
    )
    armed = [row for row in rows if row.armed_for is not None]
    stoppable = [row for row in rows if not row.is_beyond_stopping]
    _stop(stoppable, WAITING)
    late = sum(row.is_beyond_stopping for row in armed)
    return len(armed) - late, late
