"""Lay a stretch of the calendar out as a table: months, weeks and days, merged or in lanes; no query is made here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

from channels.models import Channel
from dashboard import badges
from dashboard.wording import plural, words
from orchestration.planning.days import OWN_ZONE, date_of, repeated_hours, skipped_hours
from orchestration.planning.slot_marks import EmptySlot, FullDay
from orchestration.planning.slots import ONE_DAY, zone_of
from orchestration.scheduling.calendar_view import (
    CalendarItem,
    CalendarView,
    Cell,
    DarkStretch,
    PacificDay,
    wall_in,
)

MONTH, WEEK, DAY = "month", "week", "day"
VIEWS = ((MONTH, "Month"), (WEEK, "Week"), (DAY, "Day"))
PART_HOURS = 3
"""So long is a cell of a day in lanes."""
MOST_NAMED = 2


@dataclass(frozen=True, slots=True)
class Span:
    """Which dates a view shows: `first` and so many days, and the dates before and after it to turn to."""

    view: str
    day: date
    first: date
    days: int
    earlier: date
    later: date
    title: str


def span_of(view: str, day: date, *, lanes: bool) -> Span:
    """Return what a view shows around a date: its month (merged, in whole weeks), its week from Monday on, or the day."""
    monday = day - timedelta(days=day.weekday())
    if view == DAY:
        title = f"{day:%A} {day.day} {day:%B %Y}"
        return Span(view, day, day, 1, day - ONE_DAY, day + ONE_DAY, title)
    if view == WEEK:
        last = monday + timedelta(days=6)
        since = f"{monday.day} {monday:%b}" + ("" if monday.year == last.year else f" {monday.year}")
        title = f"{since} to {last.day} {last:%b %Y}"
        return Span(view, day, monday, 7, monday - 7 * ONE_DAY, monday + 7 * ONE_DAY, title)
    first = day.replace(day=1)
    after = (first + timedelta(days=31)).replace(day=1)
    before = (first - ONE_DAY).replace(day=1)
    title = f"{first:%B %Y}"
    if lanes:
        return Span(view, day, first, (after - first).days, before, after, title)
    begins = first - timedelta(days=first.weekday())
    weeks = -(-(after - begins).days // 7)
    return Span(view, day, begins, weeks * 7, before, after, title)


@dataclass(frozen=True, slots=True)
class SlotMark:
    """A slot that stays empty: its time on the page's clock, and whose it is."""

    slot: EmptySlot
    wall: datetime
    channel: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How many publications of a cell have a badge, with its shape and what states they are in."""

    badge: str
    mark: str
    count: int
    title: str


@dataclass(slots=True)
class Square:
    """One cell as it is drawn: a date, or the part of it that begins at `hour`."""

    day: date
    hour: int | None = None
    hours: int = 24
    channel: Channel | None = None
    items: Sequence[CalendarItem] = ()
    slots: list[SlotMark] = field(default_factory=list)
    more: int = 0
    unfilled: int = 0
    tallies: list[Tally] = field(default_factory=list)
    dark: str = ""
    is_dark: bool = False
    full: list[str] = field(default_factory=list)
    pacific: PacificDay | None = None
    pacific_from: str = ""
    note: str = ""
    skipped: bool = False
    outside: bool = False
    today: bool = False
    over: bool = False

    @property
    def key(self) -> str:
        """Return the cell's name for the script."""
        return f"{self.day}" if self.hour is None else f"{self.day}T{self.hour:02}"

    @property
    def looks(self) -> str:
        """Return the classes of the cell."""
        names = {
            "today": self.today,
            "over": self.over,
            "outside": self.outside,
            "skipped": self.skipped,
            "dark": self.is_dark,
        }
        return " ".join(name for name, holds in names.items() if holds)

    @property
    def them(self) -> str:
        """Return how to speak of those that are not shown."""
        return "it" if self.more == 1 else "them"

    @property
    def entries(self) -> list[tuple[str, Any]]:
        """Return items and empty slots in the order of the clock."""
        found: list[tuple[Any, str, Any]] = [(item.wall, "item", item) for item in self.items]
        found += [(mark.wall, "slot", mark) for mark in self.slots]
        return [(kind, value) for _, kind, value in sorted(found, key=lambda entry: entry[0])]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the table: an hour, a week or a channel."""

    label: str
    squares: list[Square]
    channel: Channel | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's head; `day` leads to the view of that day."""

    label: str
    day: date | None = None
    today: bool = False
    head: Square | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """The whole table. `form` is its shape: `squares` (a month), `hours`, `lanes`."""

    form: str
    corner: str
    columns: list[Column]
    rows: list[Row]


