"""Look at the open GitHub runs and write down what came of them; nothing else concludes anything about a run.

Its callback, a webhook and the clock only say when to look; order and number do not matter.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from channels.gateways.errors import RateLimited, RemoteError, RemoteNotFound, of_code
from channels.gateways.github import GitHubGateway, RunInfo
from channels.gateways.youtube_upload import carries_marker
from orchestration.core import audit, gateways
from orchestration.core.failpoints import failpoint
from orchestration.core.transitions import transition
from orchestration.errors import OrchestrationError
from orchestration.github import cancelling, run_results, run_states
from orchestration.models import Distribution, Job, WorkflowRun
from orchestration.pipeline import endings, outcomes, stage
from orchestration.pipeline.looks import Look, Outcome
from orchestration.pipeline.youtube_calls import charged
from orchestration.queue import jobs as queue
from orchestration.queue.lease import OutcomeUnknown
from orchestration.states import FINISHED_JOBS, OPEN_RUNS, JobState, RunState

logger = logging.getLogger(__name__)

SETTLE = timedelta(seconds=120)
"""How long a dispatch whose answer was lost may stay unlisted; GitHub's list of runs lags (FACTS)."""
LONGEST_RUN = timedelta(hours=6)  # a job on a GitHub-hosted runner ends after six hours
MAX_LOOKS_AT_ONCE = 50
LOST = "dispatch_lost"


def may_find() -> bool:
    """Return whether there is any run to look at or to settle; one statement, where a watch is several and a write."""
    return WorkflowRun.objects.filter(state__in=[*OPEN_RUNS, RunState.NEEDS_REVIEW]).exists()


def watch(now: datetime | None = None) -> int:
    """Look at every open run whose time has come; returns how many were looked at. Any number may watch at once."""
    now = now or timezone.now()
    looked = 0
    _settle_reviews()
    for run in _due(now):
        with audit.correlated(run.job.correlation_id):
            try:
                _look(run, now)
            except RateLimited as error:
                _could_not_look(run, error, now)
                _leave_alone(error, now)
                return looked + 1
            except RemoteError as error:
                _could_not_look(run, error, now)
            except OrchestrationError as error:
                # Two may look at one run at once; who comes second looks again, and that is no news.
                level = logging.INFO if error.again == "again" else logging.WARNING
                logger.log(level, "run %s: %s", run.correlation_id, error)
            except Exception:
                # One run that cannot be looked at must not keep the others from being looked at.
                logger.exception("run %s could not be looked at", run.correlation_id)
        looked += 1
    return looked


def _leave_alone(error: RateLimited, now: datetime) -> None:
    """Look at no run before the limit allows it: one token serves all, and asking on makes the limit last longer.

    What a run reports itself is looked at all the same, and confirmed at YouTube.
    """
    until = now + timedelta(seconds=error.retry_after_seconds or 60)
    WorkflowRun.objects.open().filter(next_look_at__lt=until).update(next_look_at=until)


def _could_not_look(run: WorkflowRun, error: RemoteError, now: datetime) -> None:
    """Return why a look failed; nothing is concluded from it until the run must have ended long ago."""
    logger.info("run %s could not be looked at: %s", run.correlation_id, error)
    WorkflowRun.objects.filter(pk=run.pk).update(
        next_look_at=now + timedelta(seconds=error.retry_after_seconds or 10),
        error_code=error.code,
        error_message=f"It could not be looked at: {error}"[:500],
    )
    if run.state in OPEN_RUNS and now - run.created_at > LONGEST_RUN:
        run.refresh_from_db()
        try:
            _give_up(run, f"It must have ended, and cannot be looked at: {error}")
        except OrchestrationError as faster:
            logger.info("run %s: %s", run.correlation_id, faster)


def _due(now: datetime) -> list[WorkflowRun]:
    """Take the runs to look at, each for one watcher: the next look is set before this one begins."""
    with transaction.atomic():
        runs = list(
            WorkflowRun.objects.locked_where_free()
            .filter(
                # Also what was given up and then reported after all: its upload must not be lost.
                Q(state__in=OPEN_RUNS) | Q(state=RunState.NEEDS_REVIEW, result__outcome="staged"),
                next_look_at__lte=now,
            )
            .select_related("job", "channel")
            .order_by("next_look_at")[:MAX_LOOKS_AT_ONCE]
        )
        for run in runs:
            age = (now - run.created_at).total_seconds()
            pause = min(max(settings.HEADEND_WATCH_SECONDS, age / 20), 30)
            WorkflowRun.objects.filter(pk=run.pk).update(
                next_look_at=now + timedelta(seconds=pause), looks=run.looks + 1
            )
    return runs


