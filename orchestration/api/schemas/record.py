"""The past and what changed since, as the API shows them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from ninja import Field, Schema

from channels.states import Executor, MisfirePolicy
from orchestration.api.schemas.system import ActivityOut
from orchestration.fields import Body, Instant, Value, WallTime
from orchestration.models import Blocker
from orchestration.monitoring.rewind.answers import PastPublication, PastWave
from orchestration.states import ScheduleState, WaveState


class ThenAndNowOut(Value):
    """A field that was another one then."""

    field: str
    then: Any
    now: Any


class PastPublicationOut(Schema):
    """A publication as it was; `differences` says what is otherwise now."""

    schedule_id: int
    channel_slug: str
    video_id: int
    video_title: str
    wave_id: int | None
    publish_at: datetime
    zone: str
    state: ScheduleState
    priority: int
    overridden: bool
    lateness_seconds: float | None
    differences: list[ThenAndNowOut]

    @staticmethod
    def resolve_schedule_id(row: PastPublication) -> int:
        """Return its id, then as now."""
        return row.schedule.pk

    @staticmethod
    def resolve_channel_slug(row: PastPublication) -> str:
        """Return the channel's short name of today."""
        return row.schedule.channel.slug

    @staticmethod
    def resolve_video_id(row: PastPublication) -> int:
        """Return the video that was meant."""
        return row.schedule.distribution.video_id

    @staticmethod
    def resolve_video_title(row: PastPublication) -> str:
        """Return the video's title of today."""
        return str(row.schedule.distribution.video)

    @staticmethod
    def resolve_wave_id(row: PastPublication) -> int | None:
        """Return the wave that it belonged to."""
        return row.schedule.wave_id

    @staticmethod
    def resolve_publish_at(row: PastPublication) -> datetime:
        """Return when it was to be public."""
        return row.schedule.publish_at

    @staticmethod
    def resolve_zone(row: PastPublication) -> str:
        """Return the zone that it was meant in."""
        return row.schedule.zone

    @staticmethod
    def resolve_state(row: PastPublication) -> str:
        """Return the state that it was in."""
        return row.schedule.state

    @staticmethod
    def resolve_priority(row: PastPublication) -> int:
        """Return its priority."""
        return row.schedule.priority

    @staticmethod
    def resolve_overridden(row: PastPublication) -> bool:
        """Return whether a person had set its time."""
        return row.schedule.overridden

    @staticmethod
    def resolve_lateness_seconds(row: PastPublication) -> float | None:
        """Return how late it was by then."""
        return row.schedule.lateness_seconds


class PastPlanOut(Value):
    """What was to be public in a window: one page, by moment."""

    starts_at: datetime
    ends_at: datetime
    publications: list[PastPublicationOut]
    total: int
    page: int
    limit: int


class PastSlotOut(Schema):
    """A weekly slot that the channel had; `stands` says that it has it now."""

    weekday: int
    local_time: WallTime
    enabled: bool
    stands: bool


class PastBlackoutOut(Schema):
    """A blackout that the channel had."""

    first_date: date
    last_date: date
    from_time: WallTime | None
    until_time: WallTime | None
    reason: str
    stands: bool


class PastSettingsOut(Schema):
    """What was set of the channel."""

    slug: str
    name: str
    youtube_channel_id: str
    timezone: str
    priority: int
    min_gap_minutes: int
    daily_cap: int
    misfire_policy: MisfirePolicy
    misfire_grace_minutes: int
    lead_time_minutes: int
    executor: Executor
    repository: str
    workflow: str
    ref: str
    failover: bool
    state: str
    health: str


class PastChannelOut(Value):
    """A channel as it was."""

    channel: PastSettingsOut
    differences: list[ThenAndNowOut]
    credential: str
    slots: list[PastSlotOut]
    blackouts: list[PastBlackoutOut]
    revision: int | None


class PastSystemOut(Value):
    """How the system stood, since when, by whom and why."""

    state: str
    since: datetime | None
    by: str
    reason: str
    is_now: str


class PastWaveOut(Schema):
    """A wave that was under way."""

    wave_id: int
    name: str
    state: WaveState
    scheduled_at: datetime | None
    is_now: WaveState

    @staticmethod
    def resolve_wave_id(row: PastWave) -> int:
        """Return its id."""
        return row.wave.pk

    @staticmethod
    def resolve_name(row: PastWave) -> str:
        """Return its name of today."""
        return row.wave.name

    @staticmethod
    def resolve_state(row: PastWave) -> str:
        """Return the state that it was in."""
        return row.wave.state

    @staticmethod
    def resolve_scheduled_at(row: PastWave) -> datetime | None:
        """Return when it was to begin."""
        return row.wave.scheduled_at


class PastIncidentOut(Schema):
    """What was wrong."""

    code: str
    severity: str
    subject: str
    sentence: str
    opened_at: datetime
    over_at: datetime | None


class PastBlockerOut(Schema):
    """What work waited for."""

    blocker_id: int
    code: str
    subject: str
    sentence: str
    since: datetime
    ended_at: datetime | None

    @staticmethod
    def resolve_blocker_id(row: Blocker) -> int:
        """Return its id."""
        return row.pk


class PastCountOut(Value):
    """How many channels were in a state or health, and are now."""

    name: str
    then: int
    now: int


class PastOverviewOut(Value):
    """What the overview would have said."""

    system: PastSystemOut
    upcoming: list[PastPublicationOut]
    overdue: int
    published_before: int = Field(description="in the 24 hours before")
    waves: list[PastWaveOut]
    incidents: list[PastIncidentOut]
    blockers: list[PastBlockerOut]
    pools_paused: list[str]
    channel_states: list[PastCountOut]
    channel_health: list[PastCountOut]


class TickOut(Value):
    """How much happened in a stretch of time."""

    at: datetime
    count: int


class PastOut(Value):
    """How it stood at an instant; of plan, overview and channel, what was asked for."""

    at: datetime
    now: datetime
    begins_at: datetime | None
    previous_at: datetime | None
    next_at: datetime | None
    next_is: str
    ticks: list[TickOut]
    plan: PastPlanOut | None
    overview: PastOverviewOut | None
    channel: PastChannelOut | None
    not_recorded: list[str]


class SinceLineOut(Schema):
    """One action: its newest entry, and how many entries of the same verb it wrote."""

    entry: ActivityOut
    count: int
    first_at: datetime


class SinceGroupOut(Value):
    """What changed under one heading."""

    key: str
    title: str
    count: int
    lines: list[SinceLineOut]
    more: int


class SinceOut(Value):
    """What changed since an instant, the most urgent first."""

    since: datetime
    until: datetime
    is_first: bool
    is_cut: bool
    count: int
    groups: list[SinceGroupOut]


class SeenIn(Body):
    """Until when what changed has been seen."""

    until: Instant | None = None


class SeenOut(Value):
    """Until when what changed has been seen."""

    seen_until: datetime


class HitOut(Value):
    """One row that was found; `key` is its id, of a channel its slug."""

    kind: str
    key: str
    title: str
    note: str
    state: str
