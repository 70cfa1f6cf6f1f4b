"""`/api/jobs`, `/api/runs` and `/api/pools`: what is being done, by whom, with which shared resources."""

from django.http import HttpRequest
from ninja import Path, Query, Router
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.filters import PoolFilters
from orchestration.api.pagination import Pages
from orchestration.api.schemas.requests import NO_REASON, Because
from orchestration.api.schemas.work import LeaseOut, OrphanOut, PoolChange, PoolOut
from orchestration.core import lookup
from orchestration.errors import NotFound
from orchestration.fields import Id
from orchestration.models import Lease, Pool
from orchestration.results.pools import PoolReport

pools = Router(tags=["pools"])


@pools.get("", response=list[PoolOut], operation_id="pools_list", summary="List shared resources")
@paginate(Pages, item=PoolOut, order=orders.POOLS)
def pools_list(request: HttpRequest, filters: Query[PoolFilters]):
    """Capacity, holders, waiters and spending of each."""
    return [pool for pool in service(request).get_pools() if filters.accepts(pool)]


@pools.get("/{pool_id}", response=PoolOut, operation_id="pools_show", summary="Show a shared resource")
def pools_show(request: HttpRequest, pool_id: Path[Id]):
    """Who holds it, who waits, what was spent."""
    return _report(request, pool_id)


@pools.post("/{pool_id}/pause", response=PoolOut, operation_id="pools_pause", summary="Pause a pool")
def pools_pause(request: HttpRequest, pool_id: Path[Id], body: Because = NO_REASON):
    """Take nothing new from it."""
    pool = service(request).pause_pool(pool_id=pool_id, reason=body.reason)
    return _report(request, pool.pk)


@pools.post("/{pool_id}/resume", response=PoolOut, operation_id="pools_resume", summary="Resume a pool")
def pools_resume(request: HttpRequest, pool_id: Path[Id], body: Because = NO_REASON):
    """Let it be used again."""
    pool = service(request).resume_pool(pool_id=pool_id, reason=body.reason)
    return _report(request, pool.pk)


@pools.patch("/{pool_id}", response=PoolOut, operation_id="pools_patch", summary="Change what a pool holds")
@pools.post(
    "/{pool_id}/change", response=PoolOut, operation_id="pools_change", summary="Set what a pool holds"
)
def pools_change(request: HttpRequest, pool_id: Path[Id], body: PoolChange):
    """Capacity, window, reserve or name, in force at the next claim. Administrators only."""
    service(request).change_pool(pool_id=pool_id, **body.model_dump())
    return _report(request, pool_id)


@pools.post(
    "/{pool_id}/leases/{lease_id}/release",
    response=LeaseOut,
    operation_id="pools_release_lease",
    summary="Take a resource back from its holder",
)
def pools_release_lease(
    request: HttpRequest, pool_id: Path[Id], lease_id: Path[Id], body: Because = NO_REASON
):
    """Its job is asked to stop."""
    if not Lease.objects.filter(pk=lease_id, pool_id=pool_id).exists():
        raise NotFound(f"There is no lease {lease_id} of pool {pool_id}.", field="lease_id")
    return service(request).release_lease(lease_id=lease_id, reason=body.reason)


def _report(request: HttpRequest, pool_id: int) -> PoolReport:
    for report in service(request).get_pools():
        if report.id == pool_id:
            return report
    raise lookup.missing(Pool, pool_id, field="pool_id")


orphans = Router(tags=["orphans"])


@orphans.get(
    "", response=list[OrphanOut], operation_id="orphans_list", summary="List uploads that belong to nothing"
)
@paginate(Pages, item=OrphanOut, order=orders.ORPHANS)
def orphans_list(request: HttpRequest):
    """Those that still lie at YouTube first."""
    return service(request).get_orphans()


@orphans.post(
    "/{orphan_id}/note-deleted",
    response=OrphanOut,
    operation_id="orphans_note_deleted",
    summary="Note that an upload was deleted",
)
def orphans_note_deleted(request: HttpRequest, orphan_id: Path[Id], body: Because = NO_REASON):
    """At YouTube, by a person: Headend deletes nothing there."""
    return service(request).note_orphan_deleted(orphan_id=orphan_id, reason=body.reason)
