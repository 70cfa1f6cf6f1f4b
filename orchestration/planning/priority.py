"""Order what waits: priority 0 to 10 first, but waiting makes up for it, so that nothing starves.

A waiting item gains one priority for each `AGEING_STEP_SECONDS`. The bound: an item of priority p goes
before everything that came more than (10 - p) steps after it. With a step of 30 minutes an item of priority
0 outranks a fresh one of priority 10 after five hours.

Because all items age alike, their order never changes while they wait: it is the order of `rank_instant`, a
time that can be stored with the item once, indexed, and sorted by. A lower one goes first.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from orchestration.planning.slots import require_aware

LOWEST_PRIORITY = 0
HIGHEST_PRIORITY = 10
AGEING_STEP_SECONDS = 1800


def effective_priority(
    priority: int, waiting_seconds: float, step_seconds: int = AGEING_STEP_SECONDS
) -> float:
    """Return what a priority has grown to after waiting."""
    return priority + max(waiting_seconds, 0.0) / step_seconds


def rank_instant(priority: int, waiting_since: datetime, step_seconds: int = AGEING_STEP_SECONDS) -> datetime:
    """Return the instant to sort waiting items by.

    Of two, the one with the higher effective priority has the lower.

    Raises ValueError for a priority outside 0 to 10, NaiveDatetime for a time without a zone.
    """
    if not LOWEST_PRIORITY <= priority <= HIGHEST_PRIORITY:
        raise ValueError(
            f"a priority lies between {LOWEST_PRIORITY} and {HIGHEST_PRIORITY}, not at {priority}"
        )
    return require_aware(waiting_since, "waiting_since") - timedelta(seconds=priority * step_seconds)


def outranks_after_seconds(waiting: int, fresh: int, step_seconds: int = AGEING_STEP_SECONDS) -> int:
    """Return how long an item of one priority waits until a fresh one of another goes after it."""
    return max(fresh - waiting, 0) * step_seconds


def longest_advantage_seconds(step_seconds: int = AGEING_STEP_SECONDS) -> int:
    """Return the bound.

    Nothing that comes later than this goes before a waiting item, whatever the priorities.
    """
    return outranks_after_seconds(LOWEST_PRIORITY, HIGHEST_PRIORITY, step_seconds)


def front_of(ranks: Iterable[datetime], now: datetime, step_seconds: int = AGEING_STEP_SECONDS) -> datetime:
    """Return a rank before all the given ones, for an item that an operator bumps.

    It lies also before whatever could come now with the highest priority.
    """
    newest = rank_instant(HIGHEST_PRIORITY, now, step_seconds)
    return min(min(ranks, default=newest), newest) - timedelta(microseconds=1)
