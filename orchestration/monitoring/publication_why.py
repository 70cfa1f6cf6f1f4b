"""Gather what was written down about one publication, so that `planning.why` can say why it is late or not public."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from channels.models import Channel
from channels.states import ChannelState
from orchestration.core import lookup
from orchestration.models import Activity, Blocker, Conflict, Job, Schedule, SystemState, Wave
from orchestration.monitoring.attempts import attempts_of
from orchestration.planning.why import (
    Ending,
    Moved,
    PublicationFacts,
    PublicationWhy,
    Stretch,
    explain,
    stretch_between,
)
from orchestration.queue.remedies import remedy_of
from orchestration.results.jobs import Attempt
from orchestration.scheduling import approval_marks
from orchestration.states import CLAIMABLE_JOBS, JobKind, JobState, ScheduleState, SystemStatus, WaveState

MOST = 200
"""Entries, jobs and conditions that are looked at, the newest of each."""
STATES: dict[Any, frozenset[str]] = {
    SystemState: frozenset(SystemStatus.values),
    Channel: frozenset(ChannelState.values),
    Wave: frozenset(WaveState.values),
}
LETS_GO = frozenset({SystemStatus.RUNNING, ChannelState.ACTIVE, WaveState.SCHEDULED, WaveState.COMPLETED})


def explain_publication(schedule_id: int) -> PublicationWhy:
    """Return why a publication is late or not public, afterwards too, in a fixed number of statements. Raises: NotFound."""
    row = lookup.one(with_what_it_needs(Schedule.objects.all()), schedule_id, field="schedule_id")
    jobs = list(row.jobs.select_related("blocked_on").order_by("-pk")[:MOST])
    return why(row, jobs, entries_of(row), conflicts_of(row))


def with_what_it_needs(rows: QuerySet[Schedule]) -> QuerySet[Schedule]:
    """Let publications be read with what they are explained by."""
    return rows.select_related("distribution__video__source", "channel", "wave")


def why(
    row: Schedule, jobs: Sequence[Job], own: Sequence[Activity], conflicts: Sequence[Conflict]
) -> PublicationWhy:
    """Return why a publication is late or not public; jobs and conflicts come the newest first, entries the oldest."""
    now = timezone.now()
    until = row.distribution.published_at or now
    facts = PublicationFacts(
        schedule_id=row.pk,
        name=f"{row.distribution.video} on {row.channel.name}",
        state=row.state,
        publish_at=row.publish_at,
        stage_at=row.stage_at,
        public_at=row.distribution.published_at if row.state == ScheduleState.PUBLISHED else None,
        moves=[*_moved_by(conflicts), *_moves(own)],
        stretches=[*_of_jobs(jobs), *_pauses(row, until), *_held(own), *_blockers(row, jobs, until)],
        ending=_ending(row, own),
        misfire=row.misfire_action,
        waits_for=_waits_for(row, jobs),
    )
    return explain(facts, now)


# ---------------------------------------------------------------------------------------------------------------- moves


def entries_of(row: Schedule) -> list[Activity]:
    """Return the newest of what was written down about a publication, in the order of time."""
    kind = ContentType.objects.get_for_model(Schedule)
    rows = Activity.objects.filter(content_type=kind, object_id=row.pk).select_related("content_type")
    return list(rows.order_by("-timestamp", "-pk")[:MOST])[::-1]


def conflicts_of(row: Schedule) -> list[Conflict]:
    """Return the newest conflicts of a publication."""
    return list(row.conflicts.order_by("-created_at", "-pk")[:MOST])


def _instant(values: Any, name: str) -> datetime | None:
    said = values.get(name) if isinstance(values, dict) else None
    return parse_datetime(str(said)) if said else None


def _moves(entries: Sequence[Activity]) -> list[Moved]:
    found = []
    for entry in entries:
        from_at, to_at = _instant(entry.before, "publish_at"), _instant(entry.after, "publish_at")
        if from_at and to_at and from_at != to_at:
            found.append(Moved(entry.timestamp, from_at, to_at, entry.actor_label, entry.reason))
    return found


def _moved_by(conflicts: Sequence[Conflict]) -> list[Moved]:
    """Return by which conflict it was planned for another moment than the one that was wanted."""
    by_age = sorted(conflicts, key=lambda conflict: conflict.pk)
    shifted = [conflict for conflict in by_age if conflict.yielded == "request"]
    last: dict[tuple[datetime, datetime], Conflict] = {}
    for conflict in shifted:
        if conflict.wanted_at and conflict.moved_to and conflict.moved_to != conflict.wanted_at:
            last.setdefault((conflict.wanted_at, conflict.moved_to), conflict)
    return [
        Moved(conflict.created_at, wanted, moved, "its planning", conflict.message)
        for (wanted, moved), conflict in last.items()
    ]


def _ending(row: Schedule, entries: Sequence[Activity]) -> Ending | None:
    for entry in reversed(entries):
        if isinstance(entry.after, dict) and entry.after.get("state") == row.state:
            return Ending(entry.actor_label, entry.timestamp, entry.reason or row.reason)
    return Ending("", row.state_changed_at, row.reason)


# ------------------------------------------------------------------------------------------------------------- stretches


def _of_jobs(jobs: Sequence[Job]) -> list[Stretch]:
    tries = attempts_of(jobs) if jobs else {}
    found: list[Stretch] = []
    for job in jobs:
        if job.kind in {JobKind.STAGE, JobKind.PUBLISH}:
            found += _of_job(job, tries.get(job.pk, []))
    return found


def _of_job(job: Job, tries: Sequence[Attempt]) -> list[Stretch]:
    what = job.get_kind_display()
    first = tries[0].began_at if tries else job.started_at
    found = stretch_between(
        "queue", f"{what}: it waited for a worker or a pool's slot", job.created_at, first
    )
    for attempt, follower in zip(tries, [*tries[1:], None], strict=False):
        said = f": {attempt.message}" if attempt.message else ""
        if attempt.outcome == JobState.WAITING and attempt.code:
            code = "processing" if "process" in attempt.message.lower() else "retry"
            ends = follower.began_at if follower else attempt.next_at
            found += stretch_between(
                code,
                f"{what}: try {attempt.number} failed{said}; the next one was waited for",
                attempt.ended_at,
                ends,
            )
        found += stretch_between(
            "work", f"{what}: try {attempt.number} was at work", attempt.began_at, attempt.ended_at
        )
    return found


def _held(entries: Sequence[Activity]) -> list[Stretch]:
    return _off(entries, lambda state: state == ScheduleState.HELD, "held", "held")


def _off(entries: Sequence[Activity], is_off: Any, code: str, what: str) -> list[Stretch]:
    """Return the stretches in which the state of something kept it back, and by whom."""
    found: list[Stretch] = []
    since: Activity | None = None
    for entry in entries:
        state = entry.after.get("state") if isinstance(entry.after, dict) else None
        if state is None:
            continue
        if since is not None and not is_off(state):
            found.append(_stretch(since, entry.timestamp, code, what))
            since = None
        elif since is None and is_off(state):
            since = entry
    return [*found, _stretch(since, None, code, what)] if since is not None else found


def _stretch(since: Activity, to_at: datetime | None, code: str, what: str) -> Stretch:
    by = f" by {since.actor_label}" if since.actor_label else ""
    why = f" ({since.reason})" if since.reason else ""
    return Stretch(code, f"{what}{by}{why}", since.timestamp, to_at)


def _pauses(row: Schedule, until: datetime) -> list[Stretch]:
    subjects: list[tuple[Any, int, str]] = [
        (SystemState, 1, "the system was paused or stopped"),
        (Channel, row.channel_id, "the channel was paused"),
    ]
    if row.wave_id:
        subjects.append((Wave, row.wave_id, "its wave was paused"))
    kinds = {model: ContentType.objects.get_for_model(model).pk for model, _, _ in subjects}
    which = Q()
    for model, pk, _ in subjects:
        which |= Q(content_type=kinds[model], object_id=pk)
    rows = Activity.objects.filter(which, timestamp__lte=until).exclude(after=None)
    rows = rows.filter(verb__regex=r"^(system|channel|wave)_")
    entries = list(reversed(rows.order_by("-timestamp", "-pk")[:MOST]))
    found: list[Stretch] = []
    for model, _, what in subjects:
        # Entries about many rows name the system as their subject, with the rows' states.
        mine = [
            entry
            for entry in entries
            if entry.content_type_id == kinds[model] and entry.after.get("state") in STATES[model]
        ]
        found += _off(mine, lambda state: state not in LETS_GO, "paused", what)
    return found


def _blockers(row: Schedule, jobs: Sequence[Job], until: datetime) -> list[Stretch]:
    """Return the conditions that held for its channel, or for all, meanwhile, if one of its jobs met one of that code."""
    scope = (
        Q(channel=row.channel_id) | Q(channel=None, source=None) | Q(source=row.distribution.video.source_id)
    )
    rows = Blocker.objects.filter(scope, since__lte=until)
    rows = rows.filter(Q(ended_at=None) | Q(ended_at__gt=row.stage_at)).order_by("-pk")[:MOST]
    met = {job.error_code for job in jobs}
    waiting = {job.blocked_on_id for job in jobs}
    return [
        Stretch("blocked", f"{remedy_of(each.code).title}: {each.sentence}", each.since, each.ended_at)
        for each in rows
        if each.code in met or each.pk in waiting
    ]


# ------------------------------------------------------------------------------------------------------------- what now


def _waits_for(row: Schedule, jobs: Sequence[Job]) -> list[str]:
    if not row.is_open:
        return []
    found = []
    if row.channel.state != ChannelState.ACTIVE:
        found.append(f"the channel is {row.channel.state}")
    if row.wave is not None and row.wave.state == WaveState.PAUSED:
        found.append("its wave is paused")
    source = row.distribution.video.source
    asks = row.channel.needs_approval_since or (source is not None and source.needs_approval_since)
    if asks and Schedule.objects.filter(approval_marks.waits(), pk=row.pk).exists():
        found.append("it needs an approval")
    for job in jobs:
        if job.state in CLAIMABLE_JOBS and job.blocked_on is not None:
            found.append(f"{job.blocked_on.sentence} {remedy_of(job.blocked_on.code).sentence}".rstrip("."))
        elif job.state == JobState.WAITING and job.error_message:
            found.append(f"{job.get_kind_display()}: {job.error_message}".rstrip("."))
        elif job.state in CLAIMABLE_JOBS and job.waits_for:
            found.append(f"{job.get_kind_display()}: {job.waits_for}".rstrip("."))
    return found
