"""Hand a publication that GitHub Actions will not stage in time to our own workers, and never have both stage it.

Where a channel has *failover* on and its moment is near, the stage job changes its executor, if no run can be at work on it:
one that waits for its permit is closed first, and is refused it for good; one that has the permit is waited for; where runs
need no permit (HEADEND_PUBLIC_URL is not set) one that may still be there is never raced. What comes next goes to GitHub.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from channels.models import Channel
from channels.states import Executor
from orchestration.core import audit, lookup
from orchestration.core.transitions import transition
from orchestration.core.wakeups import wake_workers
from orchestration.errors import OrchestrationError
from orchestration.models import Job, Schedule, WorkflowRun
from orchestration.pipeline import outcomes
from orchestration.queue import jobs as queue
from orchestration.queue.policy import POLICIES
from orchestration.states import CLAIMABLE_JOBS, OPEN_RUNS, JobKind, JobState, RunState, ScheduleState

logger = logging.getLogger(__name__)

FAILED_OVER = "failed_over"
MAX_AT_ONCE = 200


def bound(channel: Channel) -> timedelta:
    """Return how long before its moment a publication is taken from GitHub: what our workers need, and a margin.

    Never more than half of the channel's lead time, so that GitHub has its chance first.
    """
    return min(
        timedelta(minutes=settings.HEADEND_FAILOVER_MINUTES), timedelta(minutes=channel.lead_time_minutes) / 2
    )


def hand_over_late(now: datetime) -> int:
    """Hand what is late at GitHub to our workers; returns how many publications. Any number may do it at once."""
    longest = now + timedelta(minutes=settings.HEADEND_FAILOVER_MINUTES)
    late = (
        Job.objects.open()
        .filter(
            kind=JobKind.STAGE,
            executor=Executor.GITHUB,
            skip_upload=False,
            cancel_requested_at=None,
            channel__failover=True,
            schedule__state=ScheduleState.STAGING,
            schedule__publish_at__lte=longest,
            distribution__youtube_video_id=None,
        )
        .select_related("channel", "schedule")
        .order_by("schedule__publish_at", "id")
    )
    handed = 0
    for job in late[:MAX_AT_ONCE]:
        assert job.schedule is not None and job.channel is not None  # noqa: S101 - by the filter
        if job.schedule.publish_at - now > bound(job.channel):
            continue
        try:
            with audit.correlated(job.correlation_id):
                handed += hand_over(job, now)
        except OrchestrationError as error:
            # The run took its permit, or its worker was faster: then GitHub stages it, or the next tick looks again.
            logger.info("job %s stays at GitHub: %s", job.pk, error)
    if handed:
        wake_workers(fast=False)
    return handed


def hand_over(job: Job, now: datetime) -> bool:
    """Let our workers do one stage job, if no run can be at work on it; returns whether they do.

    Raises: StaleState, if its run takes the permit at the same moment.
    """
    with transaction.atomic():
        outcomes.lock(job)
        run = WorkflowRun.objects.open().filter(job=job).locked().order_by("-pk").first()
        if run is not None and not run.is_harmless:
            return False  # it may be uploading: it is waited for
        if run is None and _may_have_a_run(job):
            return False
        why = _why(job, run)
        if run is not None:
            transition(
                run,
                RunState.FAILED,
                reason=f"{why}; its permit is refused from now on",
                where={"permit_run_id": None},
                error_code=FAILED_OVER,
                error_message=why[:500],
                completed_at=now,
            )
        locked = queue.locked(job.pk)
        if locked.state == JobState.RUNNING and run is not None:
            queue.try_again(locked, at=now, error_code=FAILED_OVER, error_message=why, counted=False)
        if locked.state not in CLAIMABLE_JOBS or locked.executor != Executor.GITHUB:
            return False  # a dispatcher of ours is at it this very moment
        way = POLICIES[JobKind.STAGE].by(Executor.LOCAL)
        Job.objects.filter(pk=locked.pk).update(
            executor=Executor.LOCAL,
            fast=way.fast,
            failed_over=True,
            blocked_on=None,
            run_at=now,
            attempts=0,
            waits_for="",
        )
        schedule = Schedule.objects.get(pk=locked.schedule_id or 0)
        audit.record(
            "publication_failed_over",
            schedule,
            before={"executor": Executor.GITHUB.value},
            after={
                "executor": Executor.LOCAL.value,
                "job": locked.pk,
                "run": run.correlation_id if run else None,
                "publish_at": schedule.publish_at.isoformat(),
            },
            reason=why,
        )
    return True


def _may_have_a_run(job: Job) -> bool:
    """Return whether a run that nobody looks at any more may still upload: one under review, without a permit to refuse."""
    unclear = WorkflowRun.objects.filter(job__distribution=job.distribution_id, state=RunState.NEEDS_REVIEW)
    return any(not run.is_harmless for run in unclear)


def _why(job: Job, run: WorkflowRun | None) -> str:
    """Return what keeps GitHub from staging it, in one sentence."""
    if job.blocked_on is not None:
        return f"GitHub cannot stage it: {job.blocked_on.sentence}"
    if run is not None:
        said = run.remote_status or "nothing"
        since = run.dispatched_at or run.created_at
        return f"Its run has not taken its permit since {since:%H:%M} UTC; GitHub says {said}"
    failed = job.runs.exclude(state__in=OPEN_RUNS).count()
    if failed:
        return f"{failed} of its runs failed, the last one: {job.error_message or 'without a word'}"
    return f"No run was dispatched in time: {job.waits_for or job.error_message or 'it waits in the queue'}"


def set_failover(channel_id: int, on: bool, reason: str = "") -> Channel:
    """Say whether a channel's late publications are handed to our workers. Raises: NotFound."""
    with transaction.atomic():
        channel = lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
        if channel.failover != on:
            Channel.objects.filter(pk=channel.pk).update(failover=on, updated_at=timezone.now())
            audit.record(
                "failover_set",
                channel,
                before={"failover": channel.failover},
                after={"failover": on},
                reason=reason,
            )
            channel.failover = on
    return channel
