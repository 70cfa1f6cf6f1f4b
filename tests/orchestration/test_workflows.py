"""A channel's GitHub workflow is dispatched once, works under one permit, and counts only for what YouTube confirms."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
import requests
from django.db import transaction
from django.utils import timezone

from channels.gateways.github import GitHubGateway
from channels.models import Channel
from channels.sandbox import github_state, youtube_state
from channels.sandbox.faults import Match
from channels.sandbox.seed import CLIENT_ID, CLIENT_SECRET, GITHUB_TOKEN
from orchestration.core import gateways
from orchestration.core.transitions import transition
from orchestration.engine import worker
from orchestration.errors import InvalidRequest, NotPermitted, PermitNotYet, PermitRefused, StaleState
from orchestration.github import callbacks, proof, repository_pin, watch
from orchestration.github import dispatch as dispatch_of_github
from orchestration.models import (
    Activity,
    BudgetEntry,
    Distribution,
    Job,
    OrphanUpload,
    Schedule,
    SystemState,
    Video,
    WorkflowRun,
)
from orchestration.pipeline import outcomes, stage
from orchestration.pipeline.looks import SETTLE
from orchestration.queue import jobs as queue
from orchestration.states import (
    DistributionState,
    JobKind,
    JobState,
    RightsBasis,
    RunState,
    ScheduleState,
)
from tests.channels.youtube_helpers import metadata, video_file
from tests.engine_room import STAGED, door, state_of
from tests.patience import wait_for

DISPATCHES = Match("POST", "/dispatches$")
YOUTUBE_LIST = Match("GET", "/youtube/v3/videos")
SECRET = "one-run-s-own-token"  # what the sheet would carry; only its hash is stored
pytestmark = pytest.mark.django_db


@pytest.fixture
def channel(engine) -> Channel:
    made = engine.channel(github=True, lead_time_minutes=30)
    with engine.sandbox.store.change("github") as github:
        for repository in github["repositories"].values():
            repository["variables"]["HEADEND_BACKOFF_SECONDS"] = "0.02"
    return made


@pytest.fixture
def known_secret(monkeypatch, settings):
    """Let runs prove themselves by a one-use secret that the test knows, and get it back as their own."""
    settings.HEADEND_PUBLIC_URL, settings.GITHUB_OIDC = "https://headend.example", False
    for place in (dispatch_of_github, proof):
        monkeypatch.setattr(place, "secrets", SimpleNamespace(token_urlsafe=lambda size: SECRET))


def give_secrets(engine, channel):
    with GitHubGateway(GITHUB_TOKEN, engine.sandbox.github_url) as github:
        number = github.repository(channel.repository).id
        for name, value in (
            ("YT_CLIENT_ID", CLIENT_ID),
            ("YT_CLIENT_SECRET", CLIENT_SECRET),
            ("YT_REFRESH_TOKEN", f"sandbox-refresh-{channel.slug}"),
        ):
            github.put_secret(channel.repository, number, name, value)


def dispatch(engine, row: Schedule) -> WorkflowRun:
    """Let the tick make the stage job and a worker dispatch it."""
    engine.tick()
    engine.work()
    return WorkflowRun.objects.filter(channel=row.channel_id).latest("pk")


def job_of(row: Schedule) -> Job:
    return Job.objects.filter(distribution=row.distribution_id, kind=JobKind.STAGE).latest("pk")


def runs_at_github(engine) -> list[dict]:
    return list(engine.sandbox.store.snapshot()["github"].get("runs", {}).values())


def wait_for_runs(engine) -> list[dict]:
    """Wait until every run in the sandbox is over; looks at the sandbox only."""

    def ended() -> list[dict]:
        runs = runs_at_github(engine)
        return runs if all(run["status"] == "completed" for run in runs) else []

    return wait_for(ended)


def look(engine, *, times: int = 1) -> None:
    for _ in range(times):
        WorkflowRun.objects.update(next_look_at=timezone.now() - timedelta(seconds=1))
        watch.watch()


def sheet_of(engine) -> dict:
    return json.loads(runs_at_github(engine)[-1]["inputs"]["job_sheet"])


def upload_as_run(engine, channel, run, tmp_path, marker: str = "") -> str:
    """Upload what the run would have uploaded; returns its id."""
    distribution = Distribution.objects.get(jobs__runs=run)
    with gateways.youtube(channel) as youtube:
        return youtube.upload(
            video_file(tmp_path, 2000), metadata(marker or distribution.marker), on_session=lambda uri: None
        ).youtube_video_id


def hold_runs(engine) -> None:
    """Let the sandbox's runs wait in their queue for the whole test."""
    engine.sandbox.run_queue_seconds = 3600


# -- dispatching ---------------------------------------------------------------------------------------------------


def test_a_stage_job_of_a_github_channel_is_dispatched_and_held_by_its_run(engine, channel):
    hold_runs(engine)
    row = engine.planned(channel)
    run = dispatch(engine, row)
    job = job_of(row)
    assert (run.state, job.state, job.holder) == (
        RunState.DISPATCHED,
        JobState.RUNNING,
        f"run:{run.correlation_id}",
    )
    assert run.run_id == runs_at_github(engine)[0]["id"]
    assert run.html_url
    assert sheet_of(engine)["metadata"]["marker"] == Distribution.objects.get().marker
    intended = Activity.objects.filter(verb="run_intended", object_id=run.pk).get()
    assert intended.cid == job.correlation_id


@pytest.mark.parametrize("vouched_for", [True, False])
def test_the_sheet_carries_no_secret_but_a_one_use_one_where_github_does_not_vouch(
    engine, channel, settings, vouched_for
):
    settings.HEADEND_PUBLIC_URL, settings.GITHUB_OIDC = "https://headend.example", vouched_for
    hold_runs(engine)
    run = dispatch(engine, engine.planned(channel))
    sheet = sheet_of(engine)
    assert sheet["permit_url"] == f"https://headend.example/api/runs/{run.correlation_id}/permit"
    assert sheet["media_url"].endswith(f"/api/runs/{run.correlation_id}/media")
    if vouched_for:
        assert (run.proof, run.callback_hash, sheet["audience"]) == ("oidc", "", "https://headend.example")
        assert "one_use_secret" not in sheet
    else:
        assert hashlib.sha256(sheet["one_use_secret"].encode()).hexdigest() == run.callback_hash
    assert run.repository_id == Channel.objects.get().repository_id
    told = json.dumps(sheet)
    for secret in (CLIENT_SECRET, "sandbox-refresh", GITHUB_TOKEN):
        assert secret not in told


