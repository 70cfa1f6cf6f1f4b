"""The calendar as the API takes and shows it: publications on the dates of a zone, and where one may stand."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from ninja import Schema
from pydantic import Field

from orchestration.api.schemas.plan import AlternativeOut, DifferencesOut
from orchestration.fields import Id, Instant, Value, WallDate, WallDateTime, Word
from orchestration.lists import OneOf, ScheduleGroup, schedule_states
from orchestration.planning.allowed import MOST_DAYS
from orchestration.register.channel_filters import ChannelWords
from orchestration.scheduling.backlog import BacklogVideo
from orchestration.scheduling.calendar_view import LAYERS, CalendarItem, CalendarView
from orchestration.states import ScheduleState

MOST_CHANNELS = 50


class CalendarWindow(Schema):
    """Which dates, on whose clock, and of which channels."""

    first: Annotated[WallDate, Field(description="the first date, on the clock of `zone`")]
    days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 7
    zone: Annotated[
        str, Field(max_length=64, description="an IANA zone; empty: each publication on its channel's clock")
    ] = ""
    channel_id: Annotated[list[Id] | None, Field(max_length=1000)] = None
    channels: ChannelWords = None
    group: Annotated[Word | None, Field(description="the slug of a group of channels")] = None
    label: Annotated[Word | None, Field(description="a label on channels")] = None
    q: Annotated[Word | None, Field(description="part of the channel's name or slug")] = None
    wave_id: Id | None = None
    state: list[Annotated[str, OneOf(ScheduleGroup, ScheduleState)]] | None = None
    layer: Annotated[
        list[Annotated[str, Field(pattern=f"^({'|'.join(LAYERS)})$")]] | None,
        Field(description=f"what is worked out beside the publications: {', '.join(LAYERS)}"),
    ] = None
    page: Annotated[int, Field(ge=1, le=1_000_000, description="of channels, by name")] = 1
    limit: Annotated[int, Field(ge=1, le=MOST_CHANNELS)] = 25

    def arguments(self) -> dict[str, Any]:
        """Return what `get_calendar` takes."""
        given = self.model_dump(exclude={"channel_id", "state", "layer", "group", "label", "q"})
        return given | {
            "channel_ids": self.channel_id or (),
            "channels": self.channels or (),
            "group": self.group or "",
            "label": self.label or "",
            "q": self.q or "",
            "states": None if self.state is None else sorted(schedule_states(self.state)),
            "layers": self.layer,
            "lanes": True,
            "per_cell": 50,
        }


class TimeWindow(Schema):
    """From when to when it is asked."""

    since: Instant
    until: Annotated[Instant, Field(description=f"at most {MOST_DAYS} days after since")]


class TimeWindowOnChannel(TimeWindow):
    """From when to when it is asked, and of which channel."""

    channel_id: Id


class _MoveTo(Schema):
    """Where something would be moved to, by the name that the move itself takes."""

    version: Annotated[int | None, Field(ge=0)] = None


class ScheduleMoveTo(_MoveTo):
    """Where a publication would be moved to."""

    publish_at: Instant


class WaveMoveTo(_MoveTo):
    """Where the first member of a wave would be moved to."""

    scheduled_at: Instant


class BacklogFilters(Schema):
    """Of ready videos."""

    channel_id: Annotated[
        Id | None, Field(description="leaves out those that go there, and says which may not")
    ] = None
    q: Word | None = None
    page: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class CalendarItemOut(Value):
    """One publication; `wall` is the clock of the calendar, `own_wall` with `zone` the channel's."""

    schedule_id: int
    channel_id: int
    video_id: int
    video_title: str
    wave_id: int | None
    publish_at: datetime
    wall: WallDateTime
    own_wall: WallDateTime
    zone: str
    state: ScheduleState
    version: int
    actions: list[str]

    @classmethod
    def of(cls, item: CalendarItem) -> CalendarItemOut:
        """Show one publication."""
        row = item.schedule
        return cls(
            schedule_id=row.pk,
            channel_id=row.channel_id,
            video_id=row.distribution.video_id,
            video_title=str(row.distribution.video),
            wave_id=row.wave_id,
            publish_at=row.publish_at,
            wall=item.wall,
            own_wall=item.own_wall,
            zone=row.zone,
            state=row.state,
            version=row.version,
            actions=row.actions,
        )


