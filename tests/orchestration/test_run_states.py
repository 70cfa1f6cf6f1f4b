"""Every word that GitHub has for a run is known, leads to one end, and a cancelled run is seen to be over."""

import pytest

from channels.gateways.errors import by_code
from channels.models import Channel
from channels.sandbox import github_state
from channels.sandbox.faults import Match
from orchestration.github import run_states
from orchestration.github.cancelling import FORCED_AFTER
from orchestration.models import Activity, Blocker, Job, WorkflowRun
from orchestration.pipeline.looks import SETTLE
from orchestration.queue.remedies import REMEDIES
from orchestration.states import JobKind, JobState, RunState
from tests.contracts import official
from tests.engine_room import door
from tests.orchestration.test_workflows import conclude, dispatch, hold_runs, look, wait_for_runs

pytestmark = pytest.mark.django_db
NEW_NAME = "headend/under-a-new-name"


@pytest.fixture
def channel(engine) -> Channel:
    return engine.channel(github=True, lead_time_minutes=30)


@pytest.fixture
def run(engine, channel) -> WorkflowRun:
    hold_runs(engine)
    return dispatch(engine, engine.planned(channel))


def stage_job() -> Job:
    return Job.objects.filter(kind=JobKind.STAGE).latest("pk")


def says(engine, status: str) -> None:
    """Let GitHub say this word of every run."""
    with engine.sandbox.store.change("github") as github:
        for run in github["runs"].values():
            run["status"] = status


# -- the table ---------------------------------------------------------------------------------------------------------


def test_the_words_are_those_of_githubs_description():
    if official.missing():
        pytest.skip(official.missing())
    described = official.published(*official.REST)["paths"]
    listing = described["/repos/{owner}/{repo}/actions/runs"]["get"]["parameters"]
    words = next(one for one in listing if one.get("name") == "status" or "status" in one.get("$ref", ""))
    if "$ref" in words:
        name = words["$ref"].rsplit("/", 1)[-1]
        words = official.published(*official.REST)["components"]["parameters"][name]
    assert set(words["schema"]["enum"]) <= set(run_states.STATUSES) | set(run_states.CONCLUSIONS)
    assert {*run_states.STATUSES, *run_states.CONCLUSIONS} - set(words["schema"]["enum"]) <= {
        "startup_failure"  # GitHub's guides name it, its description leaves it out
    }


def test_what_a_conclusion_waits_for_is_a_condition_with_a_remedy():
    blocked = [one for one in run_states.CONCLUSIONS.values() if one.again == "blocked"]
    assert {one.code for one in blocked} == {"run_needs_approval", "workflow_unfit"}
    for one in blocked:
        assert by_code(one.code).again == "blocked"
        assert one.code in REMEDIES


@pytest.mark.parametrize("word", [*run_states.STATUSES, "meditating"])
def test_every_status_is_told_in_words_and_begins_the_run_or_not(engine, run, word):
    if word == "completed":
        return  # by its conclusion, below
    says(engine, word)
    look(engine)
    run.refresh_from_db()
    begun = word in {"in_progress", "meditating"}
    assert (run.remote_status, run.state) == (word, RunState.RUNNING if begun else RunState.DISPATCHED)
    assert stage_job().progress_note == run_states.status_of(word).note
    assert ("does not know" in stage_job().progress_note) == (word == "meditating")


@pytest.mark.parametrize(
    ("word", "state", "job", "code"),
    [
        ("success", RunState.NEEDS_REVIEW, JobState.NEEDS_REVIEW, "outcome_unknown"),
        ("failure", RunState.FAILED, JobState.WAITING, "run_failure"),
        ("cancelled", RunState.CANCELLED, JobState.CANCELLED, "cancelled"),
        ("skipped", RunState.FAILED, JobState.WAITING, "run_skipped"),
        ("timed_out", RunState.FAILED, JobState.WAITING, "run_timed_out"),
        ("neutral", RunState.FAILED, JobState.WAITING, "run_neutral"),
        ("stale", RunState.FAILED, JobState.WAITING, "run_stale"),
        ("action_required", RunState.FAILED, JobState.WAITING, "run_needs_approval"),
        ("startup_failure", RunState.FAILED, JobState.WAITING, "workflow_unfit"),
        ("enlightened", RunState.FAILED, JobState.WAITING, "run_enlightened"),
    ],
)
def test_every_conclusion_ends_the_run_and_its_job_as_the_table_says(engine, run, word, state, job, code):
    conclude(engine, word)
    engine.pass_time(seconds=SETTLE.seconds + 5)
    look(engine)
    run.refresh_from_db()
    assert (run.state, run.conclusion) == (state, word)
    assert (stage_job().state, stage_job().error_code) == (job, code)
    blocked = run_states.conclusion_of(word).again == "blocked"
    assert Blocker.objects.open().filter(code=code).exists() == blocked
    if state == RunState.FAILED:
        assert run_states.conclusion_of(word).note in run.error_message
    assert word in {*run_states.CONCLUSIONS, "enlightened"}


def test_no_conclusion_is_left_out_above():
    (mark,) = test_every_conclusion_ends_the_run_and_its_job_as_the_table_says.pytestmark
    assert {case[0] for case in mark.args[1]} == {*run_states.CONCLUSIONS, "enlightened"}


# -- cancelled, and seen to be ----------------------------------------------------------------------------------------


def test_a_run_that_does_not_stop_when_cancelled_is_ended_by_force_after_two_minutes(engine, run):
    with engine.sandbox.store.change("github") as github:
        github["runs"][str(run.run_id)]["deaf"] = True
    door().cancel_job(job_id=stage_job().pk)
    look(engine, times=2)
    assert len(engine.sandbox.requests("POST", f"/runs/{run.run_id}/cancel")) == 2
    assert engine.sandbox.requests("POST", "/force-cancel") == []
    assert stage_job().state == JobState.RUNNING, "GitHub has not said that it is over"
    engine.pass_time(seconds=FORCED_AFTER.seconds + 5)
    look(engine, times=2)
    assert engine.sandbox.requests("POST", f"/runs/{run.run_id}/force-cancel")
    assert Activity.objects.filter(verb="run_force_cancelled").count() == 1
    wait_for_runs(engine)
    look(engine)
    run.refresh_from_db()
    assert (run.state, stage_job().state) == (RunState.CANCELLED, JobState.CANCELLED)


def test_a_run_is_cancelled_under_its_repositorys_new_name(engine, run, channel):
    github_state.rename_repository(engine.sandbox.store, run.repository, NEW_NAME)
    door().cancel_job(job_id=stage_job().pk)
    look(engine)
    run.refresh_from_db()
    channel.refresh_from_db()
    assert (run.repository, channel.repository) == (NEW_NAME, NEW_NAME)
    wait_for_runs(engine)
    look(engine)
    assert stage_job().state == JobState.CANCELLED
    assert engine.sandbox.requests("POST", f"/repos/{NEW_NAME}/actions/runs/{run.run_id}/cancel")


def test_a_cancellation_that_github_does_not_answer_is_asked_again(engine, run):
    engine.sandbox.faults.add(Match("POST", "/cancel$"), "status_before", status=502, times=1)
    door().cancel_job(job_id=stage_job().pk)
    look(engine)
    assert stage_job().state == JobState.RUNNING
    look(engine)
    wait_for_runs(engine)
    look(engine)
    assert stage_job().state == JobState.CANCELLED
