"""Turn what ended a job's try into what becomes of the job: another try, an end, or a look by a person.

The one place that decides it, whether a worker of ours tried or a GitHub run did.
"""

import errno
import logging
from datetime import datetime, timedelta

from django.utils import timezone

from channels.gateways import redaction
from channels.gateways.errors import QuotaExhausted, RateLimited, RemoteError
from channels.secrets import SecretUnreadable
from orchestration.core.database_loss import is_lost
from orchestration.errors import OrchestrationError, StaleState, SystemNotRunning
from orchestration.media.errors import (
    AccessRefused,
    Cancelled,
    MediaError,
    SourceTimedOut,
    SourceUnreachable,
    StorageFull,
)
from orchestration.models import Blocker, Job
from orchestration.pipeline import outcomes
from orchestration.queue import blockers, pauses, pools
from orchestration.queue import jobs as queue
from orchestration.queue.lease import JobCancelled, OutcomeUnknown, WaitUntil
from orchestration.queue.policy import POLICIES
from orchestration.states import TAKING_BACK, JobKind, JobState

logger = logging.getLogger(__name__)

RECHECK_PAUSE = timedelta(seconds=30)
"""How long an armed publication waits for the switch before it is looked at again; each look costs a unit."""
SHORTEST_WAIT = timedelta(seconds=60)
"""How long a spent quota is waited for at least, whatever the remote said about when it is refilled."""
FAILURES_OF_A_SOURCE = 4
"""So often in a row a job asks a source in vain, a minute in all, before the source counts as down."""
OF_WHAT_A_RUN_HAS = blockers.OF_CREDENTIAL | {"client_refused"}
"""What is refused or missing may be an older copy, in the channel's repository, of what the channel has by now."""
WORKER_LOST = "worker_lost"


class TryFailed(Exception):
    """A try ended elsewhere, at GitHub, without its work; what was said of it tells whether another may do it."""

    def __init__(self, message: str, *, code: str, again: str, scope: str = "channel") -> None:
        super().__init__(message)
        self.code, self.again, self.scope = code[:60], again, scope


def write_outcome(job: Job, error: Exception) -> None:
    """Write what becomes of a job whose try ended by `error`: another try, a wait, or an end with its consequences.

    Call it with the job read under lock; of one that does not run any more nothing is written.
    """
    if job.state != JobState.RUNNING:
        return
    now = timezone.now()
    match error:
        case WaitUntil():
            _retry_later(
                job, at=error.at, error_code="", error_message=error.note, counted=False, try_until=None
            )
            blockers.ended_its_try(job)
        case JobCancelled() | Cancelled():
            outcomes.end_job(job, JobState.CANCELLED, "cancelled", "stopped as asked")
        case OutcomeUnknown():
            outcomes.end_job(job, JobState.NEEDS_REVIEW, error.code, error.message, uncertain=True)
        case pools.BudgetExhausted():
            _wait_for_refill(job, error, error.details.get("pool", ""), "installation", error.resets_at)
        case QuotaExhausted():
            at = error.resets_at or now + timedelta(seconds=error.retry_after_seconds or 3600)
            _wait_for_refill(job, error, error.bucket, error.holds_for, at)
        case RateLimited():
            at = now + timedelta(seconds=max(error.retry_after_seconds or 60, SHORTEST_WAIT.seconds))
            _retry_later(job, at=at, error_code=error.code, error_message=str(error), counted=False)
        case SystemNotRunning():
            # What is not armed is not claimed either before the system runs; then it goes on at once.
            is_armed = job.schedule is not None and job.schedule.armed_for is not None
            at = now + RECHECK_PAUSE if is_armed else now
            _retry_later(job, at=at, error_code=error.code, error_message=str(error), counted=False)
        case StaleState():
            _retry_or_end(job, "again", error.code, error.message, 1)
        case AccessRefused():
            _wait_for_access(job, error.code, str(error))
        case TryFailed() | RemoteError() | MediaError() | OrchestrationError() if error.again == "blocked":
            _block(job, error.code, str(error), error.scope)
        case SourceUnreachable() | SourceTimedOut() if error.again == "again" and _is_down(job):
            _block_source(job, "source_down", str(error))
        case TryFailed() | RemoteError() | MediaError() | OrchestrationError():
            wait = getattr(error, "retry_after_seconds", None)
            _retry_or_end(job, error.again, error.code, str(error), wait)
        case _ if is_lost(error):
            _retry_or_end(job, "again", "database_unavailable", _of_a_fault(error), None)
        case SecretUnreadable():
            _block(job, "secret_unreadable", str(error), "source" if _source_of(job) else "channel")
        case OSError() if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            _block(job, StorageFull.code, f"The disk is full: {error.strerror}.", StorageFull.scope)
        case _:
            logger.error("job %s ended by a fault of ours", job.pk, exc_info=error)
            outcomes.end_job(job, JobState.ERRORED, "internal_error", _of_a_fault(error))


