"""`/api/jobs`, `/api/runs` and `/api/pools`: what is being done, by whom, with which shared resources."""

from django.http import HttpRequest
from ninja import Path, Query, Router
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.pagination import Pages
from orchestration.api.schemas.work import RunOut
from orchestration.core import lookup
from orchestration.fields import Id
from orchestration.lists import RunFilters
from orchestration.models import WorkflowRun

runs = Router(tags=["runs"])


@runs.get("", response=list[RunOut], operation_id="runs_list", summary="List GitHub runs")
@paginate(Pages, item=RunOut, order=orders.RUNS)
def runs_list(request: HttpRequest, filters: Query[RunFilters]):
    """Newest first."""
    return filters.filter(WorkflowRun.objects.select_related("channel"))


@runs.get("/{workflow_run_id}", response=RunOut, operation_id="runs_show", summary="Show a GitHub run")
def runs_show(request: HttpRequest, workflow_run_id: Path[Id]):
    """By our own id; GitHub's is `run_id`."""
    return lookup.one(WorkflowRun, workflow_run_id, field="workflow_run_id")