@pytest.mark.parametrize("kind", ["status_after", "status_before", "timeout_after", "timeout_before"])
def test_a_dispatch_without_an_answer_is_never_repeated(engine, channel, kind):
    hold_runs(engine)
    engine.sandbox.faults.add(DISPATCHES, kind, status=502, hold_seconds=0.1)
    row = engine.planned(channel)
    run = dispatch(engine, row)
    assert run.state == RunState.DISPATCHING
    assert run.error_code == "remote_uncertain"
    look(engine, times=2)
    engine.work()
    assert len(engine.sandbox.requests("POST", "/dispatches")) == 1
    run.refresh_from_db()
    if kind.endswith("after"):  # it took effect: adopted by its correlation id
        assert (run.state, run.run_id) == (RunState.DISPATCHED, runs_at_github(engine)[0]["id"])
        return
    assert run.state == RunState.DISPATCHING
    engine.pass_time(seconds=2 * SETTLE.seconds + 5)
    look(engine)
    run.refresh_from_db()
    assert run.state == RunState.NEEDS_REVIEW
    assert "lists no run" in run.error_message
    assert state_of(row) == (ScheduleState.NEEDS_REVIEW, DistributionState.NEEDS_REVIEW)
    assert job_of(row).state == JobState.NEEDS_REVIEW


def test_a_worker_killed_after_the_dispatch_leaves_it_to_the_watch(engine, channel):
    hold_runs(engine)
    row = engine.planned(channel)
    hand_over = dispatch_of_github._hand_over

    class Killed(BaseException):
        """The worker is gone."""

    def killed(*_):
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dispatch_of_github, "_hand_over", killed)
        engine.tick()
        with pytest.raises(Killed):
            engine.work()
    Job.objects.filter(state=JobState.RUNNING).update(lease_expires_at=timezone.now())
    engine.tick()
    engine.work()
    assert dispatch_of_github._hand_over is hand_over
    assert len(engine.sandbox.requests("POST", "/dispatches")) == 1
    assert job_of(row).holder.startswith("run:")


@pytest.mark.parametrize("before", [False, True], ids=["before it is answered", "before it is handed over"])
def test_a_run_that_is_over_before_its_dispatcher_knows_is_no_trouble(
    engine, channel, known_secret, monkeypatch, caplog, tmp_path, before
):
    """Seen in the demo: the run was so fast that the job had ended when it was to be handed over to it."""
    hold_runs(engine)
    row = engine.planned(channel)
    place = (dispatch_of_github, "_hand_over") if before else (GitHubGateway, "dispatch_workflow")
    original = getattr(*place)

    def the_run_is_faster():
        run = WorkflowRun.objects.get()
        ask(run, run_id=runs_at_github(engine)[0]["id"])
        run.refresh_from_db()
        tell(run, youtube_video_id=upload_as_run(engine, channel, run, tmp_path))
        look(engine)

    def slow(*args, **values):
        if before:
            the_run_is_faster()
            return original(*args, **values)
        answer = original(*args, **values)
        the_run_is_faster()
        return answer

    monkeypatch.setattr(*place, slow)
    dispatch(engine, row)
    assert (job_of(row).state, job_of(row).error_message) == (JobState.SUCCEEDED, "")
    assert state_of(row) == STAGED
    assert [entry.message for entry in caplog.records if entry.levelname == "WARNING"] == []


@pytest.mark.parametrize("control", ["pause", "stop"])
def test_nothing_is_dispatched_by_a_job_that_was_claimed_before_the_system_was_held(engine, channel, control):
    row = engine.planned(channel)
    engine.tick()
    (job,) = queue.claim(limit=1)
    assert job.kind == JobKind.STAGE
    getattr(door(), control)()
    worker.run(job)
    assert runs_at_github(engine) == []
    assert not WorkflowRun.objects.exists()
    assert (job_of(row).state, job_of(row).attempts) == (JobState.WAITING, 0)
    engine.tick()
    door().resume() if control == "pause" else door().start()
    engine.retry_now()
    engine.work()
    assert len(runs_at_github(engine)) == 1


def test_a_worker_whose_job_was_given_to_another_dispatches_nothing(engine, channel, monkeypatch):
    """It slept while it asked GitHub for the repository; meanwhile its job was rescued, and dispatched by another."""
    engine.planned(channel)
    engine.tick()
    (job,) = queue.claim(limit=1, holder="sleeper")
    look_at = repository_pin.look_at

    def sleeps(channel, github):
        look_at(channel, github)
        monkeypatch.setattr(repository_pin, "look_at", look_at)
        Job.objects.filter(pk=job.pk).update(lease_expires_at=timezone.now())
        worker.reap()
        engine.work()

    monkeypatch.setattr(repository_pin, "look_at", sleeps)
    worker.run(job)
    assert len(runs_at_github(engine)) == 1
    assert WorkflowRun.objects.count() == 1


def test_a_refused_dispatch_fails_its_run_and_its_job_waits_for_the_fact_by_name(engine, channel):
    engine.sandbox.faults.add(
        DISPATCHES, "status_before", status=422, body={"message": "Unexpected inputs"}, times=None
    )
    row = engine.planned(channel)
    dispatch(engine, row)
    job = job_of(row)
    assert (job.state, job.error_code, job.blocked_on.code) == (
        JobState.WAITING,
        "workflow_unfit",
        "workflow_unfit",
    )
    assert "Unexpected inputs" in job.error_message
    assert WorkflowRun.objects.get().state == RunState.FAILED


def test_githubs_rate_limit_is_a_wait_and_not_a_failure(engine, channel):
    engine.sandbox.faults.add(DISPATCHES, "rate_limit", retry_after_seconds=90)
    row = engine.planned(channel)
    before = timezone.now()
    dispatch(engine, row)
    job = job_of(row)
    assert (job.state, job.attempts, job.error_code) == (JobState.WAITING, 0, "rate_limited")
    assert before < job.run_at - timedelta(seconds=90) < timezone.now()


