"""Tell what the coming days bring: the planner's own rules and the pools' figures against a simulated clock."""

from django.utils import timezone

from channels.models import Channel
from orchestration import snapshots
from orchestration.errors import InvalidRequest
from orchestration.models import Schedule
from orchestration.planning.forecast import forecast as simulate
from orchestration.planning.results import Forecast, ForecastItem
from orchestration.states import OPEN_SCHEDULES, ScheduleState

LONGEST_DAYS = 31


def forecast(days: int) -> Forecast:
    """Simulate the next days from what is planned now. Raises: InvalidRequest."""
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidRequest(f"days {days} is not between 1 and {LONGEST_DAYS}.", field="days")
    now = timezone.now()
    seconds = snapshots.stage_estimates()
    executors = dict(Channel.objects.values_list("pk", "executor"))
    rows = (
        Schedule.objects.filter(state__in=OPEN_SCHEDULES)
        .order_by()
        .values_list(
            "pk",
            "channel_id",
            "publish_at",
            "priority",
            "stage_at",
            "state",
            "distribution__youtube_video_id",
        )
    )
    items = [
        ForecastItem(
            schedule_id=pk,
            channel_id=channel_id,
            at=at,
            priority=priority,
            stage_at=stage_at,
            executor=executors.get(channel_id, "local"),
            stage_seconds=seconds.get(executors.get(channel_id, "local"), 0),
            staged=uploaded is not None or state == ScheduleState.STAGED,
        )
        for pk, channel_id, at, priority, stage_at, state, uploaded in rows
    ]
    return simulate(items, snapshots.pool_views(now), now, days)
