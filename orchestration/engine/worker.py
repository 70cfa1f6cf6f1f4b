"""Run one claimed job at a time: heartbeat, runner, outcome; and rescue the jobs of holders that are gone."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.utils import timezone

from channels.states import Executor
from orchestration.core import audit
from orchestration.core.audit import Acting, acting_as
from orchestration.core.database_loss import is_lost
from orchestration.core.failpoints import failpoint
from orchestration.core.wakeups import wake_workers
from orchestration.engine import calls
from orchestration.errors import IllegalTransition, LeaseLost, StaleState
from orchestration.github import dispatch, repository_sync
from orchestration.models import Job
from orchestration.monitoring import health, statistics
from orchestration.pipeline import (
    endings,
    outcomes,
    process,
    publish,
    stage,
    take_back,
    take_upload,
    watch_uploads,
    ways_in,
    words_outside,
)
from orchestration.queue import holders
from orchestration.queue import jobs as queue
from orchestration.queue.lease import JobLease
from orchestration.states import JobKind, JobState, Trigger

logger = logging.getLogger(__name__)

Runner = Callable[[Job, JobLease], Mapping[str, Any] | None]

RUNNERS: dict[tuple[str, str], Runner] = {
    (JobKind.SCRAPE, Executor.LOCAL): ways_in.run_scrape,
    (JobKind.TAKE, Executor.LOCAL): take_upload.run_take,
    (JobKind.PROCESS, Executor.LOCAL): process.run_process,
    (JobKind.STAGE, Executor.LOCAL): stage.run_stage,
    (JobKind.STAGE, Executor.GITHUB): dispatch.run_dispatch,
    (JobKind.PUBLISH, Executor.LOCAL): publish.run_publish,
    (JobKind.RECALL, Executor.LOCAL): take_back.run_take_back,
    (JobKind.DISARM, Executor.LOCAL): take_back.run_take_back,
    (JobKind.SYNC, Executor.LOCAL): repository_sync.run_sync,
    (JobKind.COLLECT, Executor.LOCAL): statistics.run_collect,
    (JobKind.CHECK, Executor.LOCAL): health.run_check,
    (JobKind.LOOK, Executor.LOCAL): watch_uploads.run_look,
    (JobKind.EDIT, Executor.LOCAL): words_outside.run_edit,
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
        failpoint("claim.committed")
        run(claimed[0])
        done += 1
    return done


def run(job: Job) -> Job:
    """Run one claimed job to its outcome. Whatever happens, the job ends in a state that says so."""
    lease = JobLease(job, every_seconds=settings.HEADEND_HEARTBEAT_SECONDS)
    who = Acting(f"worker {holders.host().split('.')[0]}", None, Trigger.WORKER, job.correlation_id)
    with calls.recorded(job), acting_as(who), lease:
        try:
            result = RUNNERS[job.kind, job.executor](job, lease)
            if result is None:
                return job  # somebody else finishes it: the GitHub run that serves it now
            outcomes.end_job(job, JobState.SUCCEEDED, result=result)
            failpoint("outcome.written")
        except LeaseLost as error:
            _log_taken(job, error)
        except Exception as error:
            return _end(lease, error) or job
    return job


def _end(lease: JobLease, error: Exception) -> Job | None:
    """Turn what a runner raised into the job's state, if the job is still ours: another try, or an end."""
    if is_lost(error) and not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
    try:
        with transaction.atomic():
            outcomes.lock(lease.job)
            # Read anew: memory knows nothing of who asked it to stop, and may hold what was rolled back. Under lock, so
            # that nobody asks between this and what is written.
            ours = queue.held(lease.job, lease.holder, lease.version)
            job = ours.locked().first()
            if job is None:
                _log_taken(lease.job, error)
                return None
            endings.write_outcome(job, error)
    except (StaleState, IllegalTransition, LeaseLost) as lost:
        logger.warning("the outcome of job %s was not written, it was taken from us: %s", lease.job.pk, lost)
    except (DatabaseError, InterfaceError):
        # The lease runs out and the job is rescued; saying so is all that can be done now.
        logger.exception("the outcome of job %s could not be written", lease.job.pk)
    else:
        return job
    return None


def _log_taken(job: Job, error: Exception) -> None:
    """Log that a job went on without us: no trouble where its GitHub run was faster than its dispatcher."""
    is_done = Job.objects.filter(pk=job.pk, executor=Executor.GITHUB, state=JobState.SUCCEEDED).exists()
    if is_done:
        logger.info("job %s was ended by its run before it was handed over", job.pk)
    else:
        logger.warning("job %s was taken from us; its outcome was %r", job.pk, error)


def reap(now: datetime | None = None) -> int:
    """Take jobs back from holders that are gone; returns how many.

    A rescued job starts again from what it stored (a session, a marker, a run): its runner asks the remote first. One
    that cannot be rescued does not keep the others from it.
    """
    now = now or timezone.now()
    rescued = 0
    for found in queue.lost(now):
        try:
            rescued += _rescue(found, now)
        except Exception:
            logger.exception("job %s is lost and could not be rescued", found.pk)
    return rescued


def _rescue(found: Job, now: datetime) -> bool:
    with transaction.atomic():
        outcomes.lock(found)
        job = queue.locked(found.pk)
        why = queue.why_lost(job, now)
        if job.state != JobState.RUNNING or job.holder != found.holder or not why:
            return False
        with audit.correlated(job.correlation_id):
            if job.cancel_requested_at:
                outcomes.end_job(job, JobState.CANCELLED, "cancelled", f"asked to stop, and {why}")
            else:
                endings.lost_its_worker(job, why, now)
        wake_workers(fast=job.fast)
    return True
