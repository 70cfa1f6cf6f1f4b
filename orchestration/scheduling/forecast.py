"""Forecast what the coming days bring: the planner's own rules and the pools' figures against a simulated clock."""

from dataclasses import replace
from datetime import datetime

from django.db.models import Exists, OuterRef
from django.utils import timezone

from channels.models import Channel
from channels.quota import pacific_day
from channels.states import Executor
from orchestration.errors import InvalidRequest
from orchestration.models import Job, Schedule
from orchestration.planning.answers import Forecast, ForecastItem
from orchestration.planning.forecast import forecast as simulate
from orchestration.planning.types import PoolView
from orchestration.queue import pools
from orchestration.scheduling import snapshots
from orchestration.states import JobKind, ScheduleState

LONGEST_DAYS = 31


def check_days(days: int) -> None:
    """Refuse what no forecast looks ahead. Raises: InvalidRequest."""
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidRequest(f"days {days} is not between 1 and {LONGEST_DAYS}.", field="days")


def forecast(days: int) -> Forecast:
    """Simulate the next days from what is planned now. Raises: InvalidRequest."""
    check_days(days)
    now = timezone.now()
    at_it = pools.still_covering(pacific_day(now)).filter(job__distribution=OuterRef("distribution"))
    seconds = snapshots.stage_estimates()
    executors = dict(Channel.objects.values_list("pk", "executor"))
    rows = (
        Schedule.objects.open()
        .exclude(state=ScheduleState.HELD, publish_at__lte=now)  # nobody starts it before a person decides
        .annotate(drawn=Exists(at_it))
        .order_by()
        .values_list(
            "pk",
            "channel_id",
            "publish_at",
            "priority",
            "stage_at",
            "state",
            "distribution__youtube_video_id",
            "drawn",
            "armed_for",
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
            drawn=drawn,
            armed=armed_for is not None,
        )
        for pk, channel_id, at, priority, stage_at, state, uploaded, drawn, armed_for in rows
    ]
    return simulate(items, _pools(now), now, days)


def _pools(now: datetime) -> list[PoolView]:
    """Return the pools, with the uploads that no schedule stands for as what waits beside the items."""
    by_hand = Job.objects.open().filter(kind=JobKind.STAGE, executor=Executor.LOCAL, schedule=None).count()
    return [replace(view, queued=by_hand if view.queued else 0) for view in snapshots.pool_views(now)]
