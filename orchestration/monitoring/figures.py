"""What statistics tell, as values: what we did, how long work took, what it drew on, and YouTube's numbers as they came.

Instants are in UTC, lengths in seconds, shares from 0 to 1. Ours and YouTube's are never in one value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


class Step(StrEnum):
    """How long one point of a line is, in UTC."""

    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Window:
    """Which time is told: from `since` until `until`, in buckets of whole hours or days of UTC that begin at `buckets`."""

    days: int
    since: datetime
    until: datetime
    step: Step
    buckets: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class Spread:
    """How some lengths lie: how many, the middle one, the one that 95 of 100 do not pass, and the longest; in seconds.

    Middle and 95 are to a tenth of a second; without any they are None.
    """

    count: int
    p50_seconds: float | None
    p95_seconds: float | None
    max_seconds: float | None


def spread_of(counted: Iterable[tuple[float, int]], longest: float | None = None) -> Spread:
    """Return how lengths lie that were counted by value; `longest` where it is known more precisely than the values."""
    values = sorted(counted)
    total = sum(count for _, count in values)
    if not total:
        return Spread(0, None, None, None)
    middle, most = _at(values, total, 0.50), _at(values, total, 0.95)
    return Spread(total, middle, most, values[-1][0] if longest is None else max(longest, 0.0))


def _at(values: Sequence[tuple[float, int]], total: int, share: float) -> float:
    """Return the smallest value that this share of all does not pass (nearest rank)."""
    wanted, passed = math.ceil(share * total), 0
    for value, count in values:
        passed += count
        if passed >= wanted:
            return value
    return values[-1][0]


@dataclass(frozen=True, slots=True)
class BucketOutcome:
    """Publications whose moment lay in one hour or day: how many stand where now, and how late the public ones were."""

    at: datetime
    outcomes: Mapping[str, int]
    lateness: Spread


@dataclass(frozen=True, slots=True)
class HourOfWeek:
    """One hour of the week on the clocks of the channels: Monday is 0. `late` were more than a minute late."""

    weekday: int
    hour: int
    published: int
    late: int


@dataclass(frozen=True, slots=True)
class PublicationFigures:
    """What became of publications whose moment lay in the window; counted by us, from our own records."""

    window: Window
    outcomes: Mapping[str, int]
    lateness: Spread
    over_time: tuple[BucketOutcome, ...]
    hours_of_week: tuple[HourOfWeek, ...]


@dataclass(frozen=True, slots=True)
class StageTimes:
    """One step of the way of a video: how long its work took in the last try, and how long it had stood in the queue."""

    stage: str
    work: Spread
    queue_wait: Spread


@dataclass(frozen=True, slots=True)
class BucketWork:
    """How many jobs of each kind ended in one hour or day, well or not."""

    at: datetime
    ended: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Failures:
    """How many jobs of one kind ended badly by one cause, and when last."""

    cause: str
    kind: str
    count: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class PoolBucket:
    """What one hour or day took of a pool: busy seconds of slots, or starts within a rate; `share` of what there is now."""

    at: datetime
    used: float
    share: float | None


@dataclass(frozen=True, slots=True)
class BudgetBucket:
    """What one Pacific day took of a budget, in its units; `share` of what a day has now."""

    day: date
    used: int
    share: float | None


@dataclass(frozen=True, slots=True)
class PoolUse:
    """How much of one pool was used over time: `over_time` of slots and rates, `by_day` of budgets."""

    name: str
    label: str
    kind: str
    capacity: int
    over_time: tuple[PoolBucket, ...] = ()
    by_day: tuple[BudgetBucket, ...] = ()


@dataclass(frozen=True, slots=True)
class WorkFigures:
    """How long each step took, how much was done, what failed, and what it drew on; counted by us.

    `ready_ahead` is how long publications lay uploaded before their moment. Pools belong to all channels, so what is told
    of them is never narrowed to some.
    """

    window: Window
    stages: tuple[StageTimes, ...]
    ready_ahead: Spread
    over_time: tuple[BucketWork, ...]
    failures: tuple[Failures, ...]
    pools: tuple[PoolUse, ...]


@dataclass(frozen=True, slots=True)
class ChannelReading:
    """What YouTube last said of a channel; None where the channel hides it."""

    channel_id: int
    slug: str
    name: str
    subscriber_count: int | None
    view_count: int
    video_count: int
    collected_at: datetime


@dataclass(frozen=True, slots=True)
class VideoReading:
    """What YouTube last said of a video that we published; None where it hides it."""

    distribution_id: int
    video_id: int
    title: str
    channel_slug: str
    channel_name: str
    youtube_video_id: str | None
    published_at: datetime | None
    view_count: int | None
    like_count: int | None
    comment_count: int | None
    collected_at: datetime


@dataclass(frozen=True, slots=True)
class Point:
    """The last reading that YouTube gave within one hour or day: its numbers by name, as they came."""

    at: datetime
    collected_at: datetime
    numbers: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Readings:
    """The readings of one channel or video over time; an hour or day without any has no point."""

    id: int
    name: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class YouTubeFigures:
    """YouTube's raw numbers as they came, kept for at most 30 days; nothing is added up or worked out from them.

    Channels are those with most subscribers first, from `channels_from` on; lines are of the first of them.
    """

    window: Window
    channels: tuple[ChannelReading, ...]
    channels_from: int
    channels_total: int
    channel_lines: tuple[Readings, ...]
    videos: tuple[VideoReading, ...]
    video_lines: tuple[Readings, ...]
