"""`/api/jobs`, `/api/runs` and `/api/pools`: what is being done, by whom, with which shared resources."""

from django.http import HttpRequest
from ninja import Path, Query, Router
from ninja.pagination import paginate

from orchestration import lookup
from orchestration.api.auth import service
from orchestration.api.fields import Id
from orchestration.api.filters import JobFilters, PoolFilters, RunFilters
from orchestration.api.pagination import Pages
from orchestration.api.schemas.requests import AS_IT_WAS, NO_REASON, Because, Retry, ReviewJob
from orchestration.api.schemas.work import JobOut, LeaseOut, PoolOut, RunOut
from orchestration.errors import NotFound
from orchestration.models import Job, Lease, WorkflowRun
from orchestration.results import PoolReport
from orchestration.service import CentralOrchestrationService

jobs = Router(tags=["jobs"])
runs = Router(tags=["runs"])
pools = Router(tags=["pools"])


@jobs.get("", response=list[JobOut], operation_id="jobs_list", summary="List jobs")
@paginate(Pages)
def jobs_list(request: HttpRequest, filters: Query[JobFilters]):
    """Newest first."""
    return filters.filter(Job.objects.select_related("channel"))


@jobs.get("/{job_id}", response=JobOut, operation_id="jobs_show", summary="Show a job")
def jobs_show(request: HttpRequest, job_id: Path[Id]):
    """How far it is, and what it waits for."""
    return lookup.one(Job, job_id, field="job_id")


@jobs.post("/{job_id}/cancel", response=JobOut, operation_id="jobs_cancel", summary="Cancel a job")
def jobs_cancel(request: HttpRequest, job_id: Path[Id], body: Because = NO_REASON):
    """Cancel a waiting job, or ask a running one to stop."""
    return service(request).cancel_job(job_id=job_id, reason=body.reason)


@jobs.post("/{job_id}/retry", response=JobOut, operation_id="jobs_retry", summary="Queue a job once more")
def jobs_retry(request: HttpRequest, job_id: Path[Id], body: Retry = AS_IT_WAS):
    """One that failed or was cancelled; a publication whose time is over or taken needs `next_free`, or a move."""
    return service(request).retry_job(job_id=job_id, next_free=body.next_free, reason=body.reason)


@jobs.post(
    "/{job_id}/review", response=JobOut, operation_id="jobs_review", summary="Settle what needs review"
)
def jobs_review(request: HttpRequest, job_id: Path[Id], body: ReviewJob):
    """Say what became of it, after a person has looked; a publication that waits for it is settled with it."""
    return service(request).review_job(job_id=job_id, **body.model_dump())


@jobs.post("/{job_id}/bump", response=JobOut, operation_id="jobs_bump", summary="Bump a job")
def jobs_bump(request: HttpRequest, job_id: Path[Id], body: Because = NO_REASON):
    """Move a waiting job to the front."""
    return service(request).bump_job(job_id=job_id, reason=body.reason)


@runs.get("", response=list[RunOut], operation_id="runs_list", summary="List GitHub runs")
@paginate(Pages)
def runs_list(request: HttpRequest, filters: Query[RunFilters]):
    """Newest first."""
    return filters.filter(WorkflowRun.objects.select_related("channel"))


@runs.get("/{workflow_run_id}", response=RunOut, operation_id="runs_show", summary="Show a GitHub run")
def runs_show(request: HttpRequest, workflow_run_id: Path[Id]):
    """By our own id; GitHub's is `run_id`."""
    return lookup.one(WorkflowRun, workflow_run_id, field="workflow_run_id")


@pools.get("", response=list[PoolOut], operation_id="pools_list", summary="List shared resources")
@paginate(Pages)
def pools_list(request: HttpRequest, filters: Query[PoolFilters]):
    """Capacity, holders, waiters and spending of each."""
    return [pool for pool in service(request).get_pools() if filters.accepts(pool)]


@pools.get("/{pool_id}", response=PoolOut, operation_id="pools_show", summary="Show a shared resource")
def pools_show(request: HttpRequest, pool_id: Path[Id]):
    """Who holds it, who waits, what was spent."""
    return _pool(service(request), pool_id)


@pools.post("/{pool_id}/pause", response=PoolOut, operation_id="pools_pause", summary="Pause a pool")
def pools_pause(request: HttpRequest, pool_id: Path[Id], body: Because = NO_REASON):
    """Take nothing new from it."""
    door = service(request)
    return _pool(door, door.pause_pool(pool_id=pool_id, reason=body.reason).pk)


@pools.post("/{pool_id}/resume", response=PoolOut, operation_id="pools_resume", summary="Resume a pool")
def pools_resume(request: HttpRequest, pool_id: Path[Id], body: Because = NO_REASON):
    """Let it be used again."""
    door = service(request)
    return _pool(door, door.resume_pool(pool_id=pool_id, reason=body.reason).pk)


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


def _pool(door: CentralOrchestrationService, pool_id: int) -> PoolReport:
    for report in door.get_pools():
        if report.id == pool_id:
            return report
    raise NotFound(f"There is no pool {pool_id}.", field="pool_id")
