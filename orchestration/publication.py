"""Make public, at the exact moment, the one video id that was recorded; verify it; take it back when asked to.

A publish job first *arms*: it sets `publishAt` on YouTube, so that the video goes public in its second even while Headend
is down. After that moment it only reads back. What could not be armed in time is flipped at its moment.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels.gateways.errors import RemoteError, RemoteNotFound, RemoteRejected
from channels.gateways.youtube import VideoStatus, YouTubeGateway
from channels.quota import QUOTA_COST
from orchestration import activity, pools, queue, remotes
from orchestration.errors import IllegalTransition, SystemNotRunning
from orchestration.lease import JobLease, OutcomeUnknown, WaitUntil
from orchestration.models import Distribution, Job, Schedule
from orchestration.states import OPEN_JOBS, DistributionState, JobKind, ScheduleState, SystemStatus, WaveState
from orchestration.transitions import transition

ARM_MARGIN = timedelta(seconds=8)
"""A publishAt nearer than this could lie in the past when it arrives, and a past one publishes at once (FACTS)."""
LOOK_AFTER = timedelta(seconds=1)
GRACE_FOR_YOUTUBE = timedelta(seconds=45)
"""How long after its moment an armed video may still be private before we flip it ourselves."""


class VideoRefused(RemoteRejected):
    """YouTube rejected the upload after all (its status says so)."""

    code = "upload_rejected"


def run_publish(job: Job, lease: JobLease) -> dict[str, Any]:
    """Arm, publish and verify one schedule; each call leaves a state from which the next attempt goes on."""
    schedule = Schedule.objects.select_related("distribution", "channel").get(pk=job.schedule_id)
    distribution = schedule.distribution
    if distribution.state == DistributionState.PUBLISHED:
        return {"skipped": "it is public already"}
    if schedule.state not in {ScheduleState.STAGED, ScheduleState.PUBLISHING}:
        return {"skipped": f"the schedule is {schedule.state}"}
    if not distribution.youtube_video_id:
        return {"skipped": "nothing is uploaded"}
    now = timezone.now()
    with remotes.youtube(schedule.channel) as youtube:
        if schedule.armed_for is not None and schedule.armed_for == schedule.publish_at:
            if now < schedule.armed_for:
                raise WaitUntil(
                    schedule.armed_for + LOOK_AFTER, "armed: YouTube makes it public at its moment"
                )
            return _verify_armed(job, lease, youtube, schedule)
        if schedule.publish_at - now > ARM_MARGIN:
            _arm(job, lease, youtube, schedule)
            raise WaitUntil(schedule.publish_at + LOOK_AFTER, "armed: YouTube makes it public at its moment")
        lease.progress(0.2, "waiting for its second")
        lease.wait_until(schedule.publish_at)
        return _flip(job, lease, youtube, schedule)


def _arm(job: Job, lease: JobLease, youtube: YouTubeGateway, schedule: Schedule) -> None:
    lease.progress(0.1, "arming")
    if Job.objects.filter(
        distribution=schedule.distribution, kind=JobKind.RECALL, state__in=OPEN_JOBS
    ).exists():
        raise WaitUntil(timezone.now() + LOOK_AFTER, "an earlier time is being taken off YouTube first")
    _still_wanted(schedule, ScheduleState.STAGED)
    video_id = schedule.distribution.youtube_video_id
    entry = _charge("set_publish_at", "videos.update", job)
    try:
        status = youtube.set_publish_at(video_id, schedule.publish_at)
    except RemoteError as error:
        pools.settle(entry, known=error.again != "unknown")
        raise
    pools.settle(entry)
    if status.privacy_status != "private" or status.publish_at != schedule.publish_at:
        raise OutcomeUnknown(
            f"YouTube answered {status.privacy_status} with publishAt {status.publish_at}, wanted {schedule.publish_at}."
        )
    with transaction.atomic():
        armed = Schedule.objects.filter(
            pk=schedule.pk,
            version=schedule.version,
            state=ScheduleState.STAGED,
            publish_at=schedule.publish_at,
        ).update(armed_for=schedule.publish_at)
        if armed:
            activity.record(
                "schedule_armed",
                schedule,
                before={"armed_for": None},
                after={"armed_for": schedule.publish_at.isoformat()},
                reason="publishAt set on YouTube and read back",
            )
    if not armed:
        # Moved, held or cancelled while we were calling: what we just set must not fire.
        _disarm(job, youtube, schedule.distribution)
        raise WaitUntil(timezone.now() + LOOK_AFTER, "its time changed while it was being armed")


def _disarm(job: Job, youtube: YouTubeGateway, distribution: Distribution) -> VideoStatus:
    entry = _charge("make_private", "videos.update", job)
    try:
        status = youtube.make_private(distribution.youtube_video_id)
    except RemoteError as error:
        pools.settle(entry, known=error.again != "unknown")
        raise
    pools.settle(entry)
    return status


def _verify_armed(job: Job, lease: JobLease, youtube: YouTubeGateway, schedule: Schedule) -> dict[str, Any]:
    lease.progress(0.8, "reading back")
    status = _look(job, youtube, schedule.distribution)
    if status.is_public:
        return record_published(schedule.pk, status)
    _refuse_rejected(status)
    now = timezone.now()
    if now < schedule.armed_for + GRACE_FOR_YOUTUBE:
        raise WaitUntil(now + timedelta(seconds=2), "YouTube has not made it public yet")
    return _flip(job, lease, youtube, schedule)


def _flip(job: Job, lease: JobLease, youtube: YouTubeGateway, schedule: Schedule) -> dict[str, Any]:
    """Make it public now: intent first, then one call, then read back."""
    with transaction.atomic():
        schedule = (
            Schedule.objects.select_for_update(of=("self",))
            .select_related("distribution", "channel")
            .get(pk=schedule.pk)
        )
        _gate()
        if schedule.publish_at > timezone.now():
            raise WaitUntil(schedule.publish_at - ARM_MARGIN, "it was moved to a later time")
        if schedule.state == ScheduleState.STAGED:
            transition(schedule, ScheduleState.PUBLISHING, reason="its moment has come")
        elif schedule.state != ScheduleState.PUBLISHING:
            return {"skipped": f"the schedule is {schedule.state}"}
    lease.progress(0.5, "publishing")
    entry = _charge("publish_now", "videos.update", job)
    try:
        youtube.publish_now(schedule.distribution.youtube_video_id)
    except RemoteError as error:
        pools.settle(entry, known=error.again != "unknown")
        if error.again != "unknown":
            raise
        # Publishing the recorded id twice does no harm; whether it happened is told by reading it back.
    else:
        pools.settle(entry)
    lease.progress(0.9, "reading back")
    status = _look(job, youtube, schedule.distribution)
    if status.is_public:
        return record_published(schedule.pk, status)
    _refuse_rejected(status)
    raise WaitUntil(timezone.now() + timedelta(seconds=2), "YouTube does not show it as public yet")


def _look(job: Job, youtube: YouTubeGateway, distribution: Distribution) -> VideoStatus:
    entry = _charge("videos", "videos.list", job)
    try:
        found = youtube.videos([distribution.youtube_video_id])
    finally:
        pools.settle(entry)
    status = found.get(distribution.youtube_video_id)
    if status is None:
        raise RemoteNotFound(f"YouTube has no video {distribution.youtube_video_id} any more.")
    return status


def _refuse_rejected(status: VideoStatus) -> None:
    if status.upload_status in {"failed", "rejected", "deleted"}:
        why = status.failure_reason or status.rejection_reason or "no reason given"
        raise VideoRefused(f"YouTube says that the upload is {status.upload_status}: {why}.")


def _charge(method: str, call: str, job: Job) -> Any:
    bucket, units = QUOTA_COST[method]
    return pools.charge(bucket, units, call=call, job=job)


def _gate() -> None:
    status = queue.locked_status()
    if status != SystemStatus.RUNNING:
        raise SystemNotRunning(f"The system is {status}; nothing new is published.", state=status)


def _still_wanted(schedule: Schedule, state: str) -> None:
    with transaction.atomic():
        _gate()
        standing = Schedule.objects.filter(pk=schedule.pk, version=schedule.version, state=state)
        if not standing.exclude(wave__state=WaveState.PAUSED).exists():
            raise WaitUntil(timezone.now() + LOOK_AFTER, "it changed in the meantime")


def record_published(schedule_id: int, status: VideoStatus) -> dict[str, Any]:
    """Write down what the read-back saw: public, since when, how late."""
    now = timezone.now()
    with transaction.atomic():
        schedule = Schedule.objects.select_for_update(of=("self",)).get(pk=schedule_id)
        distribution = Distribution.objects.select_for_update(of=("self",)).get(pk=schedule.distribution_id)
        published_at = _public_since(status, schedule.publish_at, now)
        lateness = max((published_at - schedule.publish_at).total_seconds(), 0.0)
        if distribution.state in {DistributionState.STAGED, DistributionState.NEEDS_REVIEW}:
            transition(
                distribution,
                DistributionState.PUBLISHED,
                reason="seen public by reading it back",
                published_at=published_at,
                verified_at=now,
                error_code="",
                error_message="",
            )
        if schedule.can_become(ScheduleState.PUBLISHED):
            transition(schedule, ScheduleState.PUBLISHED, lateness_seconds=lateness)
    return {
        "youtube_video_id": distribution.youtube_video_id,
        "published_at": published_at.isoformat(),
        "lateness_seconds": lateness,
    }


def _public_since(status: VideoStatus, planned: datetime, now: datetime) -> datetime:
    """Return since when it is public: YouTube's word, where it is plausible, else the moment we saw it."""
    said = status.published_at
    return (
        said if said is not None and planned - timedelta(days=1) < said <= now + timedelta(minutes=5) else now
    )


