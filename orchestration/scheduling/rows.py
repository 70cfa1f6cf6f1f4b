"""Change one locked schedule: wake it up, hold it, cancel it, give it another time, withdraw its jobs."""

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from channels.models import Channel
from orchestration.core import audit, lookup
from orchestration.core.transitions import as_read, by_row, transition, transition_each
from orchestration.core.verbs import require
from orchestration.errors import (
    StaleState,
)
from orchestration.models import Distribution, Job, Schedule
from orchestration.planning.calendar import calendars_of
from orchestration.planning.conflicts import alternatives, timing_message
from orchestration.planning.obstacles import Obstacle, entry_of, is_collision
from orchestration.scheduling import conflict_records, reservations, snapshots
from orchestration.scheduling.disarming import disarm_all, disarm_later
from orchestration.states import (
    CLAIMABLE_JOBS,
    DistributionState,
    JobKind,
    JobState,
    ScheduleState,
)

RETIMED_AT_ONCE = 200
"""So many rows get values of their own in one statement, which looks at all of them for each row."""


def locked(schedule_id: int) -> Schedule:
    """Return a schedule under lock, its channel's calendar locked before it. Raises: NotFound.

    What belongs to it is read once the lock is granted: a join would show it as it was before whoever was waited for.
    """
    lock_channels([lookup.one(Schedule, schedule_id, field="schedule_id").channel_id])
    return (
        Schedule.objects.locked()
        .prefetch_related("channel", "distribution__video", "wave")
        .get(pk=schedule_id)
    )


def locked_all(schedule_ids: Sequence[int]) -> list[Schedule]:
    """Return schedules under lock, whose channels' calendars the caller has locked before them; as `locked`."""
    rows = Schedule.objects.locked().filter(pk__in=schedule_ids).order_by("pk")
    return list(rows.prefetch_related("channel", "distribution__video", "wave"))


def lock_channels(channel_ids: Sequence[int]) -> None:
    """Lock calendars, in the order of their ids, so that two planners wait for each other and never deadlock."""
    list(Channel.objects.filter(pk__in=set(channel_ids)).order_by("pk").locked().values_list("pk"))


def why_not_at(schedule: Schedule, at: datetime) -> tuple[list[str], list[dict[str, Any]]]:
    """Return why a schedule may not move to an instant, with ranked alternatives; two empty lists if it may."""
    now = timezone.now()
    view = snapshots.channel_views([schedule.channel_id])[0]
    around = snapshots.reach([view])
    entries = [
        entry
        for entry in snapshots.occupied(
            [schedule.channel_id], at - around, max(at, now) + around + timedelta(days=60)
        )
        if entry.schedule_id != schedule.pk
    ]
    calendar = calendars_of([view], entries, now)[view.id]
    obstacles = by_their_films(calendar.why_not(at))
    wanted = [(schedule, at)]
    short = reservations.shortages(wanted, now) + reservations.unpaid(wanted, now)
    if not obstacles and not short:
        return [], []
    messages = [timing_message(calendar, at, obstacle) for obstacle in obstacles] + [
        lack.message for lack in short
    ]
    if any(lack.earliest is None for lack in short):  # no time at all would do
        return messages, []
    earliest_at = max((lack.earliest for lack in short), default=None)
    offers = alternatives(calendar, at, obstacles, schedule.priority, earliest=earliest_at)
    return messages, [
        conflict_records.alternative_document(offer) for offer in offers if offer.at is not None
    ]


def by_their_films(obstacles: Sequence[Obstacle]) -> list[Obstacle]:
    """Return obstacles that name what stands in the way by its film: a person knows no numbers of publications."""
    ids = {entry.schedule_id for each in obstacles if (entry := entry_of(each)) and entry.schedule_id}
    titles = dict(
        Schedule.objects.filter(pk__in=ids).order_by().values_list("pk", "distribution__video__title")
        if ids
        else ()
    )
    return [
        dataclasses.replace(each, entry=each.entry._replace(label=f"“{title}”"))
        if is_collision(each) and (title := titles.get(each.entry.schedule_id or 0))
        else each
        for each in obstacles
    ]


