"""`/api/sources`, `/api/videos`, `/api/activity` and `/api/statistics`: what comes in, and what was done."""

from django.http import HttpRequest
from ninja import Query, Router

from orchestration.api.auth import service
from orchestration.api.filters import StatisticsWindow
from orchestration.api.schemas.system import StatisticsOut

numbers = Router(tags=["statistics"])


@numbers.get("", response=StatisticsOut, operation_id="statistics_show", summary="Show statistics")
def statistics_show(request: HttpRequest, window: Query[StatisticsWindow]):
    """What YouTube counted, and what we did, in the last days; the two are never mixed into one figure."""
    return service(request).get_statistics(days=window.days, channel_ids=window.channel_id)