def test_the_repository_is_pinned_and_another_under_its_name_gets_nothing(engine, channel):
    hold_runs(engine)
    dispatch(engine, engine.planned(channel))
    channel.refresh_from_db()
    assert channel.repository_id
    engine.sandbox.clear_requests()
    Channel.objects.filter(pk=channel.pk).update(repository_id=channel.repository_id + 1)
    row = engine.planned(channel, minutes=200, stage_at=timezone.now())
    dispatch(engine, row)
    job = job_of(row)
    assert (job.state, job.error_code, job.blocked_on.code) == (
        JobState.WAITING,
        "repository_changed",
        "repository_changed",
    )
    assert "not the pinned" in job.error_message
    assert engine.sandbox.requests("POST", "/dispatches") == []


def test_a_pinned_repository_that_was_renamed_is_dispatched_to_under_its_new_name(engine, channel):
    hold_runs(engine)
    old = channel.repository
    first = dispatch(engine, engine.planned(channel))
    github_state.rename_repository(engine.sandbox.store, old, "headend/under-a-new-name")
    second = dispatch(engine, engine.planned(channel, minutes=200, stage_at=timezone.now()))
    assert (first.repository, second.repository) == (old, "headend/under-a-new-name")
    assert second.state == RunState.DISPATCHED
    before, pinned = channel.repository_id, Channel.objects.get(pk=channel.pk).repository_id
    assert pinned is not None and before in (None, pinned)
    entry = Activity.objects.get(verb="repository_renamed")
    assert (entry.before["repository"], entry.after["repository"]) == (old, second.repository)


def test_a_wrong_repository_name_and_a_missing_token_are_said(engine, channel, settings):
    Channel.objects.filter(pk=channel.pk).update(repository="headend/nowhere")
    row = engine.planned(channel)
    dispatch_failed(engine)
    assert "headend/nowhere" in job_of(row).error_message
    settings.GITHUB_TOKEN = ""
    other = engine.planned(channel, minutes=200, stage_at=timezone.now())
    dispatch_failed(engine)
    assert "GITHUB_TOKEN is not set" in job_of(other).error_message


def dispatch_failed(engine) -> None:
    engine.tick()
    engine.work()


def test_rights_withdrawn_after_planning_send_nothing_to_github(engine, channel):
    row = engine.planned(channel)
    source = row.distribution.video.source
    source.rights_basis = RightsBasis.NONE
    source.save()
    dispatch_failed(engine)
    assert job_of(row).error_code == "no_rights_basis"
    assert engine.sandbox.requests("POST", "/dispatches") == []


# -- the permit ----------------------------------------------------------------------------------------------------


@pytest.fixture
def dispatched(engine, channel, known_secret) -> WorkflowRun:
    hold_runs(engine)
    return dispatch(engine, engine.planned(channel))


def ask(run: WorkflowRun, run_id: int | None = None, attempt: int = 1, secret: str = SECRET) -> dict:
    return door("read").take_permit(
        correlation_id=run.correlation_id, secret=secret, run_id=run_id or run.run_id, run_attempt=attempt
    )


def test_one_run_gets_the_permit_and_may_ask_again(dispatched):
    first, again = ask(dispatched), ask(dispatched)
    assert (first["permitted"], first["again"]) == (True, False)
    assert (again["permitted"], again["again"]) == (True, True)
    entry = Activity.objects.get(verb="run_permitted")
    assert (entry.trigger, entry.actor_label) == ("run", f"run {dispatched.run_id}")


def test_a_second_run_and_a_rerun_are_refused(dispatched):
    with pytest.raises(PermitRefused, match="dispatched run"):
        ask(dispatched, run_id=dispatched.run_id + 1)
    ask(dispatched)
    with pytest.raises(PermitRefused, match="attempt 1, has this job"):
        ask(dispatched, attempt=2)
    with pytest.raises(PermitRefused):
        ask(dispatched, run_id=dispatched.run_id + 1)


def test_a_wrong_token_and_an_unknown_run_get_the_same_answer(dispatched):
    with pytest.raises(NotPermitted) as wrong:
        ask(dispatched, secret="guess")
    dispatched.correlation_id = "0" * 32
    with pytest.raises(NotPermitted) as unknown:
        ask(dispatched)
    assert wrong.value.message == unknown.value.message
    assert WorkflowRun.objects.get().permit_run_id is None


def test_a_permit_that_was_given_is_not_repeated_once_the_job_is_not_wanted(engine, dispatched):
    ask(dispatched)
    door().cancel_schedule(schedule_id=Schedule.objects.get().pk)
    with pytest.raises(PermitRefused, match="not wanted"):
        ask(dispatched)


def test_a_run_whose_dispatch_was_never_answered_is_found_by_its_permit(engine, channel, known_secret):
    hold_runs(engine)
    engine.sandbox.faults.add(DISPATCHES, "status_after", status=502)
    engine.sandbox.list_lag_seconds = 3600  # and GitHub's list does not show it
    run = dispatch(engine, engine.planned(channel))
    number = runs_at_github(engine)[0]["id"]
    ask(run, run_id=number)
    engine.pass_time(seconds=SETTLE.seconds + 5)
    look(engine)
    run.refresh_from_db()
    assert (run.run_id, run.state) == (number, RunState.DISPATCHED)


# -- what is lost, and what a permit makes of it ---------------------------------------------------------------------


def lost_dispatch(engine, channel) -> WorkflowRun:
    """Return a run that was dispatched and that GitHub shows nobody."""
    hold_runs(engine)
    engine.sandbox.faults.add(DISPATCHES, "status_after", status=502)
    engine.sandbox.list_lag_seconds = 3600
    return dispatch(engine, engine.planned(channel, minutes=60))


def settle_and_look(engine, times: int = 1) -> None:
    engine.pass_time(seconds=times * SETTLE.seconds + 5)
    look(engine)


def test_a_lost_dispatch_is_dispatched_again_where_a_permit_keeps_the_lost_run_from_uploading(
    engine, channel, known_secret, settings
):
    settings.HEADEND_PUBLIC_URL = "http://headend.test"
    run = lost_dispatch(engine, channel)
    number = runs_at_github(engine)[0]["id"]
    settle_and_look(engine)
    run.refresh_from_db()
    row = Schedule.objects.get()
    assert (run.state, run.error_code) == (RunState.FAILED, "dispatch_lost")
    assert (job_of(row).state, state_of(row)[0]) == (JobState.WAITING, ScheduleState.STAGING)
    with pytest.raises(PermitRefused, match="its job is over"):
        ask(run, run_id=number)
    engine.retry_now()
    engine.work()
    again = WorkflowRun.objects.latest("pk")
    assert (again.pk != run.pk, again.state, job_of(row).state) == (
        True,
        RunState.DISPATCHED,
        JobState.RUNNING,
    )


