"""A tick that found nothing rests: by one statement, until a change, a moment, or a quarter of a minute."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channels.states import ChannelState
from orchestration import tasks
from orchestration.engine import tick
from orchestration.models import Heartbeat, Job, Schedule, SystemState
from orchestration.queue import jobs as queue
from orchestration.states import JobKind, JobState, ScheduleState
from tests import factories
from tests.orchestration.engine import running

pytestmark = pytest.mark.django_db


@pytest.fixture
def now(db) -> datetime:
    """Return an instant at which a tick has found nothing twice: the first one may tidy up."""
    running()
    at = timezone.now()
    tick.look(at)
    tick.look(at)
    return at


def test_a_tick_that_finds_nothing_is_one_statement(now):
    with CaptureQueriesContext(connection) as asked, time_machine.travel(now + timedelta(seconds=2)):
        tasks.tick(by_beat=True)
    assert len(asked) == 1


def test_it_looks_again_within_a_quarter_of_a_minute(now):
    assert not tick.may_find(now + timedelta(seconds=13))
    assert tick.may_find(now + tick.LONGEST_REST)


def test_it_looks_again_where_the_clock_was_set_back(now):
    assert tick.may_find(now - timedelta(seconds=1))


def test_it_shows_itself_while_it_looks_and_long_before_it_counts_as_silent(now):
    for seconds in range(0, 60, 2):
        with time_machine.travel(now + timedelta(seconds=seconds), tick=False):
            tasks.tick(by_beat=True)
            shown = Heartbeat.objects.filter(pk="beat").values_list("beat_at", flat=True).first()
            assert seconds < 14 or (timezone.now() - shown).total_seconds() <= 16


@pytest.mark.parametrize("change", ["wave", "job", "channel", "state"])
def test_a_change_ends_the_rest(now, change):
    if change == "wave":
        factories.WaveFactory()
    elif change == "job":
        queue.enqueue(JobKind.SYNC, dedupe_key="x")
    elif change == "channel":
        factories.ChannelFactory(state=ChannelState.PAUSED)
    else:
        SystemState.objects.update(reason="another reason")
    assert tick.may_find(now + timedelta(seconds=2))


def test_a_wake_up_never_rests(now, monkeypatch):
    made = []
    monkeypatch.setattr(tick, "tick", lambda: made.append(1))
    tasks.tick()
    assert made


def test_a_moment_ends_the_rest_to_the_second(now):
    at = now + timedelta(seconds=5)
    factories.ScheduleFactory(state=ScheduleState.PLANNED, stage_at=at, publish_at=now + timedelta(hours=9))
    tick.look(now)
    tick.look(now)
    assert not tick.may_find(at - timedelta(seconds=1))
    assert tick.may_find(at)
    assert tick.look(at)["staging"] == 1


def test_what_we_make_public_ourselves_ends_the_rest_at_its_moment(now, settings):
    settings.HEADEND_ARM_SECONDS = 0
    at = now + timedelta(seconds=5)
    factories.ScheduleFactory(staged=True, publish_at=at)
    tick.look(now)
    tick.look(now)
    assert not tick.may_find(at - timedelta(seconds=1))
    assert tick.look(at)["publishing"] == 1


def test_a_job_that_waits_for_its_next_try_ends_the_rest_then(now):
    at = now + timedelta(seconds=5)
    queue.enqueue(JobKind.SYNC, dedupe_key="x", run_at=at)
    tick.look(now)
    tick.look(now)
    assert not tick.may_find(at - timedelta(seconds=1))
    assert tick.may_find(at)


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.QUEUED])
def test_nothing_rests_while_work_is_at_hand_or_waits_for_room(now, state):
    job = queue.enqueue(JobKind.SYNC, dedupe_key="x")
    holder = (
        {"holder": "w", "lease_expires_at": now + timedelta(minutes=1)} if state == JobState.RUNNING else {}
    )
    Job.objects.filter(pk=job.pk).update(state=state, run_at=now - timedelta(seconds=1), **holder)
    tick.look(now)
    tick.look(now)
    assert tick.may_find(now)


def test_what_is_long_due_and_held_back_does_not_keep_it_awake(now):
    paused = factories.ChannelFactory(state=ChannelState.PAUSED)
    factories.ScheduleFactory(channel=paused, state=ScheduleState.PLANNED, stage_at=now - timedelta(hours=1))
    tick.look(now)
    tick.look(now)
    assert not tick.may_find(now + timedelta(seconds=1))
    paused.state = ChannelState.ACTIVE
    paused.save()
    assert tick.may_find(now + timedelta(seconds=1))
    assert Schedule.objects.get().state == ScheduleState.PLANNED
    assert tick.LONGEST_REST.total_seconds() > settings.HEADEND_TICK_SECONDS