class _Layers:
    """What channels' own calendars say, by date of the page."""

    def __init__(self, view: CalendarView) -> None:
        self.view = view
        self.names = {channel.pk: channel.name for channel in view.channels}
        self.zones = {channel.pk: channel.timezone for channel in view.channels}
        self.full: dict[tuple[int, date], FullDay] = {
            (full.channel_id, full.day): full for full in view.full_days
        }
        self.dark: dict[int, list[DarkStretch]] = defaultdict(list)
        for dark in view.blackouts:
            self.dark[dark.channel_id].append(dark)

    def zone(self, channel_id: int) -> str:
        """Return the clock on which a channel's stretches are drawn."""
        return self.view.request.zone or self.zones[channel_id]

    def darken(self, square: Square) -> None:
        """Say which blackouts a cell lies in."""
        ids = [square.channel.pk] if square.channel else list(self.dark)
        begins = datetime.combine(square.day, time(square.hour or 0))
        ends = begins + timedelta(hours=square.hours)
        said, whole = [], 0
        for channel_id in ids:
            for dark in self.dark[channel_id]:
                low, high = (wall_in(at, self.zone(channel_id)) for at in (dark.starts_at, dark.ends_at))
                if low >= ends or high <= begins:
                    continue
                inside = low <= begins and high >= ends
                whole += inside
                if not inside or square.hour is None or square.channel:
                    said.append(self._blackout(square, channel_id, dark, low, high))
        square.dark = "; ".join(said[:MOST_NAMED]) + (
            f" and {len(said) - MOST_NAMED} more" if len(said) > MOST_NAMED else ""
        )
        square.is_dark = bool(square.channel) and (bool(said) or whole > 0)

    def _blackout(
        self, square: Square, channel_id: int, dark: DarkStretch, low: datetime, high: datetime
    ) -> str:
        who = "" if square.channel else f"{self.names[channel_id]}: "
        parts = [f"from {low:%H:%M}"] if low.date() == square.day and low.time() != time() else []
        if high.date() == square.day:
            parts.append(f"until {high:%H:%M}")
        return (
            f"{who}blackout{' ' if parts else ''}{' '.join(parts)}{f', {dark.reason}' if dark.reason else ''}"
        )

    def fill(self, square: Square) -> None:
        """Say of whom the day is full, on the channel's own date."""
        if square.channel:
            full = self.full.get((square.channel.pk, square.day))
            if full:
                square.full = [f"full: {full.count} of {full.cap}"]
            return
        of_day = [full for (_, day), full in self.full.items() if day == square.day]
        named = [f"{self.names[full.channel_id]} {full.count}/{full.cap}" for full in of_day[:MOST_NAMED]]
        if of_day:
            more = f" and {len(of_day) - MOST_NAMED} more" if len(of_day) > MOST_NAMED else ""
            square.full = [f"full: {', '.join(named)}{more}"]


def tallies_of(states: Mapping[str, int]) -> list[Tally]:
    """Count publications by badge, the words of their states beside it."""
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for state, count in states.items():
        counts[badges.badge_of(state)][state] = count
    return [
        Tally(
            badge,
            badges.MARKS[badge],
            sum(counts[badge].values()),
            ", ".join(f"{count} {words(state)}" for state, count in sorted(counts[badge].items())),
        )
        for badge in badges.MARKS
        if badge in counts
    ]


def grid_of(view: CalendarView, span: Span) -> Grid:
    """Lay out what was read for a span."""
    if view.request.lanes:
        return _lanes(view, span)
    return _month(view, span) if span.view == MONTH else _hours(view, span)


def today_of(view: CalendarView) -> date:
    """Return today's date on the page's clock; where each channel has its own, in UTC."""
    return date_of(view.now, view.request.zone or "UTC")


def _square(
    view: CalendarView,
    layers: _Layers,
    day: date,
    *,
    hour: int | None = None,
    hours: int = 24,
    channel: Channel | None = None,
) -> Square:
    """Return one cell with everything that stands in it."""
    today = today_of(view)
    square = Square(day, hour, hours, channel, today=day == today, over=day < today)
    lane = channel.pk if channel else 0
    cells = [
        cell
        for n in range(hours if hour is not None else 1)
        if (cell := view.cells.get((lane, day, (hour or 0) + n))) is not None
    ]
    _put(view, layers, square, cells)
    layers.darken(square)
    if hour is None:
        layers.fill(square)
    return square


