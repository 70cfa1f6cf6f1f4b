"""`/api/waves`, `/api/distributions`, `/api/schedules` and `/api/conflicts`: what goes where and when."""

from django.http import HttpRequest
from ninja import Path, Query, Router
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.pagination import Pages
from orchestration.api.schemas.plan import (
    DistributionDetail,
    DistributionOut,
    ScheduleOut,
)
from orchestration.api.schemas.requests import SettleChange
from orchestration.core import lookup
from orchestration.fields import Id
from orchestration.lists import DistributionFilters
from orchestration.models import Distribution

distributions = Router(tags=["distributions"])


@distributions.get(
    "", response=list[DistributionOut], operation_id="distributions_list", summary="List distributions"
)
@paginate(Pages, item=DistributionOut, order=orders.DISTRIBUTIONS)
def distributions_list(request: HttpRequest, filters: Query[DistributionFilters]):
    """Newest first."""
    return filters.filter(Distribution.objects.select_related("video", "channel"))


@distributions.get(
    "/{distribution_id}",
    response=DistributionDetail,
    operation_id="distributions_show",
    summary="Show a distribution",
)
def distributions_show(request: HttpRequest, distribution_id: Path[Id]):
    """With each rule that was looked at."""
    return lookup.one(Distribution, distribution_id, field="distribution_id")


@distributions.post(
    "/{distribution_id}/settle-change",
    response=ScheduleOut,
    operation_id="distributions_settle_change",
    summary="Settle a change made on YouTube",
)
def distributions_settle_change(request: HttpRequest, distribution_id: Path[Id], body: SettleChange):
    """Take what somebody set on YouTube, or set ours again; answers the publication."""
    return service(request).settle_change(distribution_id=distribution_id, **body.model_dump())
