"""Measure how long each step of the work took, what failed, and how far pools were used, from our own records."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, DurationField, ExpressionWrapper, F, Max, Q, Sum, Value
from django.db.models.functions import Coalesce, Least

from channels.quota import pacific_day
from orchestration.models import BudgetEntry, Job, Lease, Pool, Schedule
from orchestration.monitoring.figure_scope import Scope, bucket_of
from orchestration.monitoring.figures import (
    BucketWork,
    BudgetBucket,
    Failures,
    PoolBucket,
    PoolUse,
    StageTimes,
    Step,
    Window,
    WorkFigures,
    spread_of,
)
from orchestration.monitoring.lengths import Seconds, between, seconds
from orchestration.queue.pools import SPENT
from orchestration.states import WORK_KINDS, JobState, PoolKind, ScheduleState

WIDTH = {Step.HOUR: timedelta(hours=1), Step.DAY: timedelta(days=1)}
LONGEST_LEASE = timedelta(days=1)
"""What was given back is looked for this long before the window."""
MOST_CAUSES = 50
ENDED_BADLY = (JobState.FAILED, JobState.ERRORED)
WORK, QUEUE, READY = "work", "queue", "ready"


def figures(scope: Scope, now: datetime | None = None) -> WorkFigures:
    """Return how the work went in the window; seven statements, whatever its amount. Raises: InvalidRequest; NotFound."""
    scope.check()
    window = scope.window(now)
    jobs = Job.objects.filter(
        scope.of_jobs,
        kind__in=WORK_KINDS,
        finished_at__gte=window.since,
        finished_at__lte=window.until,
    ).order_by()
    lengths = _lengths(scope, window)
    ended: dict[datetime, dict[str, int]] = defaultdict(dict)
    for at, kind, many in jobs.values_list(bucket_of("finished_at", window.step), "kind").annotate(
        many=Count("*")
    ):
        ended[at][kind] = many
    return WorkFigures(
        window=window,
        stages=tuple(
            StageTimes(kind, spread_of(lengths[WORK, kind].items()), spread_of(lengths[QUEUE, kind].items()))
            for kind in WORK_KINDS
        ),
        ready_ahead=spread_of(lengths[READY, ""].items()),
        over_time=tuple(
            BucketWork(at, {kind: ended[at][kind] for kind in WORK_KINDS if kind in ended[at]})
            for at in window.buckets
        ),
        failures=_failures(scope, window),
        pools=_pools(window),
    )


def _lengths(scope: Scope, window: Window) -> dict[tuple[str, str], Counter[float]]:
    """Count by their length: the work of what succeeded, its wait in the queue, and how long uploads lay ready; at once."""
    done = Job.objects.filter(
        scope.of_jobs,
        kind__in=WORK_KINDS,
        state=JobState.SUCCEEDED,
        started_at__isnull=False,
        finished_at__gte=window.since,
        finished_at__lte=window.until,
    ).order_by()
    public = Schedule.objects.filter(
        scope.of_schedules,
        state=ScheduleState.PUBLISHED,
        publish_at__gte=window.since,
        publish_at__lte=window.until,
        distribution__staged_at__isnull=False,
    ).order_by()
    parts = (
        done.values_list(Value(WORK), "kind", between("started_at", "finished_at")),
        done.values_list(Value(QUEUE), "kind", between("run_at", "started_at")),
        public.values_list(Value(READY), Value(""), between("distribution__staged_at", "publish_at")),
    )
    first, *others = (part.annotate(many=Count("*")) for part in parts)
    found: dict[tuple[str, str], Counter[float]] = defaultdict(Counter)
    for what, kind, tenths, many in first.union(*others, all=True):
        found[what, kind][seconds(tenths)] += many
    return found


def _failures(scope: Scope, window: Window) -> tuple[Failures, ...]:
    rows = (
        Job.objects.filter(
            scope.of_jobs,
            state__in=ENDED_BADLY,
            finished_at__gte=window.since,
            finished_at__lte=window.until,
        )
        .order_by()
        .values_list("error_code", "kind")
        .annotate(many=Count("*"), last_at=Max("finished_at"))
        .order_by("-many", "error_code", "kind")[:MOST_CAUSES]
    )
    return tuple(Failures(cause or "unknown", kind, many, at) for cause, kind, many, at in rows)


def _pools(window: Window) -> tuple[PoolUse, ...]:
    used: dict[int, Counter[datetime]] = defaultdict(Counter)
    started: dict[int, Counter[datetime]] = defaultdict(Counter)
    _count_leases(window, used, started)
    spent: dict[int, Counter[Any]] = defaultdict(Counter)
    days = [pacific_day(window.since) + timedelta(days=number) for number in range(window.days + 1)]
    days = [day for day in days if day <= pacific_day(window.until)]
    entries = BudgetEntry.objects.filter(day__gte=days[0], day__lte=days[-1], state__in=SPENT).order_by()
    for pool_id, day, units in entries.values_list("pool", "day").annotate(units=Sum("units")):
        spent[pool_id][day] = units
    width = WIDTH[window.step].total_seconds()
    uses = []
    for pool in Pool.objects.order_by("label"):
        if pool.kind == PoolKind.BUDGET:
            by_day = tuple(
                BudgetBucket(day, spent[pool.pk][day], _share(spent[pool.pk][day], pool.capacity))
                for day in days
            )
            uses.append(PoolUse(pool.name, pool.label, pool.kind, pool.capacity, by_day=by_day))
            continue
        is_rate = pool.kind == PoolKind.RATE
        counted = (started if is_rate else used)[pool.pk]
        room = pool.capacity * (width / pool.window_seconds if is_rate and pool.window_seconds else width)
        over_time = tuple(PoolBucket(at, counted[at], _share(counted[at], room)) for at in window.buckets)
        uses.append(PoolUse(pool.name, pool.label, pool.kind, pool.capacity, over_time))
    return tuple(uses)


def _share(used: float, room: float) -> float | None:
    return used / room if room else None


def _count_leases(
    window: Window, used: dict[int, Counter[datetime]], started: dict[int, Counter[datetime]]
) -> None:
    """Add up how long slots were held in each bucket, and how many were taken: whole ones in SQL, the others one by one."""
    until = Least(Coalesce("released_at", Value(window.until)), Value(window.until))
    held = ExpressionWrapper(F("until") - F("acquired_at"), output_field=DurationField())
    rows = (
        Lease.objects.filter(Q(acquired_at__gte=window.since - LONGEST_LEASE) | Q(released_at=None))
        .filter(acquired_at__lte=window.until)
        .exclude(released_at__lt=window.since)
        .annotate(until=until)
        .annotate(first=bucket_of("acquired_at", window.step), last=bucket_of("until", window.step))
        .order_by()
    )
    inside = rows.filter(first=F("last"), acquired_at__gte=window.since)
    counted = inside.values_list("pool", "first").annotate(
        seconds=Sum(Seconds(held) * F("units")), units=Sum("units")
    )
    for pool_id, at, busy, units in counted:
        used[pool_id][at] += busy
        started[pool_id][at] += units
    across = rows.exclude(first=F("last"), acquired_at__gte=window.since)
    width = WIDTH[window.step]
    for pool_id, begins, ends, units, first in across.values_list(
        "pool", "acquired_at", "until", "units", "first"
    ):
        if begins >= window.since:
            started[pool_id][first] += units
        for at in window.buckets:
            held_for = (min(ends, at + width) - max(begins, at)).total_seconds()
            if held_for > 0:
                used[pool_id][at] += held_for * units
