"""Look at uploads between their staging and their moment, and in the first day of being public; fifty ids cost one unit.

One job for each channel that has looks due. They are charged, and never draw on what the budget keeps for publishing.
"""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels.gateways.youtube import PAGE, YouTubeGateway
from channels.gateways.youtube_values import VideoStatus
from channels.models import Channel
from orchestration.core import gateways
from orchestration.core.transitions import transition
from orchestration.models import Distribution, Job, Schedule
from orchestration.pipeline.compare import ChangedElsewhere, VideoRefused, compared, note_seen
from orchestration.pipeline.replacing import after_refusal
from orchestration.pipeline.youtube_calls import charged
from orchestration.planning.looks import next_look_after, next_look_before
from orchestration.planning.outside import Comparison, Verdict
from orchestration.queue import jobs as queue
from orchestration.queue.lease import JobLease
from orchestration.scheduling.rows import withdraw_jobs
from orchestration.states import DistributionState, JobKind, ScheduleState

MAX_CHANNELS = 200
MAX_VIDEOS = 500
TAKEN_DOWN = "taken_down"


def queue_due(now: datetime) -> int:
    """Queue one look for each channel that has uploads to look at; called by the tick in every state of the system."""
    due = Distribution.objects.filter(look_at__lte=now).order_by().values_list("channel_id", flat=True)
    ids = set(due.distinct()[: MAX_CHANNELS * 2])
    if not ids:
        return 0
    busy = Job.objects.open().filter(kind=JobKind.LOOK, channel__in=ids).values_list("channel_id", flat=True)
    channels = Channel.objects.enabled().connected().filter(pk__in=ids - set(busy)).order_by("pk")
    chosen = list(channels[:MAX_CHANNELS])
    for channel in chosen:
        queue.enqueue(JobKind.LOOK, dedupe_key=f"look:{channel.pk}", channel=channel)
    return len(chosen)


def run_look(job: Job, lease: JobLease) -> dict[str, Any]:
    """Look at a channel's uploads whose look is due, and draw the consequences; the next look of each is set."""
    now = timezone.now()
    rows = list(
        Distribution.objects.filter(channel=job.channel_id, look_at__lte=now)
        .exclude(youtube_video_id=None)
        .select_related("channel", "schedule")
        .order_by("look_at")[:MAX_VIDEOS]
    )
    found: dict[str, int] = {"looked_at": len(rows)}
    if rows:
        with gateways.youtube(rows[0].channel) as youtube:
            for start in range(0, len(rows), PAGE):
                lease.check()
                batch = rows[start : start + PAGE]
                with charged("videos", "videos.list", job):
                    seen = youtube.videos([str(row.youtube_video_id) for row in batch])
                for row in batch:
                    what = _conclude(job, lease, youtube, row, seen.get(str(row.youtube_video_id)))
                    found[what] = found.get(what, 0) + 1
    # What lost its upload meanwhile is not looked at until it has another.
    Distribution.objects.filter(channel=job.channel_id, look_at__lte=now, youtube_video_id=None).update(
        look_at=None
    )
    return found


def _conclude(
    job: Job,
    lease: JobLease,
    youtube: YouTubeGateway,
    distribution: Distribution,
    status: VideoStatus | None,
) -> str:
    """Write down what was seen of one upload, and do what follows; returns the verdict."""
    now = timezone.now()
    schedule: Schedule | None = getattr(distribution, "schedule", None)
    note_seen(distribution, status)
    comparison = compared(distribution, schedule, status, now - youtube.clock_ahead)
    if schedule is not None and _is_ours_to_judge(distribution, schedule, now):
        if comparison.verdict == Verdict.FAILED and distribution.state == DistributionState.STAGED:
            error = VideoRefused(comparison.sentence)
            error.may_be_replaced = comparison.may_be_replaced
            if after_refusal(job, lease, youtube, distribution, error):
                return "replaced"
        elif comparison.verdict == Verdict.FAILED or comparison.stops:
            _leave_to_a_person(lease, distribution, comparison)
    at = _next_look(distribution.pk, now)
    Distribution.objects.filter(pk=distribution.pk).update(look_at=at)
    return comparison.verdict


def _is_ours_to_judge(distribution: Distribution, schedule: Schedule, now: datetime) -> bool:
    """Return whether nobody else looks at it now: publishing looks itself, and what a person decided stands."""
    if distribution.state == DistributionState.PUBLISHED:
        return schedule.state == ScheduleState.PUBLISHED
    is_waiting = (distribution.state, schedule.state) == (DistributionState.STAGED, ScheduleState.STAGED)
    return is_waiting and schedule.publish_at > now


def _leave_to_a_person(lease: JobLease, distribution: Distribution, comparison: Comparison) -> None:
    """Have a publication reviewed that was changed elsewhere or taken down; it stays as it is there."""
    code = TAKEN_DOWN if comparison.verdict == Verdict.FAILED else ChangedElsewhere.code
    why = f"{comparison.sentence} Video {distribution.youtube_video_id} stays as it is there."
    with transaction.atomic():
        row = Schedule.objects.locked().filter(distribution=distribution).first()
        found = Distribution.objects.locked().get(pk=distribution.pk)
        lease.keep()
        if row is None or found.version != distribution.version:
            return
        transition(
            found, DistributionState.NEEDS_REVIEW, reason=why, error_code=code, error_message=why[:500]
        )
        if row.can_become(ScheduleState.NEEDS_REVIEW):
            transition(row, ScheduleState.NEEDS_REVIEW, reason=why)
        withdraw_jobs([row.pk], why, kinds=[JobKind.PUBLISH])


def _next_look(distribution_id: int, now: datetime) -> datetime | None:
    row = Distribution.objects.select_related("schedule").get(pk=distribution_id)
    schedule: Schedule | None = getattr(row, "schedule", None)
    if schedule is None:
        return None
    if row.state == DistributionState.PUBLISHED and row.published_at is not None:
        return next_look_after(row.published_at, now)
    if row.state == DistributionState.STAGED and row.staged_at is not None and schedule.is_open:
        return next_look_before(row.staged_at, schedule.publish_at, now)
    return None
