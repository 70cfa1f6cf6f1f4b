"""Show the numbers that YouTube gave, as they came, over time.

Nothing is added up over channels or videos, and nothing is worked out from them: YouTube's developer policies forbid it.
Of several readings in one hour or day the last one stands for it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, Q, QuerySet
from django.db.models import Window as Over
from django.db.models.functions import RowNumber

from channels.models import Channel, ChannelStatistics
from orchestration.models import Distribution, VideoStatistics
from orchestration.monitoring.figure_scope import Scope, bucket_of
from orchestration.monitoring.figures import (
    ChannelReading,
    Point,
    Readings,
    VideoReading,
    Window,
    YouTubeFigures,
)

CHANNELS_SHOWN = 25
VIDEOS_SHOWN = 25
LINES = 6
CHANNEL_NUMBERS = ("subscriber_count", "view_count", "video_count")
VIDEO_NUMBERS = ("view_count", "like_count", "comment_count")


def figures(scope: Scope, now: datetime | None = None, *, channels_from: int = 0) -> YouTubeFigures:
    """Return the latest numbers, and those of the window as lines; five statements, whatever the number of channels.

    Raises: InvalidRequest; NotFound, with the field.
    """
    scope.check()
    window = scope.window(now)
    channels, total = _channels(scope, channels_from)
    videos = _videos(scope)
    return YouTubeFigures(
        window=window,
        channels=channels,
        channels_from=channels_from,
        channels_total=total,
        channel_lines=_lines(
            ChannelStatistics.objects.all(),
            "channel_id",
            CHANNEL_NUMBERS,
            {row.channel_id: row.name for row in channels[:LINES]},
            window,
        ),
        videos=videos,
        video_lines=_lines(
            VideoStatistics.objects.all(),
            "distribution_id",
            VIDEO_NUMBERS,
            {row.distribution_id: f"{row.title} · {row.channel_name}" for row in videos[:LINES]},
            window,
        ),
    )


def _channels(scope: Scope, begin: int) -> tuple[tuple[ChannelReading, ...], int]:
    wanted = scope.of_channels
    of_them = (
        Q(channel__in=Channel.objects.enabled().order_by().values("pk"))
        if wanted is None
        else scope.channel_in("channel")
    )
    if scope.wave_id is not None or scope.source_id is not None:
        of_them &= Q(
            channel__in=Distribution.objects.filter(scope.of_distributions).order_by().values("channel")
        )
    rows = ChannelStatistics.objects.filter(of_them, is_latest=True)
    total = rows.order_by().count()
    shown = rows.order_by(F("subscriber_count").desc(nulls_last=True), "channel__name").values_list(
        "channel_id", "channel__slug", "channel__name", *CHANNEL_NUMBERS, "collected_at"
    )
    return tuple(ChannelReading(*row) for row in shown[begin : begin + CHANNELS_SHOWN]), total


def _videos(scope: Scope) -> tuple[VideoReading, ...]:
    rows = VideoStatistics.objects.filter(is_latest=True)
    if scope.narrows:
        rows = rows.filter(
            distribution__in=Distribution.objects.filter(scope.of_distributions).order_by().values("pk")
        )
        ordered = rows.order_by(F("view_count").desc(nulls_last=True), "distribution_id")
    else:  # among all, in the order of the index: what hides its views is not among those with most
        ordered = rows.filter(view_count__isnull=False).order_by("-view_count", "distribution_id")
    shown = ordered.values_list(
        "distribution_id",
        "distribution__video_id",
        "distribution__video__title",
        "distribution__channel__slug",
        "distribution__channel__name",
        "distribution__youtube_video_id",
        "distribution__published_at",
        *VIDEO_NUMBERS,
        "collected_at",
    )
    return tuple(VideoReading(*row) for row in shown[:VIDEOS_SHOWN])


def _lines(
    rows: QuerySet[Any], key: str, numbers: Sequence[str], names: Mapping[int, str], window: Window
) -> tuple[Readings, ...]:
    """Return the last reading of each hour or day of each of these, oldest first."""
    bucket = bucket_of("collected_at", window.step)
    last = (
        rows.filter(
            **{f"{key}__in": list(names)}, collected_at__gte=window.since, collected_at__lte=window.until
        )
        .annotate(bucket=bucket)
        .annotate(
            place=Over(
                RowNumber(),
                partition_by=[F(key), F("bucket")],
                order_by=[F("collected_at").desc(), F("pk").desc()],
            )
        )
        .filter(place=1)
        .order_by("bucket")
        .values_list(key, "bucket", "collected_at", *numbers)
    )
    points: dict[int, list[Point]] = defaultdict(list)
    for pk, at, collected_at, *values in last:
        points[pk].append(Point(at, collected_at, dict(zip(numbers, values, strict=True))))
    return tuple(Readings(pk, name, tuple(points[pk])) for pk, name in names.items())
