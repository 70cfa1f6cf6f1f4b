"""Standing rules as the API takes and shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from ninja import Schema
from pydantic import ConfigDict, Field

from orchestration.api.schemas.parts import Parts
from orchestration.api.schemas.plan import DifferencesOut
from orchestration.api.schemas.selection import Channels, scope_of
from orchestration.core.scope import words_of
from orchestration.fields import Body, BodyId, Instant, Text, Value, WallTime, Word
from orchestration.models import StandingRule
from orchestration.scheduling.standing import StandingValues


class SeriesTime(Body):
    """One weekly time of a series, on each channel's own clock."""

    weekday: int = Field(strict=True, ge=0, le=6, description="0 is Monday")
    at: WallTime


class StandingRuleBody(Body):
    """What is planned by itself. A change gives all of it anew."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "keep two weeks filled",
                    "every_minutes": 60,
                    "horizon_days": 14,
                    "backlog_floor": 3,
                },
                {
                    "name": "Tuesday news",
                    "kind": "series",
                    "source_id": 2,
                    "channel_ids": [1, 3],
                    "times": [{"weekday": 1, "at": "18:00"}],
                },
            ]
        }
    )

    name: Annotated[Text, Field(min_length=1, max_length=80)]
    kind: StandingRule.Kind = StandingRule.Kind.DISTRIBUTE
    enabled: bool = Field(True, strict=True)
    channel_ids: list[BodyId] = Field(
        [], max_length=10_000, description="empty means every active channel; a series names its channels"
    )
    channels: Channels = Field(
        [],
        description="beside `channel_ids`; `group:SLUG` and `label:NAME` mean those in it or with it at each run",
    )
    source_id: BodyId | None = Field(None, description="only its videos; a series needs one")
    every_minutes: int = Field(60, strict=True, ge=5, le=10_080)
    daily_at: WallTime | None = Field(None, description="once a day then, instead of every so many minutes")
    zone: Word = Field("UTC", description="of daily_at, such as Europe/Berlin")
    horizon_days: int = Field(14, strict=True, ge=1, le=90)
    backlog_floor: int = Field(
        0, strict=True, ge=0, le=10_000, description="channels with fewer publications ahead are warned of"
    )
    times: list[SeriesTime] = Field([], max_length=50, description="of a series")
    since: Instant | None = Field(None, description="of a series: episodes from then on; null means all")
    priority: int | None = Field(None, strict=True, ge=0, le=10, description="of a series")

    def values(self) -> StandingValues:
        """Return what the service takes."""
        given = self.model_dump(exclude={"times", "channels"}) | scope_of(self.channels, self.channel_ids)
        return StandingValues(times=[(each.weekday, each.at) for each in self.times], **given)


class StandingRuleParts(Parts):
    """What changes of a standing rule; of `channel_ids` and `channels` both, if one is given."""

    whole = StandingRuleBody


class SeriesTimeOut(Value):
    """One weekly time of a series."""

    weekday: int
    at: str


class StandingRuleOut(Schema):
    """A standing rule, when it runs next, and how its last run ended."""

    id: int
    name: str
    kind: StandingRule.Kind
    enabled: bool
    channel_ids: list[int]
    channels: list[str] = Field(description="what it is limited to, in words: groups, labels and slugs")
    source_id: int | None
    every_minutes: int
    daily_at: WallTime | None
    zone: str
    horizon_days: int
    backlog_floor: int
    times: list[SeriesTimeOut]
    since: datetime | None
    priority: int | None
    next_run_at: datetime | None
    last_run_at: datetime | None
    last_summary: str
    last_problem: str = Field(description="what it waits for, or why the run failed; empty: nothing")
    last_low: list[str] = Field(description="slugs of the channels below the floor at the last run")

    @staticmethod
    def resolve_channel_ids(row: StandingRule) -> list[int]:
        """Return the channels by id; the rows were read with the rule."""
        return sorted(channel.pk for channel in row.channels.all())

    @staticmethod
    def resolve_channels(row: StandingRule) -> list[str]:
        """Return what it is limited to as it can be given again."""
        return words_of(row)

    @staticmethod
    def resolve_times(row: StandingRule) -> list[dict[str, object]]:
        """Return the stored pairs by name."""
        return [{"weekday": day, "at": at} for day, at in row.times]


class StandingRunOut(Value):
    """What one run planned, a line each."""

    placed: list[str]
    low: list[str] = Field(description="slugs of the channels below the floor")
    summary: str
    problem: str = Field(description="what it waits for; empty: nothing")
    difference: DifferencesOut
    dry_run: bool


class Episode(Body):
    """An episode of a series."""

    video_id: BodyId
    skip: bool = Field(True, strict=True, description="false takes it in again")
    reason: Annotated[Text, Field(max_length=300)] = ""
