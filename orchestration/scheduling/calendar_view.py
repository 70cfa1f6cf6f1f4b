"""Read what a calendar shows: publications on the dates of a zone, slots that stay empty, blackouts, and days that are full.

However many channels there are, the same few questions are asked, and the answer is bounded: what stands in a cell is
counted by the database, and only its first few rows are read. What is worked out of a channel's own calendar (empty slots,
blackouts, full days) is worked out for at most `MOST_LAYERED` channels.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from typing import Any

from django.db.models import Case, Count, DateTimeField, F, Q, QuerySet, When, Window
from django.db.models.functions import RowNumber, Substr, TruncDay, TruncHour
from django.utils import timezone as clock

from channels.models import Channel
from orchestration.errors import InvalidRequest
from orchestration.models import Schedule
from orchestration.planning.budgets import ONE_DAY, PacificDays
from orchestration.planning.calendar import calendars_of
from orchestration.planning.days import OWN_ZONE, offsets, window_of
from orchestration.planning.slot_marks import EmptySlot, FullDay, empty_slots, full_days
from orchestration.planning.slots import zone_of
from orchestration.planning.types import PoolKind
from orchestration.queue import pool_names
from orchestration.scheduling import snapshots
from orchestration.states import ScheduleState

MOST_DAYS = 45
MOST_LAYERED = 60
"""Of so many channels at most empty slots, blackouts and full days are worked out at once."""
ALL_AT_ONCE = 400
"""Up to so many publications are read as they are; of more, the first few of each cell."""
FIRST_YEAR, LAST_YEAR = 2000, 2199

LAYERS = ("slots", "blackouts", "caps", "pacific")
DEFAULT_LAYERS = frozenset({"slots", "blackouts", "caps"})
SHOWN_STATES = frozenset(ScheduleState.values) - {ScheduleState.CANCELLED}
"""Without a filter, what was cancelled is left out: it takes no room, and its time is somebody else's."""

Key = tuple[int, date, int]
"""A cell: the channel (0, where channels are merged), the date, the hour (0, where a cell is a day)."""


@dataclass(frozen=True, slots=True)
class CalendarRequest:
    """What of the calendar is asked for; `by_hour` cuts the days into hours, `lanes` keeps channels apart.

    Of a cell the first `per_cell` are read; of one that holds more than `crowded`, none (0: of all).
    Lanes are never crowded.
    """

    first: date
    days: int
    zone: str = OWN_ZONE
    by_hour: bool = False
    lanes: bool = False
    per_cell: int = 3
    crowded: int = 0
    page: int = 1
    limit: int = 25
    channel_ids: tuple[int, ...] = ()
    channels: QuerySet[Channel] | None = None
    q: str = ""
    group: str = ""
    label: str = ""
    wave_id: int | None = None
    states: frozenset[str] = SHOWN_STATES
    layers: frozenset[str] = DEFAULT_LAYERS

    @property
    def last(self) -> date:
        """Return the last date."""
        return self.first + timedelta(days=self.days - 1)

    @property
    def chooses_channels(self) -> bool:
        """Return whether only some of the channels are meant."""
        return bool(self.channel_ids or self.channels is not None or self.q or self.group or self.label)


@dataclass(frozen=True, slots=True)
class CalendarItem:
    """One publication, on the clock of the page (`wall`) and on its channel's own (`own_wall`)."""

    schedule: Schedule
    wall: datetime
    own_wall: datetime
    fold: int

    @property
    def differs(self) -> bool:
        """Return whether the two clocks show different times."""
        return self.wall != self.own_wall

    @property
    def may_move(self) -> bool:
        """Return whether its state, its moment and its wave let it be moved."""
        return not self.schedule.why_not("move")


@dataclass(frozen=True, slots=True)
class DarkStretch:
    """A blackout of a channel, from its first instant up to, not including, its last."""

    channel_id: int
    starts_at: datetime
    ends_at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class PacificDay:
    """One day of the budgets: what is spent or promised of it, and how much it gives."""

    day: date
    starts_at: datetime
    uploads: int
    uploads_limit: int
    units: int
    units_limit: int


