"""Decide when: plan publications, move them, hold them, settle what needs a person's word."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from channels.models import Channel
from orchestration import (
    activity,
    collisions,
    forecasting,
    overdue,
    planned,
    publication,
    queue,
    reserving,
    snapshots,
)
from orchestration.errors import IllegalTransition, InvalidRequest, NotFound, PlanRefused
from orchestration.models import Distribution, Job, Schedule
from orchestration.planning import types
from orchestration.planning.calendar import calendars_of
from orchestration.planning.conflicts import alternatives, timing_message
from orchestration.results import EarliestResult, WaveResult
from orchestration.states import (
    CLAIMABLE_JOBS,
    OPEN_JOBS,
    OPEN_SCHEDULES,
    DistributionState,
    JobKind,
    JobState,
    OnConflict,
    ScheduleState,
    WaveState,
)
from orchestration.transitions import transition
from orchestration.wakeup import wake_tick


def coordinate(
    *,
    video_id: int,
    channel_ids: Sequence[int],
    timing: str,
    scheduled_at: datetime | None,
    delay_seconds: int,
    priority: int | None,
    on_conflict: str,
    acknowledge_policy: bool,
    dry_run: bool,
) -> WaveResult:
    """Plan and write one video over channels."""
    document = {
        "video_id": video_id,
        "channel_ids": list(channel_ids),
        "timing": timing,
        "scheduled_at": scheduled_at.isoformat() if scheduled_at else None,
        "stagger_seconds": delay_seconds,
        "priority": priority,
        "on_conflict": on_conflict,
    }
    request = planned.request_of(
        video_ids=[video_id],
        channel_ids=channel_ids,
        timing=timing,
        scheduled_at=scheduled_at,
        delay_seconds=delay_seconds,
        priority=priority,
        on_conflict=on_conflict,
        overrides=None,
        acknowledge_policy=acknowledge_policy,
        videos_field="video_id",
    )
    title = planned.known_video(video_id)
    return _plan_and_write(
        request,
        method=Distribution.Method.COORDINATED,
        name=str(title)[:120],
        document=document,
        dry_run=dry_run,
    )


def schedule_wave(
    *,
    video_ids: Sequence[int],
    channel_ids: Sequence[int],
    timing: str,
    scheduled_at: datetime | None,
    delay_seconds: int,
    priority: int | None,
    on_conflict: str,
    name: str,
    overrides: Mapping[tuple[int, int], datetime] | None,
    acknowledge_policy: bool,
    dry_run: bool,
) -> WaveResult:
    """Plan and write a wave, whole or not at all."""
    request = planned.request_of(
        video_ids=video_ids,
        channel_ids=channel_ids,
        timing=timing,
        scheduled_at=scheduled_at,
        delay_seconds=delay_seconds,
        priority=priority,
        on_conflict=on_conflict,
        overrides=overrides,
        acknowledge_policy=acknowledge_policy,
    )
    document = {
        "video_ids": list(video_ids),
        "channel_ids": list(channel_ids),
        "timing": timing,
        "scheduled_at": scheduled_at.isoformat() if scheduled_at else None,
        "delay_seconds": delay_seconds,
        "priority": priority,
        "on_conflict": on_conflict,
        "overrides": [
            {"video_id": video, "channel_id": channel, "at": at.isoformat()}
            for (video, channel), at in (overrides or {}).items()
        ],
    }
    return _plan_and_write(
        request, method=Distribution.Method.WAVE, name=name.strip()[:120], document=document, dry_run=dry_run
    )


def _plan_and_write(
    request: types.WaveRequest, *, method: str, name: str, document: Mapping[str, Any], dry_run: bool
) -> WaveResult:
    if dry_run:
        return WaveResult(plan=planned.plan(request), wave=None, dry_run=True)
    with transaction.atomic():
        made = planned.plan(request, lock=True)
        if not made.refused:
            wave = planned.commit(request, made, method=method, name=name, document=document)
            return WaveResult(plan=made, wave=wave, dry_run=False)
        if request.on_conflict == OnConflict.REJECT:
            collisions.record_refused(request, made, timezone.now())
    raise planned.refusal(made)


def earliest(
    *,
    video_ids: Sequence[int],
    channel_ids: Sequence[int],
    timing: str,
    scheduled_at: datetime | None,
    delay_seconds: int,
    overrides: Mapping[tuple[int, int], datetime] | None = None,
) -> EarliestResult:
    """Find the first time at which a wave fits as it is; writes nothing. Raises: InvalidRequest, NotFound.

    Members with a time of their own (`overrides`) keep it.
    """
    request = planned.request_of(
        video_ids=video_ids,
        channel_ids=channel_ids,
        timing=timing,
        scheduled_at=scheduled_at,
        delay_seconds=delay_seconds,
        priority=None,
        on_conflict="shift",
        overrides=overrides,
        acknowledge_policy=True,
    )
    at, plan = planned.earliest(request)
    return EarliestResult(at=at, plan=plan)


# -------------------------------------------------------------------------------------------------- one schedule at a time


def locked(schedule_id: int) -> Schedule:
    """Return a schedule under lock, its channel's calendar locked before it. Raises: NotFound.

    What belongs to it is read once the lock is granted: a join would show it as it was before whoever was waited for.
    """
    found = Schedule.objects.filter(pk=schedule_id).values_list("channel_id", flat=True).first()
    if found is None:
        raise NotFound(f"There is no schedule {schedule_id}.", field="schedule_id")
    lock_channels([found])
    return (
        Schedule.objects.select_for_update(of=("self",), no_key=True)
        .prefetch_related("channel", "distribution__video", "wave")
        .get(pk=schedule_id)
    )


def lock_channels(channel_ids: Sequence[int]) -> None:
    """Lock calendars, in the order of their ids, so that two planners wait for each other and never deadlock."""
    list(
        Channel.objects.filter(pk__in=set(channel_ids))
        .order_by("pk")
        .select_for_update(of=("self",), no_key=True)
        .values_list("pk")
    )


def why_not_at(schedule: Schedule, at: datetime) -> tuple[list[str], list[dict[str, Any]]]:
    """Say why a schedule may not move to an instant, with ranked alternatives; two empty lists if it may."""
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
    hits = calendar.why_not(at)
    wanted = [(schedule, at)]
    short = reserving.shortages(wanted, now) + reserving.unpaid(wanted, now)
    if not hits and not short:
        return [], []
    messages = [timing_message(calendar, at, hit) for hit in hits] + [lack.message for lack in short]
    if any(lack.earliest is None for lack in short):  # no time at all would do
        return messages, []
    earliest_at = max((lack.earliest for lack in short), default=None)
    offers = alternatives(calendar, at, hits, schedule.priority, earliest=earliest_at)
    return messages, [collisions.alternative_document(offer) for offer in offers if offer.at is not None]


def move(schedule_id: int, publish_at: datetime, reason: str = "") -> Schedule:
    """Give one publication another time and take it up again if it had ended without being published.

    Raises: InvalidRequest (the time), PlanRefused (with alternatives), IllegalTransition.
    """
    now = timezone.now()
    at = planned.check_time(publish_at, "publish_at", now)
    if at is None:
        raise InvalidRequest("publish_at is missing.", field="publish_at")
    with transaction.atomic():
        row = locked(schedule_id)
        if row.state in {
            ScheduleState.PUBLISHING,
            ScheduleState.PUBLISHED,
            ScheduleState.STAGING,
            ScheduleState.NEEDS_REVIEW,
        }:
            raise IllegalTransition(
                f"Schedule {row.pk} is {row.state} and cannot be moved now.", state=row.state
            )
        if row.wave is not None and row.wave.state == WaveState.RECALLING:
            raise IllegalTransition(f"Wave {row.wave.name} is being recalled.", state=row.wave.state)
        reserving.hold_alone()
        messages, offers = why_not_at(row, at)
        if messages:
            raise PlanRefused("; ".join(messages), field="publish_at", alternatives=offers)
        publication.disarm_later(row, "moved")
        withdraw_jobs([row.pk], "its time was changed", kinds=[JobKind.PUBLISH])
        _wake_up(row, "moved")
        planned.retime(
            row,
            at,
            stage_at=reserving.stage_times([(row, at)], now)[0],
            verb="schedule_moved",
            reason=reason or "moved by an operator",
            overridden=True,
        )
        wake_tick()
    return row


def _wake_up(row: Schedule, why: str) -> None:
    """Bring an ended or held schedule back to where its video stands: planned, or staged already."""
    to = ScheduleState.STAGED if row.distribution.youtube_video_id else ScheduleState.PLANNED
    distribution = row.distribution
    wanted = DistributionState.STAGED if distribution.youtube_video_id else DistributionState.ASSIGNED
    if distribution.state != wanted:
        transition(distribution, wanted, reason=why, error_code="", error_message="")
    if row.state != to:
        transition(row, to, reason=why, misfire_action="")


def withdraw_jobs(schedule_ids: Sequence[int], why: str, *, kinds: Sequence[str] = ()) -> int:
    """Cancel the waiting jobs of schedules, and ask the running ones to stop; nothing else follows from their end."""
    ids = list(Distribution.objects.filter(schedule__in=schedule_ids).values_list("pk", flat=True))
    jobs = (
        Job.objects.select_for_update(of=("self",), no_key=True)
        .filter(distribution__in=ids, state__in=OPEN_JOBS)
        .order_by("pk")
    )
    jobs = jobs.filter(kind__in=kinds or [JobKind.STAGE, JobKind.PUBLISH])
    count = 0
    for job in jobs:
        count += 1
        if job.state in CLAIMABLE_JOBS:
            transition(
                job,
                JobState.CANCELLED,
                reason=why,
                finished_at=timezone.now(),
                cancel_reason="withdrawn",
                error_code="cancelled",
                error_message=why[:500],
                waits_for="",
            )
        else:
            Job.objects.filter(pk=job.pk).update(
                cancel_requested_at=timezone.now(), cancel_reason="withdrawn"
            )
    return count


def take_off(rows: Sequence[Schedule], why: str) -> None:
    """Withdraw the publishing of locked schedules, and disarm what is armed; they stay as they are, at their times.

    The caller has left out what is beyond stopping, and it is not asked again: among many the moment of one may come
    meanwhile, and must not undo the pause of all the others. The version is raised too, so that an arming that is under
    way finds out and takes its time back.
    """
    for row in rows:
        if row.armed_for is not None:
            publication.disarm(row, why)
    ids = [row.pk for row in rows]
    Schedule.objects.filter(pk__in=ids).update(armed_for=None, version=F("version") + 1)
    withdraw_jobs(ids, why, kinds=[JobKind.PUBLISH])


def hold(schedule_id: int, reason: str = "") -> Schedule:
    """Keep one publication back; what is armed on YouTube is disarmed first. Raises: IllegalTransition."""
    with transaction.atomic():
        return hold_row(locked(schedule_id), "held", reason or "held by an operator")


def hold_row(row: Schedule, why: str, reason: str) -> Schedule:
    """Hold a locked schedule back; what is armed is disarmed, and its jobs end by `why`. Raises: IllegalTransition."""
    publication.disarm_later(row, why)
    withdraw_jobs([row.pk], why)
    return transition(row, ScheduleState.HELD, reason=reason, armed_for=None)


def release(schedule_id: int, reason: str = "") -> Schedule:
    """Let a held publication go on; if its moment has passed, its channel's misfire policy decides at once."""
    with transaction.atomic():
        row = locked(schedule_id)
        if row.state != ScheduleState.HELD:
            raise IllegalTransition(f"Schedule {row.pk} is {row.state}, not held.", state=row.state)
        _wake_up(row, reason or "released by an operator")
        overdue.settle_one(row, timezone.now(), released=True)
        wake_tick()
    return row