def test_a_lost_run_that_took_its_permit_meanwhile_is_not_dispatched_again(
    engine, channel, known_secret, settings
):
    settings.HEADEND_PUBLIC_URL = "http://headend.test"
    run = lost_dispatch(engine, channel)
    stale = WorkflowRun.objects.get(pk=run.pk)
    ask(run, run_id=runs_at_github(engine)[0]["id"])
    with pytest.raises(StaleState):
        watch._begin_again(stale, "GitHub lists no such run.")
    assert job_of(Schedule.objects.get()).state == JobState.RUNNING


def test_without_a_permit_a_lost_dispatch_is_looked_for_on_youtube_before_a_person_is(
    engine, channel, tmp_path
):
    run = lost_dispatch(engine, channel)
    video_id = upload_as_run(engine, channel, run, tmp_path)
    settle_and_look(engine)
    assert job_of(Schedule.objects.get()).state == JobState.RUNNING, "it may be on its way"
    settle_and_look(engine)
    row = Schedule.objects.get()
    run.refresh_from_db()
    assert (state_of(row), run.state, job_of(row).state) == (STAGED, RunState.SUCCEEDED, JobState.SUCCEEDED)
    assert Distribution.objects.get().youtube_video_id == video_id


def test_a_success_without_permit_and_upload_is_dispatched_again(engine, channel, known_secret, settings):
    settings.HEADEND_PUBLIC_URL = "http://headend.test"
    hold_runs(engine)
    run = dispatch(engine, engine.planned(channel, minutes=60))
    conclude(engine, "success")
    look(engine)
    settle_and_look(engine)
    run.refresh_from_db()
    assert (run.state, run.error_code) == (RunState.FAILED, "dispatch_lost")
    assert job_of(Schedule.objects.get()).state == JobState.WAITING


def test_a_run_whose_job_is_between_two_hands_is_told_to_ask_again(engine, dispatched):
    """Its dispatcher died and the job is being rescued: the next try hands it over to this very run."""
    Job.objects.update(state=JobState.WAITING)
    with pytest.raises(PermitNotYet) as refused:
        ask(dispatched)
    assert (refused.value.status, refused.value.again) == (503, "again")
    Job.objects.update(state=JobState.RUNNING)
    assert ask(dispatched)["permitted"]


def test_a_run_under_review_is_settled_once_its_job_has_succeeded_without_it(engine, channel, dispatched):
    with transaction.atomic():
        transition(dispatched, RunState.NEEDS_REVIEW, next_look_at=None)
        outcomes.end_job(Job.objects.get(), JobState.SUCCEEDED, result={})
    look(engine)
    dispatched.refresh_from_db()
    assert (dispatched.state, dispatched.next_look_at) == (RunState.FAILED, None)
    assert "without this run" in Activity.objects.get(verb="workflowrun_failed").reason


def test_what_needs_review_says_why_and_not_what_was_decided_before(engine, channel):
    run = lost_dispatch(engine, channel)
    Schedule.objects.update(reason="1 min late, within the grace of 2 h: it is published late")
    settle_and_look(engine, times=2)
    row = Schedule.objects.get()
    assert row.state == ScheduleState.NEEDS_REVIEW
    assert run.correlation_id in row.reason


def test_the_file_is_handed_out_only_with_the_permit(engine, dispatched):
    def fetch(secret=SECRET):
        return callbacks.media_for_run(dispatched.correlation_id, secret)

    with pytest.raises(PermitRefused):
        fetch()
    ask(dispatched)
    assert fetch().read_bytes()
    with pytest.raises(NotPermitted):
        fetch("guess")


# -- the result ----------------------------------------------------------------------------------------------------


def tell(run: WorkflowRun, secret: str = SECRET, **values) -> dict:
    said = {"run_id": run.run_id, "run_attempt": 1, "outcome": "staged", "youtube_video_id": "", **values}
    return door("read").record_run_result(correlation_id=run.correlation_id, secret=secret, **said)


def test_a_forged_result_writes_nothing(dispatched):
    ask(dispatched)
    before = WorkflowRun.objects.values().get(), Activity.objects.count()
    with pytest.raises(NotPermitted):
        tell(dispatched, secret="guess", youtube_video_id="forged00001")
    with pytest.raises(PermitRefused):
        tell(dispatched, run_id=dispatched.run_id + 1, youtube_video_id="forged00001")
    with pytest.raises(PermitRefused):
        tell(dispatched, run_attempt=2, youtube_video_id="forged00001")
    with pytest.raises(InvalidRequest) as wrong:
        tell(dispatched, outcome="great")
    assert wrong.value.field == "outcome"
    assert (WorkflowRun.objects.values().get(), Activity.objects.count()) == before


def test_a_result_before_any_permit_is_not_taken(dispatched):
    with pytest.raises(PermitRefused, match="opens the permit only"):
        tell(dispatched, youtube_video_id="early000001")


def test_a_reported_id_counts_only_with_the_marker(engine, channel, dispatched, tmp_path):
    ask(dispatched)
    foreign = upload_as_run(engine, channel, dispatched, tmp_path, marker="headend:another")
    tell(dispatched, youtube_video_id=foreign)
    look(engine)
    assert Distribution.objects.get().youtube_video_id is None
    assert job_of(Schedule.objects.get()).state == JobState.RUNNING


@pytest.mark.parametrize(
    "order", [("staged",), ("staged", "staged"), ("failed", "staged"), ("staged", "failed")]
)
def test_doubled_and_reordered_callbacks_end_alike(engine, channel, dispatched, tmp_path, order):
    ask(dispatched)
    video_id = upload_as_run(engine, channel, dispatched, tmp_path)
    for outcome in order:
        if outcome == "staged":
            tell(dispatched, youtube_video_id=video_id)
        else:
            tell(dispatched, outcome="failed", error_code="stage_crashed", error_message="boom")
    look(engine, times=2)
    row = Schedule.objects.get()
    assert state_of(row) == STAGED
    assert Distribution.objects.get().youtube_video_id == video_id
    assert job_of(row).state == JobState.SUCCEEDED
    assert OrphanUpload.objects.count() == 0
    assert tell(dispatched, youtube_video_id=video_id)["recorded"]


