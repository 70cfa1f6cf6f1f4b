"""Move, hold, release, cancel and bump one publication."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from orchestration.core import audit
from orchestration.core.wakeups import wake_tick
from orchestration.errors import IllegalTransition, InvalidRequest, PlanRefused
from orchestration.models import Job, Schedule
from orchestration.queue import jobs as queue
from orchestration.scheduling import misfires, reservations
from orchestration.scheduling.disarming import disarm_later
from orchestration.scheduling.requests import check_time
from orchestration.scheduling.rows import (
    cancel_row,
    hold_row,
    locked,
    retime,
    wake_up,
    why_not_at,
    withdraw_jobs,
)
from orchestration.states import (
    CLAIMABLE_JOBS,
    OPEN_SCHEDULES,
    JobKind,
    ScheduleState,
    WaveState,
)


def move(schedule_id: int, publish_at: datetime, reason: str = "") -> Schedule:
    """Give one publication another time and take it up again if it had ended without being published.

    Raises: InvalidRequest (the time), PlanRefused (with alternatives), IllegalTransition.
    """
    now = timezone.now()
    at = check_time(publish_at, "publish_at", now)
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
        reservations.hold_alone()
        messages, offers = why_not_at(row, at)
        if messages:
            raise PlanRefused("; ".join(messages), field="publish_at", alternatives=offers)
        disarm_later(row, "moved")
        withdraw_jobs([row.pk], "its time was changed", kinds=[JobKind.PUBLISH])
        wake_up(row, "moved")
        retime(
            row,
            at,
            stage_at=reservations.stage_times([(row, at)], now)[0],
            verb="schedule_moved",
            reason=reason or "moved by an operator",
            overridden=True,
        )
        wake_tick()
    return row


def hold(schedule_id: int, reason: str = "") -> Schedule:
    """Keep one publication back; what is armed on YouTube is disarmed first. Raises: IllegalTransition."""
    with transaction.atomic():
        return hold_row(locked(schedule_id), "held", reason or "held by an operator")


def release(schedule_id: int, reason: str = "") -> Schedule:
    """Let a held publication go on; if its moment has passed, its channel's misfire policy decides at once."""
    with transaction.atomic():
        row = locked(schedule_id)
        if row.state != ScheduleState.HELD:
            raise IllegalTransition(f"Schedule {row.pk} is {row.state}, not held.", state=row.state)
        wake_up(row, reason or "released by an operator")
        misfires.settle_one(row, timezone.now(), released=True)
        wake_tick()
    return row


def cancel(schedule_id: int, reason: str = "") -> Schedule:
    """Cancel one publication that is not public yet. Raises: IllegalTransition."""
    with transaction.atomic():
        row = locked(schedule_id)
        return cancel_row(row, reason or "cancelled by an operator")


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
        audit.record(
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
