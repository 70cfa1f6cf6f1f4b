"""Speak to YouTube about the one video that a distribution recorded, each call charged to the budget."""

from typing import Any

from channels.gateways.errors import RemoteError, RemoteNotFound
from channels.gateways.youtube import YouTubeGateway
from channels.gateways.youtube_values import VideoStatus
from channels.quota import QUOTA_COST
from orchestration.models import Distribution, Job
from orchestration.queue import pools


def look(
    job: Job, youtube: YouTubeGateway, distribution: Distribution, *, prepare: bool = False
) -> VideoStatus:
    """Return how YouTube shows the recorded video; with `prepare` the next write of it is one single call."""
    entry = charge("videos", "videos.list", job)
    try:
        ask = youtube.prepare if prepare else youtube.videos
        found = ask([distribution.youtube_video_id])
    finally:
        pools.settle(entry)
    status = found.get(distribution.youtube_video_id)
    if status is None:
        raise RemoteNotFound(f"YouTube has no video {distribution.youtube_video_id} any more.")
    return status


def make_private(job: Job, youtube: YouTubeGateway, distribution: Distribution) -> VideoStatus:
    """Make the recorded video private and drop its publishAt, charged; returns what YouTube answered."""
    entry = charge("make_private", "videos.update", job)
    try:
        status = youtube.make_private(distribution.youtube_video_id)
    except RemoteError as error:
        pools.settle(entry, known=error.again != "unknown")
        raise
    pools.settle(entry)
    return status


def charge(method: str, call: str, job: Job) -> Any:
    """Charge what one call of a gateway method costs at most. Raises: BudgetExhausted."""
    bucket, units = QUOTA_COST[method]
    return pools.charge(bucket, units, call=call, job=job)