def test_a_result_and_polling_and_a_webhook_in_any_number_record_one_upload(
    engine, channel, dispatched, tmp_path
):
    ask(dispatched)
    video_id = upload_as_run(engine, channel, dispatched, tmp_path)
    tell(dispatched, youtube_video_id=video_id)
    look(engine, times=4)
    assert Activity.objects.filter(verb="distribution_staged").count() == 1
    assert Distribution.objects.get().youtube_video_id == video_id


@pytest.mark.parametrize("kind", ["status_before", "timeout_before", "rate_limit"])
def test_what_a_run_reported_is_staged_also_while_github_does_not_answer(
    engine, channel, dispatched, tmp_path, kind
):
    ask(dispatched)
    tell(dispatched, youtube_video_id=upload_as_run(engine, channel, dispatched, tmp_path))
    engine.sandbox.faults.add(Match("GET", "/github/repos/"), kind, times=None, hold_seconds=0.1)
    look(engine)
    assert state_of(Schedule.objects.get()) == STAGED


def test_a_rate_limit_is_heard_once_and_no_run_is_asked_for_before_it_ends(engine, channel):
    hold_runs(engine)
    for number in range(3):
        dispatch(engine, engine.planned(channel, minutes=200 + number * 120, stage_at=timezone.now()))
    asked = len(engine.sandbox.requests("GET", "/actions/runs/"))
    engine.sandbox.faults.add(
        Match("GET", "/actions/runs/"), "rate_limit", times=None, retry_after_seconds=900
    )
    look(engine)
    assert len(engine.sandbox.requests("GET", "/actions/runs/")) == asked + 1
    later = timezone.now() + timedelta(seconds=880)
    assert WorkflowRun.objects.filter(next_look_at__gt=later).count() == 3
    assert watch.watch() == 0


def test_a_limit_of_youtube_keeps_no_other_run_from_being_looked_at(engine, channel, known_secret, tmp_path):
    """What one run reported is asked for at YouTube; GitHub, whom the other runs are asked of, said nothing of a limit."""
    hold_runs(engine)
    reported, other = (
        dispatch(engine, engine.planned(channel, minutes=minutes, stage_at=timezone.now()))
        for minutes in (200, 320)
    )
    ask(reported)
    tell(reported, youtube_video_id=upload_as_run(engine, channel, reported, tmp_path))
    engine.sandbox.faults.add(YOUTUBE_LIST, "status_before", status=429, times=None)
    engine.sandbox.clear_requests()
    look(engine)
    assert engine.sandbox.requests("GET", f"/actions/runs/{other.run_id}")
    other.refresh_from_db()
    reported.refresh_from_db()
    assert other.next_look_at < timezone.now() + timedelta(
        seconds=45
    )  # a limit without a time is kept for a minute
    assert "could not be looked at" in reported.error_message


def give_picture() -> None:
    """Give the one video the picture that preparing it would have made."""
    stage.absolute("picture.jpg").write_bytes(b"\xff\xd8\xff" + b"0" * 100)
    Video.objects.update(thumbnail_file="picture.jpg")


def pictures_charged() -> list[tuple[int, str]]:
    return list(BudgetEntry.objects.filter(call="thumbnails.set").values_list("units", "state"))


def test_what_a_run_uploaded_gets_the_prepared_picture_once_and_charged(
    engine, channel, dispatched, tmp_path
):
    give_picture()
    ask(dispatched)
    tell(dispatched, youtube_video_id=upload_as_run(engine, channel, dispatched, tmp_path))
    look(engine, times=3)
    engine.work()
    (uploaded,) = engine.uploads()
    assert uploaded["thumbnail"]["kind"] == "jpg"
    assert pictures_charged() == [(50, "settled")]


def test_an_upload_found_by_its_marker_gets_its_picture_too(engine, channel, dispatched, tmp_path):
    give_picture()
    upload_as_run(engine, channel, dispatched, tmp_path)
    conclude(engine, "success")
    look(engine, times=2)
    engine.work()
    (uploaded,) = engine.uploads()
    assert uploaded["thumbnail"]["kind"] == "jpg"
    assert pictures_charged() == [(50, "settled")]


def test_a_picture_that_youtube_refuses_leaves_the_upload_of_a_run_staged(
    engine, channel, dispatched, tmp_path
):
    give_picture()
    engine.sandbox.faults.add(Match("POST", "/thumbnails/set"), "status_before", status=403)
    ask(dispatched)
    tell(dispatched, youtube_video_id=upload_as_run(engine, channel, dispatched, tmp_path))
    look(engine)
    engine.work()
    row = Schedule.objects.get()
    assert (state_of(row), job_of(row).state) == (STAGED, JobState.SUCCEEDED)
    assert Distribution.objects.get().word_faults["picture"]["code"] == "permission_missing"


def test_a_run_that_was_given_up_and_reports_late_is_taken_up(engine, channel, dispatched, tmp_path):
    ask(dispatched)
    video_id = upload_as_run(engine, channel, dispatched, tmp_path)
    with engine.sandbox.store.change("github") as github:
        github["runs"].clear()
    look(engine)
    row = Schedule.objects.get()
    assert state_of(row) == (ScheduleState.NEEDS_REVIEW, DistributionState.NEEDS_REVIEW)
    tell(dispatched, youtube_video_id=video_id)
    look(engine)
    assert state_of(row) == STAGED
    dispatched.refresh_from_db()
    assert dispatched.state == RunState.SUCCEEDED
    assert job_of(row).state == JobState.SUCCEEDED


def test_a_review_closes_the_run_with_its_job(engine, channel, dispatched):
    ask(dispatched)  # what took its permit may have uploaded, so it is not dispatched again
    with engine.sandbox.store.change("github") as github:
        github["runs"].clear()
    look(engine)
    row = Schedule.objects.get()
    door().review_schedule(schedule_id=row.pk, outcome="planned", reason="nothing is on the channel")
    dispatched.refresh_from_db()
    assert (dispatched.state, job_of(row).state) == (RunState.FAILED, JobState.FAILED)
    assert state_of(row) == (ScheduleState.PLANNED, DistributionState.ASSIGNED)


