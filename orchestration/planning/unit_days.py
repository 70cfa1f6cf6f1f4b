"""Find the Pacific days on which more is to be made public than a budget of units can pay for.

Arming and reading back cost units on the day of the moment itself, however early the file was staged; what finds the budget
spent waits for midnight in California, and is late. No other time is looked for here: a wave of one instant has no other
day to go to. But it is known before anything is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from orchestration.planning import rules
from orchestration.planning.budgets import ONE_DAY, PacificDays
from orchestration.planning.types import Conflict, PoolView, Resolution, Yielded


def wanted_units(moments: Iterable[datetime], pool: PoolView, days: PacificDays) -> dict[date, int]:
    """Return, for each Pacific day of these moments, the units that are spent, promised, and wanted by them."""
    counted: Counter[date] = Counter()
    for at, count in Counter(moments).items():  # a wave has few instants
        counted[days.day(at)] += count
    return {
        day: pool.used.get(day, 0) + pool.committed.get(day, 0) + count * pool.publish_units
        for day, count in sorted(counted.items())
    }


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A Pacific day on which these publications want more units than are left, and how many of them would be late."""

    day: date
    first_at: datetime
    message: str


def shortfalls(moments: Sequence[datetime], pools: Iterable[PoolView], days: PacificDays) -> list[Shortfall]:
    """Return each Pacific day of these moments whose units do not pay for all that is to be public on it."""
    found: list[Shortfall] = []
    for pool in pools:
        if not pool.publish_units:
            continue
        for day, wanted in wanted_units(moments, pool, days).items():
            if wanted <= pool.capacity:
                continue
            of_day = [at for at in moments if days.day(at) == day]
            late = min(-(-(wanted - pool.capacity) // pool.publish_units), len(of_day))
            message = (
                f"making public takes {pool.publish_units} units each: with what is there already, {day} (Pacific) "
                f"would take {wanted} of the {pool.capacity} that {pool.name} gives, so {late} of these {len(of_day)} "
                "would be late, after midnight there"
            )
            found.append(Shortfall(day, min(of_day), message))
    return found


def overspent(moments: Iterable[datetime], pools: Iterable[PoolView], days: PacificDays) -> int:
    """Return by how many units the days of these moments, and of all that is promised, want more than they give."""
    moments, total = list(moments), 0
    for pool in pools:
        if pool.publish_units:
            wanted = {day: pool.used.get(day, 0) + units for day, units in pool.committed.items()}
            wanted |= wanted_units(moments, pool, days)
            total += sum(max(units - pool.capacity, 0) for units in wanted.values())
    return total


def paid_from(at: datetime, pools: Iterable[PoolView], days: PacificDays) -> datetime | None:
    """Return the first instant of the next Pacific day whose units pay for one more publication; None: no day's ever do."""
    pools = [pool for pool in pools if pool.publish_units]
    if any(pool.capacity < pool.publish_units for pool in pools):
        return None
    day = days.day(at) + ONE_DAY
    while any(
        pool.used.get(day, 0) + pool.committed.get(day, 0) + pool.publish_units > pool.capacity
        for pool in pools
    ):
        day += ONE_DAY
    return days.bounds(day)[0]


def conflicts(
    moments: Sequence[datetime], pools: Iterable[PoolView], days: PacificDays, resolution: Resolution
) -> list[Conflict]:
    """Return a conflict for each Pacific day on which these publications want more units than are left."""
    return [
        Conflict(
            rules.BUDGET_EXHAUSTED,
            None,
            None,
            lack.first_at,
            lack.message,
            yielded=Yielded.NOBODY,
            resolution=resolution,
        )
        for lack in shortfalls(moments, pools, days)
    ]
