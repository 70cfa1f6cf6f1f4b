"""Say on which Pacific days more is to be made public than a budget of units can pay for.

Arming and reading back cost units on the day of the moment itself, however early the file was staged; what finds the budget
spent waits for midnight in California, and is late. No other time is looked for here: a wave of one instant has no other
day to go to. But it is known before anything is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime

from orchestration.planning import rules
from orchestration.planning.budgets import PacificDays
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


def conflicts(
    moments: Sequence[datetime], pools: Iterable[PoolView], days: PacificDays, resolution: Resolution
) -> list[Conflict]:
    """Return a conflict for each Pacific day on which these publications want more units than are left."""
    found: list[Conflict] = []
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
            found.append(
                Conflict(
                    rules.BUDGET_EXHAUSTED,
                    None,
                    None,
                    min(of_day),
                    message,
                    yielded=Yielded.NOBODY,
                    resolution=resolution,
                )
            )
    return found
