"""Run one claimed job at a time: heartbeat, runner, outcome; and rescue the jobs of holders that are gone."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.utils import timezone

from channels.gateways.errors import QuotaExhausted, RateLimited, RemoteError
from channels.secrets import SecretUnreadable
from channels.states import Executor
from orchestration import (
    activity,
    configuration,
    endings,
    holders,
    monitoring,
    pools,
    publication,
    queue,
    statistics,
    workflows,
)
from orchestration.activity import Acting, acting_as
from orchestration.errors import IllegalTransition, LeaseLost, OrchestrationError, StaleState
from orchestration.lease import JobCancelled, JobLease, OutcomeUnknown, WaitUntil
from orchestration.media.errors import Cancelled, MediaError
from orchestration.models import Job
from orchestration.pipeline import preparing, scraping, staging
from orchestration.states import JobKind, JobState, Trigger
from orchestration.wakeup import wake_workers

logger = logging.getLogger(__name__)

Runner = Callable[[Job, JobLease], Mapping[str, Any] | None]

RUNNERS: dict[tuple[str, str], Runner] = {
    (JobKind.SCRAPE, Executor.LOCAL): scraping.run_scrape,
    (JobKind.PROCESS, Executor.LOCAL): preparing.run_process,
    (JobKind.STAGE, Executor.LOCAL): staging.run_stage,
    (JobKind.STAGE, Executor.GITHUB): workflows.run_dispatch,
    (JobKind.PUBLISH, Executor.LOCAL): publication.run_publish,
    (JobKind.RECALL, Executor.LOCAL): publication.run_recall,
    (JobKind.SYNC, Executor.LOCAL): configuration.run_sync,
    (JobKind.COLLECT, Executor.LOCAL): statistics.run_collect,
    (JobKind.CHECK, Executor.LOCAL): monitoring.run_check,
}


def work(*, fast: bool, most: int = 50) -> int:
    """Claim and run jobs one after the other until none is left for this worker; returns how many it ran."""
    done = 0
    while done < most:
        claimed = queue.claim(fast=fast, limit=1, holder=holders.me())
        if not claimed:
            break
        # Whoever finds work calls the next one: so many wake-ups, as there is work and hands.
        wake_workers(fast=fast)
        run(claimed[0])
        done += 1
    return done


def run(job: Job) -> Job:
    """Run one claimed job to its outcome. Whatever happens, the job ends in a state that says so."""
    lease = JobLease(job, every_seconds=settings.HEADEND_HEARTBEAT_SECONDS)
    who = Acting(f"worker {holders.host().split('.')[0]}", None, Trigger.WORKER, job.correlation_id)
    with acting_as(who), lease:
        try:
            result = RUNNERS[job.kind, job.executor](job, lease)
            if result is None:
                return job  # somebody else finishes it: the GitHub run that serves it now
            with transaction.atomic():
                queue.finish(job, JobState.SUCCEEDED, result=result)
                endings.settle(job)
        except LeaseLost as error:
            logger.warning("job %s was taken from us: %s", job.pk, error)
        except StaleState as error:
            _settle_stale(job, error)
        except Exception as error:
            _end(job, error)
    return job


def _settle_stale(job: Job, error: StaleState) -> None:
    """Somebody changed what the job works on: look again soon, unless the job itself was taken."""
    try:
        queue.try_again(
            job, at=timezone.now() + timedelta(seconds=1), error_code=error.code, error_message=error.message
        )
    except (StaleState, IllegalTransition):
        logger.warning("job %s was taken from us: %s", job.pk, error)


def _end(job: Job, error: Exception) -> None:
    """Turn what a runner raised into the job's state: another try, failed, errored, cancelled or needs review."""
    now = timezone.now()
    try:
        match error:
            case WaitUntil():
                queue.try_again(job, at=error.at, error_code="", error_message=error.note, counted=False)
            case JobCancelled() | Cancelled():
                _finish(job, JobState.CANCELLED, "cancelled", "stopped as asked")
            case OutcomeUnknown():
                _finish(job, JobState.NEEDS_REVIEW, error.code, error.message, uncertain=True)
            case pools.BudgetExhausted():
                queue.try_again(
                    job, at=error.resets_at, error_code=error.code, error_message=str(error), counted=False
                )
            case QuotaExhausted():
                at = error.resets_at or now + timedelta(seconds=error.retry_after_seconds or 3600)
                queue.try_again(job, at=at, error_code=error.code, error_message=str(error), counted=False)
            case RateLimited():
                at = now + timedelta(seconds=error.retry_after_seconds or 60)
                queue.try_again(job, at=at, error_code=error.code, error_message=str(error), counted=False)
            case RemoteError() | MediaError() | OrchestrationError():
                wait = getattr(error, "retry_after_seconds", None)
                _retry_or_fail(job, error.again != "never", error.code, str(error), wait)
            case OperationalError() | InterfaceError():
                _retry_or_fail(job, True, "database_unavailable", f"{type(error).__name__}: {error}", None)
            case SecretUnreadable():
                _finish(job, JobState.FAILED, "secret_unreadable", str(error))
            case _:
                logger.error("job %s ended by a fault of ours", job.pk, exc_info=error)
                _finish(job, JobState.ERRORED, "internal_error", f"{type(error).__name__}: {error}")
    except (StaleState, IllegalTransition, LeaseLost) as lost:
        logger.warning("the outcome of job %s was not written, it was taken from us: %s", job.pk, lost)
    except DatabaseError:
        # The lease runs out and the job is rescued; saying so is all that can be done now.
        logger.exception("the outcome of job %s could not be written", job.pk)


def _retry_or_fail(job: Job, again: bool, code: str, message: str, wait_seconds: float | None) -> None:
    if again and job.attempts < job.max_attempts:
        pause = timedelta(seconds=wait_seconds) if wait_seconds else queue.back_off(job.attempts)
        queue.try_again(job, at=timezone.now() + pause, error_code=code, error_message=message)
    else:
        _finish(job, JobState.FAILED, code, message)


def _finish(job: Job, state: str, code: str, message: str, *, uncertain: bool = False) -> None:
    with transaction.atomic():
        queue.finish(job, state, error_code=code, error_message=message, uncertain=uncertain)
        endings.settle(job)


def reap(now: datetime | None = None) -> int:
    """Take jobs back from holders that are gone; returns how many.

    A rescued job starts again from what it stored (a session, a marker, a run): its runner asks the remote first.
    """
    now = now or timezone.now()
    rescued = 0
    for found in queue.lost(now):
        with transaction.atomic():
            job = queue.locked(found.pk)
            if job.state != JobState.RUNNING or job.holder != found.holder:
                continue
            if not holders.is_gone(job.holder) and job.lease_expires_at and job.lease_expires_at > now:
                continue
            why = "its worker is gone" if holders.is_gone(job.holder) else "its lease ran out"
            with activity.correlated(job.correlation_id):
                if job.cancel_requested_at:
                    _finish(job, JobState.CANCELLED, "cancelled", f"asked to stop, and {why}")
                elif job.attempts >= job.max_attempts:
                    _finish(job, JobState.FAILED, "worker_lost", f"{why}, for the {job.attempts}th time")
                else:
                    queue.try_again(
                        job, at=now, error_code="worker_lost", error_message=f"{why}; it starts again"
                    )
            wake_workers(fast=job.fast)
        rescued += 1
    return rescued
