"""Lay publications out in time: percentages and rows for the drawings, computed from rows that were read before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from channels.models import Blackout, Channel, PostingSlot
from orchestration.models import Schedule
from orchestration.planning.slots import blackout_of_dates
from orchestration.states import OCCUPYING_SCHEDULES

LABEL_SHARE = 16.0
"""Per cent of the width that the names take."""
ROW_PIXELS = 28
HEAD_PIXELS = 24


@dataclass(frozen=True, slots=True)
class Day:
    """One weekday and its slots."""

    name: str
    today: bool
    slots: list[PostingSlot]


def week_of(slots: Iterable[PostingSlot], today: int) -> list[Day]:
    """Group weekly slots by their day, Monday first."""
    by_day: dict[int, list[PostingSlot]] = defaultdict(list)
    for slot in slots:
        by_day[slot.weekday].append(slot)
    return [Day(label, number == today, by_day[number]) for number, label in PostingSlot.Weekday.choices]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the drawing: where it begins and how wide it is, in per cent."""

    x: str
    width: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One publication as it is drawn: where it is, and what is said of it."""

    pk: int
    channel_id: int
    publish_at: datetime
    state: str
    label: str


def events_of(rows: Iterable[Schedule]) -> list[Event]:
    """Return rows as they are drawn."""
    return [
        Event(row.pk, row.channel_id, row.publish_at, row.state, str(row.distribution.video)) for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Pin:
    """One publication in the drawing; `clash` says that it lies closer than the gap to the one before."""

    schedule: Event
    x: str
    gap: Stretch
    clash: bool


@dataclass(slots=True)
class Lane:
    """One channel in the drawing."""

    channel: Channel
    y: int
    pins: list[Pin] = field(default_factory=list)
    blackouts: list[Stretch] = field(default_factory=list)

    @property
    def middle(self) -> int:
        """Return the height of the lane's axis."""
        return self.y + ROW_PIXELS // 2

    @property
    def text_y(self) -> int:
        """Return the height of the name's baseline."""
        return self.middle + 4


@dataclass(frozen=True, slots=True)
class Mark:
    """A line at a full hour or day; every other one is `minor`, for which a phone has no room."""

    x: str
    label: str
    minor: bool = False


@dataclass(slots=True)
class Drawing:
    """What the template draws: lanes of pins over a time axis, and columns that show bursts."""

    starts_at: datetime
    ends_at: datetime
    lanes: list[Lane]
    marks: list[Mark]
    now_x: str
    clashes: int
    bursts: list[dict[str, str]]
    left_out: int = 0

    @property
    def height(self) -> int:
        """Return the height of the whole drawing in pixels."""
        return HEAD_PIXELS + len(self.lanes) * ROW_PIXELS + 34

    @property
    def foot(self) -> int:
        """Return where the columns stand."""
        return HEAD_PIXELS + len(self.lanes) * ROW_PIXELS

    @property
    def head(self) -> int:
        """Return where the lanes begin."""
        return HEAD_PIXELS


class Scale:
    """Turns instants into per cent of the width."""

    def __init__(self, starts_at: datetime, ends_at: datetime, left: float = LABEL_SHARE) -> None:
        self.starts_at, self.ends_at, self.left = starts_at, ends_at, left
        self.span = (ends_at - starts_at).total_seconds() or 1.0

    def at(self, instant: datetime) -> float:
        """Return where an instant lies; outside of the window at its edge."""
        share = (instant - self.starts_at).total_seconds() / self.span
        return self.left + (100 - self.left) * min(1.0, max(0.0, share))

    def x(self, instant: datetime) -> str:
        """Return where an instant lies, for an attribute."""
        return f"{self.at(instant):.2f}%"

    def stretch(self, begins: datetime, ends: datetime, title: str = "") -> Stretch:
        """Return a stretch between two instants."""
        left, right = self.at(begins), self.at(ends)
        return Stretch(f"{left:.2f}%", f"{max(0.0, right - left):.2f}%", title)


