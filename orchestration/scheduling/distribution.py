"""Decide which ready videos go to which channels, and say for every pair why or why not."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from channels.models import Channel
from channels.states import ChannelState
from orchestration.core import audit, lookup
from orchestration.core.wakeups import wake_tick
from orchestration.errors import InvalidRequest
from orchestration.models import Distribution, SystemState, Video
from orchestration.planning import types
from orchestration.planning.answers import DistributionCaps, Explanation
from orchestration.planning.distribution import MAX_HORIZON_DAYS, DistributionPlan
from orchestration.planning.distribution import distribute as plan_distribution
from orchestration.planning.distribution import explain as explain_pair
from orchestration.planning.distribution_state import FREE_SLOT, STAGING, DistributionContext
from orchestration.planning.rule_differences import of_distribution
from orchestration.results.plans import DistributeDecision, DistributeResult
from orchestration.scheduling import conflict_records, reservations, snapshots
from orchestration.scheduling.plan_writer import write_placements
from orchestration.states import VideoState

EXPLAINED_IN_FULL = 3_000
"""Up to so many pairs an answer carries every rule of each; above, the rules that said no (ask `explain` for the rest)."""
CANDIDATES = 500


def context_of(
    channels: Sequence[types.ChannelView], videos: Sequence[types.VideoView], horizon_days: int, now: datetime
) -> DistributionContext:
    ids = [channel.id for channel in channels]
    around = snapshots.reach(channels)
    return DistributionContext(
        now=now,
        occupied=tuple(snapshots.occupied(ids, now - around, now + timedelta(days=horizon_days) + around)),
        existing=tuple(snapshots.existing(videos)),
        caps=DistributionCaps(
            channels_per_video=settings.HEADEND_CHANNELS_PER_VIDEO or None,
            content_cooldown_hours=settings.HEADEND_CONTENT_COOLDOWN_HOURS,
        ),
        horizon_days=horizon_days,
        pools=tuple(snapshots.pool_views(now)),
    )


def distribute(
    *,
    video_ids: Sequence[int] | None,
    channel_ids: Sequence[int] | None,
    horizon_days: int,
    dry_run: bool,
    source_id: int | None = None,
    subject: models.Model | None = None,
) -> DistributeResult:
    """Place ready videos, of one source or of all, into free slots; all of it or nothing.

    The entry about it names `subject`; without one the system. Raises: InvalidRequest, NotFound.
    """
    if not 1 <= horizon_days <= MAX_HORIZON_DAYS:
        raise InvalidRequest(
            f"horizon_days {horizon_days} is not between 1 and {MAX_HORIZON_DAYS}.", field="horizon_days"
        )
    if video_ids is not None:
        lookup.check_ids(video_ids, field="video_ids")
    if channel_ids is not None:
        lookup.check_ids(channel_ids, field="channel_ids")
    if dry_run:
        planned = _plan(video_ids, channel_ids, horizon_days, source_id=source_id, lock=False)
        return _answer(*planned, created=[], dry_run=True)
    with transaction.atomic():
        plan, videos, channels = _plan(video_ids, channel_ids, horizon_days, source_id=source_id, lock=True)
        created = _write(plan, subject)
    return _answer(plan, videos, channels, created=created, dry_run=False)


def _plan(
    video_ids: Sequence[int] | None,
    channel_ids: Sequence[int] | None,
    horizon_days: int,
    *,
    source_id: int | None,
    lock: bool,
) -> tuple[DistributionPlan, list[types.VideoView], list[types.ChannelView]]:
    channels = snapshots.channel_views(channel_ids, lock=lock)
    if lock:
        reservations.hold_alone()
    now = timezone.now()
    lookup.check_found(Channel, channel_ids or (), [view.id for view in channels], field="channel_ids")
    if channel_ids is None:
        channels = [channel for channel in channels if channel.state == ChannelState.ACTIVE]
    videos = snapshots.video_views(
        video_ids, states=[VideoState.READY] if video_ids is None else (), source_id=source_id
    )
    lookup.check_found(Video, video_ids or (), [view.id for view in videos], field="video_ids")
    return (
        plan_distribution(videos, channels, context_of(channels, videos, horizon_days, now)),
        videos,
        channels,
    )


def _write(plan: DistributionPlan, subject: models.Model | None) -> list[Distribution]:
    if not plan.placements:
        return []
    now = timezone.now()
    explanations = {
        (p.video_id, p.channel_id): explanation_document(plan.explain(p.video_id, p.channel_id))
        for p in plan.placements
    }
    schedules = write_placements(
        plan.placements,
        wave=None,
        method=Distribution.Method.DISTRIBUTED,
        now=now,
        explanations=explanations,
    )
    created = list(
        Distribution.objects.filter(schedule__in=schedules)
        .select_related("video", "channel", "schedule")
        .order_by("pk")
    )
    conflict_records.record(plan.conflicts, wave=None, now=now)
    audit.record(
        "videos_distributed",
        subject or SystemState.objects.get_or_create(pk=1)[0],
        after={"distributions": len(created)},
        reason=plan.summary,
        members={"distribution": [row.pk for row in created], "schedule": schedules},
    )
    wake_tick()
    return created


def _answer(
    plan: DistributionPlan,
    videos: Sequence[types.VideoView],
    channels: Sequence[types.ChannelView],
    *,
    created: list[Distribution],
    dry_run: bool,
) -> DistributeResult:
    in_full = len(videos) * len(channels) <= EXPLAINED_IN_FULL
    chosen = {(p.video_id, p.channel_id): p for p in plan.placements}
    decisions = []
    for video in videos:
        for channel in channels:
            placement = chosen.get((video.id, channel.id))
            explanation = plan.explain(video.id, channel.id) if in_full else None
            decisions.append(_decision(plan, video.id, channel.id, placement, explanation))
    difference = of_distribution(len(videos), len(plan.placements), plan.unplaced)
    return DistributeResult(decisions, created, dry_run, plan.summary, difference)


def _decision(
    plan: DistributionPlan,
    video_id: int,
    channel_id: int,
    placement: types.Placement | None,
    explanation: Explanation | None,
) -> DistributeDecision:
    if placement is not None:
        reason = placement.reason
    elif explanation is not None:
        reason = explanation.sentence if not explanation.ok else "no: other videos took its free slots"
    else:
        reason = "no: " + ", ".join(
            plan.reasons(video_id, channel_id) or ("other videos took its free slots",)
        )
    return DistributeDecision(
        video_id=video_id,
        channel_id=channel_id,
        chosen=placement is not None,
        publish_at=placement.at if placement else None,
        reason=reason,
        explanation=explanation,
    )


def explanation_document(explanation: Explanation) -> list[dict[str, Any]]:
    """Return an explanation as it is stored with its decision."""
    return [
        {
            "rule": rule.rule,
            "value": _plain(rule.value),
            "threshold": _plain(rule.threshold),
            "ok": rule.ok,
            "sentence": rule.sentence,
        }
        for rule in explanation.rules
    ]


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)


def explain(*, video_id: int, channel_id: int, horizon_days: int = 14) -> Explanation:
    """Return rule by rule whether a video may go to a channel now. Raises: NotFound."""
    now = timezone.now()
    channels = snapshots.channel_views([channel_id])
    videos = snapshots.video_views([video_id])
    if not channels:
        raise lookup.missing(Channel, channel_id, field="channel_id")
    if not videos:
        raise lookup.missing(Video, video_id, field="video_id")
    return explain_pair(videos[0], channels[0], context_of(channels, videos, horizon_days, now))


def best_for(channel_id: int) -> int | None:
    """Return the ready video that fits a channel best, whether or not it has a free slot; None if none fits."""
    now = timezone.now()
    channels = snapshots.channel_views([channel_id])
    taken = set(Distribution.objects.taken().filter(channel=channel_id).values_list("video", flat=True))
    ready = snapshots.video_views(states=[VideoState.READY])
    videos = [video for video in ready if video.id not in taken][-CANDIDATES:]
    if not channels or not videos:
        return None
    context = context_of(channels, videos, 14, now)
    plan = plan_distribution(videos, channels, context)
    if plan.placements:
        return plan.placements[0].video_id
    best: tuple[float, int] | None = None
    for video in videos:
        explanation = plan.explain(video.id, channel_id)
        if all(rule.ok or rule.rule in {FREE_SLOT, STAGING} for rule in explanation.rules):
            score = sum(value for name, value in explanation.scores.items() if name != "backlog")
            best = max(best or (score, video.id), (score, video.id))
    return best[1] if best else None
