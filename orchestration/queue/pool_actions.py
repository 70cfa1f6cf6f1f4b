"""Pause and resume a pool; take a lease back by hand."""

from django.db import transaction
from django.utils import timezone

from orchestration.core import audit, lookup
from orchestration.errors import IllegalTransition
from orchestration.models import Job, Lease, Pool
from orchestration.states import LEASE_VERBS, POOL_VERBS, JobState, LeaseState


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
