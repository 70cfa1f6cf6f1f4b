"""Pause and resume a pool, set what it holds, and take a lease back by hand."""

from auditlog.context import disable_auditlog
from django.db import transaction
from django.utils import timezone

from orchestration.core import audit, lookup
from orchestration.core.wakeups import wake_tick
from orchestration.errors import IllegalTransition, InvalidRequest
from orchestration.models import Job, Lease, Pool
from orchestration.states import LEASE_VERBS, POOL_VERBS, JobState, LeaseState, PoolKind
from orchestration.text import plain_line


def _locked(pool_id: int) -> Pool:
    return lookup.one(Pool.objects.locked(), pool_id, field="pool_id")


def _switch(pool_id: int, paused: bool, verb: str, reason: str) -> Pool:
    with transaction.atomic():
        pool = _locked(pool_id)
        if pool.state not in POOL_VERBS["pause" if paused else "resume"].states:
            raise IllegalTransition(
                f"Pool {pool.label} is {'paused already' if paused else 'not paused'}.",
                state=pool.state,
            )
        Pool.objects.filter(pk=pool.pk).update(paused=paused)
        pool.paused = paused
        audit.record(verb, pool, before={"paused": not paused}, after={"paused": paused}, reason=reason)
    return pool


def pause(pool_id: int, reason: str = "") -> Pool:
    """Take nothing new from a pool; what is held runs on."""
    return _switch(pool_id, True, "pool_paused", reason)


def resume(pool_id: int, reason: str = "") -> Pool:
    """Let a paused pool be used again."""
    return _switch(pool_id, False, "pool_resumed", reason)


MOST = 1_000_000_000
MOST_WINDOW_SECONDS = 366 * 24 * 3600


def change(
    pool_id: int,
    *,
    label: str | None = None,
    capacity: int | None = None,
    window_seconds: int | None = None,
    reserve: int | None = None,
    reason: str = "",
) -> Pool:
    """Set what a pool holds, in force at the next claim; None keeps what there is. What is held already is not taken back.

    Raises: NotFound, InvalidRequest, naming the field.
    """
    given = {
        "label": None if label is None else plain_line(label),
        "capacity": capacity,
        "window_seconds": window_seconds,
        "reserve": reserve,
    }
    wanted = {field: value for field, value in given.items() if value is not None}
    with transaction.atomic(), disable_auditlog():
        pool = _locked(pool_id)
        before = {field: getattr(pool, field) for field in given}
        for field, value in wanted.items():
            setattr(pool, field, value)
        _check(pool)
        after = {field: getattr(pool, field) for field in given}
        if after != before:
            pool.save(update_fields=list(wanted))
            audit.record("pool_changed", pool, before=before, after=after, reason=reason)
            wake_tick()
    return pool


def _check(pool: Pool) -> None:
    if not 1 <= len(pool.label) <= 120:
        raise InvalidRequest("The name has 1 to 120 characters.", field="label")
    if not 0 <= pool.capacity <= MOST:
        raise InvalidRequest(f"The capacity is 0 to {MOST:,}.", field="capacity")
    if pool.kind == PoolKind.RATE:
        if not 1 <= pool.window_seconds <= MOST_WINDOW_SECONDS:
            raise InvalidRequest(
                "A rate counts over a window of 1 second to 366 days.", field="window_seconds"
            )
    elif pool.window_seconds:
        raise InvalidRequest("Only a rate counts over a window.", field="window_seconds")
    if pool.kind == PoolKind.BUDGET:
        if not 0 <= pool.reserve <= pool.capacity:
            raise InvalidRequest(
                f"What is kept for publishing is 0 to the whole budget of {pool.capacity:,}.", field="reserve"
            )
    elif pool.reserve:
        raise InvalidRequest("Only of a budget something is kept for publishing.", field="reserve")


def release_by_hand(lease_id: int, reason: str = "") -> Lease:
    """Take a slot back from its holder and ask the job to stop. Raises: NotFound, IllegalTransition if it is over."""
    now = timezone.now()
    with transaction.atomic():
        lease = lookup.one(Lease.objects.locked().select_related("pool", "job"), lease_id, field="lease_id")
        is_held = lease.state in LEASE_VERBS["release"].states
        released = is_held and Lease.objects.filter(pk=lease_id, released_at=None).update(
            released_at=now, release_reason=(reason or "released by hand")[:200]
        )
        if not released:
            raise IllegalTransition("This lease is over already.", state=LeaseState.RELEASED)
        running = Job.objects.filter(pk=lease.job_id, state=JobState.RUNNING)
        running.filter(cancel_requested_at=None).update(cancel_requested_at=now, cancel_reason="operator")
        lease.released_at = now
        audit.record(
            "lease_released",
            lease.pool,
            before={"holder": lease.holder},
            after={"holder": ""},
            reason=reason,
            members={"lease": [lease.pk], "job": [lease.job_id] if lease.job_id else []},
        )
    return lease