# -- what GitHub concludes -----------------------------------------------------------------------------------------


def conclude(engine, conclusion: str, *, steps: tuple = ()) -> None:
    """Let the sandbox's run end, as far as GitHub tells."""
    with engine.sandbox.store.change("github") as github:
        for run in github["runs"].values():
            run.update(status="completed", conclusion=conclusion)
            run["updated_at"] = timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ")
            run["steps"] = [
                {"number": n, "name": name, "status": "completed", "conclusion": ended,
                 "started_at": run["updated_at"], "completed_at": run["updated_at"]}
                for n, (name, ended) in enumerate(steps, 1)
            ]  # fmt: skip


def test_a_failed_run_is_tried_again_until_the_moment_with_githubs_step_names(engine, channel, dispatched):
    row = Schedule.objects.get()
    for attempt in range(1, 6):
        WorkflowRun.objects.update(needs_permit=False)  # so it may have uploaded
        conclude(engine, "failure", steps=(("Set up job", "success"), ("Stage", "failure")))
        look(engine)
        assert job_of(row).state == JobState.RUNNING, "YouTube's list of uploads has its time first"
        engine.pass_time(seconds=SETTLE.seconds + 5)
        look(engine)
        job = job_of(row)
        assert (job.attempts, job.state) == (attempt, JobState.WAITING)
        assert "Stage (failure)" in job.error_message
        engine.retry_now()
        engine.work()
    assert WorkflowRun.objects.filter(state=RunState.FAILED).count() == 5
    engine.pass_until(row.publish_at + timedelta(minutes=row.channel.misfire_grace_minutes, seconds=90))
    engine.tick()
    assert state_of(row)[0] == ScheduleState.MISSED


def test_secrets_that_a_run_misses_are_written_and_its_job_is_tried_again(engine, channel, dispatched):
    ask(dispatched)
    tell(
        dispatched, outcome="failed", error_code="credential_missing", error_message="no secret YT_CLIENT_ID"
    )
    conclude(engine, "failure")
    look(engine)
    job = job_of(Schedule.objects.get())
    assert (job.state, job.error_code, job.blocked_on) == (JobState.WAITING, "credential_missing", None)
    assert "no secret YT_CLIENT_ID" in job.error_message
    assert Job.objects.filter(kind=JobKind.SYNC, channel=channel).exists()


def test_a_failure_that_another_run_would_repeat_is_not_tried_again(engine, channel, dispatched):
    ask(dispatched)
    tell(dispatched, outcome="failed", error_code="media_empty", error_message="the file has no bytes")
    conclude(engine, "failure")
    look(engine)
    job = job_of(Schedule.objects.get())
    assert (job.state, job.error_code) == (JobState.FAILED, "media_empty")


QUOTA_ENDS = timedelta(hours=9)


@pytest.mark.parametrize(
    ("code", "state", "counted", "waits"),
    [
        ("quota_exhausted", JobState.WAITING, 0, QUOTA_ENDS),
        ("rate_limited", JobState.WAITING, 0, QUOTA_ENDS),
        ("remote_unavailable", JobState.WAITING, 1, None),
        ("session_gone", JobState.WAITING, 1, None),
        (
            "youtube_rejected",
            JobState.WAITING,
            1,
            None,
        ),  # an older script's word for whatever it did not know
        ("something_new", JobState.WAITING, 1, None),
        ("remote_rejected", JobState.FAILED, 1, None),
        ("media_changed", JobState.FAILED, 1, None),
    ],
)
def test_what_a_run_reported_is_waited_for_tried_again_or_final(
    engine, channel, dispatched, code, state, counted, waits
):
    ask(dispatched)
    until = timezone.now() + QUOTA_ENDS
    tell(dispatched, outcome="failed", error_code=code, error_message="said by the run", again_at=until)
    conclude(engine, "failure")
    engine.pass_time(seconds=SETTLE.seconds + 5)
    look(engine)
    job = job_of(Schedule.objects.get())
    assert (job.state, job.error_code, job.attempts) == (state, code, counted)
    if waits:
        assert abs(job.run_at - until) < timedelta(seconds=5)


def test_an_end_of_a_wait_beyond_a_day_is_not_believed(dispatched):
    ask(dispatched)
    far = timezone.now() + timedelta(days=400)
    tell(dispatched, outcome="failed", error_code="quota_exhausted", error_message="", again_at=far)
    dispatched.refresh_from_db()
    assert datetime.fromisoformat(dispatched.result["again_at"]) < timezone.now() + timedelta(hours=26)


@pytest.mark.parametrize("conclusion", ["failure", "success", "timed_out"])
def test_a_list_that_lags_behind_a_run_makes_no_second_upload(
    engine, channel, dispatched, tmp_path, conclusion
):
    """The run uploaded and could not report it; YouTube does not list the video yet."""
    youtube_state.configure(engine.sandbox.store, list_lag_seconds=100)
    ask(dispatched)
    video_id = upload_as_run(engine, channel, dispatched, tmp_path)
    conclude(engine, conclusion)
    look(engine, times=3)
    row = Schedule.objects.get()
    assert (job_of(row).state, WorkflowRun.objects.count()) == (JobState.RUNNING, 1)
    engine.pass_time(seconds=SETTLE.seconds + 5)
    look(engine)
    assert state_of(row) == STAGED
    assert (Distribution.objects.get().youtube_video_id, OrphanUpload.objects.count()) == (video_id, 0)


def test_a_job_that_was_cancelled_and_is_tried_again_at_once_waits_for_the_list(
    engine, channel, dispatched, tmp_path
):
    youtube_state.configure(engine.sandbox.store, list_lag_seconds=100)
    ask(dispatched)
    upload_as_run(engine, channel, dispatched, tmp_path)
    conclude(engine, "cancelled")
    look(engine)
    assert job_of(Schedule.objects.get()).state == JobState.CANCELLED
    door().release_schedule(schedule_id=Schedule.objects.get().pk)
    engine.tick()
    engine.work()
    assert (job_of(Schedule.objects.get()).state, WorkflowRun.objects.count()) == (JobState.WAITING, 1)
    engine.pass_time(seconds=SETTLE.seconds + 5)
    engine.work()
    assert state_of(Schedule.objects.get()) == STAGED
    assert WorkflowRun.objects.count() == 1


