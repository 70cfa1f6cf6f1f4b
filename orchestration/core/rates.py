"""Count what is asked too often, over all processes: wrong tokens, wrong passwords, requests of one caller.

A count is one row, raised by one statement; it begins anew with each window of time. Of requests a process takes some in
advance (`Allowance`) and spends them without asking, so that most cost no statement: together the processes never let more
through than the limit, and fewer by what one took and did not spend.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from django.db import connection
from django.db.models import F, Q

from orchestration.models import RateCount

MOST_KEPT = 10_000
IN_ADVANCE = 20
"""A process takes the limit's twentieth part at once, at most this many."""


def window_of(seconds: int, now: float | None = None) -> tuple[int, int]:
    """Return the number of the window of `seconds` that is open now, and in how many seconds it ends."""
    at = int(time.time() if now is None else now)
    return at // seconds, seconds - at % seconds


def add(key: str, seconds: int, by: int = 1) -> int:
    """Raise a count by one statement, and return what it is in the present window, all processes together."""
    window, _ = window_of(seconds)
    table = connection.ops.quote_name(RateCount._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO {table} ("key", "window", "seconds", "count") VALUES (%s, %s, %s, %s) '  # noqa: S608
            f'ON CONFLICT ("key") DO UPDATE SET '
            f'"count" = CASE WHEN {table}."window" = excluded."window" THEN {table}."count" ELSE 0 END + excluded."count", '
            f'"window" = excluded."window", "seconds" = excluded."seconds" RETURNING "count"',
            [key[:200], window, seconds, by],
        )
        return int(cursor.fetchone()[0])


def counts(keys: dict[str, int]) -> dict[str, int]:
    """Return what counts are in their present windows, by one statement; `keys` come with the lengths of their windows."""
    wanted = Q()
    for key, seconds in keys.items():
        wanted |= Q(key=key[:200], window=window_of(seconds)[0])
    found = dict(RateCount.objects.filter(wanted).values_list("key", "count")) if keys else {}
    return {key: found.get(key[:200], 0) for key in keys}


def reached(prefix: str, seconds: int, least: int) -> dict[str, int]:
    """Return the counts of the present window that are `least` or more, by what follows `prefix` in their keys; 200 at most.

    The largest come first.
    """
    window, _ = window_of(seconds)
    found = RateCount.objects.filter(key__startswith=prefix, window=window, seconds=seconds, count__gte=least)
    rows = found.order_by("-count", "key").values_list("key", "count")[:200]
    return {key.removeprefix(prefix): count for key, count in rows}


def forget(key: str) -> int:
    """Begin a count anew; returns whether there was one."""
    return RateCount.objects.filter(key=key[:200]).delete()[0]


def prune() -> int:
    """Delete what counts nothing any more; called by the clock."""
    ended = RateCount.objects.annotate(ends_at=(F("window") + 1) * F("seconds"))
    return ended.filter(ends_at__lt=int(time.time()) - 3600).delete()[0]


@dataclass(slots=True)
class _Taken:
    window: int
    left: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class Spent:
    """What became of one request: whether it may be answered, how many more may come, and in how many seconds all may."""

    allowed: bool
    remaining: int
    resets_in: int


class Allowance:
    """Let each caller ask so often in a window of time."""

    def __init__(self, name: str, seconds: int) -> None:
        self.name, self.seconds = name, seconds
        self._taken: OrderedDict[str, _Taken] = OrderedDict()
        self._lock = threading.Lock()

    def spend(self, caller: str, limit: int) -> Spent:
        """Count one request of a caller.

        Nothing is locked while the database is asked: a statement that waits keeps no other caller waiting. Of one caller's
        requests at the same moment each may take a step in advance; all are counted.
        """
        window, resets_in = window_of(self.seconds)
        with self._lock:
            taken = self._of(caller, window)
            if taken.left > 0 or taken.total >= limit:
                return self._spend(taken, limit, resets_in)
        step = max(1, min(IN_ADVANCE, limit // 20))
        total = add(f"{self.name}:{caller}", self.seconds, step)
        with self._lock:
            taken = self._of(caller, window)
            taken.total = max(taken.total, total)
            taken.left += max(0, step - max(0, total - limit))
            return self._spend(taken, limit, resets_in)

    def _of(self, caller: str, window: int) -> _Taken:
        """Return what was taken for a caller in a window; of one that is over by now, nothing, and that is not kept."""
        taken = self._taken.get(caller)
        if taken is None or taken.window < window:
            taken = self._taken[caller] = _Taken(window)
            while len(self._taken) > MOST_KEPT:
                self._taken.popitem(last=False)
        return taken if taken.window == window else _Taken(window)

    @staticmethod
    def _spend(taken: _Taken, limit: int, resets_in: int) -> Spent:
        if taken.left == 0:
            return Spent(False, 0, resets_in)
        taken.left -= 1
        return Spent(True, max(0, limit - taken.total) + taken.left, resets_in)

    def forget(self) -> None:
        """Forget what was taken in advance, as a process that begins does."""
        with self._lock:
            self._taken.clear()