class EmptySlotOut(Value):
    """A posting slot that nothing takes; `is_over` once its moment has passed."""

    channel_id: int
    slot_id: int | None
    at: datetime
    local_wall: WallDateTime
    zone: str
    is_over: bool


class DarkStretchOut(Value):
    """A blackout of a channel."""

    channel_id: int
    starts_at: datetime
    ends_at: datetime
    reason: str


class FullDayOut(Value):
    """A local day of a channel on which its daily cap is reached."""

    channel_id: int
    day: date
    zone: str
    count: int
    cap: int


class PacificDayOut(Value):
    """One day of the budgets: what is spent and promised of uploads and units, and how much it gives."""

    day: date
    starts_at: datetime
    uploads: int
    uploads_limit: int
    units: int
    units_limit: int


class CalendarDayOut(Value):
    """How many publications of each state a date has."""

    date: date
    states: dict[str, int]


class CalendarChannelOut(Value):
    """A channel of this page."""

    id: int
    slug: str
    name: str
    timezone: str


class CalendarOut(Value):
    """A stretch of the calendar for one page of channels; `left_out` says how many publications are only counted."""

    first: date
    days: list[CalendarDayOut]
    zone: str
    channels: list[CalendarChannelOut]
    total_channels: int
    page: int
    limit: int
    items: list[CalendarItemOut]
    left_out: int
    empty_slots: list[EmptySlotOut]
    blackouts: list[DarkStretchOut]
    full_days: list[FullDayOut]
    pacific_days: list[PacificDayOut]

    @classmethod
    def of(cls, view: CalendarView) -> CalendarOut:
        """Show a stretch of the calendar."""
        items = view.items
        return cls(
            first=view.request.first,
            days=[CalendarDayOut(date=day, states=view.states_on(day)) for day in view.dates],
            zone=view.request.zone,
            channels=[CalendarChannelOut.model_validate(channel) for channel in view.channels],
            total_channels=view.channel_count,
            page=view.request.page,
            limit=view.request.limit,
            items=[CalendarItemOut.of(item) for item in items],
            left_out=view.total - len(items),
            empty_slots=[EmptySlotOut.model_validate(slot) for slot in view.empty_slots],
            blackouts=[DarkStretchOut.model_validate(dark) for dark in view.blackouts],
            full_days=[FullDayOut.model_validate(full) for full in view.full_days],
            pacific_days=[PacificDayOut.model_validate(day) for day in view.pacific_days],
        )


class StretchOut(Value):
    """Instants, in whole seconds, that one answer holds for; `rules` forbid them, and none means that they are free."""

    starts_at: datetime
    ends_at: datetime
    is_free: bool
    rules: list[str]
    reasons: list[str]


class AllowedTimesOut(Value):
    """Where a publication may stand in a window, in order of time; `refused` says why it may stand nowhere."""

    channel_id: int
    starts_at: datetime
    ends_at: datetime
    stretches: list[StretchOut]
    refused: str


class MovePreviewOut(Value):
    """What a move would come to; `messages` say why it would be refused."""

    at: datetime
    from_at: datetime
    minutes_later: int
    members: int
    is_allowed: bool
    messages: list[str]
    difference: DifferencesOut
    alternatives: list[AlternativeOut]


class BacklogVideoOut(Value):
    """A ready video that waits for a time; `refused` says why it may not go to the channel that was asked about."""

    video_id: int
    title: str
    duration_seconds: float | None
    channel_count: int
    refused: str

    @classmethod
    def of(cls, row: BacklogVideo) -> BacklogVideoOut:
        """Show one video."""
        return cls(
            video_id=row.video.pk,
            title=str(row.video),
            duration_seconds=row.video.duration_seconds,
            channel_count=row.channel_count,
            refused=row.refused,
        )


class BacklogOut(Value):
    """One page of the ready videos, the newest first."""

    items: list[BacklogVideoOut]
    total: int
    page: int
    pages: int