def test_a_run_that_got_no_permit_cannot_have_uploaded_and_nothing_is_waited_for(
    engine, channel, known_secret, settings
):
    settings.HEADEND_PUBLIC_URL = "http://headend.test"
    hold_runs(engine)
    row = engine.planned(channel)
    dispatch(engine, row)
    conclude(engine, "failure")
    look(engine)
    assert job_of(row).state == JobState.WAITING


def test_a_review_that_a_person_has_tried_again_at_once_waits_for_the_list(
    engine, channel, dispatched, tmp_path
):
    youtube_state.configure(engine.sandbox.store, list_lag_seconds=100)
    ask(dispatched)
    video_id = upload_as_run(engine, channel, dispatched, tmp_path)
    deleted = {"message": "Not Found"}
    engine.sandbox.faults.add(Match("GET", "/actions/runs/"), "status_before", status=404, body=deleted)
    look(engine)
    job = job_of(Schedule.objects.get())
    assert job.state == JobState.NEEDS_REVIEW
    door().review_job(job_id=job.pk, outcome="planned", reason="there is nothing in YouTube Studio")
    engine.tick()
    engine.work()
    assert (job_of(Schedule.objects.get()).state, WorkflowRun.objects.count()) == (JobState.WAITING, 1)
    engine.pass_time(seconds=SETTLE.seconds + 5)
    engine.work()
    assert Distribution.objects.get().youtube_video_id == video_id
    assert (WorkflowRun.objects.count(), OrphanUpload.objects.count()) == (1, 0)


@pytest.mark.parametrize("status", [401, 403, 503])
def test_a_look_that_fails_concludes_nothing_of_a_run(engine, channel, dispatched, tmp_path, status):
    video_id = upload_as_run(engine, channel, dispatched, tmp_path)
    conclude(engine, "failure")
    engine.pass_time(seconds=SETTLE.seconds + 5)
    engine.sandbox.faults.add(Match("GET", "/playlistItems"), "status_before", status=status, times=None)
    look(engine)
    assert job_of(Schedule.objects.get()).state == JobState.RUNNING
    engine.sandbox.faults.clear()
    look(engine)
    assert Distribution.objects.get().youtube_video_id == video_id


def test_success_without_an_upload_needs_review_once_youtubes_list_had_its_time(engine, channel, dispatched):
    ask(dispatched)  # what took its permit may have uploaded, so it is not dispatched again
    conclude(engine, "success")
    look(engine)
    row = Schedule.objects.get()
    assert job_of(row).state == JobState.RUNNING
    engine.pass_time(seconds=SETTLE.seconds + 5)
    look(engine)
    assert job_of(row).state == JobState.NEEDS_REVIEW
    assert state_of(row)[0] == ScheduleState.NEEDS_REVIEW
    assert (
        "no upload with its marker" in row.reason or "no upload with its marker" in job_of(row).error_message
    )


def test_success_with_an_upload_that_nobody_reported_is_found_by_its_marker(
    engine, channel, dispatched, tmp_path
):
    video_id = upload_as_run(engine, channel, dispatched, tmp_path)
    conclude(engine, "success")
    look(engine)
    row = Schedule.objects.get()
    assert state_of(row) == STAGED
    assert Distribution.objects.get().youtube_video_id == video_id
    dispatched.refresh_from_db()
    assert dispatched.state == RunState.SUCCEEDED


def test_a_failed_run_that_had_uploaded_all_the_same_is_not_repeated(engine, channel, dispatched, tmp_path):
    video_id = upload_as_run(engine, channel, dispatched, tmp_path)
    conclude(engine, "failure")
    look(engine)
    assert Distribution.objects.get().youtube_video_id == video_id
    assert job_of(Schedule.objects.get()).state == JobState.SUCCEEDED
    dispatched.refresh_from_db()
    assert dispatched.state == RunState.FAILED


def test_two_uploads_with_one_marker_leave_one_video_and_one_listed_orphan(
    engine, channel, dispatched, tmp_path
):
    first = upload_as_run(engine, channel, dispatched, tmp_path)
    second = upload_as_run(engine, channel, dispatched, tmp_path)
    conclude(engine, "success")
    look(engine)
    assert Distribution.objects.get().youtube_video_id == first
    assert OrphanUpload.objects.get().youtube_video_id == second


def test_a_run_cancelled_at_github_ends_its_job_and_holds_the_publication(engine, channel, dispatched):
    conclude(engine, "cancelled")
    look(engine)
    row = Schedule.objects.get()
    assert job_of(row).state == JobState.CANCELLED
    assert state_of(row)[0] == ScheduleState.HELD


def test_a_job_that_is_cancelled_here_cancels_its_run_there(engine, channel, dispatched):
    door().cancel_job(job_id=job_of(Schedule.objects.get()).pk)
    look(engine)
    assert engine.sandbox.requests("POST", f"/runs/{dispatched.run_id}/cancel")
    wait_for_runs(engine)
    look(engine)
    assert job_of(Schedule.objects.get()).state == JobState.CANCELLED


def test_looking_may_fail_for_hours_and_says_so_and_ends_in_review(engine, channel, dispatched):
    ask(dispatched)  # what took its permit may have uploaded, so it is not dispatched again
    engine.sandbox.faults.add(Match("GET", "/actions/runs/"), "status_before", status=500, times=None)
    look(engine)
    dispatched.refresh_from_db()
    assert dispatched.state == RunState.DISPATCHED
    assert "could not be looked at" in dispatched.error_message
    engine.pass_time(hours=7)
    look(engine)
    assert job_of(Schedule.objects.get()).state == JobState.NEEDS_REVIEW


def test_a_run_and_its_job_end_together_or_not_at_all(engine, channel, dispatched, tmp_path):
    """A job whose run is closed is looked at by nobody any more: it would run for ever."""
    upload_as_run(engine, channel, dispatched, tmp_path)
    conclude(engine, "success")

    def broken(*_, **__):
        raise RuntimeError("the database went away")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outcomes, "end_job", broken)
        look(engine)
    dispatched.refresh_from_db()
    assert dispatched.state != RunState.SUCCEEDED
    look(engine)
    dispatched.refresh_from_db()
    assert (dispatched.state, job_of(Schedule.objects.get()).state) == (
        RunState.SUCCEEDED,
        JobState.SUCCEEDED,
    )


