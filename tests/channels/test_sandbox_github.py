"""The parts of the sandbox's GitHub that people and other clients use beside the gateway."""

import json

import pytest
import requests

from channels.sandbox import github_state as state
from channels.sandbox.seed import GITHUB_TOKEN, seed_demo

AURORA = "/repos/headend-demo/aurora"


@pytest.fixture
def call(sandbox):
    seed_demo(sandbox.store)
    sandbox.run_queue_seconds = 60
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {GITHUB_TOKEN}"

    def send(method, path, **options):
        return session.request(
            method, f"{sandbox.github_url}{path}", timeout=30, allow_redirects=False, **options
        )

    yield send
    session.close()


def dispatch(call, correlation_id="hd-1", **more):
    body = {"ref": "main", "inputs": {"correlation_id": correlation_id, "job_sheet": "{}"}, **more}
    return call("POST", f"{AURORA}/actions/workflows/headend.yml/dispatches", json=body)


def test_without_a_token_nothing_is_told(sandbox, call):
    answer = requests.get(f"{sandbox.github_url}/user", timeout=30)
    assert (answer.status_code, answer.json()["message"]) == (401, "Requires authentication")
    assert call("GET", "/user").json()["login"] == "headend-demo-operator"


def test_every_answer_carries_the_limits(call):
    headers = call("GET", AURORA).headers
    assert headers["X-RateLimit-Limit"] == "5000"
    assert headers["X-RateLimit-Remaining"] == "4999"


def test_branches_and_folders_can_be_looked_at(call):
    assert len(call("GET", f"{AURORA}/branches/main").json()["commit"]["sha"]) == 40
    assert call("GET", f"{AURORA}/branches/other").status_code == 404
    names = {entry["name"]: entry["type"] for entry in call("GET", f"{AURORA}/contents/.github").json()}
    assert names == {"workflows": "dir"}
    assert call("GET", f"{AURORA}/contents/README.md", params={"ref": "other"}).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ([], 400),
        ({"message": "m"}, 422),
        ({"message": "m", "content": "§§"}, 422),
    ],
)
def test_a_wrong_file_is_refused(call, body, status):
    assert call("PUT", f"{AURORA}/contents/a.txt", json=body).status_code == status


def test_a_path_cannot_leave_the_repository(call):
    body = {"message": "m", "content": "eA=="}
    assert call("PUT", f"{AURORA}/contents/a%2F..%2F..%2Fb", json=body).status_code == 422
    assert call("PUT", f"{AURORA}/contents/.git/config", json=body).status_code == 422


def test_workflows_are_listed_and_found_by_id(call):
    (listed,) = call("GET", f"{AURORA}/actions/workflows").json()["workflows"]
    assert (listed["name"], listed["path"]) == ("Headend", ".github/workflows/headend.yml")
    assert call("GET", f"{AURORA}/actions/workflows/{listed['id']}").json() == listed


def test_a_dispatch_without_run_details_answers_204_and_nothing(call):
    answer = dispatch(call)
    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"inputs": {}}, "ref"),
        ({"ref": "main", "inputs": []}, "not provided"),
        ({"ref": "main", "inputs": "x"}, "object"),
    ],
)
def test_a_wrong_dispatch_is_refused(call, body, words):
    answer = call("POST", f"{AURORA}/actions/workflows/headend.yml/dispatches", json=body)
    assert answer.status_code == 422
    assert words in answer.json()["message"]


def test_runs_are_filtered_and_paged(call):
    for number in range(3):
        dispatch(call, f"hd-{number}")
    runs = f"{AURORA}/actions/runs"

    def titles(**query):
        return [run["display_title"] for run in call("GET", runs, params=query).json()["workflow_runs"]]

    assert titles(event="push") == []
    assert len(titles(status="queued", branch="main")) == 3
    assert titles(status="success") == []
    assert len(titles(created=">=2020-01-01T00:00:00Z")) == 3
    assert (
        titles(created="<2020-01-01")
        == titles(created="2019-01-01..2020-01-01")
        == titles(created="2020-01-01")
        == []
    )
    assert len(titles(created="whenever")) == 3
    first = call("GET", runs, params={"per_page": 2})
    assert len(first.json()["workflow_runs"]) == 2
    following = first.links["next"]["url"].partition("/github")[2]
    assert [run["display_title"] for run in call("GET", following).json()["workflow_runs"]] == [
        "headend hd-0"
    ]


