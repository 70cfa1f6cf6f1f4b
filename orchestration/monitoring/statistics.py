"""Collect the raw numbers that YouTube gives, keep them for at most 30 days, and show them beside our own counts.

YouTube's developer policies forbid figures derived from its numbers, and keeping numbers for more than 30 days: so they are
stored and shown as they came, and never mixed with what we counted ourselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from channels.gateways.errors import WrongChannel
from channels.gateways.youtube import YouTubeGateway
from channels.gateways.youtube_values import ChannelInfo, VideoStatus
from channels.models import Channel, ChannelStatistics
from orchestration.core import gateways, lookup
from orchestration.errors import InvalidRequest
from orchestration.models import Distribution, Job, Schedule, VideoStatistics
from orchestration.models.functions import DayOf
from orchestration.pipeline.youtube_calls import charged
from orchestration.queue import jobs as queue
from orchestration.queue.lease import JobLease
from orchestration.results.board import StatisticsReport
from orchestration.states import (
    CLOSED_SCHEDULES,
    JobKind,
)

KEPT_FOR = timedelta(days=30)
BATCH = 50
MAX_VIDEOS = 500
"""The newest published videos of a channel that are asked about; ten units a time."""
MAX_DAYS = 30
TOP_VIDEOS = 10
FRESH_SHARE = 0.5
MAX_LATENESSES = 2_000
"""How many publications the middle lateness is of, at most: the latest ones. More are read longer and say the same."""


# -------------------------------------------------------------------------------------------------------------- collect


def due_collections(now: datetime, *, most: int = 100) -> list[Job]:
    """Queue the collection of channels whose numbers are older than half of HEADEND_STATISTICS_SECONDS, the oldest first.

    Numbers older than 30 days are deleted on the way.
    Only channels whose credential opens them are asked. The budget keeps a reserve for publishing, so with many channels the
    oldest numbers are refreshed first and the rest waits for the next Pacific day.
    """
    purge(now)
    stale_since = now - timedelta(seconds=settings.HEADEND_STATISTICS_SECONDS * FRESH_SHARE)
    waiting = Job.objects.open().filter(kind=JobKind.COLLECT, channel__isnull=False).values("channel_id")
    newest = ChannelStatistics.objects.filter(channel=OuterRef("pk")).order_by("-collected_at")
    due = (
        Channel.objects.enabled()
        .connected()
        .exclude(pk__in=waiting)
        .annotate(collected_at=Subquery(newest.values("collected_at")[:1]))
        .filter(Q(collected_at=None) | Q(collected_at__lte=stale_since))
        .order_by(F("collected_at").asc(nulls_first=True), "id")
    )
    return [
        queue.enqueue(JobKind.COLLECT, dedupe_key=f"collect:{channel.pk}", channel=channel)
        for channel in due[:most]
    ]


def run_collect(job: Job, lease: JobLease) -> dict[str, Any]:
    """Ask YouTube for a channel's numbers and those of its published videos; called by a worker, outside any transaction.

    Raises: WrongChannel, before anything is stored, if the credential speaks for another channel; BudgetExhausted; any
    RemoteError; LeaseLost, JobCancelled.
    """
    now = timezone.now()
    channel = Channel.objects.get(pk=job.channel_id)
    published = _published(channel)
    with gateways.youtube(channel) as youtube:
        lease.progress(0.05, "asking for the channel's numbers")
        info = _channel_info(channel, youtube, job)
        lease.check()
        _store_channel(channel, info, now)
        stored = 0
        for start in range(0, len(published), BATCH):
            lease.progress(0.1 + 0.85 * start / len(published), f"asking for videos {start + 1} and on")
            batch = published[start : start + BATCH]
            found = _videos(youtube, batch, job)
            lease.check()
            stored += _store_videos(batch, found, now)
    purge(now)
    return {
        "subscriber_count": info.subscriber_count,
        "view_count": info.view_count,
        "video_count": info.video_count,
        "videos": stored,
        "gone": len(published) - stored,
    }


def _published(channel: Channel) -> list[Distribution]:
    rows = channel.distributions.published().filter(youtube_video_id__isnull=False)
    return list(rows.order_by("-published_at", "-id").only("pk", "youtube_video_id")[:MAX_VIDEOS])


def _channel_info(channel: Channel, youtube: YouTubeGateway, job: Job) -> ChannelInfo:
    with charged("my_channel", "channels.list", job):
        info = youtube.my_channel()
    if channel.youtube_channel_id and info.id != channel.youtube_channel_id:
        raise WrongChannel(
            f"the credential speaks for {info.id} ({info.title}), not for {channel.youtube_channel_id}"
        )
    return info


def _videos(youtube: YouTubeGateway, batch: Sequence[Distribution], job: Job) -> dict[str, VideoStatus]:
    with charged("videos", "videos.list", job):
        return youtube.videos(row.youtube_video_id for row in batch if row.youtube_video_id)


@transaction.atomic
def _store_channel(channel: Channel, info: ChannelInfo, now: datetime) -> None:
    ChannelStatistics.objects.filter(channel=channel, is_latest=True).update(is_latest=False)
    ChannelStatistics.objects.create(
        channel=channel,
        collected_at=now,
        subscriber_count=info.subscriber_count,
        view_count=info.view_count,
        video_count=info.video_count,
        is_latest=True,
    )


def _store_videos(batch: Sequence[Distribution], found: dict[str, VideoStatus], now: datetime) -> int:
    rows = [
        VideoStatistics(
            distribution=row,
            collected_at=now,
            view_count=status.view_count,
            like_count=status.like_count,
            comment_count=status.comment_count,
            is_latest=True,
        )
        for row in batch
        if (status := found.get(row.youtube_video_id or ""))
    ]
    with transaction.atomic():
        given = [row.distribution for row in rows]
        VideoStatistics.objects.filter(distribution__in=given, is_latest=True).update(is_latest=False)
        VideoStatistics.objects.bulk_create(rows)
    return len(rows)


def purge(now: datetime) -> int:
    """Delete YouTube's numbers that are older than 30 days, as its developer policies ask; returns how many."""
    before = now - KEPT_FOR
    with transaction.atomic():
        gone, _ = ChannelStatistics.objects.filter(collected_at__lt=before).delete()
        more, _ = VideoStatistics.objects.filter(collected_at__lt=before).delete()
    return gone + more


