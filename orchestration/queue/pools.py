"""Share what is limited: slots held at once, calls in a window, and budgets of a Pacific day.

A claim locks the pools that its lane may need, by name, and gives out what is free in them (`Room`), so that several
dispatchers can never pass a capacity together. Budgets are a ledger: reserved when a job is claimed, charged before the
call, settled after it, and never given back when the outcome of the call is unknown.
"""

import functools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from channels.quota import pacific_day, pacific_day_bounds
from orchestration.core import high_water
from orchestration.core.bulk_insert import insert_set
from orchestration.errors import OrchestrationError
from orchestration.models import BudgetEntry, Job, Lease, Pool, Schedule
from orchestration.queue.policy import POLICIES, Need, executions, pools_of
from orchestration.queue.pool_names import DISPATCH, PROCESS, SCRAPE, UNITS, UPLOAD, UPLOADS
from orchestration.states import (
    BudgetEntryState,
    JobKind,
    JobState,
    PoolKind,
    ScheduleState,
)

DEFAULTS: tuple[dict[str, Any], ...] = (
    {"name": SCRAPE, "label": "Scraping at once", "kind": PoolKind.SLOTS, "capacity": 2},
    {"name": PROCESS, "label": "Processing at once", "kind": PoolKind.SLOTS, "capacity": 2},
    {"name": UPLOAD, "label": "Uploading at once", "kind": PoolKind.SLOTS, "capacity": 3},
    # GitHub's secondary limit is 80 content-creating requests a minute (FACTS, GitHub REST); we stay below it.
    {
        "name": DISPATCH,
        "label": "GitHub dispatches",
        "kind": PoolKind.RATE,
        "capacity": 60,
        "window_seconds": 60,
    },
    # The defaults of a Google project since 2026-06-01 (FACTS, quota buckets).
    {"name": UPLOADS, "label": "YouTube uploads", "kind": PoolKind.BUDGET, "capacity": 100},
    # Kept for publishing: a hundred times arming and looking (52), and something for what has to be taken back.
    {
        "name": UNITS,
        "label": "YouTube API units",
        "kind": PoolKind.BUDGET,
        "capacity": 10_000,
        "reserve": 5_500,
    },
)
SPENT = (
    BudgetEntryState.RESERVED,
    BudgetEntryState.CHARGED,
    BudgetEntryState.SETTLED,
    BudgetEntryState.UNKNOWN,
)
STILL_RESERVED = (BudgetEntryState.RESERVED, BudgetEntryState.CHARGED)
PAUSED_BACKOFF = timedelta(minutes=1)
"""How long a call waits for a paused budget before it asks again."""
ORNAMENTS = frozenset(
    {"thumbnails.set", "playlistItems.insert", "captions.list", "captions.insert", "captions.update"}
)
"""Calls that a publication can do without: they may not use what a budget keeps for publishing."""


class BudgetExhausted(OrchestrationError):
    """The day's budget is spent; it is a wait until the next Pacific midnight, not a failure."""

    code = "budget_exhausted"
    status = 409
    again = "again"

    def __init__(self, message: str, *, resets_at: datetime, **details: Any) -> None:
        super().__init__(message, **details)
        self.resets_at = resets_at


UNPLANNED = Q(schedule=None, bumped_at=None)
"""Uploads that were triggered by hand: they leave alone what schedules have reserved of a day, until somebody bumps them."""


def needs(job: Job) -> tuple[Need, ...]:
    """Return what a job takes of which pool."""
    wants = POLICIES[job.kind].by(job.executor).needs
    if job.skip_upload:
        return tuple(want for want in wants if want.pool != UPLOADS)
    return wants


def ensure_defaults() -> None:
    """Make the pools that the engine draws on, where they are missing; an operator's figures stay."""
    for values in DEFAULTS:
        Pool.objects.get_or_create(name=values["name"], defaults=values)


