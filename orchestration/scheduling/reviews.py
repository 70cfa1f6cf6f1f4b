"""Settle what nobody knew the outcome of, by what a person saw on YouTube or GitHub."""

import re
from typing import Any

from django.db import transaction
from django.utils import timezone

from orchestration.core import audit, lookup
from orchestration.core.transitions import transition
from orchestration.core.verbs import require
from orchestration.core.wakeups import wake_tick
from orchestration.errors import IllegalTransition, InvalidRequest
from orchestration.models import Distribution, Job, OrphanUpload, Schedule, WorkflowRun
from orchestration.scheduling.disarming import disarm
from orchestration.scheduling.rows import locked
from orchestration.states import (
    OPEN_SCHEDULES,
    TAKING_BACK,
    DistributionState,
    JobState,
    RunState,
    ScheduleState,
)

OUTCOMES: dict[str, str] = {
    "published": DistributionState.PUBLISHED,
    "staged": DistributionState.STAGED,
    "planned": DistributionState.ASSIGNED,
    "failed": DistributionState.FAILED,
    "cancelled": DistributionState.CANCELLED,
    "recalled": DistributionState.RECALLED,
}
"""What a person may have found, and what the distribution then is; `recalled` is for a video that is private again."""
YOUTUBE_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{6,32}")


def review_schedule(
    schedule_id: int,
    outcome: str,
    youtube_video_id: str = "",
    reason: str = "",
    *,
    version: int | None = None,
) -> Schedule:
    """Settle a publication that needs review.

    `published` and `staged` need the id that is on YouTube, unless it is recorded already. What is not public and belongs
    to a wave that was cancelled or recalled meanwhile ends as cancelled. Raises: InvalidRequest, IllegalTransition,
    StaleVersion.
    """
    _check_outcome(outcome, set(OUTCOMES) - {"recalled"})
    with transaction.atomic():
        row = locked(schedule_id)
        require(row, "review", version=version)
        distribution = Distribution.objects.locked().get(pk=row.distribution_id)
        if row.armed_for is not None and outcome != "published":
            disarm(row, f"reviewed: {outcome}")
        _settle(distribution, outcome, youtube_video_id, reason, planned_at=row.publish_at)
        ends_as = outcome
        wave = row.called_off
        if wave is not None and outcome in OPEN_SCHEDULES:
            ends_as = ScheduleState.CANCELLED
            transition(distribution, DistributionState.CANCELLED, reason=f"its wave is {wave.state}")
        transition(row, ends_as, verb="schedule_reviewed", reason=reason or "reviewed by an operator")
        wake_tick()
    return row


def review_job(
    job_id: int, outcome: str, youtube_video_id: str = "", reason: str = "", *, version: int | None = None
) -> Job:
    """Settle a job that needs review; where a publication waits for it, that is settled with it.

    Raises: NotFound, IllegalTransition, InvalidRequest.
    """
    with transaction.atomic():
        job = lookup.one(Job, job_id, field="job_id")
        require(job, "review", version=version)
        schedule = Schedule.objects.needing_review().filter(distribution=job.distribution_id).first()
        if schedule is not None:
            review_schedule(schedule.pk, outcome, youtube_video_id, reason)
        else:
            is_recall = job.kind in TAKING_BACK
            _check_outcome(
                outcome,
                {"published", "recalled"} if is_recall else {"staged", "planned", "failed", "cancelled"},
            )
            distribution = Distribution.objects.locked().get(pk=job.distribution_id)
            _settle(distribution, outcome, youtube_video_id, reason)
        job.refresh_from_db()
    return job


def note_orphan_deleted(orphan_id: int, reason: str = "") -> OrphanUpload:
    """Write down that an operator deleted an upload that belongs to nothing. Raises: NotFound, IllegalTransition."""
    with transaction.atomic():
        orphan = lookup.one(OrphanUpload.objects.locked(), orphan_id, field="orphan_id")
        if orphan.deleted_at is not None:
            raise IllegalTransition(
                f"{orphan.youtube_video_id} was noted as deleted already.", state="deleted"
            )
        orphan.deleted_at = timezone.now()
        orphan.save(update_fields=["deleted_at"])
        audit.record(
            "orphan_deleted",
            orphan,
            before={"deleted_at": None},
            after={"deleted_at": orphan.deleted_at.isoformat()},
            reason=reason,
        )
    return orphan


def _check_outcome(outcome: str, allowed: set[str]) -> None:
    if outcome not in allowed:
        raise InvalidRequest(
            f"outcome {outcome!r} is not one of {', '.join(sorted(allowed))}.", field="outcome"
        )


def _settle(
    distribution: Distribution, outcome: str, youtube_video_id: str, reason: str, *, planned_at: Any = None
) -> None:
    """Bring a locked distribution to what was found, and close the jobs and runs that were in doubt."""
    known = distribution.youtube_video_id
    if outcome in {"published", "staged"} and not (known or youtube_video_id):
        raise InvalidRequest(f"{outcome} needs the video's id on YouTube.", field="youtube_video_id")
    if outcome == "planned" and known:
        raise InvalidRequest(f"{known} is uploaded already; choose staged.", field="outcome")
    if known and youtube_video_id and youtube_video_id != known:
        raise InvalidRequest(
            f"{known} is recorded; {youtube_video_id} would be a second upload.", field="youtube_video_id"
        )
    _refuse_foreign_id(distribution, youtube_video_id)
    close_jobs(distribution, outcome)
    wanted = OUTCOMES[outcome]
    if distribution.state == wanted:
        return
    changes: dict[str, Any] = (
        {"youtube_video_id": known or youtube_video_id} if (known or youtube_video_id) else {}
    )
    if outcome == "published":
        changes["published_at"] = distribution.published_at or planned_at
    transition(distribution, wanted, verb="distribution_reviewed", reason=reason, **changes)


def _refuse_foreign_id(distribution: Distribution, youtube_video_id: str) -> None:
    """Refuse what is no id of YouTube, or another distribution's video. Raises: InvalidRequest."""
    if not youtube_video_id:
        return
    if not YOUTUBE_VIDEO_ID.fullmatch(youtube_video_id):
        raise InvalidRequest(
            f"{youtube_video_id!r} is not the id of a YouTube video.", field="youtube_video_id"
        )
    other = Distribution.objects.filter(youtube_video_id=youtube_video_id).exclude(pk=distribution.pk).first()
    if other is not None:
        raise InvalidRequest(
            f"{youtube_video_id} is the upload of video {other.video_id} on channel {other.channel_id}.",
            field="youtube_video_id",
        )


def close_jobs(distribution: Distribution, outcome: str) -> None:
    """Close the jobs that needed review, and the GitHub runs that served them."""
    is_done = outcome in {"published", "staged", "recalled"}
    why = f"reviewed: {outcome}"
    runs = WorkflowRun.objects.locked().filter(
        job__distribution=distribution, job__state=JobState.NEEDS_REVIEW, state=RunState.NEEDS_REVIEW
    )
    for run in runs.order_by("pk"):  # before their jobs, as whoever looks at a run locks both
        transition(run, RunState.SUCCEEDED if is_done else RunState.FAILED, reason=why)
    jobs = Job.objects.locked().needing_review().filter(distribution=distribution)
    for job in jobs.order_by("pk"):
        transition(job, JobState.SUCCEEDED if is_done else JobState.FAILED, verb="job_reviewed", reason=why)