def _marks(scale: Scale) -> list[Mark]:
    hours = scale.span / 3600
    step = next((size for size in (0.25, 0.5, 1, 2, 3, 6, 12, 24, 48) if hours / size <= 13), 48)
    at = scale.starts_at.replace(minute=0, second=0, microsecond=0)
    if step >= 2:
        at = at.replace(hour=0)
    marks: list[Mark] = []
    while at < scale.ends_at:
        if at >= scale.starts_at:
            label = (
                f"{at:%a} {at.day} {at:%b}"
                if step >= 24 or (at.hour == 0 and at.minute == 0)
                else f"{at:%H:%M}"
            )
            marks.append(Mark(scale.x(at), label, len(marks) % 2 == 1))
        at += timedelta(hours=step)
    return marks


def _pins(scale: Scale, channel: Channel, schedules: Sequence[Event]) -> list[Pin]:
    gap = timedelta(minutes=channel.min_gap_minutes)
    pins, last = [], None
    for schedule in sorted(schedules, key=lambda row: row.publish_at):
        counts = schedule.state in OCCUPYING_SCHEDULES
        clash = bool(counts and last and schedule.publish_at - last < gap)
        if counts:
            last = schedule.publish_at
        pins.append(
            Pin(
                schedule,
                scale.x(schedule.publish_at),
                scale.stretch(schedule.publish_at, schedule.publish_at + gap),
                clash,
            )
        )
    return pins


def _bursts(scale: Scale, moments: Iterable[tuple[datetime, int]], columns: int = 48) -> list[dict[str, str]]:
    counts: dict[int, int] = defaultdict(int)
    for moment, count in moments:
        share = (moment - scale.starts_at).total_seconds() / scale.span
        if 0 <= share < 1:
            counts[int(share * columns)] += count
    top = max(counts.values(), default=0)
    width = (100 - scale.left) / columns
    return [
        {
            "x": f"{scale.left + index * width:.2f}%",
            "width": f"{width * 0.82:.2f}%",
            "height": f"{max(2, round(24 * count / top))}",
            "count": str(count),
        }
        for index, count in sorted(counts.items())
    ]


def draw(
    schedules: Sequence[Event],
    channels: Sequence[Channel],
    blackouts: Iterable[Blackout],
    starts_at: datetime,
    ends_at: datetime,
    now: datetime,
    *,
    left_out: int = 0,
    moments: Iterable[tuple[datetime, int]] | None = None,
    columns: int = 48,
) -> Drawing:
    """Draw publications over their channels, in that order.

    `left_out` says how many channels more have any in the window, and `moments` when how many of all are public, where not
    all are drawn.
    """
    scale = Scale(starts_at, ends_at)
    by_channel: dict[int, list[Event]] = defaultdict(list)
    for schedule in schedules:
        by_channel[schedule.channel_id].append(schedule)
    shown = [channel for channel in channels if channel.pk in by_channel]
    if moments is None:
        moments = [(row.publish_at, 1) for row in schedules if row.state in OCCUPYING_SCHEDULES]
    dark: dict[int, list[Stretch]] = defaultdict(list)
    zones = {channel.pk: channel for channel in shown}
    for row in blackouts:
        if row.channel_id in zones:
            stretch = _dark(row, zones[row.channel_id], scale)
            if stretch:
                dark[row.channel_id].append(stretch)
    lanes = [
        Lane(
            channel,
            HEAD_PIXELS + index * ROW_PIXELS,
            _pins(scale, channel, by_channel[channel.pk]),
            dark[channel.pk],
        )
        for index, channel in enumerate(shown)
    ]
    minute = now.replace(second=0, microsecond=0)
    return Drawing(
        starts_at=starts_at,
        ends_at=ends_at,
        lanes=lanes,
        marks=_marks(scale),
        now_x=scale.x(minute) if starts_at <= now < ends_at else "",
        clashes=sum(pin.clash for lane in lanes for pin in lane.pins),
        bursts=_bursts(scale, moments, columns),
        left_out=left_out,
    )


def _dark(row: Blackout, channel: Channel, scale: Scale) -> Stretch | None:
    window = blackout_of_dates(
        row.first_date, row.last_date, channel.timezone, row.reason, row.from_time, row.until_time
    )
    if window.ends_at <= scale.starts_at or window.starts_at >= scale.ends_at:
        return None
    return scale.stretch(window.starts_at, window.ends_at, row.reason or "blackout")


def strip_of(
    channel: Channel, coming: Sequence[Schedule], blackouts: Sequence[Blackout], now: datetime, days: int = 7
) -> Drawing:
    """Draw one channel's coming week."""
    starts_at = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return draw(events_of(coming), [channel], blackouts, starts_at, starts_at + timedelta(days=days), now)
