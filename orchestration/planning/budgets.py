"""Find when staging can be done: slots at once, rates a window, budgets a Pacific day.

An upload for a placement at T may be made on any Pacific day from now to T, so a budget is a question of
deadlines: items are booked in the order of their moments (earliest deadline first) on the first day that
has room, which is feasible whenever any order is. What a plan then reserves is the *latest* day with room
before the deadline, so that the days ahead stay open for what comes at short notice; the dispatcher may
work ahead of it.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from channels.quota import pacific_day, pacific_day_bounds
from orchestration.planning import rules
from orchestration.planning.types import PoolKind, PoolView

ONE_DAY = timedelta(days=1)
ONE_MINUTE = timedelta(minutes=1)
MAX_DAYS_AHEAD = 3660
"""A budget that has no room within ten years has none."""


def ceil_minute(at: datetime) -> datetime:
    """Return the first whole minute at or after an instant."""
    floor = at.replace(second=0, microsecond=0)
    return floor if floor == at else floor + ONE_MINUTE


def soonest(now: datetime) -> datetime:
    """Return the first whole minute strictly after now: the earliest moment that planning gives out."""
    return now.replace(second=0, microsecond=0) + ONE_MINUTE


class PacificDays:
    """Map instants to Pacific days and back, remembering the bounds.

    Plans ask for the same few days again and again.
    """

    __slots__ = ("_bounds", "_days", "_starts")

    def __init__(self) -> None:
        self._bounds: dict[date, tuple[datetime, datetime]] = {}
        self._starts: list[datetime] = []
        self._days: list[date] = []

    def bounds(self, day: date) -> tuple[datetime, datetime]:
        """Return a day's first instant and the first one after it."""
        found = self._bounds.get(day)
        if found is None:
            found = self._bounds[day] = pacific_day_bounds(day)
            index = bisect_right(self._starts, found[0])
            self._starts.insert(index, found[0])
            self._days.insert(index, day)
        return found

    def day(self, at: datetime) -> date:
        """Return the Pacific day of an instant."""
        index = bisect_right(self._starts, at) - 1
        if index >= 0 and at < self._bounds[self._days[index]][1]:
            return self._days[index]
        day = pacific_day(at)
        self.bounds(day)
        return day


@dataclass(frozen=True, slots=True)
class Booking:
    """When one item is staged, and what it waited for.

    `rule` and `pool` are empty where it can start at once.
    """

    starts_at: datetime
    ready_at: datetime
    rule: str = ""
    pool: str = ""


class Budget:
    """The room of one budget pool by Pacific day, counted in items.

    What is reserved on a day beyond its capacity has to be staged on the days before it, and takes their room.
    """

    def __init__(self, pool: PoolView, today: date) -> None:
        self.pool = pool
        self.cost = pool.cost_per_item
        self.booked: dict[date, int] = {}
        self._reserved: dict[date, int] = {}
        day, surplus = max((d for d, units in pool.committed.items() if units), default=today), 0
        while day >= today:
            wanted = pool.committed.get(day, 0) + surplus
            fits = max(min(wanted, pool.capacity - pool.used.get(day, 0)), 0)
            self._reserved[day], surplus = fits, wanted - fits
            day -= ONE_DAY

    def taken(self, day: date) -> int:
        """Return the units of a day that others have charged or reserved."""
        return self.pool.used.get(day, 0) + self._reserved.get(day, 0)

    def room(self, day: date) -> int:
        """Return how many more items a day can take."""
        return (self.pool.capacity - self.taken(day)) // self.cost - self.booked.get(day, 0)

    def book(self, day: date, items: int = 1) -> None:
        """Take the room of some items on a day."""
        self.booked[day] = self.booked.get(day, 0) + items


class _Slots:
    """`capacity` servers, each free from some instant on; what is queued already keeps them busy first."""

    def __init__(self, pool: PoolView, now: datetime) -> None:
        self.pool = pool
        self.free_at = [now] * pool.capacity
        self.queued = pool.queued

    def work_off_queue(self, seconds: int) -> None:
        """Let the items that wait already go first, each taking as long as ours."""
        for _ in range(self.queued):
            heapq.heapreplace(self.free_at, self.free_at[0] + timedelta(seconds=seconds))
        self.queued = 0


class _Rate:
    """At most `capacity` starts in any window of `window_seconds`."""

    def __init__(self, pool: PoolView) -> None:
        self.pool = pool
        self.window = timedelta(seconds=pool.window_seconds)
        self.starts: deque[datetime] = deque(maxlen=max(pool.capacity, 1))


@dataclass(frozen=True, slots=True)
class _Pools:
    """What one executor's staging draws on."""

    budgets: list[Budget]
    slots: list[_Slots]
    rates: list[_Rate]