def test_a_run_that_is_not_completed_cannot_be_run_again(call):
    number = dispatch(call, return_run_details=True).json()["workflow_run_id"]
    assert call("POST", f"{AURORA}/actions/runs/{number}/rerun").status_code == 403
    assert call("GET", f"{AURORA}/actions/runs/{number}/jobs").json() == {"total_count": 0, "jobs": []}
    assert call("GET", f"/repos/headend-demo/borealis/actions/runs/{number}").status_code == 404


def test_a_jobs_log_is_read(sandbox, call):
    number = dispatch(call, return_run_details=True).json()["workflow_run_id"]
    job = sandbox.store.snapshot()["github"]["runs"][str(number)]["job_id"]
    assert call("GET", f"{AURORA}/actions/jobs/{job}/logs").status_code == 200
    assert call("GET", f"{AURORA}/actions/jobs/1/logs").status_code == 404


def test_a_secret_that_was_not_sealed_for_this_repository_is_refused(sandbox, call):
    key = call("GET", f"{AURORA}/actions/secrets/public-key").json()
    for body in (
        {"key_id": "1", "encrypted_value": "eA=="},
        {"key_id": key["key_id"], "encrypted_value": "eA=="},
    ):
        assert call("PUT", f"{AURORA}/actions/secrets/A", json=body).status_code == 422
    assert state.secret_values(sandbox.store, "headend-demo/aurora") == {}
    assert call("DELETE", f"{AURORA}/actions/secrets/A").status_code == 404


def test_a_former_name_redirects_reads_by_301_and_writes_by_307(sandbox, call):
    state.rename_repository(sandbox.store, "headend-demo/aurora", "headend-demo/dawn")
    read = call("GET", f"{AURORA}/actions/runs", params={"event": "push"})
    assert read.status_code == 301
    assert read.headers["Location"].endswith("/actions/runs?event=push")
    assert dispatch(call).status_code == 307
    with pytest.raises(KeyError):
        state.rename_repository(sandbox.store, "headend-demo/none", "x/y")


def test_a_public_repository_is_seen_by_every_token(sandbox, call):
    state.add_repository(sandbox.store, "someone/open", private=False, files={"a.txt": b"hello"})
    assert json.loads(call("GET", "/repos/someone/open").text)["visibility"] == "public"
    assert call("GET", "/repos/someone/open/actions/workflows").json()["total_count"] == 0


def test_a_template_that_grew_is_brought_to_the_demo_on_the_next_start(sandbox, call):
    with sandbox.store.change("github") as github:
        repository = state.find_repository(github, "headend-demo/aurora")
        state.write_file(sandbox.store, repository, "main", "headend/stage.py", b"old", "An older version")
    seed_demo(sandbox.store)
    with sandbox.store.read("github") as github:
        repository = state.find_repository(github, "headend-demo/aurora")
        assert (
            state.read_file(repository, "main", "headend/stage.py")
            == state.template_files()["headend/stage.py"]
        )


def test_webhooks_need_their_permission_and_reach_this_machine_only(sandbox, call):
    config = {"url": "http://127.0.0.1:9/hook", "content_type": "json", "secret": "s"}
    assert call("POST", f"{AURORA}/hooks", json={"config": config}).status_code == 403
    state.add_token(sandbox.store, GITHUB_TOKEN, permissions={"metadata": "read", "webhooks": "write"})
    for wrong in ({"url": "https://example.org/"}, {"url": "file:///etc/hostname"}, {"content_type": "form"}):
        refused = call("POST", f"{AURORA}/hooks", json={"config": {**config, **wrong}})
        assert refused.status_code == 422, refused.text
    assert call("POST", f"{AURORA}/hooks", json={"config": config}).status_code == 201
    (hook,) = call("GET", f"{AURORA}/hooks").json()
    assert (hook["events"], hook["config"]["secret"]) == (["push"], "********")
    assert call("GET", f"{AURORA}/hooks/{hook['id']}/deliveries").json() == []
    assert call("GET", f"{AURORA}/hooks/1/deliveries").status_code == 404
