"""The switch of every page is counted once for the pages of the same moments, and never tells what was before a change."""

from datetime import UTC, datetime, timedelta

import pytest

from channels.limits import Limit
from dashboard.system_bar import KEPT_FOR, bar_for
from orchestration.core.permissions import Actor
from orchestration.service import CentralOrchestrationService
from orchestration.states import JobState
from tests import factories

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.fixture
def door():
    return CentralOrchestrationService(actor=Actor("someone", "read"))


def test_pages_of_the_same_moments_count_once(door, time_machine, django_assert_max_num_queries):
    time_machine.move_to(NOW, tick=False)
    factories.SystemStateFactory()
    first, noted = bar_for(door)
    time_machine.move_to(NOW + KEPT_FOR / 2, tick=False)
    with django_assert_max_num_queries(2) as asked:  # how often each topic has changed
        again, of_again = bar_for(door)
    assert not [one for one in asked.captured_queries if "orchestration_schedule" in one["sql"]]
    assert again.report == first.report
    assert of_again.topics == noted.topics


def test_a_change_is_told_at_once(door, time_machine):
    time_machine.move_to(NOW, tick=False)
    before, _ = bar_for(door)
    factories.JobFactory(state=JobState.QUEUED)
    after, _ = bar_for(door)
    assert after.report.queued_jobs == before.report.queued_jobs + 1


def test_what_is_so_by_the_clock_is_told_after_some_moments(door, time_machine):
    time_machine.move_to(NOW, tick=False)
    factories.ScheduleFactory(publish_at=NOW - timedelta(hours=1), state="planned")
    soon = factories.ScheduleFactory(publish_at=NOW, state="planned")
    assert bar_for(door)[0].report.overdue_schedules == 1
    time_machine.move_to(soon.publish_at + timedelta(minutes=5), tick=False)
    assert bar_for(door)[0].report.overdue_schedules == 2


def test_whoever_is_limited_is_told_what_is_counted_for_them_alone(door, time_machine):
    time_machine.move_to(NOW, tick=False)
    mine, other = factories.ScheduleFactory(state="planned"), factories.ScheduleFactory(state="planned")
    assert mine.channel_id != other.channel_id
    assert bar_for(door)[0].report.open_schedules == 2
    limit = Limit(channels=frozenset({mine.channel_id}))
    limited = CentralOrchestrationService(actor=Actor("another", "read", limit=limit))
    assert bar_for(limited)[0].report.open_schedules == 1
    assert bar_for(door)[0].report.open_schedules == 2