def _look(run: WorkflowRun, now: datetime) -> None:
    if run.state == RunState.NEEDS_REVIEW:
        _late_report(run)
        return
    if run.result.get("outcome") == "staged" and not _is_staged(run):
        # Before GitHub is asked: its outage or limit must not hold up a publication.
        try:
            _confirm(run)
        except RateLimited as error:
            _could_not_look(run, error, now)  # YouTube's limit, which says nothing of the runs at GitHub
            return
    with gateways.github(repository=run.repository) as github:
        if run.run_id is None:
            info = github.find_run(run.repository, run.workflow, run.correlation_id, run.created_at)
            if info is None:
                _not_listed(run, now)
                return
        else:
            try:
                info = github.run(run.repository, run.run_id)
            except RemoteNotFound:
                if run.result.get("outcome") != "staged" or not _is_staged(run):
                    _give_up(run, f"GitHub has no run {run.run_id} any more.")
                else:
                    transition(
                        run, RunState.SUCCEEDED, reason="its work is there; GitHub has deleted the run"
                    )
                return
        _observe(run, info, now)
        if info.status == "completed":
            _conclude(run, info, github, now)
            return
        if run.job.cancel_requested_at and run.result.get("outcome") != "staged":
            cancelling.cancel(run, github, info.run_id, now)
        if now - run.created_at > LONGEST_RUN:
            _give_up(run, f"The run has not ended after {LONGEST_RUN}.")


def _not_listed(run: WorkflowRun, now: datetime) -> None:
    """Conclude from GitHub's list only once it had its time.

    Of a run that no permit keeps from uploading YouTube is asked first, after as long again.
    """
    age = now - run.created_at
    why = f"GitHub lists no run {run.correlation_id}, {age.seconds} s after the dispatch."
    if run.is_harmless and age > SETTLE:
        _begin_again(run, why)
    elif age > 2 * SETTLE:
        distribution = _distribution_of(run)
        seen = None if run.job.skip_upload else look_for(distribution, run.job)
        if seen is not None and seen.error is not None:
            raise seen.error
        if seen is not None and seen.outcome == Outcome.TOO_EARLY:
            return
        if seen is not None and seen.outcome == Outcome.FOUND:
            _succeed(run, {"youtube_video_id": distribution.youtube_video_id, "adopted": True})
            transition(run, RunState.SUCCEEDED, reason="its upload is there, though GitHub lists no such run")
        else:
            _needs_review(run, why)


def _give_up(run: WorkflowRun, why: str, **done: Any) -> None:
    """End a run that nothing can be learned of: another may do its work where it is harmless, else a person looks."""
    if run.is_harmless:
        _begin_again(run, why, **done)
    else:
        _needs_review(run, why, **done)


def _begin_again(run: WorkflowRun, why: str, **done: Any) -> None:
    """Close a run without its permit, which it is refused from now on, and let its job be dispatched again.

    Who takes the permit at the same moment is first, and this run stays, or second, and is refused. Raises: StaleState.
    """
    why = f"{why} It had no permit, and gets none any more."
    where = {"permit_run_id": None}
    with _closing(
        run, RunState.FAILED, why, where=where, error_code=LOST, error_message=why[:500], **done
    ) as job:
        endings.write_outcome(job, endings.TryFailed(why, code=LOST, again="again"))


def _settle_reviews() -> None:
    """Settle the runs under review whose job has ended otherwise since, by a later try or by a person."""
    over = Q(job__state__in=FINISHED_JOBS) & ~Q(job__state=JobState.NEEDS_REVIEW)
    runs = WorkflowRun.objects.filter(over, state=RunState.NEEDS_REVIEW).select_related("job")
    for run in runs.order_by("pk")[:MAX_LOOKS_AT_ONCE]:
        if run.result.get("outcome") == "staged" and run.next_look_at is not None:
            continue  # what it reported is looked at first
        with audit.correlated(run.job.correlation_id), transaction.atomic():
            why = f"its job is {run.job.get_state_display()}, without this run"
            transition(run, RunState.FAILED, reason=why, completed_at=timezone.now(), next_look_at=None)


