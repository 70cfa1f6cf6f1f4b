"""Take back what YouTube shows, or would show: recall what is public, disarm what is not wanted at its time any more."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels.gateways.errors import RemoteNotFound
from orchestration import activity, queue, remotes
from orchestration.errors import IllegalTransition
from orchestration.lease import JobLease, WaitUntil
from orchestration.models import Distribution, Job, Schedule
from orchestration.recorded import look, make_private
from orchestration.states import DistributionState, JobKind, JobState, ScheduleState
from orchestration.transitions import transition

DISARM_ATTEMPTS = 240
"""How often a disarming is tried. Its pauses stay short (`execution.LONGEST_DISARM_PAUSE`), so that is about two hours: what
it takes back may go public at any minute, and giving up lets it."""


def run_recall(job: Job, lease: JobLease) -> dict[str, Any]:
    """Make a video private again, or drop its publishAt; `params["why"]` is `recall` or `disarm`."""
    distribution = Distribution.objects.select_related("channel").get(pk=job.distribution_id)
    is_recall = job.params.get("why") == "recall"
    if not distribution.youtube_video_id:
        return {"skipped": "nothing is uploaded"}
    if not is_recall and distribution.state == DistributionState.PUBLISHED:
        return {"skipped": "it was published in the meantime; only a recall takes it back"}
    # A publish job that is at it may still set its publishAt after this: then look once more when it is over.
    is_busy = Job.objects.filter(
        distribution=distribution, kind=JobKind.PUBLISH, state=JobState.RUNNING
    ).exists()
    lease.progress(0.1, "making it private")
    was, status = None, None
    try:
        with remotes.youtube(distribution.channel) as youtube:
            was = look(job, youtube, distribution)
            make_private(job, youtube, distribution)
            lease.progress(0.8, "reading back")
            status = look(job, youtube, distribution)
    except RemoteNotFound:
        status = None  # deleted there: nothing of it is public
    if status is not None and (status.privacy_status != "private" or status.publish_at is not None):
        raise WaitUntil(timezone.now() + timedelta(seconds=2), "YouTube does not show it as private yet")
    if is_busy:
        raise WaitUntil(
            timezone.now() + timedelta(seconds=2), "a publish job was still at it; looking once more"
        )
    now_is = status.privacy_status if status else "not on YouTube any more"
    with transaction.atomic():
        schedule = (
            Schedule.objects.select_for_update(of=("self",), no_key=True)
            .filter(distribution=distribution)
            .first()
        )
        distribution = Distribution.objects.select_for_update(of=("self",), no_key=True).get(
            pk=distribution.pk
        )
        lease.keep()
        if is_recall and distribution.state in {DistributionState.PUBLISHED, DistributionState.NEEDS_REVIEW}:
            transition(
                distribution,
                DistributionState.RECALLED,
                reason=f"seen by reading it back: {now_is}",
                error_code="",
                error_message="",
            )
            if schedule is not None and schedule.state == ScheduleState.NEEDS_REVIEW:
                transition(schedule, ScheduleState.CANCELLED, reason="recalled: it is not public")
        if schedule is not None and schedule.state != ScheduleState.PUBLISHED:
            Schedule.objects.filter(pk=schedule.pk, armed_for__isnull=False).update(armed_for=None)
        activity.record(
            "video_made_private",
            distribution,
            before={
                "privacy": was.privacy_status if was else None,
                "publish_at": was.publish_at.isoformat() if was and was.publish_at else None,
            },
            after={"privacy": now_is, "publish_at": None},
        )
    return {"was": was.privacy_status if was else None, "now": now_is}


def is_beyond_stopping(schedule: Schedule) -> bool:
    """Say whether YouTube will make it public before anybody could stop it."""
    return schedule.armed_for is not None and schedule.armed_for - timezone.now() < timedelta(seconds=2)


def disarm_later(schedule: Schedule, why: str) -> Job | None:
    """Have what is armed on YouTube disarmed; call it in the transaction that takes the schedule's time away.

    Raises: IllegalTransition, if its moment is so near that it can no longer be stopped for certain.
    """
    if schedule.armed_for is None:
        return None
    if is_beyond_stopping(schedule):
        raise IllegalTransition(
            "It is armed on YouTube and its moment has come: it can only be recalled now.",
            state=schedule.state,
        )
    return disarm(schedule, why)


def disarm(schedule: Schedule, why: str) -> Job:
    """Have a video made private and its publishAt dropped, whatever YouTube has done with it by then."""
    return queue.enqueue(
        JobKind.RECALL,
        dedupe_key=f"disarm:{schedule.pk}",
        channel=schedule.channel,
        distribution=schedule.distribution,
        schedule=schedule,
        params={"why": "disarm", "reason": why},
        priority=10,
        max_attempts=DISARM_ATTEMPTS,
    )
