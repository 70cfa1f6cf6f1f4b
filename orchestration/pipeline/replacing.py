"""Let go of an upload that nobody can watch; while there is time, the video is uploaded anew under another marker."""

from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels.gateways.errors import RemoteError
from channels.gateways.youtube import YouTubeGateway
from orchestration.core.transitions import transition
from orchestration.core.wakeups import wake_tick
from orchestration.models import Distribution, Job, Schedule
from orchestration.pipeline.compare import VideoRefused
from orchestration.pipeline.stage import orphan
from orchestration.pipeline.youtube_calls import make_private
from orchestration.queue.lease import JobLease
from orchestration.scheduling.rows import withdraw_jobs
from orchestration.states import DistributionState, JobKind, ScheduleState

MAX_REPLACEMENTS = 2
"""How often a video is uploaded anew: each costs one upload of a day's hundred, and a file that fails thrice is at fault."""
LEAD_TO_REPLACE = timedelta(minutes=10)
"""What an upload and its processing take at least; nearer to the moment nothing is begun anew."""


def let_go(distribution: Distribution, why: str, *, is_gone: bool = False) -> dict[str, Any]:
    """List a locked distribution's upload for deletion, and return the columns that forget it; call it in a transaction.

    Its marker is forgotten too: the next one is of another generation, so that what failed is not found and adopted again.
    """
    old = distribution.youtube_video_id
    if old and not is_gone:
        distribution.youtube_video_id = None
        Distribution.objects.filter(pk=distribution.pk).update(youtube_video_id=None)
        orphan(distribution, old, why)
    return {
        "youtube_video_id": None,
        "marker": "",
        "generation": distribution.generation + 1,
        "upload_session_sealed": "",
        "last_sent_at": None,
        "staged_at": None,
        "look_at": None,
        "last_set": {},
        "last_seen": {},
        "title_set": "",
        "words_set": {},
        "word_faults": {},
    }


def after_refusal(
    job: Job, lease: JobLease, youtube: YouTubeGateway, distribution: Distribution, error: VideoRefused
) -> bool:
    """Let a staged distribution's failed upload go; returns whether it is staged anew, else it has failed.

    It is made private first, since nothing of it may become public beside the next one. Raises: RemoteError, LeaseLost.
    """
    seen = distribution.last_seen
    if seen.get("privacy_status") != "private" or seen.get("publish_at"):
        try:
            make_private(job, youtube, distribution)
        except RemoteError as refused:
            if refused.again != "never":
                raise
    now, why = timezone.now(), str(error)
    with transaction.atomic():
        row = Schedule.objects.locked().filter(distribution=distribution).first()
        found = Distribution.objects.locked().get(pk=distribution.pk)
        lease.keep()
        if row is None or found.youtube_video_id != distribution.youtube_video_id:
            return False
        if found.state != DistributionState.STAGED:
            return False
        is_open = row.state == ScheduleState.STAGED and row.publish_at - now > LEAD_TO_REPLACE
        if not (error.may_be_replaced and is_open and found.generation < MAX_REPLACEMENTS):
            _fail(job, row, found, error, why)
            return False
        again = f"{why} It is uploaded anew."
        transition(
            found, DistributionState.ASSIGNED, verb="upload_replaced", reason=again, **let_go(found, why)
        )
        transition(row, ScheduleState.PLANNED, verb="upload_replaced", reason=again, armed_for=None)
        _withdraw(job, row, again)
        wake_tick()
    return True


def _fail(job: Job, row: Schedule, distribution: Distribution, error: VideoRefused, why: str) -> None:
    transition(
        distribution,
        DistributionState.FAILED,
        reason=why,
        error_code=error.code,
        error_message=why[:500],
        **let_go(distribution, why),
    )
    if row.can_become(ScheduleState.FAILED):
        transition(row, ScheduleState.FAILED, reason=why, armed_for=None)
    _withdraw(job, row, why)


def _withdraw(job: Job, row: Schedule, why: str) -> None:
    """Withdraw the publish job, but not the very one that found out."""
    if job.kind != JobKind.PUBLISH:
        withdraw_jobs([row.pk], why, kinds=[JobKind.PUBLISH])