# --------------------------------------------------------------------------------------------------------------- report


def report(
    days: int = 7,
    now: datetime | None = None,
    *,
    channel_ids: Sequence[int] | None = None,
    of_channels: bool = True,
) -> StatisticsReport:
    """Show the latest numbers of every channel and of the videos published in the last `days`, and what we did in them.

    With `channel_ids` only of these, which may be disabled; the channels' own numbers can be left out (`of_channels`).
    Raises: InvalidRequest, unless `days` is 1 to 30; NotFound.
    """
    if not 1 <= days <= MAX_DAYS:
        raise InvalidRequest(
            f"days must be 1 to {MAX_DAYS}: YouTube's numbers are kept for {MAX_DAYS} days.", field="days"
        )
    now = now or timezone.now()
    since = now - timedelta(days=days)
    channels, of_them = Channel.objects.enabled(), Q()
    if channel_ids is not None:
        wanted = lookup.check_ids(channel_ids, field="channel_ids")
        channels, of_them = Channel.objects.filter(pk__in=wanted), Q(channel__in=wanted)
        lookup.check_found(Channel, wanted, channels.values_list("pk", flat=True), field="channel_ids")
    return StatisticsReport(
        channels=_channels(channels) if of_channels else [],
        top_videos=_top_videos(since, of_them),
        published_by_day=_published_by_day(since, now, of_them),
        outcomes=_outcomes(since, of_them),
        median_lateness_seconds=_median_lateness(since, of_them),
    )


def _channels(channels: QuerySet[Channel]) -> list[dict[str, Any]]:
    rows = (
        ChannelStatistics.objects.filter(is_latest=True, channel__in=channels)
        .select_related("channel")
        .order_by("channel__name")
    )
    return [
        {
            "channel_id": row.channel_id,
            "slug": row.channel.slug,
            "name": row.channel.name,
            "subscriber_count": row.subscriber_count,
            "view_count": row.view_count,
            "video_count": row.video_count,
            "collected_at": row.collected_at,
        }
        for row in rows
    ]


def _top_videos(since: datetime, of_them: Q) -> list[dict[str, Any]]:
    """List the videos published since then with most views, as YouTube last gave them."""
    public = Distribution.objects.published().filter(of_them, published_at__gte=since)
    rows = (
        VideoStatistics.objects.filter(is_latest=True, distribution__in=public.order_by().values("pk"))
        .select_related("distribution__video", "distribution__channel")
        .order_by(F("view_count").desc(nulls_last=True), "-distribution__published_at", "distribution_id")
    )
    return [
        {
            "distribution_id": row.distribution_id,
            "video_id": row.distribution.video_id,
            "title": row.distribution.video.title,
            "channel_id": row.distribution.channel_id,
            "channel_slug": row.distribution.channel.slug,
            "channel_name": row.distribution.channel.name,
            "youtube_video_id": row.distribution.youtube_video_id,
            "published_at": row.distribution.published_at,
            "view_count": row.view_count,
            "like_count": row.like_count,
            "comment_count": row.comment_count,
            "collected_at": row.collected_at,
        }
        for row in rows[:TOP_VIDEOS]
    ]


def _published_by_day(since: datetime, now: datetime, of_them: Q) -> list[dict[str, Any]]:
    """Count our publications by UTC day, days without any included."""
    first = since.astimezone(UTC).date() + timedelta(days=1)
    last = now.astimezone(UTC).date()
    rows = (
        Distribution.objects.filter(
            of_them, published_at__gte=datetime(first.year, first.month, first.day, tzinfo=UTC)
        )
        .order_by()
        .values_list(DayOf("published_at"))
        .annotate(many=Count("*"))
    )
    counted = {day.date(): count for day, count in rows}
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [{"day": day, "count": counted.get(day, 0)} for day in days]


def _outcomes(since: datetime, of_them: Q) -> dict[str, int]:
    """Count the schedules that ended since then, by how they ended."""
    rows = (
        Schedule.objects.filter(of_them, state__in=CLOSED_SCHEDULES, state_changed_at__gte=since)
        .order_by("state")
        .values_list("state")
        .annotate(many=Count("*"))
    )
    return dict(rows)


def _median_lateness(since: datetime, of_them: Q) -> float | None:
    """Return how late the middle one of our publications was, of the latest ones."""
    late = Schedule.objects.published().filter(of_them, publish_at__gte=since, lateness_seconds__isnull=False)
    latest = late.order_by("-publish_at").values_list("lateness_seconds", flat=True)[:MAX_LATENESSES]
    values = [seconds for seconds in latest if seconds is not None]
    return median(values) if values else None
