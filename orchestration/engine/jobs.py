"""Steer single jobs: cancel, try again, move to the front."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from orchestration.core import audit, lookup
from orchestration.core.transitions import transition, transition_each
from orchestration.core.verbs import require, sort_out
from orchestration.core.wakeups import wake_workers
from orchestration.errors import IllegalTransition, PlanRefused
from orchestration.models import Job, Schedule
from orchestration.pipeline import outcomes
from orchestration.planning.types import AlternativeKind
from orchestration.queue.jobs import bump_rows, locked, open_jobs, rank_of
from orchestration.scheduling import reservations
from orchestration.scheduling.rows import lock_channels, retime, why_not_at
from orchestration.states import JobKind, JobState, ScheduleState

FREE_TIMES = frozenset({AlternativeKind.SHIFT, AlternativeKind.NEXT_SLOT})


def cancel(job_id: int, reason: str = "", *, version: int | None = None) -> Job:
    """Cancel a waiting job at once, or ask a running one to stop; its end follows when its worker has stopped.

    Raises: NotFound; IllegalTransition, if it is over, or publishes what cannot be stopped any more.
    """
    with transaction.atomic():
        outcomes.lock(_found(job_id))
        job = locked(job_id)
        require(job, "cancel", version=version)
        if job.state == JobState.RUNNING:
            _ask_to_stop(job, reason)
            return job
        transition(
            job,
            JobState.CANCELLED,
            reason=reason,
            **_cancelled_by_operator(reason),
        )
        outcomes.settle(job)
    return job


def _cancelled_by_operator(reason: str) -> dict[str, Any]:
    return {
        "finished_at": timezone.now(),
        "error_code": "cancelled",
        "error_message": reason[:500] or "cancelled by an operator",
        "cancel_reason": "operator",
        "waits_for": "",
    }


def cancel_all(job_ids: Sequence[int], reason: str = "") -> dict[int, str]:
    """Cancel many jobs, or ask them to stop, as `cancel` does one; returns by id why some stay as they are."""
    with transaction.atomic():
        outcomes.lock_all(list(Job.objects.filter(pk__in=job_ids)))
        rows = list(Job.objects.locked().filter(pk__in=job_ids).order_by("pk"))
        taken, refused = sort_out(rows, "cancel")
        for job in taken:
            if job.state == JobState.RUNNING:
                _ask_to_stop(job, reason)
        waiting = [job for job in taken if job.state != JobState.RUNNING]
        transition_each(
            waiting,
            JobState.CANCELLED,
            reason=reason,
            **_cancelled_by_operator(reason),
        )
        for job in waiting:
            outcomes.settle(job)
    return refused


def _ask_to_stop(job: Job, reason: str) -> None:
    if job.cancel_requested_at is not None:
        return
    job.cancel_requested_at, job.cancel_reason = timezone.now(), "operator"
    Job.objects.filter(pk=job.pk).update(
        cancel_requested_at=job.cancel_requested_at, cancel_reason=job.cancel_reason
    )
    audit.record("job_cancel_requested", job, after={"cancel_requested": True}, reason=reason)


def retry(job_id: int, reason: str = "", *, next_free: bool = False, version: int | None = None) -> Job:
    """Queue a job that ended badly once more, from its start.

    A failed publication had given its time away: where that is over, or taken by now, it takes the `next_free` one, or
    the retry is refused. Raises: NotFound; PlanRefused, with alternatives; IllegalTransition, if it did not end badly, if
    another job does this already, or if its publication was decided on in another way since.
    """
    now = timezone.now()
    with transaction.atomic():
        found = _found(job_id)
        if found.channel_id:
            lock_channels([found.channel_id])  # its calendar may be asked, and the budgets
            reservations.hold_alone()
        outcomes.lock(found)
        job = locked(job_id)
        require(job, "retry", version=version)
        if open_jobs(job.dedupe_key).exclude(pk=job.pk).exists():
            raise _done_already(job)
        schedule = given_away(job)
        at = _retry_time(schedule, next_free) if schedule else None
        run_at = now
        if at is not None and job.kind == JobKind.PUBLISH:
            run_at = max(now, at - timedelta(seconds=settings.HEADEND_ARM_SECONDS))
        try:
            with transaction.atomic():
                transition(
                    job,
                    JobState.QUEUED,
                    verb="job_retried",
                    reason=reason,
                    run_at=run_at,
                    rank=rank_of(job.priority, run_at),
                    attempts=0,
                    try_until=None,
                    blocked_on=None,
                    progress=0,
                    progress_note="",
                    waits_for="",
                    error_code="",
                    error_message="",
                    finished_at=None,
                    holder="",
                )
        except IntegrityError as error:  # the other one came at the same moment
            raise _done_already(job) from error
        outcomes.reopen(job)
        if schedule is not None and at != schedule.publish_at:
            schedule.refresh_from_db()
            why = "its old time is over or taken; retried at the next free one"
            retime(
                schedule,
                at,
                stage_at=reservations.stage_times([(schedule, at)], now)[0],
                verb="schedule_moved",
                reason=reason or why,
            )
        Job.objects.filter(pk=job.pk).update(cancel_requested_at=None, cancel_reason="", bumped_at=None)
        job.cancel_requested_at, job.cancel_reason, job.bumped_at = None, "", None
        wake_workers(fast=job.fast)
    return job


def given_away(job: Job) -> Schedule | None:
    """Return the failed schedule that a retry takes up again: it takes no room in its channel's calendar any more."""
    if job.kind not in {JobKind.STAGE, JobKind.PUBLISH} or not job.distribution_id:
        return None
    if job.skip_upload:
        return None  # a rehearsal takes up nothing
    failed = Schedule.objects.filter(distribution=job.distribution_id, state=ScheduleState.FAILED)
    return failed.select_related("channel", "distribution").first()


def _retry_time(schedule: Schedule, next_free: bool) -> datetime:
    """Return when a failed publication may be public: at its old time if that is free, else at the next free one.

    Raises: PlanRefused, if the old time is not free and nobody chose another, or if there is none.
    """
    messages, offers = why_not_at(schedule, schedule.publish_at)
    if not messages:
        return schedule.publish_at
    free = next((offer for offer in offers if offer["kind"] in FREE_TIMES), None)
    if next_free and free is not None:
        return datetime.fromisoformat(free["at"])
    advice = (
        "Give it another time (reopen), or retry it with next_free." if free else "No free time is in sight."
    )
    raise PlanRefused(f"{'; '.join(messages)}. {advice}", field="next_free", alternatives=offers)


def _found(job_id: int) -> Job:
    return lookup.one(Job, job_id, field="job_id")


def _done_already(job: Job) -> IllegalTransition:
    existing = open_jobs(job.dedupe_key).exclude(pk=job.pk).first()
    name = f"Job {existing.pk}" if existing else "Another job"
    return IllegalTransition(f"{name} already does this.", state=job.state)


def bump(job_id: int, reason: str = "", *, version: int | None = None) -> Job:
    """Move a waiting job before all others."""
    with transaction.atomic():
        job = locked(job_id)
        require(job, "bump", version=version)
        bump_rows([job], reason)
        wake_workers(fast=job.fast)
    return job
