"""What needs a person is listed, worst first, in one sentence each."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.utils import timezone

import channels
from orchestration.core.heartbeats import beat
from orchestration.models import Conflict, Job, Rollout, SystemState, WorkflowRun
from orchestration.monitoring import problems, run_problems, work_problems
from orchestration.monitoring.problem_values import MAX_OF_A_KIND
from orchestration.monitoring.problems import Known
from orchestration.queue import jobs as queue
from orchestration.states import ConflictState, JobKind, JobState, RolloutState, RunState, SystemStatus
from tests.factories import (
    BudgetEntryFactory,
    ChannelFactory,
    ConfigRevisionFactory,
    ConflictFactory,
    CredentialFactory,
    JobFactory,
    OrphanUploadFactory,
    PoolFactory,
    ScheduleFactory,
    SourceFactory,
    WorkflowRunFactory,
)

pytestmark = pytest.mark.django_db
TEMPLATE = Path(channels.__file__).parent / "template"


def minutes_ago(minutes: int) -> datetime:
    return timezone.now() - timedelta(minutes=minutes)


@pytest.fixture(autouse=True)
def a_running_system():
    SystemState.objects.update_or_create(pk=1, defaults={"state": SystemStatus.RUNNING})
    beat("beat")
    beat("worker")


def codes() -> list[str]:
    return [problem["code"] for problem in problems.problems()]


def only_problem() -> dict:
    (problem,) = problems.problems()
    return problem


def test_a_system_in_order_has_no_problems():
    ScheduleFactory()
    ScheduleFactory(published=True)
    JobFactory(succeeded=True)
    assert problems.problems() == []


def test_a_schedule_that_needs_review_is_an_error():
    schedule = ScheduleFactory(needs_review=True)
    problem = only_problem()
    assert (problem["severity"], problem["code"]) == ("error", "needs_review")
    assert (problem["subject_type"], problem["subject_id"]) == ("schedule", schedule.pk)
    assert problem["since"] == schedule.state_changed_at
    assert "the outcome of the call is not known" in problem["sentence"]


def test_a_failed_job_is_a_problem_until_its_work_was_done_or_begun_again():
    failed = JobFactory(failed=True, kind=JobKind.COLLECT, dedupe_key="collect:1")
    assert codes() == ["job_failed"]
    queue.enqueue(JobKind.COLLECT, dedupe_key="collect:1", channel=failed.channel)
    assert codes() == []


def test_the_same_work_failing_again_and_again_is_one_problem():
    for _ in range(3):
        JobFactory(failed=True, dedupe_key="stage:7")
    assert codes() == ["job_failed"]


def test_a_failure_of_more_than_a_day_ago_is_history():
    JobFactory(failed=True, finished_at=timezone.now() - timedelta(hours=25))
    assert codes() == []


def test_a_fault_of_ours_is_worse_than_a_refusal():
    JobFactory(failed=True)
    JobFactory(failed=True, state=JobState.ERRORED)
    assert [(p["severity"], p["code"]) for p in problems.problems()] == [
        ("error", "job_errored"),
        ("warning", "job_failed"),
    ]


def test_a_revoked_credential_is_named_instead_of_the_failing_channel():
    channel = ChannelFactory(failing=True)
    CredentialFactory(channel=channel, revoked=True)
    problem = only_problem()
    assert problem["code"] == "credential_revoked"
    assert problem["slug"] == channel.slug
    assert "connect the channel again" in problem["sentence"]


def test_failing_and_degraded_channels_are_listed_and_disabled_ones_are_not():
    ChannelFactory(failing=True)
    ChannelFactory(health="degraded", health_reason="No posting slot is set.")
    ChannelFactory(failing=True, disabled=True)
    assert codes() == ["channel_failing", "channel_degraded"]


def test_overdue_items_are_one_problem_and_a_system_that_stands_still_another():
    oldest = ScheduleFactory(overdue=True)
    ScheduleFactory(publish_at=timezone.now() - timedelta(minutes=1))
    ScheduleFactory(overdue=True, held=True)
    problem = only_problem()
    assert problem["code"] == "overdue"
    assert problem["sentence"].startswith("2 publications are overdue; the first is")
    assert problem["subject_id"] == oldest.pk

    SystemState.objects.update(state=SystemStatus.PAUSED)
    assert sorted(codes()) == ["overdue", "system_not_running"]


def test_sources_that_fail_and_sources_without_rights_are_listed():
    SourceFactory(broken=True)
    SourceFactory(last_error="timed out", consecutive_failures=1)
    SourceFactory(without_rights=True)
    SourceFactory(broken=True, paused=True)
    assert [(p["severity"], p["code"]) for p in problems.problems()] == [
        ("error", "source_failing"),
        ("warning", "source_failing"),
        ("info", "source_without_rights"),
    ]


def test_a_spent_budget_says_when_there_is_more():
    pool = PoolFactory(name="youtube_uploads", label="YouTube uploads", budget=True, capacity=1)
    from channels.quota import pacific_day

    BudgetEntryFactory(pool=pool, day=pacific_day(timezone.now()))
    problem = only_problem()
    assert problem["code"] == "budget_exhausted"
    assert "more at" in problem["sentence"]


def test_open_conflicts_orphans_and_unsynced_configurations_are_listed():
    ConflictFactory()
    ConflictFactory(resolved=True)
    OrphanUploadFactory()
    OrphanUploadFactory(deleted_at=timezone.now())
    channel = ChannelFactory()
    ConfigRevisionFactory(channel=channel, number=1, sync_error="GitHub answered 502")
    assert set(codes()) == {"conflict_open", "orphan_upload", "configuration_not_synced"}
    ConfigRevisionFactory(channel=channel, number=2)
    assert "configuration_not_synced" not in codes()


def test_a_silent_component_is_an_error_until_it_beats_again():
    later = timezone.now() + timedelta(seconds=31)
    silent = problems.problems(now=later)
    # Workers show themselves when beat has them woken: their silence says nothing while beat itself is silent.
    assert [problem["subject"] for problem in silent] == ["beat"]
    assert "has been silent since" in silent[0]["sentence"]
    assert codes() == []
    beat("beat")
    found = problems.problems(Known(components={"beat": 1.0, "worker": 40.0}))
    assert [problem["subject"] for problem in found] == ["worker"]


def test_one_of_several_workers_that_beats_is_enough():
    known = Known(components={"beat": 1.0, "worker:a": 400.0, "worker:b": 2.0})
    assert problems.problems(known) == []
    (problem,) = problems.problems(Known(components={"beat": 1.0}))
    assert problem["sentence"] == "The worker has not shown itself yet; without it no job is done."


def test_many_problems_of_a_kind_are_counted_not_listed():
    Conflict.objects.bulk_create(ConflictFactory.build_batch(MAX_OF_A_KIND + 5, video=None, channel=None))
    assert Conflict.objects.filter(state=ConflictState.OPEN).count() == MAX_OF_A_KIND + 5
    found = problems.problems()
    assert len(found) == MAX_OF_A_KIND + 1
    assert any(problem["sentence"] == "5 more conflicts are open." for problem in found)


def test_the_list_takes_as_many_queries_for_many_problems_as_for_few(django_assert_max_num_queries):
    for _ in range(12):
        channel = ChannelFactory(failing=True)
        ScheduleFactory(channel=channel, needs_review=True)
        JobFactory(channel=channel, failed=True)
        ConflictFactory(channel=channel)
        SourceFactory(broken=True)
    with django_assert_max_num_queries(20):
        assert len(problems.problems()) == 60
    assert Job.objects.count() == 12


def a_run(publish_at: int = -600, **values: object) -> WorkflowRun:
    """Make a run of a staging job; a number stands for so many minutes ago, a negative one for the time to come."""
    given = {name: minutes_ago(value) if isinstance(value, int) else value for name, value in values.items()}
    schedule = ScheduleFactory(publish_at=minutes_ago(publish_at))
    return WorkflowRunFactory(
        job__running=True, job__schedule=schedule, **{"remote_status": "in_progress", **given}
    )


@pytest.mark.parametrize(
    ("run", "code", "severity"),
    [
        ({"remote_status": "waiting"}, "run_needs_approval", "error"),
        ({"remote_status": "queued", "created_at": 16}, "run_stuck_in_queue", "warning"),
        ({"remote_status": "pending", "created_at": 121}, "run_stuck_in_queue", "warning"),
        ({"state": RunState.RUNNING, "state_changed_at": 121}, "run_overtime", "warning"),
        (
            {
                "state": RunState.RUNNING,
                "state_changed_at": 16,
                "publish_at": -10,
            },
            "run_overtime",
            "warning",
        ),
        (
            {"created_at": 5, "job__cancel_requested_at": 3},
            "run_not_cancelled",
            "warning",
        ),
    ],
)
def test_a_run_that_waits_is_stuck_or_goes_on_too_long_is_listed_with_its_address(run, code, severity):
    row = a_run(**run)
    problem = only_problem()
    assert (problem["code"], problem["severity"]) == (code, severity)
    assert (problem["subject_type"], problem["subject_id"]) == ("job", row.job_id)
    assert row.html_url in problem["sentence"]


@pytest.mark.parametrize(
    "run",
    [
        {"remote_status": "queued", "created_at": 14},
        {"remote_status": "pending", "created_at": 119},
        {"state": RunState.RUNNING, "state_changed_at": 119},
        {"state": RunState.SUCCEEDED, "remote_status": "waiting"},
        {"created_at": 5, "job__cancel_requested_at": 1},
    ],
)
def test_a_run_that_is_in_time_is_no_problem(run):
    a_run(**run)
    assert codes() == []


def test_many_runs_with_problems_take_as_many_queries_as_one(django_assert_max_num_queries):
    for _ in range(10):
        WorkflowRunFactory(remote_status="waiting")
    with django_assert_max_num_queries(3):
        assert len(work_problems.of_runs(timezone.now(), 20)) == 10


def test_the_timeout_is_the_templates():
    workflow = TEMPLATE.joinpath(".github/workflows/headend.yml").read_text("utf-8")
    assert f"timeout-minutes: {int(run_problems.WORKFLOW_TIMEOUT.total_seconds() // 60)}" in workflow


def test_a_halted_rollout_is_told_with_what_halted_it():
    Rollout.objects.create(
        cohort_size=5, state=RolloutState.HALTED, halted_why="aurora: its workflow was changed by hand."
    )
    problem = only_problem()
    assert (problem["code"], problem["severity"]) == ("rollout_halted", "warning")
    assert "changed by hand" in problem["sentence"]
