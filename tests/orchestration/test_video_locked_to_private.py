"""A Google project without its audit: YouTube takes the call that makes a video public, and keeps it private."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels.gateways.youtube import YouTubeGateway
from orchestration.models import BudgetEntry, Job, Schedule
from orchestration.pipeline import publish
from orchestration.states import DistributionState, JobKind, ScheduleState
from tests.engine_room import PUBLISHED, state_of

pytestmark = pytest.mark.django_db
REVIEW = (ScheduleState.NEEDS_REVIEW, DistributionState.NEEDS_REVIEW)


@pytest.fixture
def due(engine) -> Schedule:
    """A staged publication whose moment is too near to be armed."""
    row = engine.staged(engine.channel())
    Schedule.objects.filter(pk=row.pk).update(publish_at=timezone.now() + timedelta(seconds=3))
    return row


def pass_five_minutes(engine) -> None:
    for _ in range(60):
        engine.tick()
        engine.work()
        engine.pass_time(seconds=5)


def spent() -> int:
    return sum(BudgetEntry.objects.filter(pool__name="youtube_units").values_list("units", flat=True))


@pytest.mark.slow
def test_a_person_is_asked_after_a_few_tries_and_the_days_budget_is_left_to_others(engine, due, monkeypatch):
    calls = []
    monkeypatch.setattr(YouTubeGateway, "publish_now", lambda self, video_id: calls.append(video_id))
    before = spent()
    pass_five_minutes(engine)
    assert state_of(due) == REVIEW
    assert len(calls) == publish.MAX_FLIPS
    assert spent() - before < 60 * publish.MAX_FLIPS
    job = Job.objects.filter(schedule=due, kind=JobKind.PUBLISH).latest("pk")
    assert job.error_code == "outcome_unknown"
    assert "audit" in job.error_message


@pytest.mark.slow
def test_a_video_that_is_shown_as_public_a_little_later_is_published(engine, due, monkeypatch):
    real, calls = YouTubeGateway.publish_now, []

    def publish_now(self, video_id: str):
        calls.append(video_id)
        return real(self, video_id) if len(calls) == 3 else None

    monkeypatch.setattr(YouTubeGateway, "publish_now", publish_now)
    pass_five_minutes(engine)
    assert state_of(due) == PUBLISHED
    assert len(calls) == 3
