"""Speak to YouTube about the one video that a distribution recorded, each call charged to the budget."""

from collections.abc import Iterator
from contextlib import contextmanager

from channels.gateways.errors import RemoteNotFound
from channels.gateways.youtube import YouTubeGateway
from channels.gateways.youtube_values import VideoStatus
from channels.quota import QUOTA_COST
from orchestration.core import high_water
from orchestration.models import Distribution, Job
from orchestration.queue import pools

CHANGES_WHAT_IS_SEEN = frozenset({"set_publish_at", "publish_now", "make_private"})
"""The methods of which a restored backup has to know that they may have been called since it was made."""


def look(
    job: Job, youtube: YouTubeGateway, distribution: Distribution, *, prepare: bool = False
) -> VideoStatus:
    """Return how YouTube shows the recorded video; with `prepare` the next write of it is one single call."""
    with charged("videos", "videos.list", job):
        ask = youtube.prepare if prepare else youtube.videos
        found = ask([distribution.youtube_video_id])
    status = found.get(distribution.youtube_video_id)
    if status is None:
        raise RemoteNotFound(f"YouTube has no video {distribution.youtube_video_id} any more.")
    return status


def make_private(job: Job, youtube: YouTubeGateway, distribution: Distribution) -> VideoStatus:
    """Make the recorded video private and drop its publishAt, charged; returns what YouTube answered."""
    with charged("make_private", "videos.update", job):
        return youtube.make_private(distribution.youtube_video_id)


@contextmanager
def charged(method: str, call: str, job: Job | None) -> Iterator[None]:
    """Charge what one call of a gateway method costs at most, before the call in the block; after it, settle the charge.

    Where the call may have taken effect and nobody knows, it stays spent as unknown.
    Raises: BudgetExhausted, before anything is called.
    """
    bucket, units = QUOTA_COST[method]
    entry = pools.charge(bucket, units, call=call, job=job)
    if method in CHANGES_WHAT_IS_SEEN:
        high_water.before_outward_write()
    try:
        yield
    except Exception as error:
        pools.settle(entry, known=getattr(error, "again", "unknown") != "unknown")
        raise
    pools.settle(entry)
