"""What GitHub will not stage in time is staged by our workers, in time, and never by both."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from channels.models import Channel
from channels.sandbox.faults import Match
from channels.states import Executor
from orchestration.errors import OrchestrationError, PermitRefused
from orchestration.github import dispatch as dispatch_of_github
from orchestration.github import failover, watch
from orchestration.github.proof import hashed
from orchestration.models import Activity, Job, WorkflowRun
from orchestration.states import JobKind, JobState, RunState, ScheduleState
from tests import factories
from tests.engine_room import door, state_of
from tests.orchestration.engine import running, stage_job, together

SECRET = "one-run-s-own-token"
DISPATCHES = Match("POST", "/dispatches$")


@pytest.fixture
def channel(engine, monkeypatch) -> Channel:
    """Give a channel that fails over 30 minutes before a moment, and whose runs need their permit."""
    engine.settings.HEADEND_PUBLIC_URL, engine.settings.GITHUB_OIDC = "http://headend.test", False
    monkeypatch.setattr(dispatch_of_github, "secrets", SimpleNamespace(token_urlsafe=lambda size: SECRET))
    engine.sandbox.run_queue_seconds = 3600
    return engine.channel(github=True, failover=True, lead_time_minutes=120)


def job_of(row) -> Job:
    return Job.objects.filter(distribution=row.distribution_id, kind=JobKind.STAGE).latest("pk")


def ask(run: WorkflowRun) -> dict:
    return door("read").take_permit(
        correlation_id=run.correlation_id, secret=SECRET, run_id=run.run_id, run_attempt=1
    )


def dispatched(engine, row) -> WorkflowRun:
    engine.tick()
    engine.work()
    return WorkflowRun.objects.filter(job=job_of(row)).latest("pk")


@pytest.mark.django_db
def test_a_run_that_is_stuck_in_its_queue_is_closed_and_our_workers_stage_in_time(engine, channel):
    row = engine.planned(channel, minutes=90)
    run = dispatched(engine, row)
    engine.tick()
    assert job_of(row).executor == Executor.GITHUB  # there is time
    engine.pass_time(minutes=61)
    engine.tick()
    run.refresh_from_db()
    assert (run.state, run.error_code) == (RunState.FAILED, "failed_over")
    with pytest.raises(PermitRefused, match="its job is over"):
        ask(run)
    engine.work()
    job = job_of(row)
    assert (job.state, job.executor, job.failed_over) == (JobState.SUCCEEDED, Executor.LOCAL, True)
    row.refresh_from_db()
    assert row.state == ScheduleState.STAGED
    assert len(engine.uploads()) == 1
    entry = Activity.objects.get(verb="publication_failed_over")
    assert (entry.object_id, entry.after["executor"]) == (row.pk, "local")
    assert "not taken its permit" in entry.reason


@pytest.mark.django_db
def test_a_run_that_has_its_permit_is_waited_for(engine, channel):
    row = engine.planned(channel, minutes=90)
    run = dispatched(engine, row)
    ask(run)
    engine.pass_time(minutes=61)
    engine.tick()
    run.refresh_from_db()
    assert (job_of(row).executor, run.state in {RunState.DISPATCHED, RunState.RUNNING}) == (
        Executor.GITHUB,
        True,
    )


@pytest.mark.django_db
def test_what_is_blocked_on_a_disabled_workflow_is_handed_over_and_the_next_goes_to_github_again(
    engine, channel
):
    said = {"message": "Cannot trigger a 'workflow_dispatch' on a disabled workflow"}
    fault = engine.sandbox.faults.add(DISPATCHES, "status_before", status=422, body=said, times=None)
    row = engine.planned(channel, minutes=90)
    engine.tick()
    engine.work()
    assert job_of(row).blocked_on.code == "workflow_disabled"
    engine.pass_time(minutes=61)
    engine.tick()
    engine.work()
    assert (job_of(row).state, job_of(row).executor) == (JobState.SUCCEEDED, Executor.LOCAL)
    assert "disabled workflow" in Activity.objects.get(verb="publication_failed_over").reason
    assert fault.hits
    engine.sandbox.faults.clear()
    following = engine.planned(channel, minutes=300, stage_at=timezone.now())
    assert dispatched(engine, following).state == RunState.DISPATCHED


@pytest.mark.django_db
def test_runs_that_failed_are_followed_by_our_workers(engine, channel):
    row = engine.planned(channel, minutes=90)
    run = dispatched(engine, row)
    with engine.sandbox.store.change("github") as github:
        github["runs"][str(run.run_id)].update(status="completed", conclusion="failure")
    engine.pass_time(minutes=4)
    WorkflowRun.objects.update(next_look_at=timezone.now())
    watch.watch()
    assert job_of(row).state == JobState.WAITING
    Job.objects.update(run_at=timezone.now() + timedelta(hours=3))
    engine.pass_time(minutes=58)
    engine.tick()
    engine.work()
    assert (job_of(row).state, job_of(row).executor) == (JobState.SUCCEEDED, Executor.LOCAL)


@pytest.mark.django_db
def test_a_channel_without_failover_waits_for_github(engine, channel):
    Channel.objects.update(failover=False)
    row = engine.planned(channel, minutes=90)
    dispatched(engine, row)
    engine.pass_time(minutes=80)
    engine.tick()
    assert job_of(row).executor == Executor.GITHUB


@pytest.mark.django_db
def test_without_a_permit_a_run_that_may_be_at_work_is_never_raced(engine, channel):
    engine.settings.HEADEND_PUBLIC_URL = ""
    row = engine.planned(channel, minutes=90)
    run = dispatched(engine, row)
    engine.pass_time(minutes=70)
    engine.tick()
    run.refresh_from_db()
    assert (job_of(row).executor, run.state) == (Executor.GITHUB, RunState.DISPATCHED)


@pytest.mark.django_db
def test_github_has_the_first_half_of_a_short_lead_time(engine, channel):
    Channel.objects.update(lead_time_minutes=20)
    channel.refresh_from_db()
    assert failover.bound(channel) == timedelta(minutes=10)
    row = engine.planned(channel, minutes=20)
    dispatched(engine, row)
    engine.tick()
    assert (job_of(row).executor, state_of(row)[0]) == (Executor.GITHUB, ScheduleState.STAGING)


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("keeps_invariants")
def test_a_permit_that_is_taken_as_the_job_is_handed_over_leaves_exactly_one_of_them_at_work(
    transactional_db, settings
):
    settings.HEADEND_PUBLIC_URL = "http://headend.test"
    running()
    won = set()
    for number in range(12):
        job = stage_job(executor=Executor.GITHUB, state=JobState.RUNNING, holder=f"run:race-{number}")
        Channel.objects.filter(pk=job.channel_id).update(failover=True)
        run = factories.WorkflowRunFactory(
            job=job,
            channel=job.channel,
            correlation_id=f"race-{number}",
            callback_hash=hashed(SECRET),
            needs_permit=True,
            state=RunState.DISPATCHED,
            run_id=9_000 + number,
        )
        permit, handed = together(
            lambda run=run: ask(run), lambda job=job: failover.hand_over(job, timezone.now())
        )
        for outcome in (permit, handed):
            if isinstance(outcome, Exception) and not isinstance(outcome, OrchestrationError):
                raise outcome
        has_permit = isinstance(permit, dict)
        is_local = handed is True
        assert has_permit != is_local, (permit, handed)
        job.refresh_from_db()
        run.refresh_from_db()
        assert job.executor == (Executor.LOCAL if is_local else Executor.GITHUB)
        assert (run.permit_run_id is not None) == has_permit
        won.add(is_local)
    assert won
