"""Name what each list can be filtered by; times are instants with an offset."""

from datetime import datetime
from typing import Annotated

from ninja import FilterLookup, FilterSchema, Schema
from pydantic import Field

from channels.states import ChannelHealth, ChannelState, Executor
from orchestration.api.fields import Id, Instant, OwnTime, Text, WallDate
from orchestration.models import Distribution
from orchestration.results import PoolReport
from orchestration.states import (
    ConflictKind,
    ConflictState,
    DistributionState,
    JobKind,
    JobState,
    PoolKind,
    RightsBasis,
    RunState,
    ScheduleState,
    SourceState,
    Timing,
    Trigger,
    VideoState,
    WaveState,
)

Word = Annotated[Text, Field(min_length=1, max_length=200)]
CreatedSince = Annotated[
    Instant | None, FilterLookup("created_at__gte"), Field(description="made at or after")
]
CreatedUntil = Annotated[Instant | None, FilterLookup("created_at__lt"), Field(description="made before")]


class ChannelFilters(FilterSchema):
    """Of channels."""

    state: Annotated[list[ChannelState] | None, FilterLookup("state__in")] = None
    health: Annotated[list[ChannelHealth] | None, FilterLookup("health__in")] = None
    executor: Annotated[Executor | None, FilterLookup("executor")] = None
    slug: Annotated[Word | None, FilterLookup("slug")] = None
    q: Annotated[
        Word | None,
        FilterLookup(["name__icontains", "slug__icontains"]),
        Field(description="part of the name"),
    ] = None


class SlotFilters(FilterSchema):
    """Of slots."""

    channel_id: Annotated[list[Id] | None, FilterLookup("channel_id__in")] = None
    weekday: Annotated[int | None, FilterLookup("weekday"), Field(ge=0, le=6)] = None
    enabled: Annotated[bool | None, FilterLookup("enabled")] = None


class BlackoutFilters(FilterSchema):
    """Of blackouts, by the dates of the channel's zone."""

    channel_id: Annotated[list[Id] | None, FilterLookup("channel_id__in")] = None
    since: Annotated[
        WallDate | None, FilterLookup("last_date__gte"), Field(description="ends on it or later")
    ] = None
    until: Annotated[
        WallDate | None, FilterLookup("first_date__lte"), Field(description="begins on it or earlier")
    ] = None


class SourceFilters(FilterSchema):
    """Of sources."""

    state: Annotated[list[SourceState] | None, FilterLookup("state__in")] = None
    rights_basis: Annotated[list[RightsBasis] | None, FilterLookup("rights_basis__in")] = None
    q: Annotated[Word | None, FilterLookup(["name__icontains", "url__icontains"])] = None


class VideoFilters(FilterSchema):
    """Of videos."""

    state: Annotated[list[VideoState] | None, FilterLookup("state__in")] = None
    source_id: Annotated[list[Id] | None, FilterLookup("source_id__in")] = None
    q: Annotated[Word | None, FilterLookup(["title__icontains", "url__icontains"])] = None
    since: CreatedSince = None
    until: CreatedUntil = None


class WaveFilters(FilterSchema):
    """Of waves."""

    state: Annotated[list[WaveState] | None, FilterLookup("state__in")] = None
    correlation_id: Annotated[Word | None, FilterLookup("correlation_id")] = None
    q: Annotated[Word | None, FilterLookup("name__icontains")] = None
    since: CreatedSince = None
    until: CreatedUntil = None


class DistributionFilters(FilterSchema):
    """Of distributions."""

    state: Annotated[list[DistributionState] | None, FilterLookup("state__in")] = None
    channel_id: Annotated[list[Id] | None, FilterLookup("channel_id__in")] = None
    video_id: Annotated[list[Id] | None, FilterLookup("video_id__in")] = None
    wave_id: Annotated[list[Id] | None, FilterLookup("wave_id__in")] = None
    method: Annotated[list[Distribution.Method] | None, FilterLookup("method__in")] = None
    since: CreatedSince = None
    until: CreatedUntil = None


class ScheduleFilters(FilterSchema):
    """Of schedules; `since` and `until` mean the moment of publication."""

    state: Annotated[list[ScheduleState] | None, FilterLookup("state__in")] = None
    channel_id: Annotated[list[Id] | None, FilterLookup("channel_id__in")] = None
    wave_id: Annotated[list[Id] | None, FilterLookup("wave_id__in")] = None
    video_id: Annotated[list[Id] | None, FilterLookup("distribution__video_id__in")] = None
    distribution_id: Annotated[list[Id] | None, FilterLookup("distribution_id__in")] = None
    since: Annotated[
        Instant | None, FilterLookup("publish_at__gte"), Field(description="public at or after")
    ] = None
    until: Annotated[Instant | None, FilterLookup("publish_at__lt"), Field(description="public before")] = (
        None
    )


