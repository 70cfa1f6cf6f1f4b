"""Find the open GitHub runs that a person should look at: one that waits for approval, is stuck, or goes on too long."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Q, QuerySet

from orchestration.github.cancelling import FORCED_AFTER
from orchestration.github.run_states import STATUSES
from orchestration.models import WorkflowRun
from orchestration.states import RunState

WORKFLOW_TIMEOUT = timedelta(minutes=120)
"""`timeout-minutes` of the template's workflow: GitHub ends its job then."""

NEED_APPROVAL = [word for word, status in STATUSES.items() if status.phase == "needs approval"]
OVER = [word for word, status in STATUSES.items() if status.phase == "over"]
FOR_A_RUNNER = ["requested", "queued"]
BEHIND_ANOTHER = ["pending"]


@dataclass(frozen=True, slots=True)
class RunProblem:
    """What is wrong with a run, and since when it is as it is."""

    code: str
    is_error: bool
    sentence: str
    since: datetime


def slow_runs(now: datetime) -> QuerySet[WorkflowRun]:
    """Return the open runs that have a problem, the oldest first, with all that their sentences need."""
    bound = _queue_bound()
    at_work = Q(state=RunState.RUNNING)
    return (
        WorkflowRun.objects.open()
        .filter(
            Q(remote_status__in=NEED_APPROVAL)
            | Q(remote_status__in=FOR_A_RUNNER, created_at__lt=now - bound)
            | Q(remote_status__in=BEHIND_ANOTHER, created_at__lt=now - WORKFLOW_TIMEOUT)
            | at_work & Q(state_changed_at__lt=now - WORKFLOW_TIMEOUT)
            | at_work & Q(state_changed_at__lt=now - bound, job__schedule__publish_at__lt=now + bound)
            | Q(job__cancel_requested_at__lt=now - FORCED_AFTER, created_at__lt=now - FORCED_AFTER)
        )
        .exclude(remote_status__in=OVER)
        .select_related("job__schedule", "job__distribution__video", "channel")
        .order_by("created_at")
    )


def problem_of(run: WorkflowRun, now: datetime) -> RunProblem:
    """Say what is wrong with one of `slow_runs`; the sentence holds no age, and the run's address."""
    staged = run.job.distribution.video if run.job.distribution else f"job {run.job_id}"
    about = f"The GitHub run of {staged} on {run.channel}"
    see = f" {run.html_url}" if run.html_url else ""
    asked = run.job.cancel_requested_at
    if asked is not None and now - max(asked, run.created_at) > FORCED_AFTER:
        sentence = (
            f"{about} was cancelled and has not ended at GitHub; Headend asks on. Else cancel it there:{see}"
        )
        return RunProblem("run_not_cancelled", False, sentence, asked)
    if run.remote_status in NEED_APPROVAL:
        sentence = (
            f"{about} waits at GitHub for a person's approval. Approve it there, or remove the rule that asks for it:"
            f"{see}"
        )
        return RunProblem("run_needs_approval", True, sentence, run.created_at)
    if run.remote_status in FOR_A_RUNNER + BEHIND_ANOTHER:
        sentence = (
            f"{about} is stuck in GitHub's queue ({run.remote_status}). See whether GitHub has an incident, minutes left "
            f"and a runner for it, or turn the channel's failover on:{see}"
        )
        return RunProblem("run_stuck_in_queue", False, sentence, run.created_at)
    moment = run.job.schedule.publish_at if run.job.schedule else None
    late = moment is not None and moment < now + _queue_bound()
    than = (
        "is left until its moment"
        if late
        else f"its workflow may take ({WORKFLOW_TIMEOUT.seconds // 60} min)"
    )
    sentence = (
        f"{about} is at work for longer than {than}. Look at its log, and cancel the job if it hangs:{see}"
    )
    return RunProblem("run_overtime", False, sentence, run.state_changed_at)


def _queue_bound() -> timedelta:
    return timedelta(minutes=settings.HEADEND_RUN_QUEUE_MINUTES)
