"""Say until when a job is tried, and how long it pauses between two tries."""

import random
from datetime import datetime, timedelta

from orchestration.models import Job, Schedule
from orchestration.queue.policy import LONGEST_PAUSE, POLICIES, READ_BACK_PATIENCE, SHORTEST_PAUSE
from orchestration.states import JobKind, ScheduleState

ENDED_BY_POLICY = frozenset({ScheduleState.PLANNED, ScheduleState.STAGING, ScheduleState.STAGED})
"""In these a misfire policy settles a publication whose moment has passed."""
MOST_DOUBLINGS = 20
LAST_TRY = timedelta(seconds=60)
"""How long before its moment a publication is tried at the latest, whatever the remote asked for."""


def moment_of(job: Job) -> datetime | None:
    """Return when the publication is due whose misfire policy ends a job; None, if nothing but time ends it.

    A video that is prepared serves the first publication that waits for it.
    """
    waiting = Schedule.objects.filter(state__in=ENDED_BY_POLICY, armed_for=None)
    if job.kind in {JobKind.SCRAPE, JobKind.PROCESS} and job.video_id:
        waiting = waiting.filter(distribution__video=job.video_id, distribution__youtube_video_id=None)
    elif job.kind in {JobKind.STAGE, JobKind.PUBLISH} and job.schedule_id and not job.read_back_first:
        waiting = waiting.filter(pk=job.schedule_id)
    else:
        return None
    return waiting.order_by("publish_at").values_list("publish_at", flat=True).first()


def patience_of(job: Job) -> timedelta:
    """Return how long a job is tried after its first failure, where no misfire policy ends it."""
    return READ_BACK_PATIENCE if job.read_back_first else POLICIES[job.kind].patience


def next_try(
    job: Job, now: datetime, moment: datetime | None, asked_seconds: float | None = None
) -> datetime:
    """Return when a job is tried next: after a growing pause, or when the remote asked for it.

    Before the moment of its publication at most half of what is left is slept, so that it is tried shortly before it; after
    it at most half of the lateness.
    """
    policy = POLICIES[job.kind]
    if asked_seconds and policy.obeys_retry_after:
        at = now + timedelta(seconds=asked_seconds)
        if moment is not None and now < moment < at:
            at = max(moment - LAST_TRY, now + timedelta(seconds=SHORTEST_PAUSE))
        return at
    most = float(policy.longest_pause)
    if moment is not None:
        most = min(most, max(abs((moment - now).total_seconds()) / 2, SHORTEST_PAUSE))
    return now + back_off(job.attempts, most_seconds=most)


def back_off(
    attempts: int, *, base_seconds: float = SHORTEST_PAUSE, most_seconds: float = LONGEST_PAUSE
) -> timedelta:
    """Return how long to wait before the next try: doubling, with jitter, at most a quarter of an hour."""
    doublings = min(max(attempts - 1, 0), MOST_DOUBLINGS)
    seconds = min(base_seconds * 2**doublings, most_seconds)
    return timedelta(seconds=seconds * random.uniform(0.75, 1.25))  # noqa: S311 - jitter, not a secret
