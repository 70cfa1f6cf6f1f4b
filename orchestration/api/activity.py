"""`/api/sources`, `/api/videos`, `/api/activity` and `/api/statistics`: what comes in, and what was done."""

from django.http import HttpRequest
from ninja import Path, Query, Router
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.pagination import Pages
from orchestration.api.schemas.system import ActivityOut
from orchestration.core import lookup
from orchestration.fields import Id
from orchestration.lists import ActivityFilters
from orchestration.models import Activity

log = Router(tags=["activity"])


@log.get("", response=list[ActivityOut], operation_id="activity_list", summary="List what was done")
@paginate(Pages, item=ActivityOut, order=orders.ACTIVITY)
def activity_list(request: HttpRequest, filters: Query[ActivityFilters]):
    """Newest first: who did what to which row, through which door, and why."""
    return filters.filter(Activity.objects.select_related("content_type"))


@log.get("/{activity_id}", response=ActivityOut, operation_id="activity_show", summary="Show an audit entry")
def activity_show(request: HttpRequest, activity_id: Path[Id]):
    """With the values before and after."""
    return lookup.one(Activity, activity_id, field="activity_id")