@dataclass(slots=True)
class Cell:
    """What stands in one cell: how much of each state, the first few of it, and the slots that stay empty."""

    states: dict[str, int] = field(default_factory=dict)
    items: list[CalendarItem] = field(default_factory=list)
    empty: list[EmptySlot] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Return how many publications stand in it."""
        return sum(self.states.values())

    @property
    def more(self) -> int:
        """Return how many of them are not among `items`."""
        return self.count - len(self.items)


@dataclass(slots=True)
class CalendarView:
    """A stretch of the calendar. `channels` are the lanes of this page, or the channels whose layers are shown.

    `is_layered` says whether empty slots, blackouts and full days were worked out: not for too many channels.
    """

    request: CalendarRequest
    now: datetime
    channels: list[Channel]
    channel_count: int
    cells: dict[Key, Cell]
    is_layered: bool
    blackouts: list[DarkStretch]
    full_days: list[FullDay]
    pacific_days: list[PacificDay]
    starts_at: datetime
    ends_at: datetime

    @property
    def dates(self) -> list[date]:
        """Return the dates that are shown."""
        return [self.request.first + timedelta(days=n) for n in range(self.request.days)]

    @property
    def items(self) -> list[CalendarItem]:
        """Return the publications that were read, in the order of time."""
        found = [item for cell in self.cells.values() for item in cell.items]
        return sorted(found, key=lambda item: (item.schedule.publish_at, item.schedule.pk))

    @property
    def empty_slots(self) -> list[EmptySlot]:
        """Return the slots that stay empty, in the order of time."""
        found = [slot for cell in self.cells.values() for slot in cell.empty]
        return sorted(found, key=lambda slot: (slot.at, slot.channel_id))

    @property
    def total(self) -> int:
        """Return how many publications there are, those that were not read included."""
        return sum(cell.count for cell in self.cells.values())

    def states_on(self, day: date) -> dict[str, int]:
        """Return how many publications of each state a date has."""
        counts: dict[str, int] = defaultdict(int)
        for (_, on, _), cell in self.cells.items():
            if on == day:
                for state, count in cell.states.items():
                    counts[state] += count
        return dict(counts)


def checked(request: CalendarRequest) -> CalendarRequest:
    """Return a request that can be answered. Raises: InvalidRequest, naming the field."""
    if not 1 <= request.days <= MOST_DAYS:
        raise InvalidRequest(f"days {request.days} is not between 1 and {MOST_DAYS}.", field="days")
    if not FIRST_YEAR <= request.first.year <= request.last.year <= LAST_YEAR:
        raise InvalidRequest(
            f"{request.first} does not lie in the years {FIRST_YEAR} to {LAST_YEAR}.", field="from"
        )
    if request.zone != OWN_ZONE:
        try:
            zone_of(request.zone)
        except ValueError as error:
            raise InvalidRequest(f"{error}.", field="zone") from error
    unknown = sorted(request.layers - set(LAYERS))
    if unknown:
        raise InvalidRequest(f"layers knows no {unknown[0]}; it knows {', '.join(LAYERS)}.", field="layers")
    return request


def read(request: CalendarRequest) -> CalendarView:
    """Return a stretch of the calendar. Raises: InvalidRequest."""
    request = checked(request)
    now = clock.now()
    starts_at, ends_at = window_of(request.first, request.last, request.zone)
    chosen = _channels(request)
    count = chosen.count()
    request = replace(
        request, page=max(1, min(request.page, -(-count // request.limit)))
    )  # a stale link still opens
    channels = _shown_channels(request, chosen)
    rows = _rows(request, chosen, channels, starts_at, ends_at)
    cells = _cells(request, rows, starts_at, ends_at)
    is_layered = len(channels) == min(count, request.limit) if request.lanes else count <= MOST_LAYERED
    view = CalendarView(request, now, channels, count, cells, is_layered, [], [], [], starts_at, ends_at)
    if is_layered and channels and request.layers & DEFAULT_LAYERS:
        _add_layers(view)
    if "pacific" in request.layers:
        view.pacific_days = _pacific_days(starts_at, ends_at, now)
    return view


# -------------------------------------------------------------------------------------------------------------- channels


def _channels(request: CalendarRequest) -> QuerySet[Channel]:
    rows = Channel.objects.order_by("name", "pk")
    if request.channel_ids:
        rows = rows.filter(pk__in=request.channel_ids)
    if request.channels is not None:
        rows = rows.filter(pk__in=request.channels.order_by().values("pk"))
    if request.q:
        rows = rows.filter(Q(name__icontains=request.q) | Q(slug__icontains=request.q))
    if request.group:
        rows = rows.filter(groups__slug=request.group)
    if request.label:
        rows = rows.filter(labels__name=request.label)
    return rows


def _shown_channels(request: CalendarRequest, chosen: QuerySet[Channel]) -> list[Channel]:
    """Return the lanes of the page that is asked for; merged, the channels whose layers can be worked out."""
    start = (request.page - 1) * request.limit if request.lanes else 0
    most = request.limit if request.lanes else MOST_LAYERED
    return list(chosen.select_related("credential")[start : start + most])


# ----------------------------------------------------------------------------------------------------------------- cells


def _rows(
    request: CalendarRequest,
    chosen: QuerySet[Channel],
    channels: Sequence[Channel],
    since: datetime,
    until: datetime,
) -> QuerySet[Schedule]:
    rows = Schedule.objects.filter(
        state__in=sorted(request.states), publish_at__gte=since, publish_at__lt=until
    )
    if request.lanes:
        rows = rows.filter(channel__in=[channel.pk for channel in channels])
    elif request.chooses_channels:
        rows = rows.filter(channel__in=chosen.order_by().values("pk"))
    if request.wave_id is not None:
        rows = rows.filter(wave=request.wave_id)
    if request.zone == OWN_ZONE:  # the window is that of every zone; the wall clock says what belongs to it
        after = request.last + ONE_DAY
        rows = rows.filter(local_wall__gte=request.first.isoformat(), local_wall__lt=after.isoformat())
    return rows


def _wall(request: CalendarRequest, since: datetime, until: datetime) -> Any:
    """Return the hour or day that the page's clock shows, for the database to group by."""
    if request.zone == OWN_ZONE:
        return Substr("local_wall", 1, 13 if request.by_hour else 10)
    cut = TruncHour if request.by_hour else TruncDay
    # By our own table of zones, as a fixed offset for each stretch: the database's table may be another year's.
    parts = [
        (part.ends_at, cut("publish_at", tzinfo=timezone(part.ahead)))
        for part in offsets(since, until, request.zone)
    ]
    if len(parts) == 1:
        return parts[0][1]
    whens = [When(publish_at__lt=ends_at, then=expression) for ends_at, expression in parts[:-1]]
    return Case(*whens, default=parts[-1][1], output_field=DateTimeField())


