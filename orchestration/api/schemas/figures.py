"""Figures over time, as the API shows them; lengths in seconds, shares from 0 to 1."""

from datetime import date, datetime

from ninja import Schema

from orchestration.monitoring.figures import Step


class WindowOut(Schema):
    """Which time is told, and where its hours or days begin, in UTC."""

    days: int
    since: datetime
    until: datetime
    step: Step
    buckets: list[datetime]


class SpreadOut(Schema):
    """How some lengths lie: the middle one, the one that 95 of 100 do not pass (to a tenth of a second), the longest."""

    count: int
    p50_seconds: float | None
    p95_seconds: float | None
    max_seconds: float | None


class BucketOutcomeOut(Schema):
    """Publications whose moment lay in one hour or day."""

    at: datetime
    outcomes: dict[str, int]
    lateness: SpreadOut


class HourOfWeekOut(Schema):
    """One hour of the week on the channels' own clocks; Monday is 0. `late`: more than a minute."""

    weekday: int
    hour: int
    published: int
    late: int


class PublicationFiguresOut(Schema):
    """What became of the publications whose moment lay in the window."""

    window: WindowOut
    outcomes: dict[str, int]
    lateness: SpreadOut
    over_time: list[BucketOutcomeOut]
    hours_of_week: list[HourOfWeekOut]


class StageTimesOut(Schema):
    """One step: the time of its work in the last try, and its wait in the queue."""

    stage: str
    work: SpreadOut
    queue_wait: SpreadOut


class BucketWorkOut(Schema):
    """Jobs that ended in one hour or day, well or not, by kind."""

    at: datetime
    ended: dict[str, int]


class FailuresOut(Schema):
    """Jobs of a kind that ended badly by one cause."""

    cause: str
    kind: str
    count: int
    last_at: datetime


class PoolBucketOut(Schema):
    """What one hour or day took: busy seconds of slots, or starts within a rate."""

    at: datetime
    used: float
    share: float | None


class BudgetBucketOut(Schema):
    """What one Pacific day took of a budget."""

    day: date
    used: int
    share: float | None


class PoolUseOut(Schema):
    """How far a pool was used: `over_time` of slots and rates, `by_day` of budgets; `capacity` is today's."""

    name: str
    label: str
    kind: str
    capacity: int
    over_time: list[PoolBucketOut]
    by_day: list[BudgetBucketOut]


class WorkFiguresOut(Schema):
    """How the work went; `ready_ahead` is how long publications lay uploaded before their moment."""

    window: WindowOut
    stages: list[StageTimesOut]
    ready_ahead: SpreadOut
    over_time: list[BucketWorkOut]
    failures: list[FailuresOut]
    pools: list[PoolUseOut]


class ChannelReadingOut(Schema):
    """What YouTube last said of a channel."""

    channel_id: int
    slug: str
    name: str
    subscriber_count: int | None
    view_count: int
    video_count: int
    collected_at: datetime


class VideoReadingOut(Schema):
    """What YouTube last said of a video that we published."""

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


class PointOut(Schema):
    """The last reading within one hour or day."""

    at: datetime
    collected_at: datetime
    numbers: dict[str, int | None]


class ReadingsOut(Schema):
    """The readings of one channel, or of one publication's video (by its distribution's id)."""

    id: int
    name: str
    points: list[PointOut]


class YouTubeFiguresOut(Schema):
    """YouTube's raw numbers; kept for at most 30 days."""

    window: WindowOut
    channels: list[ChannelReadingOut]
    channels_from: int
    channels_total: int
    channel_lines: list[ReadingsOut]
    videos: list[VideoReadingOut]
    video_lines: list[ReadingsOut]