def _late_report(run: WorkflowRun) -> None:
    """Take up what a run reported that had been given up; a report that is not true is not looked at again."""
    if _is_staged(run) or _confirm(run):
        with _closing(run, RunState.SUCCEEDED, "it reported late, and its work is there") as job:
            if job.state == JobState.NEEDS_REVIEW:
                transition(job, JobState.SUCCEEDED, reason="its run reported late, and its work is there")
    else:
        WorkflowRun.objects.filter(pk=run.pk).update(next_look_at=None)


def _observe(run: WorkflowRun, info: RunInfo, now: datetime) -> None:
    """Write down what GitHub says, in its own words."""
    seen = {
        "run_id": info.run_id,
        "remote_status": info.status[:30],
        "conclusion": info.conclusion or "",
        "html_url": info.html_url,
    }
    if run.run_attempt is None or info.run_attempt >= run.run_attempt:
        seen["run_attempt"] = info.run_attempt
    if run.state == RunState.DISPATCHING:
        transition(run, RunState.DISPATCHED, reason="found by its correlation id", dispatched_at=now, **seen)
    status = run_states.status_of(info.status)
    if run.state == RunState.DISPATCHED and status.phase in {"at work", "over"}:
        transition(run, RunState.RUNNING, **seen)
    else:
        WorkflowRun.objects.filter(pk=run.pk).update(**seen)
        for name, value in seen.items():
            setattr(run, name, value)
    Job.objects.filter(pk=run.job_id, state=JobState.RUNNING, holder=f"run:{run.correlation_id}").update(
        progress=status.progress, progress_note=status.note[:200], heartbeat_at=now
    )


def _is_staged(run: WorkflowRun) -> bool:
    return Distribution.objects.filter(jobs=run.job_id, youtube_video_id__isnull=False).exists()


def _confirm(run: WorkflowRun) -> bool:
    """Ask YouTube whether what the run reported is there, private and ours; then record it and end the job."""
    said = run.result.get("youtube_video_id")
    distribution = _distribution_of(run)
    if run.job.skip_upload:
        _succeed(run, {"skip_upload": True})
        return True
    if not said:
        return False
    with gateways.youtube(distribution.channel) as youtube:
        with charged("videos", "videos.list", run.job):
            status = youtube.videos([said]).get(said)
        if status is None or not carries_marker(status.description, distribution.marker):
            logger.warning(
                "run %s reported video %s, which does not carry its marker", run.correlation_id, said
            )
            return False
        failpoint("run.seen_staged")
        result = {"youtube_video_id": said, "run_id": run.run_id}
        stage.adopt(youtube, distribution, said, run.job, is_private=status.privacy_status == "private")
    failpoint("run.confirmed")
    _succeed(run, result)
    return True


def uploaded(distribution: Distribution, job: Job) -> str | None:
    """Return the upload with this distribution's marker, and recorded; None if it is absent for certain.

    Raises: WaitUntil, if it is too early to tell; RemoteError, BudgetExhausted, if it could not be looked for.
    """
    return look_for(distribution, job).settled()


def look_for(distribution: Distribution, job: Job) -> Look:
    """Look on YouTube for an upload with this distribution's marker; record it if it is there."""
    with gateways.youtube(distribution.channel) as youtube:
        seen = stage.look_for_upload(youtube, distribution, job)
        found = seen.youtube_video_id
        if found:
            stage.adopt(youtube, distribution, found, job)
    return seen


def _conclude(run: WorkflowRun, info: RunInfo, github: GitHubGateway, now: datetime) -> None:
    """End a run that GitHub calls completed, and its job by what can be found of its work."""
    conclusion = info.conclusion or "unknown"
    run_results.read_artifact(run, github)
    if run.result.get("outcome") == "staged" and not _is_staged(run):
        _confirm(run)
    staged = _is_staged(run)
    skipped = run.job.skip_upload and conclusion == "success"
    if not staged and not run.job.skip_upload:
        seen = _look_for_work(run, info, now)
        staged = seen.outcome == Outcome.FOUND
        if seen.outcome == Outcome.TOO_EARLY and not _is_given_up(run, conclusion):
            return  # the list of uploads lags: what is not in it yet would be uploaded a second time
    done = {"completed_at": timezone.now(), "conclusion": conclusion, "remote_status": info.status}
    if staged or skipped:
        state = RunState.SUCCEEDED if conclusion == "success" else RunState.FAILED
        with _closing(run, state, f"GitHub concluded {conclusion}; the work is there", **done) as job:
            result = {"run_id": run.run_id, "conclusion": conclusion}
            outcomes.end_job(job, JobState.SUCCEEDED, result=result)
        return
    if conclusion == "success":
        _give_up(run, "GitHub says success, but no upload with its marker is on the channel.", **done)
        return
    why = _why_it_failed(run, conclusion, github)
    meaning = run_states.conclusion_of(conclusion)
    code = run.result.get("error_code") or meaning.code
    with _closing(run, meaning.state, why, error_code=code[:60], error_message=why[:500], **done) as job:
        if _is_given_up(run, conclusion):
            outcomes.end_job(job, JobState.CANCELLED, "cancelled", why)
        else:
            endings.write_outcome(job, _said_by(run, code, why, meaning.again))


