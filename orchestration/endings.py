"""Carry what became of a job over to what it worked for: video, source, schedule, distribution.

Called in the transaction that ends the job, so that no job ends without its consequence.
"""

from django.db import transaction
from django.utils import timezone

from channels.models import Credential
from channels.states import CredentialState
from orchestration import activity
from orchestration.models import Distribution, Job, Schedule, Source, Video
from orchestration.states import (
    CLAIMABLE_JOBS,
    DistributionState,
    JobKind,
    JobState,
    ScheduleState,
    VideoState,
)
from orchestration.transitions import transition
from orchestration.wakeup import wake_tick

STOPPED_BY_SWITCH = "stop_now"


def settle(job: Job) -> None:
    """Draw the consequences of a job's end."""
    if job.error_code == "credential_revoked" and job.channel_id:
        _revoke(job)
    if job.state == JobState.SUCCEEDED:
        return
    match job.kind:
        case JobKind.SCRAPE if job.video_id is None:
            _source_failed(job)
        case JobKind.SCRAPE | JobKind.PROCESS:
            _video_failed(job)
        case JobKind.STAGE:
            _staging_ended(job)
        case JobKind.PUBLISH:
            _publishing_ended(job)
        case JobKind.RECALL:
            _recall_ended(job)


def reopen(job: Job) -> None:
    """Bring back what a job's bad end had closed, since it is being tried again."""
    if job.video_id and job.kind in {JobKind.SCRAPE, JobKind.PROCESS}:
        video = Video.objects.select_for_update(of=("self",)).get(pk=job.video_id)
        to = VideoState.FOUND if job.kind == JobKind.SCRAPE else VideoState.SCRAPED
        if video.state == VideoState.FAILED:
            transition(video, to, reason="its job is tried again", error_code="", error_message="")
    if job.kind not in {JobKind.STAGE, JobKind.PUBLISH} or not job.distribution_id:
        return
    distribution = Distribution.objects.select_for_update(of=("self",)).get(pk=job.distribution_id)
    if distribution.state in {DistributionState.FAILED, DistributionState.CANCELLED}:
        to = DistributionState.STAGED if distribution.youtube_video_id else DistributionState.ASSIGNED
        transition(distribution, to, reason="its job is tried again", error_code="", error_message="")
    if job.schedule_id:
        schedule = Schedule.objects.select_for_update(of=("self",)).get(pk=job.schedule_id)
        wanted = ScheduleState.STAGED if distribution.youtube_video_id else ScheduleState.PLANNED
        if schedule.can_become(wanted) and schedule.state != wanted:
            transition(schedule, wanted, reason="its job is tried again")
        if job.kind == JobKind.STAGE and schedule.state == ScheduleState.PLANNED:
            transition(schedule, ScheduleState.STAGING, reason="its job is tried again")


def _revoke(job: Job) -> None:
    credential = Credential.objects.select_for_update(of=("self",)).filter(channel_id=job.channel_id).first()
    if credential is not None and credential.state != CredentialState.REVOKED:
        Credential.objects.filter(pk=credential.pk).update(reason=job.error_message[:300])
        transition(credential, CredentialState.REVOKED, reason=job.error_message, checked_at=timezone.now())


def _source_failed(job: Job) -> None:
    source = Source.objects.select_for_update(of=("self",)).get(pk=job.source_id)
    source.consecutive_failures += 1
    Source.objects.filter(pk=source.pk).update(
        consecutive_failures=source.consecutive_failures, last_error=job.error_message[:500]
    )
    activity.record(
        "source_failed",
        source,
        after={"consecutive_failures": source.consecutive_failures},
        reason=job.error_message,
    )


def _video_failed(job: Job) -> None:
    video = Video.objects.select_for_update(of=("self",)).get(pk=job.video_id)
    if job.state == JobState.CANCELLED and job.cancel_reason == STOPPED_BY_SWITCH:
        back = VideoState.FOUND if job.kind == JobKind.SCRAPE else VideoState.SCRAPED
        if video.can_become(back):
            transition(video, back, reason="the system was stopped; it goes on at the next start")
        return
    if video.can_become(VideoState.FAILED):
        transition(
            video,
            VideoState.FAILED,
            reason=job.error_message,
            error_code=job.error_code,
            error_message=job.error_message[:500],
        )
    fail_waiting_stages(video, f"its video failed: {job.error_message}")


