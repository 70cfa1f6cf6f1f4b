"""Speak to YouTube about the one video that a distribution recorded, each call charged to the budget.

The one place of looking, and of setting: what was seen, and what was set, is kept on the row (`compare`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from channels.gateways.errors import RemoteError, RemoteNotFound
from channels.gateways.youtube import YouTubeGateway
from channels.gateways.youtube_values import VideoStatus
from channels.quota import QUOTA_COST
from orchestration.core import high_water
from orchestration.core.failpoints import failpoint
from orchestration.models import Distribution, Job
from orchestration.pipeline import compare
from orchestration.planning.outside import Visibility
from orchestration.queue import pools

CHANGES_WHAT_IS_SEEN = frozenset({"set_publish_at", "publish_now", "make_private"})
"""The methods of which a restored backup has to know that they may have been called since it was made."""


def look(
    job: Job, youtube: YouTubeGateway, distribution: Distribution, *, prepare: bool = False
) -> VideoStatus:
    """Return how YouTube shows the recorded video; with `prepare` the next write of it is one single call.

    Raises: RemoteNotFound, which is kept as seen too.
    """
    with charged("videos", "videos.list", job):
        ask = youtube.prepare if prepare else youtube.videos
        found = ask([_id(distribution)])
    status = found.get(_id(distribution))
    compare.note_seen(distribution, status)
    if status is None:
        raise RemoteNotFound(f"YouTube has no video {distribution.youtube_video_id} any more.")
    return status


def set_publish_at(
    job: Job, youtube: YouTubeGateway, distribution: Distribution, at: datetime
) -> VideoStatus:
    """Have YouTube make the recorded video public at an instant; returns what it answered."""

    def call() -> VideoStatus:
        status = youtube.set_publish_at(_id(distribution), at)
        failpoint("arming.set")
        return status

    return _set(distribution, Visibility("private", at), job, "set_publish_at", call)


def publish_now(job: Job, youtube: YouTubeGateway, distribution: Distribution) -> None:
    """Make the recorded video public; that it is, is known only by looking (`compare.note_set`)."""
    compare.note_trying(distribution, Visibility("public"))
    with charged("publish_now", "videos.update", job):
        youtube.publish_now(_id(distribution))
        failpoint("flip.called")


def make_private(job: Job, youtube: YouTubeGateway, distribution: Distribution) -> VideoStatus:
    """Make the recorded video private and drop its publishAt; returns what YouTube answered."""
    return _set(
        distribution,
        Visibility("private"),
        job,
        "make_private",
        lambda: youtube.make_private(_id(distribution)),
    )


def _set(
    distribution: Distribution,
    wanted: Visibility,
    job: Job,
    method: str,
    call: Callable[[], VideoStatus],
) -> VideoStatus:
    """Make one charged call that changes the recorded video, its intent kept before and its answer after it."""
    name = compare.note_trying(distribution, wanted)
    try:
        with charged(method, "videos.update", job):
            status = call()
    except (RemoteError, pools.BudgetExhausted) as error:
        if error.again != "unknown":
            compare.note_refused(distribution, name)
        raise
    if (status.privacy_status, status.publish_at) == (wanted.privacy_status, wanted.publish_at):
        compare.note_set(distribution, wanted, name)
    return status


def _id(distribution: Distribution) -> str:
    if not distribution.youtube_video_id:
        raise RemoteError(f"Distribution {distribution.pk} has no upload on record.")
    return distribution.youtube_video_id


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
