"""What we send, and what the sandbox answers, is what GitHub and Google publish of their APIs.

Every test with a sandbox is compared as it ends (`tests/sandbox_fixture.py`); here it is shown that the comparison finds
what is wrong, and that whole publications make the calls that it is about.
"""

import json
import os
from datetime import timedelta

import pytest
from django.utils import timezone

from orchestration.github import watch
from orchestration.models import WorkflowRun
from orchestration.pipeline.looks import SETTLE
from orchestration.states import RunState
from tests.contracts import official
from tests.engine_room import PUBLISHED, door, state_of
from tests.patience import wait_for

RUNS = "/repos/headend/aurora/actions/workflows/headend.yml/dispatches"
UPDATE = {"id": "x", "status": {"privacyStatus": "private"}}


@pytest.fixture(autouse=True)
def descriptions():
    """Skip with a clear line where they cannot be had; in CI that is a failure."""
    if official.missing():
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(official.missing())


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "place"),
    [
        ("POST", RUNS, "", {"ref": 7}, "body.ref"),
        ("POST", RUNS, "", {"ref": "main", "input": {}}, "body.input"),
        ("POST", RUNS, "", {}, "body"),
        ("GET", "/repos/headend/aurora/actions/runs", "status=gone", None, "?status"),
        ("GET", "/repos/headend/aurora/actions/runs", "state=queued", None, "?state"),
        ("GET", "/repos/headend/aurora/run", "", None, "path"),
    ],
)
def test_a_wrong_call_of_github_is_found(method, path, query, body, place):
    assert [one.place for one in official.github().of_request(method, path, query, body)] == [place]


def test_a_wrong_answer_of_github_is_found():
    answer = {"workflow_run_id": "9", "run_url": "https://x.example", "html_url": None}
    found = {one.place for one in official.github().of_answer("POST", RUNS, 200, answer)}
    assert found == {"body.workflow_run_id", "body.html_url"}


@pytest.mark.parametrize(
    ("method", "query", "body", "place"),
    [
        (
            "PUT",
            "part=status",
            {**UPDATE, "status": {"privacyStatus": "hidden"}},
            "body.status.privacyStatus",
        ),
        ("PUT", "part=status", {**UPDATE, "privacy": "private"}, "body"),
        ("PUT", "part=status&notify=true", UPDATE, "?notify"),
        ("PUT", "", UPDATE, "?part"),
        ("GET", "part=status&maxResults=51", None, "?maxResults"),
    ],
)
def test_a_wrong_call_of_youtube_is_found(method, query, body, place):
    found = official.youtube().of_request(method, "/youtube/v3/videos", query, body)
    assert [one.place for one in found] == [place]


@pytest.mark.django_db
def test_a_publication_by_our_own_workers_makes_only_calls_that_are_described(engine):
    channel = engine.channel(min_gap_minutes=1)
    row = engine.published(channel)
    assert state_of(row) == PUBLISHED
    other = engine.armed(engine.channel("borealis"))
    door().hold_schedule(schedule_id=other.pk, reason="its time comes off YouTube")
    engine.work()
    assert {"youtube.videos.insert", "youtube.videos.list", "youtube.videos.update"} <= called(engine)


@pytest.mark.django_db
def test_a_publication_by_github_makes_only_calls_that_are_described(engine):
    channel = engine.channel(github=True, lead_time_minutes=30)
    door().sync_channel_configs(channel_ids=[channel.pk])
    engine.work()
    row = engine.planned(channel, minutes=20)
    engine.tick()
    engine.work()

    def ended() -> bool:
        WorkflowRun.objects.update(next_look_at=timezone.now() - timedelta(seconds=1))
        watch.watch()
        run = WorkflowRun.objects.latest("pk")
        return run.state in {RunState.SUCCEEDED, RunState.FAILED} or run.remote_status == "completed"

    wait_for(ended)
    engine.pass_time(
        seconds=SETTLE.seconds + 5
    )  # a run that failed is concluded when the list of uploads counts
    assert ended()
    row.refresh_from_db()
    described = {path for _, path in called_of_github(engine)}
    assert {
        "/repos/{owner}/{repo}",
        "/repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches",
        "/repos/{owner}/{repo}/actions/runs/{run_id}",
    } <= described


@pytest.mark.django_db
def test_what_a_webhook_is_sent_is_described(engine, monkeypatch):
    from channels.sandbox import github_hooks

    sent = []
    monkeypatch.setattr(github_hooks, "_deliver", lambda *values: sent.append(json.loads(values[-1])))
    channel = engine.channel(github=True, lead_time_minutes=30)
    with engine.sandbox.store.change("github") as github:
        (repository,) = github["repositories"].values()
        hook = {
            "id": 1,
            "url": "http://127.0.0.1:9/",
            "secret": "s",
            "events": ["workflow_run"],
            "active": True,
        }
        repository["hooks"] = [{**hook, "deliveries": []}]
    engine.planned(channel, minutes=20)
    engine.tick()
    engine.work()
    wait_for(lambda: "completed" in [body["action"] for body in sent])
    wrong = [str(one) for body in sent for one in official.webhooks().of_delivery("workflow_run", body)]
    assert not wrong, "\n".join(sorted(set(wrong)))
    assert {body["action"] for body in sent} == {"requested", "in_progress", "completed"}


def called(engine) -> set[str]:
    """Return the ids of YouTube's methods that were called."""
    methods = official.youtube().methods
    asked = {(one.method, one.path.removeprefix("/youtube")) for one in engine.sandbox.exchanges}
    return {methods[one]["id"] for one in asked if one in methods}


def called_of_github(engine) -> set[tuple[str, str]]:
    found = set()
    for one in engine.sandbox.exchanges:
        if one.path.startswith("/github/"):
            operation = official.github().operation(one.method, one.path.removeprefix("/github"))
            found.add((one.method, operation[0] if operation else one.path))
    return found