def _day_and_hour(value: Any) -> tuple[date, int]:
    if isinstance(value, str):
        return date.fromisoformat(value[:10]), int(value[11:13] or 0)
    return value.date(), value.hour


def _cells(
    request: CalendarRequest, rows: QuerySet[Schedule], since: datetime, until: datetime
) -> dict[Key, Cell]:
    cells: dict[Key, Cell] = defaultdict(Cell)
    wall = _wall(request, since, until)
    names = ["cell", "state", *(["channel_id"] if request.lanes else [])]
    counted = rows.annotate(cell=wall).values(*names).annotate(count=Count("*")).order_by()
    totals: Counter[Any] = Counter()
    for row in counted.values_list("cell", "state", "count", *names[2:]):
        day, hour = _day_and_hour(row[0])
        if request.first <= day <= request.last:
            cells[row[3] if request.lanes else 0, day, hour].states[row[1]] = row[2]
            totals[row[0]] += row[2]
    most = request.crowded if request.crowded and not request.lanes else max(totals.values(), default=0)
    roomy = {name: many for name, many in totals.items() if many <= most}
    if len(roomy) < len(totals):
        rows = rows.annotate(cell=wall).filter(cell__in=list(roomy))
    for item in _items(request, rows, wall, sum(roomy.values())):
        day, hour = item.wall.date(), item.wall.hour if request.by_hour else 0
        key = (item.schedule.channel_id if request.lanes else 0, day, hour)
        if key in cells and len(cells[key].items) < (request.per_cell or 0):
            cells[key].items.append(item)
    return cells