class Stager:
    """Book staging in order of deadline, and say when each item is ready.

    None says that a pool has no room at all.
    """

    def __init__(self, pools: Iterable[PoolView], now: datetime) -> None:
        self.now = now
        self.days = PacificDays()
        self._budgets: list[Budget] = []
        self._slots: list[_Slots] = []
        self._rates: list[_Rate] = []
        for pool in sorted(pools, key=lambda p: p.name):
            if pool.cost_per_item <= 0:
                continue
            if pool.kind == PoolKind.BUDGET:
                self._budgets.append(Budget(pool, self.days.day(now)))
            elif pool.kind == PoolKind.SLOTS:
                self._slots.append(_Slots(pool, now))
            elif pool.kind == PoolKind.RATE:
                self._rates.append(_Rate(pool))
        self._pools: dict[str, _Pools] = {}
        self._later: dict[tuple[str, date], tuple[date, str]] = {}
        self._at_once = Booking(now, now)

    @property
    def budgets(self) -> Sequence[Budget]:
        """Return the budgets that staging draws on."""
        return self._budgets

    def _pools_of(self, executor: str) -> _Pools:
        pools = self._pools.get(executor)
        if pools is None:
            serves = ("", executor)
            pools = self._pools[executor] = _Pools(
                [budget for budget in self._budgets if budget.pool.executor in serves],
                [slots for slots in self._slots if slots.pool.executor in serves],
                [rate for rate in self._rates if rate.pool.executor in serves],
            )
        return pools

    def peek(self, executor: str = "", seconds: int = 0) -> Booking | None:
        """Return when one more item would be ready, without booking it; None where it never would."""
        return self._find(executor, seconds)[0]

    def book(self, executor: str = "", seconds: int = 0, by: datetime | None = None) -> Booking | None:
        """Book one more item and return when it is ready at the earliest.

        None, and nothing booked, where it never would be. Items come in the order of their deadlines; one that comes
        before its turn names its own in `by`, and takes the latest day that serves it, and no slot from those before it.
        """
        booking, day = self._find(executor, seconds)
        if booking is None:
            return None
        pools = self._pools_of(executor)
        if by is None or booking.ready_at > by:
            self._take(pools, booking, day, seconds)
        elif day is not None:
            latest = self.days.day(by - timedelta(seconds=seconds))
            while latest > day and any(budget.room(latest) <= 0 for budget in pools.budgets):
                latest -= ONE_DAY
            for budget in pools.budgets:
                budget.book(latest)
        return booking

    def _find(self, executor: str, seconds: int) -> tuple[Booking | None, date | None]:
        pools = self._pools_of(executor)
        if not pools.budgets and not pools.rates and (not pools.slots or not seconds):
            if not seconds:
                return self._at_once, None
            return Booking(self.now, self.now + timedelta(seconds=seconds)), None
        start, rule, pool = self.now, "", ""
        if seconds:
            for slots in pools.slots:
                if not slots.free_at:
                    return None, None
                if slots.queued:
                    slots.work_off_queue(seconds)
                if slots.free_at[0] > start:
                    start, rule, pool = slots.free_at[0], rules.POOL_CAPACITY, slots.pool.name
        for rate in pools.rates:
            if rate.pool.capacity <= 0:
                return None, None
            if len(rate.starts) == rate.pool.capacity and rate.starts[0] + rate.window > start:
                start, rule, pool = rate.starts[0] + rate.window, rules.POOL_CAPACITY, rate.pool.name
        day = None
        if pools.budgets:
            first = self.days.day(start)
            day, blocking = self._first_with_room(executor, pools.budgets, first)
            if day is None:
                return None, None
            if day != first:
                start, rule, pool = self.days.bounds(day)[0], rules.BUDGET_EXHAUSTED, blocking
        return Booking(start, start + timedelta(seconds=seconds), rule, pool), day

    def _first_with_room(self, executor: str, budgets: list[Budget], first: date) -> tuple[date | None, str]:
        """Walk to the first day with room, leaping over days that were found full before.

        Name the last full pool.
        """
        day, blocking = first, ""
        passed: list[tuple[str, date]] = []
        while True:
            key = (executor, day)
            leap = self._later.get(key)
            if leap is None:
                full = next((b for b in budgets if b.room(day) <= 0), None)
                if full is None:
                    break
                leap = (day + ONE_DAY, full.pool.name)
            passed.append(key)
            day, blocking = leap
            if (day - first).days > MAX_DAYS_AHEAD:
                break
        for key in passed:
            self._later[key] = (day, blocking)
        return (None if (day - first).days > MAX_DAYS_AHEAD else day), blocking

    @staticmethod
    def _take(pools: _Pools, booking: Booking, day: date | None, seconds: int) -> None:
        if day is not None:
            for budget in pools.budgets:
                budget.book(day)
        if seconds:
            for slots in pools.slots:
                heapq.heapreplace(slots.free_at, booking.ready_at)
        for rate in pools.rates:
            rate.starts.append(booking.starts_at)