def wake_up(row: Schedule, why: str, *, verb: str = "", **changes: Any) -> None:
    """Bring an ended or held schedule back to where its video stands: planned, or staged already."""
    to = ScheduleState.STAGED if row.distribution.youtube_video_id else ScheduleState.PLANNED
    distribution = row.distribution
    wanted = DistributionState.STAGED if distribution.youtube_video_id else DistributionState.ASSIGNED
    if distribution.state != wanted:
        transition(distribution, wanted, reason=why, error_code="", error_message="")
    if row.state != to:
        transition(row, to, verb=verb, reason=why, misfire_action="", **changes)


def wake_up_all(
    rows: Sequence[Schedule],
    why: str,
    *,
    verb: str = "",
    befores: Mapping[int, Mapping[str, Any]] | None = None,
    **changes: Any,
) -> None:
    """Bring ended or held schedules back to where their videos stand, as `wake_up` does one, in a few statements for all."""
    for is_staged, to, wanted in (
        (True, ScheduleState.STAGED, DistributionState.STAGED),
        (False, ScheduleState.PLANNED, DistributionState.ASSIGNED),
    ):
        those = [row for row in rows if bool(row.distribution.youtube_video_id) == is_staged]
        behind = []
        for row in those:
            if row.distribution.state != wanted:
                row.distribution.channel = row.channel  # its entry names it
                behind.append(row.distribution)
        transition_each(behind, wanted, reason=why, error_code="", error_message="")
        moving = [row for row in those if row.state != to]
        transition_each(moving, to, verb=verb, reason=why, befores=befores, misfire_action="", **changes)


def withdraw_jobs(schedule_ids: Sequence[int], why: str, *, kinds: Sequence[str] = ()) -> int:
    """Cancel the waiting jobs of schedules, and ask the running ones to stop; nothing else follows from their end."""
    ids = list(Distribution.objects.filter(schedule__in=schedule_ids).values_list("pk", flat=True))
    jobs = Job.objects.locked().open().filter(distribution__in=ids).order_by("pk")
    jobs = jobs.filter(kind__in=kinds or [JobKind.STAGE, JobKind.PUBLISH])
    found = list(jobs)
    now = timezone.now()
    transition_each(
        [job for job in found if job.state in CLAIMABLE_JOBS],
        JobState.CANCELLED,
        reason=why,
        finished_at=now,
        cancel_reason="withdrawn",
        error_code="cancelled",
        error_message=why[:500],
        waits_for="",
    )
    running = [job.pk for job in found if job.state not in CLAIMABLE_JOBS]
    if running:
        Job.objects.filter(pk__in=running).update(cancel_requested_at=now, cancel_reason="withdrawn")
    return len(found)


def take_off(rows: Sequence[Schedule], why: str) -> None:
    """Withdraw the publishing of locked schedules, and disarm what is armed; they stay as they are, at their times.

    The caller has left out what is beyond stopping, and it is not asked again: among many the moment of one may come
    meanwhile, and must not undo the pause of all the others. The version is raised too, so that an arming that is under
    way finds out and takes its time back.
    """
    disarm_all([row for row in rows if row.armed_for is not None], why)
    ids = [row.pk for row in rows]
    Schedule.objects.filter(pk__in=ids).update(armed_for=None, version=F("version") + 1)
    withdraw_jobs(ids, why, kinds=[JobKind.PUBLISH])


def hold_row(row: Schedule, why: str, reason: str) -> Schedule:
    """Hold a locked schedule back; what is armed is disarmed, and its jobs end by `why`. Raises: IllegalTransition."""
    disarm_later(row, why)
    withdraw_jobs([row.pk], why)
    return transition(row, ScheduleState.HELD, reason=reason, armed_for=None)