def _items(
    request: CalendarRequest, rows: QuerySet[Schedule], wall: Any, total: int
) -> Iterable[CalendarItem]:
    if not total or not request.per_cell:
        return
    if total > ALL_AT_ONCE:
        apart = [F("cell"), *([F("channel_id")] if request.lanes else [])]
        place = Window(RowNumber(), partition_by=apart, order_by=["publish_at", "pk"])
        ranked = rows.annotate(cell=wall).annotate(place=place).filter(place__lte=request.per_cell)
        rows = Schedule.objects.filter(pk__in=list(ranked.order_by().values_list("pk", flat=True)))
    full = rows.select_related("channel", "wave", "distribution__video").order_by("publish_at", "pk")
    for row in full:
        yield item_of(row, request.zone)


def item_of(row: Schedule, zone: str) -> CalendarItem:
    """Return a publication on the clock of a page."""
    own = row.publish_at.astimezone(zone_of(row.zone))
    shown = own if zone == OWN_ZONE else row.publish_at.astimezone(zone_of(zone))
    return CalendarItem(row, shown.replace(tzinfo=None, fold=0), own.replace(tzinfo=None, fold=0), shown.fold)


# ---------------------------------------------------------------------------------------------------------------- layers


def _add_layers(view: CalendarView) -> None:
    """Work out, of each channel that is shown, what its own calendar says."""
    request = view.request
    views = snapshots.views_of(view.channels)
    around = snapshots.reach(views)
    entries = snapshots.occupied(
        [channel.pk for channel in view.channels], view.starts_at - around, view.ends_at + around
    )
    calendars = calendars_of(views, entries, view.now)
    for calendar in calendars.values():
        if "slots" in request.layers:
            for slot in empty_slots(calendar, view.starts_at, view.ends_at):
                _put_slot(view, slot)
        if "blackouts" in request.layers:
            view.blackouts += [
                DarkStretch(calendar.channel.id, dark.starts_at, dark.ends_at, dark.reason)
                for dark in calendar.channel.blackouts
                if dark.starts_at < view.ends_at and dark.ends_at > view.starts_at
            ]
        if "caps" in request.layers:
            view.full_days += [
                full for full in full_days(calendar) if request.first <= full.day <= request.last
            ]


def _put_slot(view: CalendarView, slot: EmptySlot) -> None:
    request = view.request
    wall = slot.local_wall if request.zone == OWN_ZONE else wall_in(slot.at, request.zone)
    if request.first <= wall.date() <= request.last:
        key = (slot.channel_id if request.lanes else 0, wall.date(), wall.hour if request.by_hour else 0)
        view.cells.setdefault(key, Cell()).empty.append(slot)


def wall_in(at: datetime, zone: str) -> datetime:
    """Return what the clocks of a zone show at an instant, without the zone."""
    return at.astimezone(zone_of(zone)).replace(tzinfo=None, fold=0)


def _pacific_days(since: datetime, until: datetime, now: datetime) -> list[PacificDay]:
    """Return the budget days that begin in a window, from today on: what is over is not asked about any more."""
    pools = {pool.name: pool for pool in snapshots.pool_views(now) if pool.kind == PoolKind.BUDGET}
    days = PacificDays()
    day, found = max(days.day(since), days.day(now)), []
    while (starts_at := days.bounds(day)[0]) < until:
        numbers: list[int] = []
        for name in (pool_names.UPLOADS, pool_names.UNITS):
            pool = pools.get(name)
            taken: Mapping[date, int] = pool.used if pool else {}
            promised: Mapping[date, int] = pool.committed if pool else {}
            numbers += [taken.get(day, 0) + promised.get(day, 0), pool.capacity if pool else 0]
        found.append(PacificDay(day, starts_at, *numbers))
        day += ONE_DAY
    return found
