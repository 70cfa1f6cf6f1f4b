"""The switch of the whole system: shared by all processes, decided once, obeyed at once."""

import threading

import pytest
from django.conf import settings as django_settings
from django.db import connection

from channels.verbs import offered
from orchestration.engine import control, tick
from orchestration.errors import IllegalTransition
from orchestration.models import Activity, Job, Pool, Schedule, SystemState
from orchestration.queue import jobs as queue
from orchestration.states import SYSTEM_VERBS, JobKind, JobState, SystemStatus
from tests.factories import JobFactory, SystemStateFactory, in_
from tests.orchestration.engine import plain_job, process_job, publish_job, running, stage_job, together

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("keeps_invariants")]

ACTIONS = {
    "start": control.start,
    "pause": control.pause,
    "resume": control.resume,
    "stop": control.stop,
}
LEADS_TO = {
    "start": SystemStatus.RUNNING,
    "pause": SystemStatus.PAUSED,
    "resume": SystemStatus.RUNNING,
    "stop": SystemStatus.STOPPED,
}
CASES = [(state, action) for state in SystemStatus.values for action in ACTIONS]


def let_the_moment_come():
    """Let what is armed have its moment behind it, by seconds."""
    moment = in_(seconds=-5)
    Schedule.objects.update(publish_at=moment, armed_for=moment)


def test_a_new_installation_is_stopped():
    assert control.report().state == SystemStatus.STOPPED
    assert SystemState.objects.count() == 1


@pytest.mark.parametrize(("state", "action"), CASES)
def test_an_action_is_taken_where_it_is_shown_and_refused_elsewhere(state, action):
    running(state)
    now = {"now": True} if (state, action) == (SystemStatus.DRAINING, "stop") else {}
    if action in offered(SYSTEM_VERBS, state):
        report = ACTIONS[action](reason="because", **now)
        expected = LEADS_TO[action] if not now else SystemStatus.DRAINING
        assert report.state == control.report().state == expected
        assert (report.reason, report.changed_by) == ("because", "a test") or now
    else:
        with pytest.raises(IllegalTransition) as refused:
            ACTIONS[action]()
        assert refused.value.details["state"] == state
        assert control.report().state == state
        assert not Activity.objects.filter(verb__startswith="system_").exists()


@pytest.mark.parametrize(("state", "hint"), [("paused", "Use resume."), ("running", "running already")])
def test_a_refused_start_says_what_to_do_instead(state, hint):
    running(state)
    with pytest.raises(IllegalTransition, match=hint):
        control.start()


def test_each_step_leaves_one_entry_with_before_and_after():
    control.start("the day begins")
    control.pause("a look at the queue")
    control.resume()
    control.stop(reason="the day ends")
    entries = Activity.objects.filter(verb__startswith="system_").order_by("id")
    assert [(e.verb, e.before["state"], e.after["state"], e.reason) for e in entries] == [
        ("system_started", "stopped", "running", "the day begins"),
        ("system_paused", "running", "paused", "a look at the queue"),
        ("system_resumed", "paused", "running", ""),
        ("system_stopped", "running", "stopped", "the day ends"),
    ]


def test_the_first_start_makes_the_pools_and_a_later_one_keeps_an_operators_figures():
    control.start()
    assert Pool.objects.filter(name="youtube_uploads", capacity=100).exists()
    Pool.objects.filter(name="upload").update(capacity=9)
    control.stop()
    control.start()
    assert Pool.objects.get(name="upload").capacity == 9


def test_the_state_outlives_the_process_that_set_it():
    control.start()
    connection.close_if_unusable_or_obsolete() if not connection.in_atomic_block else None
    assert control.is_running()
    assert queue.locked_status() == SystemStatus.RUNNING


# ------------------------------------------------------------------------------------------------------- what it holds


@pytest.mark.parametrize("state", [SystemStatus.STOPPED, SystemStatus.PAUSED, SystemStatus.DRAINING])
def test_nothing_new_starts_unless_the_system_runs(state):
    running(state)
    stage_job(video__state="ready")
    process_job()
    plain_job(JobKind.COLLECT)
    plain_job(JobKind.SYNC)
    publish_job()
    assert queue.claim(limit=10) == []


