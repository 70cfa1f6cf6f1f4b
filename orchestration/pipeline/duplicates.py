"""Let plans go on with the content that they meant, where their video turns out to be here already."""

from __future__ import annotations

from orchestration.core import audit
from orchestration.core.transitions import transition
from orchestration.models import Distribution, Job, Schedule, Video
from orchestration.pipeline import outcomes
from orchestration.states import USABLE_VIDEOS, DistributionState, ScheduleState


def settle_plans(video: Video, first: Video | None) -> None:
    """Carry what is planned with a duplicate over to the video that has its content, and fail what cannot be.

    It is the same film: a publisher who gives it a new address or a new id ends no plan by that. A channel that has the
    first one already is not given it twice, and without rights at the first one's source nothing is carried over, nor where
    only the duplicate's source wants an approval. Call it
    in the transaction that names the duplicate.
    """
    if (
        first is not None
        and first.state in USABLE_VIDEOS
        and first.rights_basis
        and not _is_laxer(first, video)
    ):
        _carry_over(video, first)
    _end(video)


def _is_laxer(first: Video, video: Video) -> bool:
    """Return whether the first one's source lets out without an approval what the duplicate's source does not."""
    wants = video.source is not None and video.source.needs_approval_since is not None
    return wants and (first.source is None or first.source.needs_approval_since is None)


def _carry_over(video: Video, first: Video) -> None:
    rows = Schedule.objects.locked().filter(
        distribution__video=video,
        state__in=[ScheduleState.PLANNED, ScheduleState.STAGING, ScheduleState.HELD],
    )
    wanted = list(rows.order_by("pk").values_list("distribution_id", flat=True))
    # Nothing of it was sent yet: what is uploaded has its marker before.
    distributions = (
        Distribution.objects.locked()
        .filter(pk__in=wanted, youtube_video_id=None, marker="")
        .exclude(channel__in=Distribution.objects.filter(video=first).values("channel"))
    )
    for row in distributions.order_by("pk"):
        Distribution.objects.filter(pk=row.pk).update(video=first)
        Job.objects.open().filter(distribution=row).update(video=first)
        audit.record(
            "distribution_carried_over",
            row,
            before={"video": video.pk},
            after={"video": first.pk},
            reason=f"video {video.pk} has the same content",
        )


def _end(video: Video) -> None:
    """Fail what was planned with a video that turned out to be a duplicate: it never becomes ready, nobody waits for it."""
    why = f"its video is a duplicate: {video.error_message}"
    rows = Schedule.objects.locked().filter(
        distribution__video=video,
        state__in=[ScheduleState.PLANNED, ScheduleState.STAGING, ScheduleState.HELD],
    )
    for row in rows.order_by("pk").prefetch_related("distribution"):
        if row.state == ScheduleState.HELD:
            transition(row, ScheduleState.CANCELLED, reason=why)
        else:
            transition(row, ScheduleState.FAILED, reason=why)
        if row.distribution.can_become(DistributionState.FAILED):
            transition(
                row.distribution,
                DistributionState.FAILED,
                reason=why,
                error_code="video_failed",
                error_message=why[:500],
            )
    outcomes.fail_waiting_stages(video, why)
