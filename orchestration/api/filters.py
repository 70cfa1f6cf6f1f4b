"""Name how far forecasts and statistics look, and what pools are asked for; what lists know is in `orchestration.lists`."""

from datetime import datetime
from typing import Annotated, Any

from ninja import FilterSchema, Schema
from pydantic import Field

from orchestration.api.pagination import Limit, PageNumber
from orchestration.fields import Id, Instant, OwnTime, Word
from orchestration.results.pools import PoolReport
from orchestration.states import PoolKind, Timing


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


class FigureWindow(StatisticsWindow):
    """How far back, and of which publications; what is left out does not narrow."""

    group: Annotated[Word | None, Field(description="channels of this group, by its slug")] = None
    label: Annotated[Word | None, Field(description="channels with this label")] = None
    wave_id: Id | None = None
    source_id: Id | None = None

    def asked(self) -> dict[str, Any]:
        """Return what the service is asked with."""
        return {
            "days": self.days,
            "channel_ids": self.channel_id,
            "group": self.group or "",
            "label": self.label or "",
            "wave_id": self.wave_id,
            "source_id": self.source_id,
        }


class YouTubeWindow(FigureWindow):
    """As for our own figures, and where the list of channels begins."""

    channels_from: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class ChannelPage(Schema):
    """Which part of the channels."""

    page: PageNumber = 1
    limit: Limit = 100
