"""Run the planner's and the dispatcher's rules against a simulated clock: what the coming days bring.

The dispatcher starts, whenever a pool has room, the waiting item with the best rank (`priority`). Here time
leaps from one event to the next: an item becomes due for staging, a slot falls free, a window opens,
midnight in California refills the budgets. Times are whole seconds from now, so that a week of a thousand
channels takes a second or two.
"""

from __future__ import annotations

import heapq
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from channels.quota import pacific_day, pacific_day_bounds
from orchestration.planning import rules
from orchestration.planning.answers import BudgetDay, Forecast, ForecastItem, LateItem, PoolHour
from orchestration.planning.conflicts import format_duration, format_instant
from orchestration.planning.gc_pause import with_gc_paused
from orchestration.planning.priority import AGEING_STEP_SECONDS
from orchestration.planning.slots import ONE_DAY, require_aware
from orchestration.planning.types import PoolKind, PoolView

STAGE_TIME = "stage_time"
_NEVER = 1 << 62
_FOREVER = (_NEVER, 0, 0)


class _Clock:
    """Seconds from the start, and the Pacific days they fall in."""

    def __init__(self, starts_at: datetime, days: int) -> None:
        self.starts_at = starts_at
        self.end = days * 86400
        self.first_hour = starts_at.replace(minute=0, second=0, microsecond=0)
        self.past_hour = int((starts_at - self.first_hour).total_seconds())
        self.hours = -(-(self.end + self.past_hour) // 3600)
        self.days: list[date] = []
        self.midnights: list[int] = []
        day = pacific_day(starts_at)
        while not self.midnights or self.midnights[-1] < self.end:
            self.days.append(day)
            self.midnights.append(self.seconds(pacific_day_bounds(day)[1]))
            day += ONE_DAY

    def seconds(self, at: datetime) -> int:
        """Return an instant as whole seconds from the start, rounded up."""
        return -int((self.starts_at - at) // timedelta(seconds=1))

    def at(self, seconds: int) -> datetime:
        """Return the instant of a second."""
        return self.starts_at + timedelta(seconds=seconds)

    def hour(self, seconds: int) -> int:
        """Return which hour of the clock a second falls in, counted from the first; budgets refill on a whole hour."""
        return (seconds + self.past_hour) // 3600

    def day_index(self, seconds: int) -> int:
        """Return which Pacific day a second falls in, counted from the first."""
        return min(bisect_right(self.midnights, seconds), len(self.days) - 1)


class _Gauge:
    """One pool at work: whether it has room now, when it will, and what it did by the hour."""

    def __init__(self, pool: PoolView, clock: _Clock) -> None:
        self.pool = pool
        self.clock = clock
        self.by_hour: Counter[int] = Counter()
        self.busy = [0] * pool.capacity if pool.kind == PoolKind.SLOTS else []
        self.starts: deque[int] = deque(maxlen=max(pool.capacity, 1))
        self.used = [pool.used.get(day, 0) for day in clock.days]
        self._queue_waits = pool.queued

    def opens_at(self, now: int, seconds: int) -> int:
        """Return the first second from `now` on at which one more item may start."""
        pool = self.pool
        if pool.capacity <= 0:
            return _NEVER
        if pool.kind == PoolKind.SLOTS:
            if not seconds:
                return now
            while self._queue_waits:
                heapq.heapreplace(self.busy, self.busy[0] + seconds)
                self._queue_waits -= 1
            return max(now, self.busy[0])
        if pool.kind == PoolKind.RATE:
            full = len(self.starts) == pool.capacity
            return max(now, self.starts[0] + pool.window_seconds) if full else now
        index = self.clock.day_index(now)
        if self.used[index] + pool.cost_per_item <= pool.capacity:
            return now
        return self.clock.midnights[index]

    def start(self, now: int, seconds: int) -> None:
        """Count one item that starts."""
        kind = self.pool.kind
        if kind == PoolKind.SLOTS:
            if seconds:
                heapq.heapreplace(self.busy, now + seconds)
                self._spread(now, now + seconds)
        elif kind == PoolKind.RATE:
            self.starts.append(now)
            self.by_hour[self.clock.hour(now)] += 1
        else:
            self.used[self.clock.day_index(now)] += self.pool.cost_per_item
            self.by_hour[self.clock.hour(now)] += self.pool.cost_per_item

    def _spread(self, start: int, end: int) -> None:
        while start < end:
            hour = self.clock.hour(start)
            upto = min(end, (hour + 1) * 3600 - self.clock.past_hour)
            self.by_hour[hour] += upto - start
            start = upto

    def hours(self) -> Iterable[PoolHour]:
        """Return what the pool did in each hour of the horizon."""
        pool = self.pool
        capacity = pool.capacity
        if pool.kind == PoolKind.SLOTS:
            capacity *= 3600
        elif pool.kind == PoolKind.RATE and pool.window_seconds:
            capacity = capacity * 3600 // pool.window_seconds
        for hour in range(self.clock.hours):
            yield PoolHour(
                pool.name, self.clock.first_hour + timedelta(hours=hour), self.by_hour[hour], capacity
            )


class _Line:
    """The items of one executor that wait for staging, best rank first, with the pools they need."""

    def __init__(self, gauges: list[_Gauge]) -> None:
        self.gauges = gauges
        self.waiting: list[tuple[int, int, int]] = []
        self.blocked_by = 0
        self.waited = [0] * len(gauges)

    def opens_at(self, now: int, item: ForecastItem) -> int:
        """Return when the first waiting item may start, and remember which pool it waits for."""
        opens_at = now
        for place, gauge in enumerate(self.gauges):
            if item.drawn and gauge.pool.kind == PoolKind.BUDGET:
                continue
            at = gauge.opens_at(now, item.stage_seconds)
            if at > opens_at:
                opens_at, self.blocked_by = at, place
        return opens_at

    def longest_wait(self, since: list[int]) -> _Gauge | None:
        """Return the pool that held the line back longest since it had waited so much."""
        if not self.gauges:
            return None
        waits = [now - before for now, before in zip(self.waited, since, strict=True)]
        longest = max(range(len(waits)), key=waits.__getitem__)
        return self.gauges[longest] if waits[longest] > 0 else None


@with_gc_paused
def forecast(
    items: Iterable[ForecastItem],
    pools: Iterable[PoolView],
    now: datetime,
    days: int = 7,
    lead_time_seconds: int = 7200,
    ageing_step_seconds: int = AGEING_STEP_SECONDS,
) -> Forecast:
    """Return the loads by pool and hour, the budgets by Pacific day, and what will not make its time and why.

    `pools` count what was charged (`used`); what is reserved belongs to the items themselves and is left out. `queued` is
    what waits beside the items.
    """
    now = require_aware(now, "now")
    pools = tuple(pools)
    clock = _Clock(now, days)
    gauges = [_Gauge(p, clock) for p in sorted(pools, key=lambda p: p.name) if p.cost_per_item > 0]
    ordered = sorted(items, key=lambda i: (i.at, -i.priority, i.channel_id, i.schedule_id or 0))
    due: list[tuple[int, int]] = []
    moments: list[int] = []
    for index, item in enumerate(ordered):
        moment = clock.seconds(item.at)
        moments.append(moment)
        if not item.staged:
            stage = moment - max(lead_time_seconds, item.stage_seconds)
            if item.stage_at is not None:
                stage = clock.seconds(item.stage_at)
            if stage < clock.end:
                due.append((max(stage, 0), index))
    late = _simulate(ordered, moments, sorted(due), gauges, clock, ageing_step_seconds)
    inside = [i for i, moment in zip(ordered, moments, strict=True) if 0 <= moment < clock.end]
    by_day = Counter(clock.days[clock.day_index(moment)] for moment in moments if 0 <= moment < clock.end)
    to_arm = Counter(
        clock.days[clock.day_index(moment)]
        for i, moment in zip(ordered, moments, strict=True)
        if 0 <= moment < clock.end and not i.armed
    )
    hours = tuple(hour for gauge in gauges for hour in gauge.hours())
    budgets = tuple(
        BudgetDay(g.pool.name, day, g.used[index], g.pool.capacity)
        for g in gauges
        if g.pool.kind == PoolKind.BUDGET
        for index, day in enumerate(clock.days)
    ) + tuple(
        BudgetDay(p.name, day, p.used.get(day, 0) + to_arm[day] * p.publish_units, p.capacity)
        for p in pools
        if p.publish_units
        for day in clock.days
    )
    return Forecast(
        starts_at=now,
        ends_at=clock.at(clock.end),
        items=len(inside),
        hours=hours,
        days=budgets,
        late=late,
        published_by_day=dict(sorted(by_day.items())),
        summary=_summary(len(inside), days, late, [day for day in budgets if day.used > day.capacity]),
    )


def _simulate(
    items: list[ForecastItem],
    moments: list[int],
    due: list[tuple[int, int]],
    gauges: list[_Gauge],
    clock: _Clock,
    step: int,
) -> tuple[LateItem, ...]:
    """Leap from event to event until the horizon ends; return what is late, in the order of time."""
    lines: dict[str, _Line] = {}
    late: list[tuple[int, LateItem]] = []
    waited: dict[int, list[int]] = {}
    now, coming, count = 0, 0, len(due)
    while now < clock.end:
        while coming < count and due[coming][0] <= now:
            since, index = due[coming]
            item = items[index]
            line = lines.get(item.executor)
            if line is None:
                line = lines[item.executor] = _Line(
                    [g for g in gauges if g.pool.executor in ("", item.executor)]
                )
            # What is at it holds its slot, and waits for nothing that others take.
            rank = -_NEVER if item.drawn else since - item.priority * step
            heapq.heappush(line.waiting, (rank, since, index))
            waited[index] = line.waited.copy()
            coming += 1
        blocked: list[_Line] = []
        best, best_line, wakes_at = _FOREVER, None, due[coming][0] if coming < count else _NEVER
        for line in lines.values():
            if not line.waiting:
                continue
            first = line.waiting[0]
            opens_at = line.opens_at(now, items[first[2]])
            if opens_at > now:
                wakes_at = min(wakes_at, opens_at)
                blocked.append(line)
            elif first < best:
                best, best_line = first, line
        if best_line is None:
            wakes_at = min(wakes_at, clock.end)
            for line in blocked:
                line.waited[line.blocked_by] += wakes_at - now
            now = wakes_at
            continue
        _, _, index = heapq.heappop(best_line.waiting)
        item = items[index]
        for gauge in best_line.gauges:
            if not (item.drawn and gauge.pool.kind == PoolKind.BUDGET):
                gauge.start(now, item.stage_seconds)
        ready = now + item.stage_seconds
        if ready > moments[index]:
            late.append(
                (index, _late(item, clock, ready, moments[index], best_line.longest_wait(waited[index])))
            )
    for line in lines.values():
        for _, _, index in line.waiting:
            if moments[index] < clock.end:
                late.append(
                    (
                        index,
                        _late(items[index], clock, None, moments[index], line.longest_wait(waited[index])),
                    )
                )
    late.sort(key=lambda entry: entry[0])
    return tuple(entry for _, entry in late)


def _late(
    item: ForecastItem, clock: _Clock, ready: int | None, moment: int, gauge: _Gauge | None
) -> LateItem:
    """Return by how much an item misses its time, and what it waited for."""
    late = (ready if ready is not None else clock.end) - moment
    name = item.label or (
        f"publication {item.schedule_id}" if item.schedule_id else f"channel {item.channel_id}"
    )
    if gauge is None:
        rule, waited_for, why = STAGE_TIME, "", f"staging takes {format_duration(item.stage_seconds)}"
    elif gauge.pool.kind == PoolKind.BUDGET:
        rule, waited_for = rules.BUDGET_EXHAUSTED, gauge.pool.name
        why = f"it waits for the budget {waited_for}, {gauge.pool.capacity} a Pacific day"
    else:
        rule, waited_for = rules.POOL_CAPACITY, gauge.pool.name
        why = f"it waits for the pool {waited_for}, capacity {gauge.pool.capacity}"
    when = (
        f"is staged {format_duration(late)} late"
        if ready is not None
        else "is not staged within the forecast"
    )
    sentence = f"{name}, due at {format_instant(item.at)}, {when}: {why}"
    return LateItem(item, clock.at(ready) if ready is not None else None, late, waited_for, rule, sentence)


def _summary(items: int, days: int, late: tuple[LateItem, ...], over: list[BudgetDay]) -> str:
    text = f"{items} publications in {days} days"
    if over:
        short = f"{over[0].pool} on {over[0].day} (Pacific): {over[0].used} of {over[0].capacity}"
        text += f"; to make them public there is too little of {short}"
    if late:
        return f"{text}; {len(late)} will not make their time; first: {late[0].sentence}"
    return text if over else f"{text}; all make their time"
