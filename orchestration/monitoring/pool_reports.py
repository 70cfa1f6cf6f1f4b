"""Report what each pool holds, what waits for it, and what its coming days are booked for."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime

from django.db.models import Count, Sum
from django.utils import timezone

from channels.quota import pacific_day, pacific_day_bounds
from orchestration.models import BudgetEntry, Job, Lease, Pool
from orchestration.queue import pool_names, pools
from orchestration.queue.policy import POLICIES, executions
from orchestration.results.pools import BudgetDay, PoolReport
from orchestration.scheduling import snapshots
from orchestration.states import BudgetEntryState, PoolKind


def report(now: datetime | None = None, *, with_days: bool = False) -> list[PoolReport]:
    """Show each pool: what is used now (of a budget: today, Pacific), who holds it and how many wait.

    With `with_days` a budget tells each Pacific day from today on that anything was planned or spent on.
    """
    now = now or timezone.now()
    day = pacific_day(now)
    rows = list(Pool.objects.all())
    held: dict[int, int] = defaultdict(int)
    started = pools.started([pool for pool in rows if pool.kind == PoolKind.RATE], now)
    leases = defaultdict(list)
    for lease in Lease.objects.held().select_related("job", "job__channel", "job__video"):
        held[lease.pool_id] += lease.units
        leases[lease.pool_id].append(
            {
                "id": lease.pk,
                "holder": lease.holder,
                "units": lease.units,
                "acquired_at": lease.acquired_at,
                "heartbeat_at": lease.heartbeat_at,
                "expires_at": lease.expires_at,
                "job_id": lease.job_id,
                "job": f"{lease.job.get_kind_display()} · {lease.job.video or lease.job.channel or ''}"
                if lease.job
                else "",
            }
        )
    waiting = _waiting_by_pool(now)
    ledger = _ledger(rows, day, only_today=not with_days)
    spent: dict[int, int] = defaultdict(int)
    for (pool_id, on), lines in ledger.items():
        spent[pool_id] += sum(lines.values()) if on == day else 0
    days = _days(rows, day, ledger) if with_days else {}
    counts: dict[str, dict[int, int]] = {
        PoolKind.SLOTS: held,
        PoolKind.RATE: started,
        PoolKind.BUDGET: spent,
    }
    reports = []
    for pool in rows:
        used = counts[pool.kind].get(pool.pk, 0)
        is_budget = pool.kind == PoolKind.BUDGET
        reports.append(
            PoolReport(
                name=pool.name,
                label=pool.label,
                kind=pool.kind,
                capacity=pool.capacity,
                used=used,
                paused=pool.paused,
                waiting=waiting.get(pool.name, 0),
                day=day if is_budget else None,
                resets_at=pacific_day_bounds(day)[1] if is_budget else None,
                leases=leases[pool.pk],
                id=pool.pk,
                days=days.get(pool.pk, ()),
            )
        )
    return reports


Ledger = dict[tuple[int, date], dict[str, int]]
"""What is taken of a budget on a Pacific day, by the state of its entries."""


def _ledger(rows: Sequence[Pool], today: date, *, only_today: bool) -> Ledger:
    lines = BudgetEntry.objects.filter(pool__in=[pool.pk for pool in rows], state__in=pools.SPENT)
    lines = lines.filter(day=today) if only_today else lines.filter(day__gte=today)
    ledger: Ledger = defaultdict(dict)
    for pool_id, day, state, units in (
        lines.values_list("pool_id", "day", "state").annotate(Sum("units")).order_by()
    ):
        ledger[pool_id, day][state] = units
    return ledger


def _days(rows: Sequence[Pool], today: date, ledger: Ledger) -> dict[int, tuple[BudgetDay, ...]]:
    """Return the ledger of each budget by Pacific day, today always, with what schedules have reserved beside it."""
    budgets = [pool for pool in rows if pool.kind == PoolKind.BUDGET]
    uploads, units = snapshots.ahead(today)
    planned = {pool_names.UPLOADS: uploads, pool_names.UNITS: units}
    found: dict[int, tuple[BudgetDay, ...]] = {}
    for pool in budgets:
        reserved = planned.get(pool.name, {})
        spent_on = {day for pool_id, day in ledger if pool_id == pool.pk}
        found[pool.pk] = tuple(
            BudgetDay(
                day=day,
                planned=reserved.get(day, 0),
                reserved=ledger[pool.pk, day].get(BudgetEntryState.RESERVED, 0),
                charged=ledger[pool.pk, day].get(BudgetEntryState.CHARGED, 0),
                settled=ledger[pool.pk, day].get(BudgetEntryState.SETTLED, 0),
                unknown=ledger[pool.pk, day].get(BudgetEntryState.UNKNOWN, 0),
                capacity=pool.capacity,
            )
            for day in sorted({today, *reserved, *spent_on})
        )
    return found


def _waiting_by_pool(now: datetime) -> dict[str, int]:
    needing = {kind for kind, _, execution in executions() if execution.needs}
    rows = (
        Job.objects.due(now)
        .filter(kind__in=needing)
        .values_list("kind", "executor")
        .annotate(many=Count("*"))
        .order_by()
    )
    waiting: dict[str, int] = defaultdict(int)
    for kind, executor, count in rows:
        for need in POLICIES[kind].by(executor).needs:
            waiting[need.pool] += count
    return waiting