def _put(view: CalendarView, layers: _Layers, square: Square, cells: Sequence[Cell]) -> None:
    per_cell, zone = view.request.per_cell, view.request.zone
    items = [item for cell in cells for item in cell.items]
    square.items = items[:per_cell]
    square.more = sum(cell.count for cell in cells) - len(square.items)
    states: dict[str, int] = defaultdict(int)
    for cell in cells:
        for state, count in cell.states.items():
            states[state] += count
    square.tallies = tallies_of(states)
    marks = [
        SlotMark(
            slot,
            slot.local_wall if zone == OWN_ZONE else wall_in(slot.at, zone),
            "" if square.channel else layers.names.get(slot.channel_id, ""),
        )
        for cell in cells
        for slot in cell.empty
    ]
    # A month has too many of them to be drawn one by one.
    shown = per_cell if square.hour is not None or (view.request.lanes and view.request.days <= 7) else 0
    square.slots, square.unfilled = marks[:shown], len(marks[shown:])


def _heads(view: CalendarView, layers: _Layers, dates: Sequence[date]) -> list[Column]:
    """Return a column for each date, saying what holds for the whole of it."""
    today, heads = today_of(view), []
    for day in dates:
        head = Square(day, today=day == today, over=day < today)
        _mark_day(view, layers, head)
        heads.append(Column(f"{day:%a} {day.day}", day, day == today, head))
    return heads


def _mark_day(view: CalendarView, layers: _Layers, square: Square) -> None:
    """Say what holds for a whole date: clocks that change, days that are full, the budget day that begins on it."""
    zone = view.request.zone
    if zone:
        skipped, repeated = skipped_hours(square.day, zone), repeated_hours(square.day, zone)
        if len(skipped) == 24:
            square.note = "no such day on this clock"
        elif skipped:
            square.note = f"clocks go forward at {min(skipped):02}:00"
        elif repeated:
            square.note = f"clocks go back: {min(repeated):02}:00 comes twice"
    if not view.request.lanes:
        layers.fill(square)
        layers.darken(square)
    for pacific in view.pacific_days:
        begins = wall_in(pacific.starts_at, zone) if zone else datetime.combine(pacific.day, time())
        if begins.date() == square.day:
            square.pacific, square.pacific_from = pacific, f"{begins:%H:%M}" if zone else ""


def _month(view: CalendarView, span: Span) -> Grid:
    layers = _Layers(view)
    rows = []
    for start in range(0, span.days, 7):
        squares = []
        for n in range(7):
            square = _square(view, layers, span.first + timedelta(days=start + n))
            _mark_day(view, layers, square)
            square.outside = square.day.month != span.day.month
            squares.append(square)
        rows.append(Row(f"{squares[0].day.isocalendar().week}", squares))
    names = [Column(f"{span.first + timedelta(days=n):%A}") for n in range(7)]
    return Grid("squares", "Week", names, rows)


def _hours(view: CalendarView, span: Span) -> Grid:
    layers = _Layers(view)
    dates = view.dates
    gone = {day: skipped_hours(day, view.request.zone) if view.request.zone else frozenset() for day in dates}
    rows = []
    for hour in range(24):
        squares = [_square(view, layers, day, hour=hour, hours=1) for day in dates]
        for square in squares:
            square.skipped = hour in gone[square.day]
        rows.append(Row(f"{hour:02}", squares))
    return Grid("hours", "Hour", _heads(view, layers, dates), rows)


def _lanes(view: CalendarView, span: Span) -> Grid:
    layers = _Layers(view)
    rows = []
    for channel in view.channels:
        if span.view == DAY:
            squares = [
                _square(view, layers, span.first, hour=hour, hours=PART_HOURS, channel=channel)
                for hour in range(0, 24, PART_HOURS)
            ]
            layers.fill(squares[0])
        else:
            squares = [_square(view, layers, day, channel=channel) for day in view.dates]
        note = channel.timezone if channel.timezone != view.request.zone else ""
        rows.append(Row(channel.name, squares, channel, note))
    if span.view == DAY:
        columns = [Column(f"{hour:02} to {hour + PART_HOURS:02}") for hour in range(0, 24, PART_HOURS)]
    else:
        columns = _heads(view, layers, view.dates)
    return Grid("lanes", "Channel", columns, rows)


def sentence_of(view: CalendarView) -> str:
    """Say in one line what is shown: how much, of how many channels."""
    said = plural(view.total, "publication")
    if view.request.lanes or view.is_layered:
        said += f", {plural(len(view.empty_slots), 'empty slot')}" if "slots" in view.request.layers else ""
    return f"{said}, {plural(view.channel_count, 'channel')}"


def zone_label(zone: str, at: datetime) -> str:
    """Name a clock: its zone, and what it is called at an instant."""
    if zone == OWN_ZONE:
        return "each channel's own clock"
    short = at.astimezone(zone_of(zone)).tzname() or ""
    return zone if short in zone else f"{zone} ({short})"