def hold_rows(rows: Sequence[Schedule], why: str, reason: str) -> None:
    """Hold locked schedules back that offer it, as `hold_row` does one, in a few statements for all."""
    _disarm_and_withdraw(rows, why)
    transition_each(rows, ScheduleState.HELD, reason=reason, armed_for=None)


def cancel_rows(rows: Sequence[Schedule], reason: str) -> None:
    """Cancel locked schedules that offer it, and their distributions, as `cancel_row` does one."""
    _disarm_and_withdraw(rows, "cancelled")
    transition_each(rows, ScheduleState.CANCELLED, reason=reason)
    wanted = [row.distribution_id for row in rows]
    distributions = Distribution.objects.locked().filter(pk__in=wanted).order_by("pk")
    named = distributions.prefetch_related("video", "channel")
    going = [row for row in named if row.can_become(DistributionState.CANCELLED)]
    transition_each(going, DistributionState.CANCELLED, reason=reason)


def _disarm_and_withdraw(rows: Sequence[Schedule], why: str) -> None:
    # The verb was refused to what is beyond stopping; as in `take_off`.
    disarm_all([row for row in rows if row.armed_for is not None], why)
    withdraw_jobs([row.pk for row in rows], why)


def cancel_row(row: Schedule, reason: str) -> Schedule:
    """Cancel a locked schedule and its distribution; what is armed is disarmed, what is uploaded stays private.

    Raises: IllegalTransition, for one that may be public among others: that stays to be reviewed.
    """
    require(row, "cancel")
    disarm_later(row, "cancelled")
    withdraw_jobs([row.pk], "cancelled")
    transition(row, ScheduleState.CANCELLED, reason=reason)
    if row.distribution.can_become(DistributionState.CANCELLED):
        transition(row.distribution, DistributionState.CANCELLED, reason=reason)
    return row


def retime(
    row: Schedule, at: datetime, *, stage_at: datetime, verb: str, reason: str, **changes: Any
) -> Schedule:
    """Give a schedule another instant: compare-and-swap on its version, wall clock and staging time with it.

    The caller holds its lock, has seen to anything that is armed on YouTube, and has reserved its staging
    (`reserving.stage_times`). Raises: StaleState.
    """
    retime_all([(row, at)], stage_times=[stage_at], verb=verb, reason=reason, **changes)
    return row


def retime_all(
    moves: Sequence[tuple[Schedule, datetime]],
    *,
    stage_times: Sequence[datetime],
    verb: str,
    reason: str,
    **changes: Any,
) -> None:
    """Give schedules other instants, as `retime` does one, in a few statements for all. Raises: StaleState."""
    same = {
        "armed_for": None,
        "lateness_seconds": None,
        "reason": reason[:500],
        "misfire_action": "",
        **changes,
    }
    values = {
        row.pk: {
            "publish_at": at,
            "local_wall": at.astimezone(row.channel.zone).replace(tzinfo=None).isoformat(timespec="seconds"),
            "zone": row.channel.timezone,
            "stage_at": stage_at,
        }
        for (row, at), stage_at in zip(moves, stage_times, strict=True)
    }
    rows = [row for row, _ in moves]
    entries = [
        audit.entry(
            verb,
            row,
            before={"publish_at": row.publish_at.isoformat()},
            after={"publish_at": at.isoformat()},
            reason=reason,
            was={
                name: getattr(row, name)
                for name in ("zone", "overridden", "lateness_seconds", "misfire_action")
            },
        )
        for row, at in moves
    ]
    for first in range(0, len(rows), RETIMED_AT_ONCE):
        part = rows[first : first + RETIMED_AT_ONCE]
        written = Schedule.objects.filter(as_read(part)).update(
            version=F("version") + 1, **same, **by_row(Schedule, {row.pk: values[row.pk] for row in part})
        )
        if written != len(part):
            what = f"publication {part[0].pk}" if len(part) == 1 else "some publications"
            raise StaleState(f"{what} changed in the meantime; look again.")
    for row in rows:
        row.version += 1
        for name, value in (same | values[row.pk]).items():
            setattr(row, name, value)
    audit.record_all(entries)