class Room:
    """How much of each pool is free at a moment; under lock it is given out, and written with `write`.

    Made by `locked_room` in the transaction of a claim; `shortages` just looks.
    """

    def __init__(self, pools: Sequence[Pool], now: datetime) -> None:
        self.pools = {pool.name: pool for pool in pools}
        self.now = now
        self.day = pacific_day(now)
        self.free: dict[str, int] = {}
        self._redeemed = 0
        self._leases: list[tuple[Pool, int, int]] = []
        self._entries: list[tuple[Pool, int, int]] = []
        by_kind = defaultdict(list)
        for pool in pools:
            by_kind[pool.kind].append(pool)
        used = dict.fromkeys((pool.pk for pool in pools), 0)
        sums: list[QuerySet[Any, tuple[int, int]]] = []
        if by_kind[PoolKind.SLOTS]:
            sums.append(_held(by_kind[PoolKind.SLOTS]))
        sums += [_started(pool, now) for pool in by_kind[PoolKind.RATE]]
        if by_kind[PoolKind.BUDGET]:
            sums.append(_spent(by_kind[PoolKind.BUDGET], self.day))
        if sums:
            used.update(sums[0].union(*sums[1:], all=True) if len(sums) > 1 else sums[0])
        for pool in pools:
            self.free[pool.name] = 0 if pool.paused else pool.capacity - used[pool.pk]

    @property
    def promised(self) -> int:
        """Return how many of today's uploads schedules have reserved that nothing was given for yet."""
        return max(self._reserved - self._redeemed, 0)

    @functools.cached_property
    def _reserved(self) -> int:
        drawn = still_covering(self.day).filter(job__distribution=OuterRef("distribution"))
        return Schedule.objects.filter(
            ~Exists(drawn),
            state__in=[ScheduleState.PLANNED, ScheduleState.STAGING],
            stage_at__lt=pacific_day_bounds(self.day)[1],
            distribution__youtube_video_id=None,
        ).count()

    def lacks(self, wants: Iterable[Need], *, unplanned: bool = False) -> str:
        """Return what is missing for these needs; empty if they fit. What is unplanned leaves the planned its uploads."""
        for want in wants:
            pool = self.pools.get(want.pool)
            if pool is None:
                continue
            free = self.free[want.pool]
            if free >= want.units and unplanned and want.pool == UPLOADS:
                free -= self.promised
            if free >= want.units:
                continue
            if pool.paused:
                return f"pool {pool.label} is paused"
            if pool.kind == PoolKind.BUDGET:
                more = f"more at {pacific_day_bounds(self.day)[1]:%H:%M} UTC"
                if self.free[want.pool] >= want.units:
                    return (
                        f"{pool.label}: what is left of {self.day} (Pacific) is reserved by schedules, {more}"
                    )
                return f"{pool.label}: all {pool.capacity} of {self.day} (Pacific) are spent, {more}"
            if pool.kind == PoolKind.RATE:
                return f"{pool.label}: {pool.capacity} in {pool.window_seconds} s are used up"
            return f"{pool.label}: all {pool.capacity} are taken"
        return ""

    def take(
        self, jobs: Sequence[Job] | QuerySet[Job], *, limit: int
    ) -> tuple[list[Job], dict[str, list[int]]]:
        """Choose from `jobs`, in their order, those that fit; returns them and, by reason, the ids of the others."""
        wanted = {job.pk: needs(job) for job in jobs}
        # What was never claimed has reserved nothing.
        tried = {job.pk: wanted[job.pk] for job in jobs if job.started_at is not None}
        reserved = _reserved_jobs(tried, self.day)
        taken: list[Job] = []
        waiting: dict[str, list[int]] = defaultdict(list)
        for job in jobs:
            if len(taken) == limit:
                break
            wants = [need for need in wanted[job.pk] if (job.pk, need.pool) not in reserved]
            unplanned = job.schedule_id is None and job.bumped_at is None
            reason = self.lacks(wants, unplanned=unplanned)
            if reason:
                waiting[reason].append(job.pk)
                continue
            if job.schedule_id is not None and any(need.pool == UPLOADS for need in wants):
                self._redeemed += 1
            for need in wants:
                pool = self.pools.get(need.pool)
                if pool is not None:
                    self.free[need.pool] -= need.units
                    kept = self._entries if pool.kind == PoolKind.BUDGET else self._leases
                    kept.append((pool, job.pk, need.units))
            taken.append(job)
        return taken, waiting

    def write(self, *, holder: str, lease_seconds: int) -> None:
        """Write the leases and reservations of what was taken, in a statement for each kind of pool."""
        for is_rate in (False, True):
            kept = [row for row in self._leases if (row[0].kind == PoolKind.RATE) == is_rate]
            if kept:
                # A rate is used up by the start itself: its lease is over at once, and counts while its window is open.
                insert_set(
                    Lease(
                        holder=holder,
                        acquired_at=self.now,
                        heartbeat_at=self.now,
                        released_at=self.now if is_rate else None,
                        release_reason="counted in its window" if is_rate else "",
                    ),
                    {
                        "pool_id": [pool.pk for pool, _, _ in kept],
                        "job_id": [job_id for _, job_id, _ in kept],
                        "units": [units for _, _, units in kept],
                        "expires_at": [
                            self.now + timedelta(seconds=pool.window_seconds if is_rate else lease_seconds)
                            for pool, _, _ in kept
                        ],
                    },
                )
        if self._entries:
            insert_set(
                BudgetEntry(
                    day=self.day, call="videos.insert", state=BudgetEntryState.RESERVED, created_at=self.now
                ),
                {
                    "pool_id": [pool.pk for pool, _, _ in self._entries],
                    "job_id": [job_id for _, job_id, _ in self._entries],
                    "units": [units for _, _, units in self._entries],
                },
            )
        self._leases, self._entries = [], []