# -- the whole -----------------------------------------------------------------------------------------------------


def test_without_a_public_address_the_run_fetches_the_original_and_is_found_by_its_marker(
    engine, channel, media_site, videos
):
    give_secrets(engine, channel)
    content = videos.mute.read_bytes()
    video = engine.video(
        url=media_site.file("/film.mp4", content), content_hash=hashlib.sha256(content).hexdigest()
    )
    row = engine.planned(channel, video=video)
    dispatch(engine, row)
    (run,) = wait_for_runs(engine)
    assert run["conclusion"] == "success"
    look(engine)
    assert state_of(row) == STAGED
    (uploaded,) = engine.uploads()
    assert uploaded["sha256"] == video.content_hash
    assert uploaded["privacy_status"] == "private"


def add_hook(engine, channel, url: str, secret: str) -> Callable[[], list[dict]]:
    """Set a webhook at GitHub; returns how to read its deliveries."""
    token = "github-token-of-the-operator"
    github_state.add_token(engine.sandbox.store, token, permissions={"metadata": "read", "webhooks": "write"})
    hooks = f"{engine.sandbox.github_url}/repos/{channel.repository}/hooks"
    headers = {"Authorization": f"Bearer {token}"}
    config = {"url": url, "content_type": "json", "secret": secret}
    made = requests.post(
        hooks, json={"config": config, "events": ["workflow_run"]}, headers=headers, timeout=10
    )
    assert made.status_code == 201, made.text
    assert secret not in made.text
    deliveries = f"{hooks}/{made.json()['id']}/deliveries"
    return lambda: requests.get(deliveries, headers=headers, timeout=10).json()


@pytest.mark.django_db(transaction=True)
def test_githubs_webhooks_have_a_run_looked_at_that_tells_nothing_itself(
    engine, channel, settings, live_server, media_site, videos
):
    settings.ALLOWED_HOSTS, settings.GITHUB_WEBHOOK_SECRET = ["*"], "what-github-signs-with"
    give_secrets(engine, channel)
    ours = add_hook(engine, channel, f"{live_server.url}/webhooks/github", settings.GITHUB_WEBHOOK_SECRET)
    forged = add_hook(engine, channel, f"{live_server.url}/webhooks/github", "a-guess")
    content = videos.mute.read_bytes()
    video = engine.video(
        url=media_site.file("/film.mp4", content), content_hash=hashlib.sha256(content).hexdigest()
    )
    hold_runs(engine)
    row = engine.planned(channel, video=video)
    run = dispatch(engine, row)
    WorkflowRun.objects.update(next_look_at=timezone.now() + timedelta(hours=1))
    engine.sandbox.run_queue_seconds = 0  # the run begins; the clock would not look for an hour
    wait_for_runs(engine)
    told = wait_for(lambda: len(ours()) == len(forged()) == 3 and ours())
    assert {entry["action"] for entry in told} == {"requested", "in_progress", "completed"}
    assert {entry["status_code"] for entry in told} == {204}
    assert {entry["status_code"] for entry in forged()} == {401}
    watch.watch()
    assert state_of(row) == STAGED
    run.refresh_from_db()
    assert run.state == RunState.SUCCEEDED


@pytest.mark.django_db(transaction=True)
def test_a_run_takes_its_permit_fetches_the_file_and_reports_to_the_real_api(
    engine, channel, settings, live_server
):
    settings.HEADEND_PUBLIC_URL = live_server.url
    settings.ALLOWED_HOSTS = ["*"]
    give_secrets(engine, channel)
    row = engine.planned(channel)
    dispatch(engine, row)
    (remote,) = wait_for_runs(engine)  # looks at the sandbox only, while the server uses the database
    assert remote["conclusion"] == "success"
    run = WorkflowRun.objects.get()
    assert (run.permit_run_id, run.permit_run_attempt) == (remote["id"], 1)
    assert run.result["outcome"] == "staged"
    look(engine, times=2)
    assert state_of(row) == STAGED
    (uploaded,) = engine.uploads()
    assert uploaded["sha256"] == row.distribution.video.prepared_hash
    assert stage.absolute(row.distribution.video.prepared_file).is_file()
    run.refresh_from_db()
    assert (run.state, job_of(row).state) == (RunState.SUCCEEDED, JobState.SUCCEEDED)
    assert github_state.secret_values(engine.sandbox.store, channel.repository)["YT_CLIENT_ID"] == CLIENT_ID


@pytest.mark.parametrize("is_resumed", [True, False])
@pytest.mark.parametrize("found_by", ["its report", "its marker"])
def test_what_went_public_since_a_backup_is_not_made_private_when_it_is_adopted(
    engine, channel, dispatched, tmp_path, found_by, is_resumed
):
    """The backup has the run and not what came of it; the original recorded, armed and published that."""
    ask(dispatched)
    video_id = upload_as_run(engine, channel, dispatched, tmp_path)
    if found_by == "its report":
        tell(dispatched, youtube_video_id=video_id)
    with gateways.youtube(channel) as youtube:
        youtube.publish_now(video_id)
    SystemState.objects.update(installation_id="the one that is gone")
    engine.tick()
    if is_resumed:
        door().resume(reason="looked")
    if found_by == "its report":
        look(engine)
    else:
        watch.uploaded(
            Distribution.objects.select_related("channel", "video").get(), job_of(Schedule.objects.get())
        )
    assert Distribution.objects.get().youtube_video_id == video_id
    (video,) = engine.uploads()
    assert [step["to"] for step in video["transitions"]] == ["private", "public"]


@pytest.mark.parametrize("found_by", ["its report", "its marker"])
def test_an_upload_that_is_not_private_is_made_so_however_it_is_found(
    engine, channel, dispatched, tmp_path, found_by
):
    ask(dispatched)
    video_id = upload_as_run(engine, channel, dispatched, tmp_path)
    with gateways.youtube(channel) as youtube:
        youtube.publish_now(video_id)
    if found_by == "its report":
        tell(dispatched, youtube_video_id=video_id)
        look(engine)
    else:
        watch.uploaded(
            Distribution.objects.select_related("channel", "video").get(), job_of(Schedule.objects.get())
        )
    (video,) = engine.uploads()
    assert video["privacy_status"] == "private"