def fail_waiting_stages(video: Video, why: str) -> None:
    """End the staging jobs that wait for a video which will not become ready by itself."""
    waiting = Job.objects.select_for_update(of=("self",)).filter(
        video=video, kind=JobKind.STAGE, state__in=CLAIMABLE_JOBS
    )
    for job in waiting:
        transition(
            job,
            JobState.FAILED,
            reason=why,
            finished_at=timezone.now(),
            error_code="video_failed",
            error_message=why[:500],
            waits_for="",
        )
        settle(job)


def _staging_ended(job: Job) -> None:
    if not job.distribution_id:
        return
    with transaction.atomic():
        distribution = Distribution.objects.select_for_update(of=("self",)).get(pk=job.distribution_id)
        schedule = Schedule.objects.select_for_update(of=("self",)).filter(distribution=distribution).first()
        if job.state == JobState.CANCELLED:
            _staging_cancelled(job, schedule)
            return
        if job.state == JobState.NEEDS_REVIEW:
            to, schedule_to = DistributionState.NEEDS_REVIEW, ScheduleState.NEEDS_REVIEW
        else:
            to, schedule_to = DistributionState.FAILED, ScheduleState.FAILED
        if distribution.can_become(to):
            transition(
                distribution,
                to,
                reason=job.error_message,
                error_code=job.error_code,
                error_message=job.error_message[:500],
            )
        if schedule is not None and schedule.can_become(schedule_to):
            transition(schedule, schedule_to, reason=job.error_message)


def _staging_cancelled(job: Job, schedule: Schedule | None) -> None:
    if schedule is None or schedule.state != ScheduleState.STAGING:
        return
    if job.cancel_reason == STOPPED_BY_SWITCH:
        transition(
            schedule,
            ScheduleState.PLANNED,
            reason="the system was stopped; it is staged again at the next start",
        )
    elif job.cancel_reason != "withdrawn":
        transition(schedule, ScheduleState.HELD, reason=job.error_message or "its staging was cancelled")
    wake_tick()


def _publishing_ended(job: Job) -> None:
    schedule = Schedule.objects.select_for_update(of=("self",)).filter(pk=job.schedule_id).first()
    if schedule is None:
        return
    distribution = Distribution.objects.select_for_update(of=("self",)).get(pk=schedule.distribution_id)
    if job.state == JobState.CANCELLED:
        if job.cancel_reason == "operator" and schedule.can_become(ScheduleState.HELD):
            transition(
                schedule, ScheduleState.HELD, reason=job.error_message or "its publication was cancelled"
            )
        return
    in_doubt = job.state == JobState.NEEDS_REVIEW or schedule.state == ScheduleState.PUBLISHING
    to = ScheduleState.NEEDS_REVIEW if in_doubt else ScheduleState.FAILED
    if schedule.can_become(to):
        transition(schedule, to, reason=job.error_message)
    if in_doubt and distribution.can_become(DistributionState.NEEDS_REVIEW):
        transition(
            distribution,
            DistributionState.NEEDS_REVIEW,
            reason=job.error_message,
            error_code=job.error_code,
            error_message=job.error_message[:500],
        )


def _recall_ended(job: Job) -> None:
    """A video that could not be made private may be public against our will: a person must look."""
    if job.state == JobState.CANCELLED or not job.distribution_id:
        return
    distribution = Distribution.objects.select_for_update(of=("self",)).get(pk=job.distribution_id)
    if distribution.can_become(DistributionState.NEEDS_REVIEW):
        transition(
            distribution,
            DistributionState.NEEDS_REVIEW,
            reason=job.error_message,
            error_code=job.error_code,
            error_message=f"It could not be made private: {job.error_message}"[:500],
        )