def cancel(schedule_id: int, reason: str = "") -> Schedule:
    """Cancel one publication that is not public yet. Raises: IllegalTransition."""
    with transaction.atomic():
        row = locked(schedule_id)
        return cancel_row(row, reason or "cancelled by an operator")


def cancel_row(row: Schedule, reason: str) -> Schedule:
    """Cancel a locked schedule and its distribution; what is armed is disarmed, what is uploaded stays private."""
    publication.disarm_later(row, "cancelled")
    withdraw_jobs([row.pk], "cancelled")
    transition(row, ScheduleState.CANCELLED, reason=reason)
    if row.distribution.can_become(DistributionState.CANCELLED):
        transition(row.distribution, DistributionState.CANCELLED, reason=reason)
    return row


def bump(schedule_id: int, reason: str = "") -> Schedule:
    """Move one publication's waiting work before all others; staging that was to begin later begins now."""
    now = timezone.now()
    with transaction.atomic():
        row = locked(schedule_id)
        if row.state not in OPEN_SCHEDULES:
            raise IllegalTransition(
                f"Schedule {row.pk} is {row.state}; nothing waits for it.", state=row.state
            )
        Schedule.objects.filter(pk=row.pk).update(bumped_at=now, stage_at=min(row.stage_at, now))
        before = {"stage_at": row.stage_at.isoformat()}
        row.bumped_at, row.stage_at = now, min(row.stage_at, now)
        activity.record(
            "schedule_bumped", row, before=before, after={"stage_at": row.stage_at.isoformat()}, reason=reason
        )
        jobs = Job.objects.select_for_update(of=("self",), no_key=True).filter(
            state__in=CLAIMABLE_JOBS, schedule=row, kind=JobKind.STAGE
        )
        video_jobs = Job.objects.select_for_update(of=("self",), no_key=True).filter(
            state__in=CLAIMABLE_JOBS,
            video=row.distribution.video_id,
            kind__in=[JobKind.SCRAPE, JobKind.PROCESS],
        )
        queue.bump_rows([*jobs, *video_jobs], reason)
        wake_tick()
    return row


def forecast(days: int) -> Any:
    """Run planner and dispatcher against a simulated clock. Raises: InvalidRequest."""
    return forecasting.forecast(days)
