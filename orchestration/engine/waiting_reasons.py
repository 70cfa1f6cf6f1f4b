"""Keep on each waiting job why it waits, so that nobody has to guess."""

from datetime import datetime

from channels.states import ChannelState
from orchestration.models import Job, SystemState
from orchestration.queue import pools
from orchestration.queue.policy import SAFE_KINDS
from orchestration.states import CLAIMABLE_JOBS, JobKind, JobState, SystemStatus, VideoState, WaveState


def refresh_waiting_reasons(now: datetime, *, most: int = 500) -> int:
    """Write down why waiting jobs have not been claimed; returns how many sentences changed."""
    status = SystemState.objects.filter(pk=1).values_list("state", flat=True).first() or SystemStatus.STOPPED
    jobs = Job.objects.claimable().select_related("channel", "video", "schedule__wave")
    full = {
        pk: shortage.reason
        for shortage in pools.shortages(now)
        for pk in jobs.filter(shortage.waiting).order_by("rank").values_list("pk", flat=True)[:most]
    }
    reasons: dict[str, list[int]] = {}
    for job in jobs.order_by("rank")[:most]:
        reason = _why(job, now, status) or full.get(job.pk, "")
        if reason != job.waits_for:
            reasons.setdefault(reason, []).append(job.pk)
    return sum(
        Job.objects.filter(pk__in=ids, state__in=CLAIMABLE_JOBS).update(waits_for=reason)
        for reason, ids in reasons.items()
    )


def _why(job: Job, now: datetime, status: str) -> str:
    if job.blocked_on_id is not None:
        return job.waits_for
    if job.run_at > now:
        return job.waits_for if job.state == JobState.WAITING else "its time has not come"
    if job.kind in SAFE_KINDS:
        return ""
    if status != SystemStatus.RUNNING:
        return f"the system is {status}"
    if job.channel and job.channel.state != ChannelState.ACTIVE and job.kind != JobKind.SYNC:
        return f"channel {job.channel.name} is {job.channel.state}"
    if job.kind == JobKind.STAGE and job.video and job.video.state != VideoState.READY:
        return f"its video is {job.video.get_state_display()}, not ready yet"
    if job.schedule and job.schedule.wave and job.schedule.wave.state == WaveState.PAUSED:
        return f"wave {job.schedule.wave.name} is paused"
    return ""
