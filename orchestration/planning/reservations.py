"""Reserve, for each placement, the Pacific day whose budget its staging draws on, and say when staging starts.

The latest day that serves is taken, so that the days ahead stay open for what comes at short notice. First every item gets
the latest day on which it can still be ready, in the order of falling deadlines: that serves all items whenever any order
does. Then those whose lead time wants an earlier day move to one that has room left.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from orchestration.planning.budgets import MAX_DAYS_AHEAD, Budget, PacificDays
from orchestration.planning.slots import ONE_DAY, ONE_MINUTE
from orchestration.planning.types import DayLoad, PoolKind, PoolView


class ToStage(NamedTuple):
    """One item: its moment, who stages it, how long that takes, and how far ahead it is wanted."""

    at: datetime
    executor: str
    seconds: int
    lead_seconds: int = 0


class Staging(NamedTuple):
    """When one item's staging starts at the latest, and the day it reserves (None without a budget)."""

    stage_at: datetime
    stage_on: date | None


class Reservations:
    """The room that one plan takes of the budgets, by Pacific day."""

    def __init__(self, pools: Iterable[PoolView], now: datetime, days: PacificDays | None = None) -> None:
        self.now = now
        self.days = days or PacificDays()
        self.today = self.days.day(now)
        self._budgets = [
            Budget(p, self.today)
            for p in sorted(pools, key=lambda p: p.name)
            if p.kind == PoolKind.BUDGET and p.cost_per_item > 0
        ]
        self._of_executor: dict[str, list[Budget]] = {}
        self._earlier: dict[tuple[str, date], date] = {}

    def reserve(self, items: Sequence[ToStage]) -> list[Staging]:
        """Take room for all items, and return when each is staged, in their order."""
        spans = {s: timedelta(seconds=s) for item in items for s in (item.seconds, item.lead_seconds)}
        if not self._budgets:
            ahead = [max(spans[item.lead_seconds], spans[item.seconds]) for item in items]
            return [Staging(max(i.at - a, self.now), None) for i, a in zip(items, ahead, strict=True)]
        latest = [max(item.at - spans[item.seconds], self.now) for item in items]
        order = sorted(range(len(items)), key=lambda i: (latest[i], items[i].executor), reverse=True)
        chosen: list[date | None] = [None] * len(items)
        for i in order:
            chosen[i] = self.take(items[i].executor, latest[i])
        self._earlier.clear()
        stagings: list[Staging] = [Staging(self.now, None)] * len(items)
        for i in reversed(order):
            before = max(spans[items[i].lead_seconds], spans[items[i].seconds])
            stage_at = max(items[i].at - before, self.now)
            day = chosen[i]
            if day is not None:
                day = self._move_earlier(items[i].executor, day, self.days.day(stage_at))
                starts_at, ends_at = self.days.bounds(day)
                stage_at = max(min(stage_at, ends_at - max(before, ONE_MINUTE)), starts_at, self.now)
            stagings[i] = Staging(stage_at, day)
        return stagings

    def has_room(self, executor: str, deadline: datetime) -> bool:
        """Return whether one more item can be staged by its deadline.

        Exact in whatever order items are taken, since each has taken the latest day that serves it.
        """
        budgets = self._budgets_of(executor)
        return not budgets or self._latest_with_room(executor, budgets, self.days.day(deadline)) is not None

    def take(self, executor: str, deadline: datetime) -> date | None:
        """Take one item's room on the latest day up to the wanted one.

        Where all are full, on the first after it.
        """
        budgets = self._budgets_of(executor)
        if not budgets:
            return None
        wanted = max(self.days.day(deadline), self.today)
        day = self._latest_with_room(executor, budgets, wanted)
        if day is None:
            day = wanted
            while any(b.room(day) <= 0 for b in budgets) and (day - wanted).days <= MAX_DAYS_AHEAD:
                day += ONE_DAY
        for budget in budgets:
            budget.book(day)
        return day

    def _move_earlier(self, executor: str, day: date, wanted: date) -> date:
        """Move one item's room to an earlier day that serves its lead time, if one has any left."""
        if day <= wanted:
            return day
        budgets = self._budgets_of(executor)
        earlier = self._latest_with_room(executor, budgets, wanted)
        if earlier is None:
            return day
        for budget in budgets:
            budget.book(day, -1)
            budget.book(earlier)
        return earlier

    def _budgets_of(self, executor: str) -> list[Budget]:
        budgets = self._of_executor.get(executor)
        if budgets is None:
            budgets = [b for b in self._budgets if b.pool.executor in ("", executor)]
            self._of_executor[executor] = budgets
        return budgets

    def _latest_with_room(self, executor: str, budgets: list[Budget], day: date) -> date | None:
        """Walk back to a day with room, leaping over days that were found full before."""
        passed: list[tuple[str, date]] = []
        while day >= self.today and any(b.room(day) <= 0 for b in budgets):
            key = (executor, day)
            passed.append(key)
            day = self._earlier.get(key, day - ONE_DAY)
        for key in passed:
            self._earlier[key] = day
        return day if day >= self.today else None

    def loads(self) -> tuple[DayLoad, ...]:
        """Return what was reserved, by pool and Pacific day."""
        return tuple(
            DayLoad(b.pool.name, day, items * b.cost, b.taken(day), b.pool.capacity)
            for b in self._budgets
            for day, items in sorted(b.booked.items())
            if items
        )