def run_recall(job: Job, lease: JobLease) -> dict[str, Any]:
    """Make a video private again, or drop its publishAt; `params["why"]` is `recall` or `disarm`."""
    distribution = Distribution.objects.select_related("channel", "schedule").get(pk=job.distribution_id)
    if not distribution.youtube_video_id:
        return {"skipped": "nothing is uploaded"}
    lease.progress(0.1, "making it private")
    with remotes.youtube(distribution.channel) as youtube:
        was = _look(job, youtube, distribution)
        _disarm(job, youtube, distribution)
        lease.progress(0.8, "reading back")
        status = _look(job, youtube, distribution)
    if status.privacy_status != "private" or status.publish_at is not None:
        raise WaitUntil(timezone.now() + timedelta(seconds=2), "YouTube does not show it as private yet")
    with transaction.atomic():
        distribution = Distribution.objects.select_for_update(of=("self",)).get(pk=distribution.pk)
        if distribution.state == DistributionState.PUBLISHED and job.params.get("why") == "recall":
            transition(distribution, DistributionState.RECALLED, reason="seen private by reading it back")
        Schedule.objects.filter(distribution=distribution, armed_for__isnull=False).exclude(
            state=ScheduleState.PUBLISHED
        ).update(armed_for=None)
        activity.record(
            "video_made_private",
            distribution,
            before={
                "privacy": was.privacy_status,
                "publish_at": was.publish_at.isoformat() if was.publish_at else None,
            },
            after={"privacy": status.privacy_status, "publish_at": None},
        )
    return {"was": was.privacy_status, "now": status.privacy_status}


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
    return queue.enqueue(
        JobKind.RECALL,
        dedupe_key=f"disarm:{schedule.pk}",
        channel=schedule.channel,
        distribution=schedule.distribution,
        schedule=schedule,
        params={"why": "disarm", "reason": why},
        priority=10,
    )
