"""Take up, release or move at once what one cause held back or ended: shown first, member by member, then done."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from orchestration.core import audit
from orchestration.engine import jobs
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.models import Job, Schedule, SystemState
from orchestration.results.causes import CauseCount, CauseMember, CauseResult
from orchestration.scheduling import misfires, reservations, schedules
from orchestration.scheduling.rows import lock_channels
from orchestration.states import (
    CLAIMABLE_JOBS,
    JobState,
    ScheduleState,
)

MAX_MEMBERS = 200
"""So many are taken at once; the answer says how many are left for the next time."""
ENDED_BADLY = (JobState.FAILED, JobState.ERRORED)
MOVABLE = (ScheduleState.PLANNED, ScheduleState.STAGING, ScheduleState.STAGED)
REOPENABLE = (ScheduleState.FAILED, ScheduleState.MISSED, ScheduleState.SKIPPED)


def retry(
    cause: str,
    *,
    channel_ids: Sequence[int] = (),
    next_free: bool = False,
    reason: str = "",
    dry_run: bool = False,
) -> CauseResult:
    """Queue once more the jobs that ended by an error code and that no later job has done, best rank first.

    With `next_free` a publication whose time is over or taken takes the next free one. Raises: InvalidRequest.
    """
    later = Job.objects.filter(dedupe_key=OuterRef("dedupe_key"), pk__gt=OuterRef("pk"))
    rows = Job.objects.filter(~Exists(later), state__in=ENDED_BADLY, error_code=_named(cause))
    rows = rows.select_related("channel", "video", "source", "schedule").order_by("rank", "id")

    def one(job: Job) -> str:
        again = jobs.retry(job.pk, reason or f"retried by cause: {cause}", next_free=next_free)
        at = again.schedule.publish_at if again.schedule is not None else None
        if at is not None and job.schedule is not None and at != job.schedule.publish_at:
            return f"it is tried again, and public at {at:%Y-%m-%d %H:%M} UTC"
        return "it is tried again now"

    return _each("retry", cause, _of_channels(rows, channel_ids), one, dry_run=dry_run, reason=reason)


def release(
    cause: str, *, channel_ids: Sequence[int] = (), reason: str = "", dry_run: bool = False
) -> CauseResult:
    """Release the publications that are held by a cause: `hold` for a misfire policy, else the error code of their job.

    Raises: InvalidRequest.
    """
    named = _named(cause)
    of_job = Job.objects.filter(schedule=OuterRef("pk"), error_code=named)
    rows = Schedule.objects.filter(Q(misfire_action=named) | Exists(of_job), state=ScheduleState.HELD)
    rows = rows.select_related("channel", "distribution__video").order_by("publish_at", "id")

    def one(row: Schedule) -> str:
        released = schedules.release(row.pk, reason or f"released by cause: {cause}")
        return released.reason or f"it is {released.get_state_display()}"

    return _each("release", cause, _of_channels(rows, channel_ids), one, dry_run=dry_run, reason=reason)


def move(
    cause: str,
    *,
    channel_ids: Sequence[int] = (),
    after: datetime | None = None,
    reason: str = "",
    dry_run: bool = False,
) -> CauseResult:
    """Give what waits for a condition, or ended by an error code or as `missed`, its channel's next free slot.

    `after` is the instant from which slots are taken, now by default. Raises: InvalidRequest.
    """
    named, now = _named(cause), timezone.now()
    if after is not None and after < now:
        raise InvalidRequest("The instant is over; name one ahead.", field="after")
    waiting = Job.objects.filter(schedule=OuterRef("pk"), state__in=CLAIMABLE_JOBS, blocked_on__code=named)
    ended = Job.objects.filter(schedule=OuterRef("pk"), state__in=ENDED_BADLY, error_code=named)
    wanted = Q(Exists(waiting), state__in=MOVABLE) | Q(Exists(ended), state__in=REOPENABLE)
    if named == ScheduleState.MISSED:
        wanted |= Q(state=ScheduleState.MISSED)
    rows = Schedule.objects.filter(wanted).select_related("channel", "distribution__video")
    rows = rows.order_by("publish_at", "id")

    def one(row: Schedule) -> str:
        at = _free_slot(row, max(after or now, now))
        why = reason or f"moved by cause: {cause}"
        if row.state == ScheduleState.STAGING:
            moved = schedules.move_waiting(row.pk, at, why)
        elif row.state in MOVABLE:
            moved = schedules.move(row.pk, at, why)
        else:
            moved = schedules.reopen(row.pk, why, publish_at=at)
        return f"it moves to {moved.publish_at:%Y-%m-%d %H:%M} UTC"

    return _each("move", cause, _of_channels(rows, channel_ids), one, dry_run=dry_run, reason=reason)


def causes() -> list[CauseCount]:
    """Return by which codes jobs ended badly that no later job has done, those with the most first."""
    later = Job.objects.filter(dedupe_key=OuterRef("dedupe_key"), pk__gt=OuterRef("pk"))
    rows = Job.objects.filter(~Exists(later), state__in=ENDED_BADLY).exclude(error_code="").order_by()
    counted = rows.values("error_code").annotate(failed=Count("*"), last_at=Max("finished_at"))
    return [
        CauseCount(row["error_code"], row["failed"], row["last_at"])
        for row in counted.order_by("-failed", "error_code")
    ]


def _free_slot(row: Schedule, after: datetime) -> datetime:
    calendar = misfires.calendars_for([row.channel_id], timezone.now())[row.channel_id]
    slot = calendar.free_slot_from(after + timedelta(seconds=1))
    if slot is None:
        raise InvalidRequest(f"Channel {row.channel.name} has no free slot ahead.", field="after")
    return slot.at


def _named(cause: str) -> str:
    if not cause.strip():
        raise InvalidRequest(
            "Name the cause: an error code, as jobs and blockers show it, for example credential_revoked.",
            field="cause",
        )
    return cause.strip()


def _of_channels(rows: QuerySet[Any], channel_ids: Sequence[int]) -> QuerySet[Any]:
    return rows.filter(channel__in=channel_ids) if channel_ids else rows


def _each(
    verb: str, cause: str, rows: QuerySet[Any], one: Callable[[Any], str], *, dry_run: bool, reason: str
) -> CauseResult:
    """Do it to each member, one after the other, and tell of each what became of it; a dry run is taken back as a whole.

    So a preview says exactly what would happen, two that want one slot included. One that is refused does not keep the
    others from it.
    """
    total = rows.count()
    members: list[CauseMember] = []
    with transaction.atomic():
        found = list(rows[:MAX_MEMBERS])
        # In the order that everybody takes: all calendars first, then the budgets.
        lock_channels([row.channel_id for row in found if row.channel_id])
        reservations.hold_alone()
        for row in found:
            members.append(_tried(row, one))
        done = [member for member in members if member.done]
        if done and not dry_run:
            kind = "job" if isinstance(found[0], Job) else "schedule"
            audit.record(
                f"{verb}_by_cause",
                SystemState(pk=1),
                after={"cause": cause, "done": len(done), "refused": len(members) - len(done)},
                reason=reason,
                members={kind: [member.id for member in done]},
            )
        if dry_run:
            transaction.set_rollback(True)
    return CauseResult(
        verb=verb, cause=cause, dry_run=dry_run, members=members, left=max(total - len(members), 0)
    )


def _tried(row: Job | Schedule, one: Callable[[Any], str]) -> CauseMember:
    try:
        with transaction.atomic():
            sentence, done = one(row), True
    except OrchestrationError as error:
        sentence, done = error.message, False
    if isinstance(row, Job):
        about = " · ".join(str(thing) for thing in (row.video or row.source, row.channel) if thing)
        return CauseMember(row.pk, "job", f"{row.get_kind_display()}: {about}", done, sentence)
    return CauseMember(row.pk, "schedule", f"{row.distribution.video} on {row.channel}", done, sentence)