def _of_a_fault(error: Exception) -> str:
    """Return what an exception of a library says, which may be anything that it was given."""
    return redaction.hidden(f"{type(error).__name__}: {error}")


def _block(
    job: Job, code: str, sentence: str, scope: str, *, detail: str = "", until: datetime | None = None
) -> None:
    """Let a job wait for a condition to end, where its kind can; a look by a person, or a number, has its answer with it."""
    if not POLICIES[job.kind].can_be_blocked:
        outcomes.end_job(job, JobState.FAILED, code, sentence)
    elif _is_stopping(job):
        outcomes.end_job(job, JobState.CANCELLED, "cancelled", "stopped as asked")
    elif code in OF_WHAT_A_RUN_HAS and not outcomes.is_of_present_credential(job, code, sentence):
        # What was refused or missing is not what the channel has by now: that is tried.
        _retry_or_end(job, "again", code, sentence, None)
    else:
        blockers.block(job, code, sentence, scope=scope, detail=detail, until=until)


def _block_source(job: Job, code: str, sentence: str) -> None:
    """Let a job wait for its source; that it cannot be read is counted once, not for each job that meets it."""
    is_known = Blocker.objects.open().filter(code=code, source=_source_of(job) or 0).exists()
    _block(job, code, sentence, "source")
    if not is_known:
        outcomes.source_failed(job)


def _wait_for_access(job: Job, code: str, sentence: str) -> None:
    """Let a job wait until its source has another access; an address of no source can be given none."""
    if _source_of(job):
        _block_source(job, code, sentence)
    else:
        outcomes.end_job(job, JobState.FAILED, code, sentence)


def _source_of(job: Job) -> int | None:
    return job.source_id or (job.video.source_id if job.video else None)


def _wait_for_refill(
    job: Job, error: QuotaExhausted | pools.BudgetExhausted, bucket: str, scope: str, at: datetime
) -> None:
    """Let a job wait for a budget's next day: no failure, not counted as an attempt.

    What takes back asks by itself, as it always did: it must not wait for a probe.
    """
    at = max(at, timezone.now() + SHORTEST_WAIT)
    if POLICIES[job.kind].can_be_blocked and job.kind not in TAKING_BACK:
        _block(job, error.code, str(error), scope, detail=bucket, until=at)
    else:
        _retry_later(job, at=at, error_code=error.code, error_message=str(error), counted=False)


def _is_down(job: Job) -> bool:
    """Return whether a job's source has not answered for a while: no more than this job need go on asking."""
    return job.kind == JobKind.SCRAPE and job.attempts >= FAILURES_OF_A_SOURCE


def _retry_or_end(job: Job, again: str, code: str, message: str, wait_seconds: float | None) -> None:
    """Try again while that can help and it is not too late; then it has failed, or somebody has to look what happened.

    What a publication waits for is ended by its misfire policy, not here; anything else once its kind's patience is over.
    """
    policy, now = POLICIES[job.kind], timezone.now()
    moment = pauses.moment_of(job)
    try_until = None if moment else job.try_until or now + pauses.patience_of(job)
    if again != "never" and (try_until is None or now < try_until):
        at = pauses.next_try(job, now, moment, wait_seconds)
        at = min(at, try_until) if try_until else at
        _retry_later(job, at=at, error_code=code, error_message=message, try_until=try_until)
    elif again == "unknown" and policy.is_reviewed:
        outcomes.end_job(job, JobState.NEEDS_REVIEW, code, message, uncertain=True)
    else:
        outcomes.end_job(job, JobState.FAILED, code, message)


def lost_its_worker(job: Job, why: str, now: datetime) -> None:
    """Let a job whose worker died start again, at once; where its last one died too, after a pause.

    What costs a worker its life every time is given up with the patience of its kind, or by its misfire policy.
    """
    again_dead = job.error_code == WORKER_LOST
    if not again_dead:
        queue.try_again(job, at=now, error_code=WORKER_LOST, error_message=f"{why}; it starts again")
    else:
        _retry_or_end(job, "again", WORKER_LOST, f"{why}, as before", None)


def _is_stopping(job: Job) -> bool:
    """Return whether a job was asked to stop, so that another try may come too late for that.

    After *stop now* one whose publication is armed still waits, since it only has to read back what YouTube does.
    """
    only_reads_back = (
        job.cancel_reason == outcomes.STOPPED_BY_SWITCH
        and job.kind == JobKind.PUBLISH
        and job.schedule is not None
        and job.schedule.armed_for is not None
    )
    return job.cancel_requested_at is not None and not only_reads_back


def _retry_later(
    job: Job,
    *,
    at: datetime,
    error_code: str,
    error_message: str,
    counted: bool = True,
    **changes: datetime | None,
) -> None:
    """Let a job wait for another try, unless it was asked to stop meanwhile."""
    if _is_stopping(job):
        outcomes.end_job(job, JobState.CANCELLED, "cancelled", "stopped as asked")
    else:
        queue.try_again(
            job, at=at, error_code=error_code, error_message=error_message, counted=counted, **changes
        )
