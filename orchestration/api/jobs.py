"""`/api/jobs`, `/api/runs` and `/api/pools`: what is being done, by whom, with which shared resources."""

from django.http import HttpRequest
from ninja import Path, Query, Router
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.pagination import Pages
from orchestration.api.schemas.requests import AS_IT_WAS, AS_SEEN, Decision, Retry, ReviewJob
from orchestration.api.schemas.work import JobHistoryOut, JobOut
from orchestration.core import lookup
from orchestration.fields import Id
from orchestration.lists import JobFilters
from orchestration.models import Job

jobs = Router(tags=["jobs"])


@jobs.get("", response=list[JobOut], operation_id="jobs_list", summary="List jobs")
@paginate(Pages, item=JobOut, order=orders.JOBS)
def jobs_list(request: HttpRequest, filters: Query[JobFilters]):
    """Newest first."""
    return filters.filter(Job.objects.select_related("channel", "schedule__wave"))


@jobs.get("/{job_id}", response=JobOut, operation_id="jobs_show", summary="Show a job")
def jobs_show(request: HttpRequest, job_id: Path[Id]):
    """How far it is, and what it waits for."""
    return lookup.one(Job, job_id, field="job_id")


@jobs.get(
    "/{job_id}/history",
    response=JobHistoryOut,
    operation_id="jobs_history",
    summary="Show a job's attempts, calls and log",
)
def jobs_history(request: HttpRequest, job_id: Path[Id]):
    """When each attempt began and ended and how, what it asked of the outside, and the lines of the log that name it."""
    return service(request).get_job_history(job_id=job_id)


@jobs.post("/{job_id}/cancel", response=JobOut, operation_id="jobs_cancel", summary="Cancel a job")
def jobs_cancel(request: HttpRequest, job_id: Path[Id], body: Decision = AS_SEEN):
    """Cancel a waiting job, or ask a running one to stop."""
    return service(request).cancel_job(job_id=job_id, reason=body.reason, version=body.version)


@jobs.post("/{job_id}/retry", response=JobOut, operation_id="jobs_retry", summary="Queue a job once more")
def jobs_retry(request: HttpRequest, job_id: Path[Id], body: Retry = AS_IT_WAS):
    """One that failed or was cancelled; a publication whose time is over or taken needs `next_free`, or a move."""
    return service(request).retry_job(
        job_id=job_id, next_free=body.next_free, reason=body.reason, version=body.version
    )


@jobs.post(
    "/{job_id}/review", response=JobOut, operation_id="jobs_review", summary="Settle what needs review"
)
def jobs_review(request: HttpRequest, job_id: Path[Id], body: ReviewJob):
    """Say what became of it, after a person has looked; a publication that waits for it is settled with it."""
    return service(request).review_job(job_id=job_id, **body.model_dump())


@jobs.post("/{job_id}/bump", response=JobOut, operation_id="jobs_bump", summary="Bump a job")
def jobs_bump(request: HttpRequest, job_id: Path[Id], body: Decision = AS_SEEN):
    """Move a waiting job to the front."""
    return service(request).bump_job(job_id=job_id, reason=body.reason, version=body.version)
