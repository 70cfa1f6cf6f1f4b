"""Where a run cannot call Headend, it leaves its result behind, and that is a claim like any other."""

import base64
import io
import json
import zipfile
from datetime import timedelta

import pytest
import requests
from django.utils import timezone

from channels.gateways import github_artifacts
from channels.gateways.errors import RemoteRejected
from channels.gateways.github import GitHubGateway
from channels.sandbox.seed import GITHUB_TOKEN
from orchestration.github import run_results, watch
from orchestration.models import Activity, Job, WorkflowRun
from orchestration.states import JobState, RunState
from tests import factories
from tests.engine_room import STAGED, state_of
from tests.orchestration.test_workflows import give_secrets
from tests.patience import wait_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel(engine):
    """A channel whose runs fetch the film from where it came from, as Headend has no public address."""
    made = engine.channel(github=True, lead_time_minutes=30)
    with engine.sandbox.store.change("github") as github:
        for repository in github["repositories"].values():
            repository["variables"]["HEADEND_BACKOFF_SECONDS"] = "0.02"
    give_secrets(engine, made)
    return made


def run_to_its_end(engine, channel):
    """Let GitHub try to stage one publication, whose film's address leads nowhere; returns its schedule."""
    row = engine.planned(channel, minutes=20)
    engine.tick()
    engine.work()
    wait_for(lambda: all(run["status"] == "completed" for run in runs_of(engine)))
    return row


def runs_of(engine):
    return list(engine.sandbox.store.snapshot()["github"].get("runs", {}).values())


def look_until_lists_are_whole(engine):
    """Look, and once more when YouTube's list of uploads can be believed."""
    look()
    engine.pass_time(minutes=3)
    look()


def look():
    WorkflowRun.objects.update(next_look_at=timezone.now() - timedelta(seconds=1))
    watch.watch()


def leave(engine, result, name="headend-result.json"):
    """Let the last run have left something else."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, result if isinstance(result, str) else json.dumps(result))
    with engine.sandbox.store.change("github") as github:
        run = list(github["runs"].values())[-1]
        content = base64.b64encode(packed.getvalue()).decode()
        made = {"id": 99, "name": "headend-result", "created_at": run["created_at"], "content": content}
        run["artifacts"] = [made]
    return run


def test_a_run_that_could_not_call_tells_by_its_artifact_why_it_failed(engine, channel):
    row = run_to_its_end(engine, channel)  # the film's address leads nowhere
    (left,) = runs_of(engine)[-1]["artifacts"]
    assert left["name"] == "headend-result"
    look()
    run = WorkflowRun.objects.latest("pk")
    assert run.result["outcome"] == "failed"
    assert run.result["error_code"] == "media_unavailable"
    job = Job.objects.get(distribution=row.distribution_id)
    assert (job.state, job.error_code) == (JobState.WAITING, "media_unavailable")
    assert Activity.objects.filter(verb="run_reported").exists()


def test_a_spent_quota_is_waited_for_by_the_word_of_an_artifact(engine, channel):
    row = run_to_its_end(engine, channel)
    again_at = timezone.now() + timedelta(hours=5)
    run = WorkflowRun.objects.latest("pk")
    error = {
        "code": "quota_exhausted",
        "message": "YouTube answered 429",
        "again_at": again_at.isoformat(),
        "bucket": "uploads",
    }
    leave(engine, {"correlation_id": run.correlation_id, "outcome": "failed", "error": error})
    look_until_lists_are_whole(engine)
    job = Job.objects.get(distribution=row.distribution_id)
    assert job.error_code == "quota_exhausted"
    assert job.run_at >= again_at - timedelta(minutes=1)


@pytest.mark.parametrize(
    "result",
    [
        {"correlation_id": "of another run", "outcome": "staged", "youtube_video_id": "x"},
        {"outcome": "published"},
        "no JSON",
        "[1]",
        " " * (github_artifacts.MOST_BYTES + 1),
    ],
)
def test_what_is_no_result_of_this_run_is_left_alone(engine, channel, result):
    run_to_its_end(engine, channel)
    leave(engine, result)
    look_until_lists_are_whole(engine)
    run = WorkflowRun.objects.latest("pk")
    assert run.result == {}
    assert run.state == RunState.FAILED


def test_a_claim_of_an_upload_that_is_not_there_stages_nothing(engine, channel):
    row = run_to_its_end(engine, channel)
    run = WorkflowRun.objects.latest("pk")
    claim = {"correlation_id": run.correlation_id, "outcome": "staged", "youtube_video_id": "nothing0000"}
    leave(engine, claim)
    look_until_lists_are_whole(engine)
    assert state_of(row) != STAGED
    assert row.distribution.youtube_video_id is None


def test_an_archive_that_says_little_of_its_size_is_bounded(engine, channel):
    run_to_its_end(engine, channel)
    held = leave(engine, "0" * 5_000_000)
    with (
        GitHubGateway(GITHUB_TOKEN, engine.sandbox.github_url) as github,
        pytest.raises(RemoteRejected, match="more than"),
    ):
        github.run_result(channel.repository, held["id"])


def test_github_leads_a_download_nowhere_inside(engine, monkeypatch, settings):
    settings.GITHUB_API_URL = run_results.PUBLIC_GITHUB
    inside = "http://127.0.0.1:9/x"
    monkeypatch.setattr(
        GitHubGateway, "run_result", lambda self, name, run_id: requests.get(inside, timeout=5)
    )
    with (
        GitHubGateway(GITHUB_TOKEN, engine.sandbox.github_url) as github,
        pytest.raises(requests.ConnectionError, match=r"127\.0\.0\.1 is not a public address"),
    ):
        run_results.read_artifact(factories.WorkflowRunFactory(run_id=7), github)