def _distribution_of(run: WorkflowRun) -> Distribution:
    """Return what a run is about: every run serves one publication."""
    return Distribution.objects.select_related("channel", "video").get(jobs=run.job_id)


def _look_for_work(run: WorkflowRun, info: RunInfo, now: datetime) -> Look:
    """Look for what a run that is over may have uploaded, until its end. Raises: what kept us from looking."""
    distribution = _distribution_of(run)
    run.refresh_from_db(fields=["permit_run_id", "result"])  # it may have come by since the look began
    if not run.is_harmless and run.result.get("error_code") not in NOTHING_SENT:
        stage.note_last_sent(distribution, min(info.updated_at, now))
    seen = look_for(distribution, run.job)
    if seen.error is not None:
        raise seen.error
    return seen


def _is_given_up(run: WorkflowRun, conclusion: str) -> bool:
    """Return whether nothing follows from a run's end but the end of its job: somebody cancelled it, here or there."""
    return conclusion == "cancelled" or run.job.cancel_requested_at is not None


NOTHING_SENT = frozenset(
    {
        "media_unavailable",
        "media_empty",
        "media_changed",
        "bad_job_sheet",
        "credential_missing",
        "client_refused",
    }
)
"""What a run reports that had not begun to upload: its video cannot be on YouTube."""


def _said_by(run: WorkflowRun, code: str, why: str, again: str) -> RemoteError | endings.TryFailed:
    """Return what ended a run as if a worker of ours had met it; what nobody knows by its code is as its conclusion is.

    A run speaks of the secrets of its own repository: what it says of the OAuth client holds for its channel.
    """
    until, bucket = parse_datetime(run.result.get("again_at", "")), run.result.get("bucket", "")
    known = of_code(code, why, resets_at=until, bucket=bucket)
    if known is None:
        return endings.TryFailed(why, code=code, again="never" if code in PERMANENT_ERRORS else again)
    if known.scope == "installation":
        return endings.TryFailed(why, code=code, again=known.again)
    return known


PERMANENT_ERRORS = frozenset(
    {
        "media_empty",
        "media_changed",
        "bad_job_sheet",
    }
)
"""What a run reports that another run would report again, beside what `errors` and `run_states` know."""


def _why_it_failed(run: WorkflowRun, conclusion: str, github: GitHubGateway) -> str:
    said = run.result.get("error_message")
    try:
        steps = github.failure_summary(run.repository, run.run_id)
    except RemoteError as error:
        steps = f"its steps could not be read: {error}"
    concluded = f"GitHub concluded {conclusion}: {run_states.conclusion_of(conclusion).note}"
    return "; ".join(part for part in (concluded, said, steps) if part)


def _needs_review(run: WorkflowRun, why: str, **done: Any) -> None:
    code = OutcomeUnknown.code
    if not run.is_harmless:  # it may have uploaded until now, and who has its job tried again may be quick
        stage.note_last_sent(_distribution_of(run), timezone.now())
    with _closing(run, RunState.NEEDS_REVIEW, why, error_code=code, error_message=why[:500], **done) as job:
        outcomes.end_job(job, JobState.NEEDS_REVIEW, code, why, uncertain=True)


@contextmanager
def _closing(run: WorkflowRun, state: str, why: str, **changes: Any) -> Iterator[Job]:
    """Close a run, and give its job, under lock, to be ended with it: a job whose run is closed is looked at by nobody."""
    with transaction.atomic():
        outcomes.lock(run.job)
        transition(run, state, reason=why, **changes)
        yield queue.locked(run.job_id)


def _succeed(run: WorkflowRun, result: dict[str, Any]) -> None:
    """End the job of a run that may go on: its work is there."""
    with transaction.atomic():
        outcomes.lock(run.job)
        outcomes.end_job(queue.locked(run.job_id), JobState.SUCCEEDED, result=result)