@pytest.mark.parametrize("state", SystemStatus.values)
def test_what_only_looks_or_takes_back_runs_in_every_state(state):
    running(state)
    wanted = [plain_job(kind) for kind in (JobKind.CHECK, JobKind.RECALL, JobKind.DISARM)]
    wanted.append(publish_job(armed=True))
    let_the_moment_come()
    assert {job.pk for job in queue.claim(limit=10)} == {job.pk for job in wanted}


def test_an_armed_publication_is_not_looked_at_before_its_moment_while_the_system_is_paused():
    running(SystemStatus.PAUSED)
    publish_job(armed=True)
    assert queue.claim(limit=10) == []


def test_a_pause_lets_what_runs_finish():
    running()
    job = JobFactory(running=True, kind=JobKind.COLLECT)
    control.pause()
    job.refresh_from_db()
    assert (job.state, job.cancel_requested_at) == (JobState.RUNNING, None)


# --------------------------------------------------------------------------------------------------------------- drain


def test_stop_drains_while_something_runs_and_stops_when_it_has_finished():
    running()
    job = JobFactory(running=True, kind=JobKind.COLLECT)
    assert control.stop().state == SystemStatus.DRAINING
    assert not control.finish_draining()
    queue.finish(job, JobState.SUCCEEDED, result={})
    assert tick.tick() == {"drained": 1}
    assert control.report().state == SystemStatus.STOPPED
    assert Activity.objects.filter(verb="system_stopped").count() == 1


def test_draining_does_not_wait_for_a_job_that_waits_for_another_try():
    running()
    JobFactory(state=JobState.WAITING, kind=JobKind.COLLECT)
    assert control.stop().state == SystemStatus.STOPPED


def test_draining_does_not_wait_for_what_may_run_in_every_state():
    """Channels are checked in every state; a check that follows the other would keep the system from stopping."""
    running()
    JobFactory(running=True, kind=JobKind.CHECK)
    assert control.stop().state == SystemStatus.STOPPED


def test_a_system_that_drains_can_be_started_again():
    running()
    JobFactory(running=True, kind=JobKind.COLLECT)
    control.stop()
    assert control.start().state == SystemStatus.RUNNING


def test_a_second_stop_is_refused_and_a_stop_now_is_not():
    running()
    JobFactory(running=True, kind=JobKind.COLLECT)
    control.stop()
    with pytest.raises(IllegalTransition):
        control.stop()
    assert control.stop(now=True).state == SystemStatus.DRAINING


def test_stop_now_asks_what_runs_to_cancel_once_and_names_it():
    running()
    jobs = [JobFactory(running=True, kind=JobKind.COLLECT) for _ in range(2)]
    asked = JobFactory(
        running=True, kind=JobKind.COLLECT, cancel_requested_at=in_(minutes=-1), cancel_reason="operator"
    )
    control.stop(now=True, reason="fire alarm")
    for job in jobs:
        job.refresh_from_db()
        assert job.cancel_requested_at is not None
        assert job.cancel_reason == "stop_now"
    asked.refresh_from_db()
    assert asked.cancel_reason == "operator", "it was asked before, for another reason"
    entry = Activity.objects.get(verb="system_stop_now")
    assert entry.additional_data["members"]["job"] == [job.pk for job in jobs]


@pytest.mark.parametrize("kind", [JobKind.RECALL, JobKind.DISARM])
def test_stop_now_does_not_stop_what_takes_back(kind):
    """A recall that is cancelled leaves public what an operator wanted to be private."""
    running()
    recall = JobFactory(running=True, kind=kind)
    control.stop(now=True)
    recall.refresh_from_db()
    assert recall.cancel_requested_at is None


def test_stop_now_with_nothing_running_stops_at_once():
    running()
    assert control.stop(now=True).state == SystemStatus.STOPPED


# ---------------------------------------------------------------------------------------------- copies of the database

OURS, THEIRS = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture
def here(settings):
    settings.HEADEND_INSTALLATION_ID = OURS


def test_the_first_tick_puts_its_name_on_the_database(here):
    running()
    tick.tick()
    state = SystemState.objects.get()
    assert (state.installation_id, state.state) == (OURS, SystemStatus.RUNNING)


def test_start_puts_its_name_on_a_new_database(here):
    control.start()
    assert SystemState.objects.get().installation_id == OURS


def test_every_installation_has_a_name():
    assert len(django_settings.HEADEND_INSTALLATION_ID) >= 16


