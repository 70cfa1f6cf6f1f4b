"""The forecast and the engine are of one mind: what was foretold is what then happens in the sandbox."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.conf import settings as django_settings
from django.utils import timezone

from channels.quota import pacific_day
from orchestration.engine import tick, worker
from orchestration.models import BudgetEntry, Pool, Schedule
from orchestration.queue import jobs as queue
from orchestration.service import CentralOrchestrationService
from orchestration.states import ScheduleState
from tests.factories import DistributionFactory, ScheduleFactory, VideoFactory
from tests.orchestration.engine import running
from tests.register_helpers import connected_channel, lead_to_sandbox

pytestmark = pytest.mark.django_db
MORNING = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)  # ten o'clock in California: far from any midnight there
BUDGET = 3


@pytest.fixture
def scene(sandbox, settings):
    """Seven publications of this afternoon on two channels, of different priority, and three uploads a day."""
    with time_machine.travel(MORNING, tick=True):
        lead_to_sandbox(settings, sandbox)
        running()
        Pool.objects.filter(name="youtube_uploads").update(capacity=BUDGET)
        channels = [connected_channel(sandbox, slug, min_gap_minutes=5) for slug in ("one", "two")]
        film = Path(django_settings.MEDIA_ROOT) / "film.mp4"
        film.parent.mkdir(parents=True, exist_ok=True)
        film.write_bytes(b"\0\0\0\x18ftypmp42" + b"film" * 1000)
        for number in range(7):
            channel = channels[number % 2]
            distribution = DistributionFactory(channel=channel, video=VideoFactory(prepared_file="film.mp4"))
            ScheduleFactory(
                channel=channel,
                distribution=distribution,
                publish_at=MORNING + timedelta(hours=3, minutes=10 * number),
                stage_at=MORNING - timedelta(minutes=1),
                priority=9 if number in {4, 6} else 5,
            )
        yield


def _let_everything_happen() -> None:
    for _ in range(30):
        tick.tick(timezone.now())
        claimed = queue.claim(limit=1)
        if not claimed:
            return
        worker.run(claimed[0])


def test_what_will_be_late_is_what_then_waits_and_for_the_same_reason(scene):
    told = CentralOrchestrationService().forecast(days=1)
    foretold_late = {late.item.schedule_id for late in told.late}
    assert len(foretold_late) == 7 - BUDGET
    _let_everything_happen()

    waiting = set(Schedule.objects.filter(state=ScheduleState.STAGING).values_list("pk", flat=True))
    staged = set(Schedule.objects.filter(state=ScheduleState.STAGED).values_list("pk", flat=True))
    assert waiting == foretold_late
    assert len(staged) == BUDGET
    urgent = set(Schedule.objects.filter(priority=9).values_list("pk", flat=True))
    assert urgent <= staged, "the higher priority goes first, foretold and live"
    label = Pool.objects.get(name="youtube_uploads").label
    for late in told.late:
        job = Schedule.objects.get(pk=late.item.schedule_id).jobs.get(kind="stage")
        assert late.waited_for == "youtube_uploads"
        assert label in job.waits_for


def test_the_budget_that_was_foretold_is_the_budget_that_was_spent(scene):
    told = CentralOrchestrationService().forecast(days=1)
    today = pacific_day(timezone.now())
    foretold = next(day.used for day in told.days if day.pool == "youtube_uploads" and day.day == today)
    _let_everything_happen()
    spent = BudgetEntry.objects.filter(pool__name="youtube_uploads", day=today).count()
    assert spent == foretold == BUDGET


def test_what_is_being_staged_is_foretold_once_and_not_with_its_own_place_in_the_ledger(scene):
    """Half-way through, the first uploads are in the ledger and hold slots: neither counts against them, or twice."""
    told = CentralOrchestrationService().forecast(days=1)
    tick.tick(timezone.now())
    assert len(queue.claim(limit=BUDGET)) == BUDGET
    again = CentralOrchestrationService().forecast(days=1)
    assert [late.item.schedule_id for late in again.late] == [late.item.schedule_id for late in told.late]
    assert [(day.day, day.used) for day in again.days] == [(day.day, day.used) for day in told.days]


def test_what_staging_took_lately_is_what_planning_and_forecast_count_with(scene):
    from orchestration.scheduling import snapshots

    assert snapshots.stage_estimates() == {}
    _let_everything_happen()
    assert snapshots.stage_estimates().keys() == {"local"}
    assert snapshots.channel_views()[0].stage_seconds == snapshots.stage_estimates()["local"] >= 1
