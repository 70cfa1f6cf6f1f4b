"""Take back what YouTube shows, or would show: recall what is public, disarm what is not wanted at its time any more."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels.gateways.errors import RemoteNotFound
from channels.gateways.youtube import YouTubeGateway
from channels.gateways.youtube_values import VideoStatus
from orchestration.core import audit, gateways, installation
from orchestration.core.failpoints import failpoint
from orchestration.core.transitions import transition
from orchestration.models import Distribution, Job, Schedule
from orchestration.pipeline import words_kept
from orchestration.pipeline.compare import compared, require_ours
from orchestration.pipeline.youtube_calls import look, make_private
from orchestration.queue.lease import JobLease, OutcomeUnknown, WaitUntil
from orchestration.states import DistributionState, JobKind, ScheduleState


def run_take_back(job: Job, lease: JobLease) -> dict[str, Any]:
    """Make a video private again (recall), or drop its publishAt (disarm)."""
    distribution = Distribution.objects.select_related("channel").get(pk=job.distribution_id)
    is_recall = job.kind == JobKind.RECALL
    name = "recall" if is_recall else "disarm"
    if not distribution.youtube_video_id:
        return {"skipped": "nothing is uploaded"}
    if not is_recall and distribution.state == DistributionState.PUBLISHED:
        return {"skipped": "it was published in the meantime; only a recall takes it back"}
    with transaction.atomic():
        # Under the publication's lock, so that an edit of its words is seen here, or sees this job and does not begin.
        Schedule.objects.locked().filter(distribution=distribution).first()
        distribution.refresh_from_db(fields=["words_set"])
    is_edited = words_kept.status_may_change_until(distribution) is not None
    # A publish job that is at it may still set its publishAt after this: then look once more when it is over.
    is_busy = Job.objects.running().filter(distribution=distribution, kind=JobKind.PUBLISH).exists()
    lease.progress(0.1, "making it private")
    was, status = None, None
    try:
        with gateways.youtube(distribution.channel) as youtube:
            was = look(job, youtube, distribution, prepare=True)
            failpoint(f"{name}.looked")
            if not is_recall:
                _leave_alone_what_is_public_since_the_backup(job, was)
                _leave_alone_what_others_set(youtube, distribution, was)
            make_private(job, youtube, distribution)
            failpoint(f"{name}.called")
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
    if is_edited:  # an edit says again who may see it, as it was seen before: whatever it does must be over before this is
        words_kept.wait_for_edit(Distribution.objects.get(pk=distribution.pk))
        raise WaitUntil(
            timezone.now() + words_kept.LOOK_AFTER, "its words were being changed; looking once more"
        )
    now_is = status.privacy_status if status else "not on YouTube any more"
    with transaction.atomic():
        schedule = Schedule.objects.locked().filter(distribution=distribution).first()
        distribution = Distribution.objects.locked().get(pk=distribution.pk)
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
        audit.record(
            "video_made_private",
            distribution,
            before={
                "privacy": was.privacy_status if was else None,
                "publish_at": was.publish_at.isoformat() if was and was.publish_at else None,
            },
            after={"privacy": now_is, "publish_at": None},
        )
    failpoint(f"{name}.recorded")
    return {"was": was.privacy_status if was else None, "now": now_is}


def _leave_alone_what_is_public_since_the_backup(job: Job, was: VideoStatus) -> None:
    """Take off nothing that went public after the backup was made: what the job was to prevent was decided anew since.

    Raises: OutcomeUnknown; a person looks.
    """
    restored_at = installation.taken_over_at()
    if was.is_public and restored_at is not None and job.created_at < restored_at:
        raise OutcomeUnknown(
            f"Video {was.id} is public; this job is of a backup that was made before, so it takes nothing back. Settle the "
            "publication as published, or recall it."
        )


def _leave_alone_what_others_set(
    youtube: YouTubeGateway, distribution: Distribution, was: VideoStatus
) -> None:
    """Take off YouTube only a time of our own; a recall, which a person asked for, takes back whatever is there.

    Raises: ChangedElsewhere.
    """
    if was.privacy_status == "private" and was.publish_at is None:
        return  # nothing to take off, whoever did it
    schedule = Schedule.objects.filter(distribution=distribution).first()
    comparison = compared(distribution, schedule, was, timezone.now() - youtube.clock_ahead)
    if comparison.stops:
        require_ours(comparison, was.id)