@pytest.mark.parametrize("state", SystemStatus.values)
def test_a_copy_boots_paused_in_whatever_state_it_was_taken(here, state):
    running(state, installation_id=THEIRS)
    tick.tick()
    report = control.report()
    assert report.state == SystemStatus.PAUSED
    assert "another installation" in report.reason
    assert "HEADEND_INSTALLATION_ID" in report.reason
    assert SystemState.objects.get().installation_id == THEIRS


@pytest.mark.parametrize("state", SystemStatus.values)
def test_a_copy_is_found_once_and_told_once(here, state):
    running(state, installation_id=THEIRS)
    for _ in range(3):
        tick.tick()
    assert Activity.objects.filter(verb="system_copy_found").count() == 1


def test_a_copy_dispatches_nothing_even_before_its_first_tick(here):
    running(SystemStatus.RUNNING, installation_id=THEIRS)
    process_job()
    plain_job(JobKind.CHECK)
    plain_job(JobKind.RECALL)
    publish_job(armed=True)
    let_the_moment_come()
    assert queue.claim(limit=10) == []
    assert queue.locked_status() == SystemStatus.PAUSED, "what asks before it publishes must hear so too"
    assert not control.is_running()
    assert Job.objects.filter(state=JobState.QUEUED).count() == 4
    tick.tick()


def test_a_copy_takes_nothing_back_from_the_channels_that_the_original_serves(here):
    running(SystemStatus.PAUSED, installation_id=THEIRS)
    plain_job(JobKind.RECALL)
    assert queue.claim(limit=10) == []


def test_a_copy_cannot_be_started_past_its_reconciliation(here):
    running(SystemStatus.STOPPED, installation_id=THEIRS)
    with pytest.raises(IllegalTransition, match="another installation"):
        control.start()
    assert control.report().state == SystemStatus.PAUSED


def test_a_person_who_has_looked_resumes_a_copy_and_gives_it_its_own_name(here):
    running(SystemStatus.RUNNING, installation_id=THEIRS)
    tick.tick()
    job = process_job()
    assert control.resume("looked at what is overdue").state == SystemStatus.RUNNING
    assert SystemState.objects.get().installation_id == OURS
    assert [row.pk for row in queue.claim()] == [job.pk]
    entry = Activity.objects.get(verb="system_resumed")
    assert (entry.before["installation_id"], entry.after["installation_id"]) == (THEIRS, OURS)
    tick.tick()
    assert control.report().state == SystemStatus.RUNNING


def test_a_pause_by_hand_on_a_copy_says_why_it_stays(here):
    running(SystemStatus.PAUSED, installation_id=THEIRS, reason="lunch")
    tick.tick()
    assert "another installation" in control.report().reason


# ------------------------------------------------------------------------------------------------------------ at once


@pytest.mark.django_db(transaction=True)
def test_two_starts_at_once_give_one_start():
    outcomes = together(control.start, control.start, control.start)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "IllegalTransition",
        "IllegalTransition",
        "SystemReport",
    ]
    assert Activity.objects.filter(verb="system_started").count() == 1
    assert SystemState.objects.get().version == 1


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_when_pause_has_answered_nothing_more_is_claimed():
    """Several workers claim as fast as they can; the switch must get its turn, and hold from its answer on."""
    running()
    for _ in range(400):
        plain_job()
    stop = threading.Event()
    late = []

    def claims():
        mine = 0
        while not stop.is_set() or mine < 0:
            answered = paused.is_set()
            taken = queue.claim(fast=True)
            if taken and answered:
                late.append(taken[0].pk)
            if not taken and answered:
                return mine
            mine += len(taken)
        return mine

    paused = threading.Event()

    def pauses():
        while Job.objects.filter(state=JobState.RUNNING).count() < 20:
            pass
        control.pause()
        paused.set()
        return Job.objects.filter(state=JobState.RUNNING).count()

    try:
        *claimed, at_pause = together(claims, claims, claims, claims, pauses)
    finally:
        stop.set()
    assert late == []
    assert all(isinstance(count, int) for count in claimed), claimed
    assert sum(claimed) == at_pause == Job.objects.filter(state=JobState.RUNNING).count()
    assert 20 <= at_pause < 400, "the pause came while there was still work"
    SystemStateFactory()
