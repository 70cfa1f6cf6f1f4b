"""Whoever locks several rows takes them in one order: switch, channel, schedule, distribution, job.

Each test lets one side stop between two of its locks until the other is in its way, so that an order which does not hold
is ended by PostgreSQL as a deadlock every time, and not once in a thousand.
"""

import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from orchestration.engine import tick
from orchestration.errors import NoRightsBasis
from orchestration.github import watch
from orchestration.models import Job, Schedule
from orchestration.pipeline import outcomes, publish, stage
from orchestration.planning import types
from orchestration.queue import jobs as queue
from orchestration.queue.lease import JobLease, WaitUntil
from orchestration.register import channels, sources
from orchestration.scheduling import waves
from orchestration.scheduling.plan_writer import write_placements
from orchestration.scheduling.rows import lock_channels, locked, withdraw_jobs
from orchestration.states import DistributionState, JobKind, JobState, RunState, ScheduleState
from tests import factories
from tests.factories import in_
from tests.orchestration.engine import claimed, no_errors, publish_job, running, stage_job, together
from tests.patience import PATIENCE_SECONDS

pytestmark = [
    pytest.mark.postgres_only,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("keeps_invariants"),
]


@pytest.fixture(autouse=True)
def system(transactional_db):
    return running()


def until_somebody_waits():
    """Return once another connection of this database waits for a lock."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # else a transaction sees the same for ever
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits for a lock")


def due_now():
    wave = factories.WaveFactory()
    return factories.ScheduleFactory(staged=True, wave=wave, publish_at=in_(seconds=-1))


@pytest.mark.parametrize("by", ["wave", "channel"])
def test_a_pause_that_answers_while_a_flip_waits_for_it_prevents_the_flip(by):
    """The flip waits for the schedule that the pause holds, and must then see the pause and not what it had read before."""
    row = due_now()
    lease = JobLease(claimed(publish_job(schedule=row)))
    is_held = threading.Event()

    def pauses():
        with transaction.atomic():
            if by == "wave":
                waves.pause(row.wave_id)
            else:
                channels.pause_channel(row.channel_id)
            is_held.set()
            until_somebody_waits()

    def flips():
        assert is_held.wait(PATIENCE_SECONDS)
        return publish._store_flip_intent(Schedule.objects.get(pk=row.pk), lease)

    _, refusal = no_errors(together(pauses, flips))
    assert "paused" in refusal
    row.refresh_from_db()
    assert row.state == ScheduleState.STAGED


def steered_against(first, second):
    """Run both: `second` begins once `first` gives the word, and `first` goes on once `second` waits for it."""
    begun = threading.Event()

    def gives_the_word():
        begun.set()
        until_somebody_waits()

    def one():
        with transaction.atomic():
            first(gives_the_word)

    def other():
        assert begun.wait(PATIENCE_SECONDS)
        second()

    no_errors(together(one, other))


def test_a_tick_that_makes_jobs_does_not_wait_for_a_planner_that_waits_for_its_schedules(monkeypatch):
    """A new job names its channel, and must not wait for whoever plans on that channel."""
    row = factories.ScheduleFactory(stage_at=in_(seconds=-1))
    make_jobs = queue.enqueue_many
    has_schedules, has_channel = threading.Event(), threading.Event()

    def makes_jobs_while_somebody_plans(*args, **values):
        has_schedules.set()
        assert has_channel.wait(PATIENCE_SECONDS)
        until_somebody_waits()
        make_jobs(*args, **values)

    def plans():
        assert has_schedules.wait(PATIENCE_SECONDS)
        with transaction.atomic():
            lock_channels([row.channel_id])
            has_channel.set()
            locked(row.pk)

    monkeypatch.setattr(queue, "enqueue_many", makes_jobs_while_somebody_plans)
    no_errors(together(lambda: tick.stage_due(timezone.now()), plans))
    assert Job.objects.filter(schedule=row, kind=JobKind.STAGE).count() == 1


def test_an_upload_that_is_recorded_and_a_plan_that_takes_its_publication_up_again_go_past_each_other():
    row = factories.ScheduleFactory(state=ScheduleState.MISSED)
    distribution = row.distribution
    at = (timezone.now() + timedelta(hours=5)).replace(microsecond=0)
    placement = types.Placement(
        distribution.video_id,
        row.channel_id,
        at,
        at.replace(tzinfo=None),
        "UTC",
        5,
        "wave",
        stage_at=at - timedelta(hours=2),
    )

    def plans():
        with transaction.atomic():
            lock_channels([row.channel_id])
            write_placements([placement], wave=None, method="wave", now=timezone.now())

    def records(gives_the_word):
        list(Schedule.objects.locked().filter(pk=row.pk))
        gives_the_word()
        stage.record_staged(distribution.pk, "recordedvid")

    steered_against(records, plans)
    distribution.refresh_from_db()
    assert (distribution.state, distribution.youtube_video_id) == (DistributionState.STAGED, "recordedvid")
    assert distribution.schedule.state == ScheduleState.STAGED
    assert distribution.schedule.publish_at == at


@pytest.mark.parametrize("ends", ["needs review", "succeeds"])
def test_an_operator_who_holds_back_and_a_run_that_ends_go_past_each_other(ends):
    job = claimed(stage_job())
    run = factories.WorkflowRunFactory(job=job, state=RunState.RUNNING)

    def holds(gives_the_word):
        row = locked(job.schedule_id)
        gives_the_word()
        withdraw_jobs([row.pk], "held")

    def concludes():
        if ends == "succeeds":
            watch._succeed(run, {})
        else:
            watch._needs_review(run, "gone")

    steered_against(holds, concludes)
    job.refresh_from_db()
    assert job.state == (JobState.SUCCEEDED if ends == "succeeds" else JobState.NEEDS_REVIEW)


def test_a_wave_that_is_paused_and_a_video_that_failed_take_its_members_in_the_same_order():
    wave = factories.WaveFactory()
    later = factories.ScheduleFactory(wave=wave, publish_at=in_(hours=3))
    sooner = factories.ScheduleFactory(wave=wave, publish_at=in_(hours=2))

    def fails(gives_the_word):
        list(Schedule.objects.locked().filter(pk=later.pk))
        gives_the_word()
        outcomes._lock_publications([later.distribution_id, sooner.distribution_id])

    steered_against(fails, lambda: waves.pause(wave.pk))
    wave.refresh_from_db()
    assert wave.state == "paused"


@pytest.mark.parametrize("first", ["the arming", "the withdrawal"])
def test_rights_that_are_withdrawn_while_an_arming_is_intended_stop_it_or_take_it_back(first):
    row = factories.ScheduleFactory(staged=True, publish_at=in_(minutes=10))
    lease = JobLease(claimed(publish_job(schedule=row)))
    source = row.distribution.video.source
    refused = []

    def intends():
        try:
            publish._store_arming_intent(Schedule.objects.get(pk=row.pk), lease)
        except (NoRightsBasis, WaitUntil) as error:
            refused.append(error)

    def withdraws():
        return sources.set_rights(source.pk, rights_basis="")

    if first == "the arming":
        steered_against(lambda word: (intends(), word()), withdraws)
    else:
        steered_against(lambda word: (withdraws(), word()), intends)
    row.refresh_from_db()
    is_taken_back = Job.objects.filter(schedule=row, kind=JobKind.DISARM).exists()
    assert (row.armed_for, len(refused), is_taken_back, row.state) == (
        (None, 0, True, ScheduleState.HELD)
        if first == "the arming"
        else (None, 1, False, ScheduleState.STAGED)
    )


def test_what_is_uploaded_while_rights_are_withdrawn_is_not_armed_by_the_old_ones():
    """The withdrawal has looked before it was staged, and is not committed: without the switch nobody stopped it."""
    row = factories.ScheduleFactory(staged=True, publish_at=in_(minutes=10))
    Schedule.objects.filter(pk=row.pk).update(state=ScheduleState.STAGING)
    lease = JobLease(claimed(publish_job(schedule=row)))
    source = row.distribution.video.source

    def withdraws(gives_the_word):
        sources.set_rights(source.pk, rights_basis="")
        gives_the_word()

    def is_staged_and_armed():
        Schedule.objects.filter(pk=row.pk).update(state=ScheduleState.STAGED)
        with pytest.raises(NoRightsBasis):
            publish._store_arming_intent(Schedule.objects.get(pk=row.pk), lease)

    steered_against(withdraws, is_staged_and_armed)
    row.refresh_from_db()
    assert row.armed_for is None