def locked_room(now: datetime, *, fast: bool | None) -> Room:
    """Lock the pools that jobs of a lane may need, by name, and count what is free in each; call it in a transaction."""
    pools = Pool.objects.locked().filter(name__in=pools_of(fast))
    return Room(list(pools.order_by("name")), now)


@dataclass(frozen=True, slots=True)
class Shortage:
    """What lacks room now, the jobs it keeps waiting, and the sentence that says so."""

    waiting: Q
    reason: str


def shortages(now: datetime, room: Room | None = None) -> list[Shortage]:
    """Return which jobs need not be looked at now, since a pool of theirs has no room; read without lock if none is given.

    So what waits for one pool never stands in the way of what needs another, however much there is of it.
    """
    room = room or Room(list(Pool.objects.filter(name__in=pools_of(None))), now)
    triggered = Job.objects.claimable().filter(UNPLANNED, kind=JobKind.STAGE).order_by()
    unplanned = set(triggered.values_list("executor", flat=True).distinct())
    found = []
    for kind, executor, execution in executions():
        wants = execution.needs
        reason = room.lacks(wants)
        waiting = Q(kind=kind, executor=executor)
        is_upload = any(want.pool == UPLOADS for want in wants)
        if not reason and is_upload and executor in unplanned:
            waiting &= UNPLANNED
            reason = room.lacks(wants, unplanned=True)
        if not reason:
            continue
        if is_upload and not room.lacks(want for want in wants if want.pool != UPLOADS):
            # Only the budget is short: what reserved its part at an earlier try goes on, what uploads nothing too.
            reserved = still_covering(room.day).filter(job=OuterRef("pk"))
            waiting &= ~Q(Exists(reserved)) & Q(skip_upload=False)
        found.append(Shortage(waiting, reason))
    return found


def still_covering(day: date) -> QuerySet[BudgetEntry]:
    """Return the uploads that an earlier try reserved or charged: of the same day, or with a session to resume.

    Without a session, the next day's try is another call, and Google counts it on its own day.
    """
    return BudgetEntry.objects.filter(
        Q(day=day) | Q(job__distribution__upload_session_sealed__gt=""),
        pool__name=UPLOADS,
        state__in=STILL_RESERVED,
    )


def _reserved_jobs(wanted: dict[int, tuple[Need, ...]], day: date) -> set[tuple[int, str]]:
    """Return (job, budget) pairs that were reserved or charged at an earlier try: a resumed upload costs nothing more."""
    with_budget = [pk for pk, needed in wanted.items() if any(need.pool == UPLOADS for need in needed)]
    if not with_budget:
        return set()
    held = still_covering(day).filter(job__in=with_budget)
    return {(job_id, UPLOADS) for job_id in held.order_by().values_list("job_id", flat=True)}


def _entry(pool: Pool, day: date, units: int, call: str, job: Job | None, state: str) -> BudgetEntry:
    return BudgetEntry(pool=pool, day=day, units=units, call=call, job=job, state=state)


def _held(pools: Sequence[Pool]) -> QuerySet[Lease, tuple[int, int]]:
    return _summed(Lease.objects.held().filter(pool__in=pools))


def _started(pool: Pool, now: datetime) -> QuerySet[Lease, tuple[int, int]]:
    since = now - timedelta(seconds=pool.window_seconds)
    return _summed(Lease.objects.filter(pool=pool, acquired_at__gt=since))


