"""Reserve staging: whoever plans does it alone, and what gets another time is reserved anew.

What a plan reserves of a budget is its schedules themselves: each stands for one upload on the Pacific day of its
`stage_at`, until the claim of its job makes it a line of the ledger (`snapshots.pool_views` counts both). So there is
nothing to be kept in step with them, and a cancelled publication gives its day back by being cancelled. It holds as
long as two planners never look at one day at the same time, hence `hold_alone`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from orchestration.models import Schedule
from orchestration.planning import rules, unit_days
from orchestration.planning.budgets import Booking, PacificDays, Stager, ceil_minute
from orchestration.planning.conflicts import resource_message, without_capacity
from orchestration.planning.reservations import Reservations, ToStage
from orchestration.planning.types import PoolView
from orchestration.scheduling import snapshots
from orchestration.states import ScheduleState

Move = tuple[Schedule, datetime]

# The number after the one in `switch`. Not the pools' own rows: a claim locks those, and no publication waits for a plan.
_ALONE = "SELECT pg_advisory_xact_lock(1212498245)"


@dataclass(frozen=True, slots=True)
class Shortage:
    """Why publications cannot have a new time, by which rule, and the first time from which they can (None: never)."""

    message: str
    earliest: datetime | None
    rule: str
    booking: Booking | None = None


def hold_alone() -> None:
    """Wait for whoever plans, and let nobody else plan before this transaction ends.

    Planners of different channels share the budgets, so the locks on the channels are not enough. Take it after those. On
    SQLite a transaction excludes every other writer anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_ALONE)


@dataclass(frozen=True, slots=True)
class Pools:
    """The pools as they would be without what is to be moved, and as they are with it: read once, asked of many times."""

    without: list[PoolView]
    with_all: list[PoolView]
    seconds: Mapping[str, int]

    @classmethod
    def of(cls, rows: Sequence[Schedule], now: datetime) -> Pools:
        """Read the pools for publications that are to be given other times."""
        return cls(
            snapshots.pool_views(now, without=[row.pk for row in rows]),
            snapshots.pool_views(now),
            snapshots.stage_estimates(),
        )


def shortages(moves: Sequence[Move], now: datetime, pools: Pools | None = None) -> list[Shortage]:
    """Return what cannot be staged in time for the new times, by the rules that plan a wave."""
    moves = _to_upload(moves)
    if not moves:
        return []
    known = pools.without if pools else _pools_without(moves, now)
    seconds = pools.seconds if pools else snapshots.stage_estimates()
    by_name = {pool.name: pool for pool in known}
    stager = Stager(known, now)
    found: list[Shortage] = []
    for row, at in sorted(moves, key=lambda move: (move[1], move[0].pk)):
        booking = stager.book(row.channel.executor, seconds.get(row.channel.executor, 0))
        if booking is None or booking.ready_at > at:
            pool = by_name.get(booking.pool) if booking else without_capacity(known, row.channel.executor)
            message = resource_message(booking, pool, at, 1)
            rule = (booking.rule if booking else "") or rules.POOL_CAPACITY
            found.append(Shortage(f"{row.channel.name}: {message}", _earliest(booking, row), rule, booking))
    return found


def unpaid(moves: Sequence[Move], now: datetime, pools: Pools | None = None) -> list[Shortage]:
    """Return the Pacific days whose units do not pay for making public what would be moved to them.

    Nothing where no more would be late than is already: what was planned in spite of that may be moved in spite of it.
    """
    days, moments = PacificDays(), [at for _, at in moves]
    known = pools.without if pools else _pools_without(moves, now)
    shortfalls = unit_days.shortfalls(moments, known, days)
    if not shortfalls:
        return []
    late_now = unit_days.overspent((), pools.with_all if pools else snapshots.pool_views(now), days)
    if unit_days.overspent(moments, known, days) <= late_now:
        return []
    return [
        Shortage(
            shortfall.message,
            unit_days.paid_from(shortfall.first_at, known, days),
            rules.BUDGET_EXHAUSTED,
        )
        for shortfall in shortfalls
    ]


def stage_times(moves: Sequence[Move], now: datetime) -> list[datetime]:
    """Return, for each publication and its new time, when its staging begins: on a Pacific day that has room for it.

    What they reserved so far is free for it. What no day in time has room for is counted on the first one that has.
    """
    leads = [timedelta(minutes=row.channel.lead_time_minutes) for row, _ in moves]
    times = [max(at - lead, now) for (_, at), lead in zip(moves, leads, strict=True)]
    uploads = _to_upload(moves)
    if uploads:
        seconds = snapshots.stage_estimates()
        items = [
            ToStage(
                at,
                row.channel.executor,
                seconds.get(row.channel.executor, 0),
                row.channel.lead_time_minutes * 60,
            )
            for row, at in uploads
        ]
        reserved = Reservations(_pools_without(uploads, now), now).reserve(items)
        stage_at = {row.pk: staging.stage_at for (row, _), staging in zip(uploads, reserved, strict=True)}
        times = [stage_at.get(row.pk, at) for (row, _), at in zip(moves, times, strict=True)]
    return [
        row.stage_at if row.state == ScheduleState.STAGING else at
        for (row, _), at in zip(moves, times, strict=True)
    ]


def _to_upload(moves: Sequence[Move]) -> list[Move]:
    """Leave out what is uploaded already, and what is being staged: its job goes on where it is."""
    return [
        (row, at)
        for row, at in moves
        if row.distribution.youtube_video_id is None and row.state != ScheduleState.STAGING
    ]


def _pools_without(moves: Sequence[Move], now: datetime) -> list[PoolView]:
    return snapshots.pool_views(now, without=[row.pk for row, _ in moves])


def _earliest(booking: Booking | None, row: Schedule) -> datetime | None:
    if booking is None:
        return None
    return ceil_minute(booking.ready_at + timedelta(minutes=row.channel.lead_time_minutes))
