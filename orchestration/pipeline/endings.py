"""Turn what ended a job's try into what becomes of the job: another try, an end, or a look by a person.

The one place that decides it, whether a worker of ours tried or a GitHub run did.
"""

import logging
from datetime import datetime, timedelta

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from channels.gateways.errors import QuotaExhausted, RateLimited, RemoteError
from channels.secrets import SecretUnreadable
from orchestration.errors import OrchestrationError, StaleState, SystemNotRunning
from orchestration.media.errors import Cancelled, MediaError
from orchestration.models import Job
from orchestration.pipeline import outcomes
from orchestration.queue import jobs as queue
from orchestration.queue import pools
from orchestration.queue.lease import JobCancelled, OutcomeUnknown, WaitUntil
from orchestration.queue.policy import POLICIES
from orchestration.states import JobKind, JobState

logger = logging.getLogger(__name__)

RECHECK_PAUSE = timedelta(seconds=30)
"""How long an armed publication waits for the switch before it is looked at again; each look costs a unit."""
SHORTEST_WAIT = timedelta(seconds=60)
"""How long a spent quota is waited for at least, whatever the remote said about when it is refilled."""


def write_outcome(job: Job, error: Exception) -> None:
    """Write what becomes of a job whose try ended by `error`: another try, or an end with its consequences.

    Call it with the job read under lock; of one that does not run any more nothing is written.
    """
    if job.state != JobState.RUNNING:
        return
    now = timezone.now()
    match error:
        case WaitUntil():
            _retry_later(job, at=error.at, error_code="", error_message=error.note, counted=False)
        case JobCancelled() | Cancelled():
            outcomes.end_job(job, JobState.CANCELLED, "cancelled", "stopped as asked")
        case OutcomeUnknown():
            outcomes.end_job(job, JobState.NEEDS_REVIEW, error.code, error.message, uncertain=True)
        case pools.BudgetExhausted():
            _wait(job, error.resets_at, error)
        case QuotaExhausted():
            _wait(job, error.resets_at or now + timedelta(seconds=error.retry_after_seconds or 3600), error)
        case RateLimited():
            _wait(job, now + timedelta(seconds=error.retry_after_seconds or 60), error)
        case SystemNotRunning():
            # What is not armed is not claimed either before the system runs; then it goes on at once.
            is_armed = job.schedule is not None and job.schedule.armed_for is not None
            at = now + RECHECK_PAUSE if is_armed else now
            _retry_later(job, at=at, error_code=error.code, error_message=str(error), counted=False)
        case StaleState():
            _retry_or_end(job, "again", error.code, error.message, 1)
        case RemoteError() | MediaError() | OrchestrationError():
            wait = getattr(error, "retry_after_seconds", None)
            _retry_or_end(job, error.again, error.code, str(error), wait)
        case OperationalError() | InterfaceError():
            _retry_or_end(job, "again", "database_unavailable", f"{type(error).__name__}: {error}", None)
        case SecretUnreadable():
            outcomes.end_job(job, JobState.FAILED, "secret_unreadable", str(error))
        case _:
            logger.error("job %s ended by a fault of ours", job.pk, exc_info=error)
            outcomes.end_job(job, JobState.ERRORED, "internal_error", f"{type(error).__name__}: {error}")


def _wait(job: Job, at: datetime, error: Exception) -> None:
    """Let a job wait for a quota: not a failure, not counted as an attempt."""
    at = max(at, timezone.now() + SHORTEST_WAIT)
    _retry_later(job, at=at, error_code=error.code, error_message=str(error), counted=False)


def _retry_or_end(job: Job, again: str, code: str, message: str, wait_seconds: float | None) -> None:
    """Try again while that can help and tries are left; then it has failed, or somebody has to look what happened."""
    policy = POLICIES[job.kind]
    if again not in {"never", "blocked"} and job.attempts < job.max_attempts:
        pause = queue.back_off(job.attempts, most_seconds=policy.longest_pause)
        if wait_seconds and policy.obeys_retry_after:
            pause = timedelta(seconds=wait_seconds)
        _retry_later(job, at=timezone.now() + pause, error_code=code, error_message=message)
    elif again == "unknown" and policy.is_reviewed:
        outcomes.end_job(job, JobState.NEEDS_REVIEW, code, message, uncertain=True)
    else:
        outcomes.end_job(job, JobState.FAILED, code, message)


def _retry_later(
    job: Job, *, at: datetime, error_code: str, error_message: str, counted: bool = True
) -> None:
    """Let a job wait for another try, unless it was asked to stop meanwhile: its next try may come too late for that.

    After *stop now* one whose publication is armed still waits, since it only has to read back what YouTube does.
    """
    only_reads_back = (
        job.cancel_reason == outcomes.STOPPED_BY_SWITCH
        and job.kind == JobKind.PUBLISH
        and job.schedule is not None
        and job.schedule.armed_for is not None
    )
    if job.cancel_requested_at is not None and not only_reads_back:
        outcomes.end_job(job, JobState.CANCELLED, "cancelled", "stopped as asked")
    else:
        queue.try_again(job, at=at, error_code=error_code, error_message=error_message, counted=counted)