class JobFilters(FilterSchema):
    """Of jobs."""

    state: Annotated[list[JobState] | None, FilterLookup("state__in")] = None
    kind: Annotated[list[JobKind] | None, FilterLookup("kind__in")] = None
    executor: Annotated[Executor | None, FilterLookup("executor")] = None
    channel_id: Annotated[list[Id] | None, FilterLookup("channel_id__in")] = None
    source_id: Annotated[list[Id] | None, FilterLookup("source_id__in")] = None
    video_id: Annotated[list[Id] | None, FilterLookup("video_id__in")] = None
    distribution_id: Annotated[list[Id] | None, FilterLookup("distribution_id__in")] = None
    schedule_id: Annotated[list[Id] | None, FilterLookup("schedule_id__in")] = None
    wave_id: Annotated[list[Id] | None, FilterLookup("schedule__wave_id__in")] = None
    correlation_id: Annotated[Word | None, FilterLookup("correlation_id")] = None
    since: CreatedSince = None
    until: CreatedUntil = None


class RunFilters(FilterSchema):
    """Of GitHub runs."""

    state: Annotated[list[RunState] | None, FilterLookup("state__in")] = None
    channel_id: Annotated[list[Id] | None, FilterLookup("channel_id__in")] = None
    job_id: Annotated[list[Id] | None, FilterLookup("job_id__in")] = None
    repository: Annotated[Word | None, FilterLookup("repository")] = None
    correlation_id: Annotated[Word | None, FilterLookup("correlation_id")] = None
    since: CreatedSince = None
    until: CreatedUntil = None


class PoolFilters(FilterSchema):
    """Of shared resources, which are few and counted as they are now: they are sorted out here, not by a query."""

    kind: list[PoolKind] | None = None
    name: Word | None = None
    paused: bool | None = None

    def accepts(self, pool: PoolReport) -> bool:
        """Return whether a pool is asked for."""
        return (
            (self.kind is None or pool.kind in self.kind)
            and self.name in (None, pool.name)
            and self.paused in (None, pool.paused)
        )


class ConflictFilters(FilterSchema):
    """Of conflicts."""

    state: Annotated[list[ConflictState] | None, FilterLookup("state__in")] = None
    kind: Annotated[list[ConflictKind] | None, FilterLookup("kind__in")] = None
    rule: Annotated[Word | None, FilterLookup("rule")] = None
    channel_id: Annotated[list[Id] | None, FilterLookup("channel_id__in")] = None
    video_id: Annotated[list[Id] | None, FilterLookup("video_id__in")] = None
    wave_id: Annotated[list[Id] | None, FilterLookup("wave_id__in")] = None
    schedule_id: Annotated[list[Id] | None, FilterLookup("schedule_id__in")] = None
    correlation_id: Annotated[Word | None, FilterLookup("correlation_id")] = None
    since: CreatedSince = None
    until: CreatedUntil = None


class ActivityFilters(FilterSchema):
    """Of activity."""

    verb: Annotated[list[Word] | None, FilterLookup("verb__in")] = None
    trigger: Annotated[list[Trigger] | None, FilterLookup("trigger__in")] = None
    actor: Annotated[Word | None, FilterLookup("actor_label")] = None
    subject_type: Annotated[
        Word | None, FilterLookup("content_type__model"), Field(description="for example channel, wave, job")
    ] = None
    subject_id: Annotated[Word | None, FilterLookup("object_pk")] = None
    correlation_id: Annotated[Word | None, FilterLookup("cid")] = None
    since: Annotated[Instant | None, FilterLookup("timestamp__gte"), Field(description="at or after")] = None
    until: Annotated[Instant | None, FilterLookup("timestamp__lt"), Field(description="before")] = None


class ForecastWindow(Schema):
    """How far a forecast looks."""

    days: Annotated[int, Field(ge=1, le=31)] = 7


class EarliestWindow(Schema):
    """What is to go out together, and from when on."""

    video_id: Annotated[list[Id], Field(min_length=1, max_length=1000)]
    channel_id: Annotated[list[Id], Field(min_length=1, max_length=1000)]
    timing: Timing = Timing.SIMULTANEOUS
    since: Annotated[Instant | None, Field(description="empty: from now on")] = None
    delay_seconds: Annotated[int, Field(ge=0, le=31_536_000)] = 0
    override: Annotated[
        list[OwnTime] | None,
        Field(
            max_length=1000,
            description="a member's own time, as VIDEO_ID,CHANNEL_ID,INSTANT; once for each member",
        ),
    ] = None

    @property
    def overrides(self) -> dict[tuple[int, int], datetime]:
        """Return the own times by member."""
        return {(video_id, channel_id): at for video_id, channel_id, at in self.override or ()}


class StatisticsWindow(Schema):
    """How far statistics look back; what YouTube gave is kept for at most 30 days."""

    days: Annotated[int, Field(ge=1, le=30)] = 7
    channel_id: Annotated[
        list[Id] | None, Field(min_length=1, max_length=1000, description="only these; without it all")
    ] = None