def _spent(pools: Sequence[Pool], day: date) -> QuerySet[BudgetEntry, tuple[int, int]]:
    return _summed(BudgetEntry.objects.filter(pool__in=pools, day=day, state__in=SPENT))


def _summed(rows: QuerySet[Any]) -> QuerySet[Any, tuple[int, int]]:
    """Return the units of rows by the id of their pool."""
    return rows.order_by().values_list("pool").annotate(total=Sum("units"))


def started(pools: Sequence[Pool], now: datetime) -> dict[int, int]:
    """Return how much was begun in each rate's window."""
    used = {pool.pk: 0 for pool in pools}
    for pool in pools:
        used.update(_started(pool, now))
    return used


def spent(pools: Sequence[Pool], day: date) -> dict[int, int]:
    """Return how much of each budget a Pacific day's ledger has taken."""
    return dict(_spent(pools, day))


# ----------------------------------------------------------------------------------------------------------- the ledger


def charge(
    name: str, units: int, *, call: str, job: Job | None = None, now: datetime | None = None
) -> BudgetEntry | None:
    """Charge a budget before a call; what publishing can do without may not use what is kept for it.

    Returns the entry to `settle`, or None where the pool does not exist (its operator deleted it: no limit).
    Raises: BudgetExhausted, with the instant of the next Pacific midnight.
    """
    now = now or timezone.now()
    day = pacific_day(now)
    with transaction.atomic():
        pool = Pool.objects.locked().filter(name=name).first()
        if pool is None:
            return None
        used = spent([pool], day).get(pool.pk, 0)
        can_wait = call in ORNAMENTS or (job is not None and not POLICIES[job.kind].draws_on_reserve)
        most = pool.capacity - (pool.reserve if can_wait else 0)
        if pool.paused:
            raise BudgetExhausted(
                f"{pool.label} is paused; {call} needs {units}.",
                resets_at=now + PAUSED_BACKOFF,
                pool=pool.name,
            )
        if used + units > most:
            resets_at = pacific_day_bounds(day)[1]
            raise BudgetExhausted(
                f"{pool.label}: {used} of {most} are spent on {day} (Pacific); {call} needs {units} more.",
                resets_at=resets_at,
                pool=pool.name,
            )
        entry = _entry(pool, day, units, call, job, BudgetEntryState.CHARGED)
        entry.save()
    return entry


def settle(entry: BudgetEntry | None, *, known: bool = True) -> None:
    """Close a charged entry after its call; with `known` False the call may have taken effect, so it stays spent."""
    if entry is not None:
        state = BudgetEntryState.SETTLED if known else BudgetEntryState.UNKNOWN
        BudgetEntry.objects.filter(pk=entry.pk, state=BudgetEntryState.CHARGED).update(
            state=state, settled_at=timezone.now()
        )


def charge_reserved(job: Job) -> None:
    """Turn what was reserved for a job's upload into a charge, and raise the high-water mark; right before the call."""
    BudgetEntry.objects.filter(job=job, state=BudgetEntryState.RESERVED).update(
        state=BudgetEntryState.CHARGED
    )
    high_water.before_outward_write()


# ------------------------------------------------------------------------------------------------------ holding on to it


def extend(job: Job, *, expires: datetime, now: datetime, holder: str = "") -> None:
    """Let a job's leases live as long as its own."""
    changes: dict[str, Any] = {"expires_at": expires, "heartbeat_at": now}
    if holder:
        changes["holder"] = holder
    Lease.objects.held().filter(job=job).update(**changes)


def give_back(job: Job, *, reason: str, spent: bool, now: datetime) -> None:
    """Release a job's slots, once; reservations whose call was never made go back, charges stay.

    A charge whose job ended without a known success is closed as unknown once the job has ended for good.
    """
    Lease.objects.held().filter(job=job).update(released_at=now, release_reason=str(reason)[:200])
    entries = BudgetEntry.objects.filter(job=job)
    entries.filter(state=BudgetEntryState.RESERVED).update(
        state=BudgetEntryState.SETTLED if spent else BudgetEntryState.RELEASED, settled_at=now
    )
    if job.state not in {JobState.WAITING, JobState.RUNNING}:
        entries.filter(state=BudgetEntryState.CHARGED).update(
            state=BudgetEntryState.SETTLED if job.state == JobState.SUCCEEDED else BudgetEntryState.UNKNOWN,
            settled_at=now,
        )
