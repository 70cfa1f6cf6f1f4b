"""The GitHub gateway, speaking HTTP to the sandbox: what it returns, and which fact each failure names."""

import json
import ssl
from datetime import UTC, datetime, timedelta

import pytest
import requests
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProxyError, SSLError

from channels.gateways.errors import (
    BranchMissing,
    CredentialMissing,
    CredentialRevoked,
    PermissionMissing,
    RateLimited,
    RemoteError,
    RemoteNotFound,
    RemoteRejected,
    RemoteUnavailable,
    RemoteUncertain,
    WorkflowMissing,
    WorkflowUnfit,
)
from channels.gateways.github import GitHubGateway
from channels.gateways.github_wire import never_sent
from channels.sandbox import github_state as state
from channels.sandbox.faults import Match
from channels.sandbox.seed import GITHUB_TOKEN, seed_demo
from tests.patience import wait_for

AURORA = "headend-demo/aurora"
DISPATCHES = Match("POST", "/dispatches$")
SHEET = json.dumps({"nothing": "to do"})  # the run ends at once: its sheet is incomplete


@pytest.fixture
def github(sandbox):
    seed_demo(sandbox.store)
    with GitHubGateway(GITHUB_TOKEN, sandbox.github_url, timeout_seconds=30) as gateway:
        yield gateway


@pytest.fixture
def hasty(github, sandbox):
    """A gateway that waits one second for an answer."""
    with GitHubGateway(GITHUB_TOKEN, sandbox.github_url, timeout_seconds=1) as gateway:
        yield gateway


def dispatch(gateway, correlation_id="hd-1", **changes):
    wanted = {
        "full_name": AURORA,
        "workflow": "headend.yml",
        "ref": "main",
        "inputs": {"correlation_id": correlation_id, "job_sheet": SHEET},
        **changes,
    }
    return gateway.dispatch_workflow(**wanted)


def dispatches(sandbox):
    return len(sandbox.requests("POST", "/dispatches"))


def runs(sandbox):
    return len(sandbox.store.snapshot()["github"].get("runs", {}))


# -- repositories and files --------------------------------------------------------------------------------------


def test_a_repository_is_read_with_its_numeric_id(github):
    found = github.repository(AURORA)
    assert (found.full_name, found.default_branch, found.private, found.archived) == (
        AURORA,
        "main",
        True,
        False,
    )
    assert found.id > 0


def test_a_renamed_repository_is_found_under_its_new_name_and_old_id(github, sandbox):
    before = github.repository(AURORA)
    state.rename_repository(sandbox.store, AURORA, "headend-demo/dawn")
    after = github.repository(AURORA)
    assert (after.id, after.full_name) == (before.id, "headend-demo/dawn")


@pytest.mark.parametrize("name", ["aurora", "a/b/c", "a/..", "../user", "a b/c", "", "a/b?x=1"])
def test_what_is_not_owner_and_name_is_refused_before_any_call(github, sandbox, name):
    with pytest.raises(RemoteRejected, match="owner/name"):
        github.repository(name)
    assert sandbox.requests(path="/repos/") == []


def test_a_missing_repository_is_not_found(github):
    with pytest.raises(RemoteNotFound) as caught:
        github.repository("headend-demo/nowhere")
    assert (caught.value.again, caught.value.status, caught.value.code) == (
        "blocked",
        404,
        "repository_missing",
    )


def test_a_file_is_written_read_and_overwritten_by_its_sha(github):
    path = "headend/channel config.json"
    assert github.read_file(AURORA, path, "main") is None
    first = github.write_file(AURORA, path, '{"name": "Ärger"}', "Sync", "main")
    held = github.read_file(AURORA, path, "main")
    assert held.text == '{"name": "Ärger"}'
    second = github.write_file(AURORA, path, "{}", "Sync again", "main", held.sha)
    assert github.read_file(AURORA, path).text == "{}"
    assert first != second


@pytest.mark.parametrize(("sha", "status"), [("0" * 40, 409), (None, 422)])
def test_a_file_that_changed_meanwhile_is_not_overwritten(github, sha, status):
    github.write_file(AURORA, "a.json", "theirs", "Theirs", "main")
    with pytest.raises(RemoteRejected) as caught:
        github.write_file(AURORA, "a.json", "ours", "Ours", "main", sha)
    assert caught.value.status == status
    assert github.read_file(AURORA, "a.json").text == "theirs"


def test_reading_a_file_of_a_missing_repository_is_an_error_not_none(github):
    with pytest.raises(RemoteNotFound):
        github.read_file("headend-demo/nowhere", "a.json")


def test_a_folder_and_a_binary_file_are_not_text_files(github, sandbox):
    with pytest.raises(RemoteRejected, match="not a file"):
        github.read_file(AURORA, "headend")
    with sandbox.store.change("github") as held:
        repository = state.find_repository(held, AURORA)
        state.write_file(sandbox.store, repository, "main", "logo.png", b"\x89PNG\xff", "Add a picture")
    with pytest.raises(RemoteRejected, match="UTF-8"):
        github.read_file(AURORA, "logo.png")


def test_writing_to_a_missing_branch_names_the_branch(github):
    with pytest.raises(BranchMissing, match="nowhere"):
        github.write_file(AURORA, "a.json", "{}", "Sync", "nowhere")


def test_an_archived_repository_refuses_to_be_written(github, sandbox):
    with sandbox.store.change("github") as held:
        state.find_repository(held, AURORA)["archived"] = True
    with pytest.raises(RemoteRejected, match="archived"):
        github.write_file(AURORA, "a.json", "{}", "Sync", "main")


def test_a_write_under_a_former_name_is_refused_and_writes_nothing(github, sandbox):
    state.rename_repository(sandbox.store, AURORA, "headend-demo/dawn")
    with pytest.raises(RemoteRejected, match="moved or was renamed"):
        dispatch(github)
    with pytest.raises(RemoteRejected, match="moved or was renamed"):
        github.write_file(AURORA, "a.json", "{}", "Sync", "main")
    assert runs(sandbox) == 0


# -- secrets -------------------------------------------------------------------------------------------------------


def test_a_secret_arrives_sealed_and_is_listed_by_name_only(github, sandbox):
    number = github.repository(AURORA).id
    github.put_secret(AURORA, number, "YT_REFRESH_TOKEN", "1//öpen-sesame")
    assert state.secret_values(sandbox.store, AURORA) == {"YT_REFRESH_TOKEN": "1//öpen-sesame"}
    assert "sesame" not in "".join(entry.body or "" for entry in sandbox.requests())
    (listed,) = github.list_secrets(AURORA)
    assert listed.name == "YT_REFRESH_TOKEN"
    assert listed.updated_at.tzinfo is not None
    github.put_secret(AURORA, number, "YT_REFRESH_TOKEN", "changed")
    assert state.secret_values(sandbox.store, AURORA) == {"YT_REFRESH_TOKEN": "changed"}


def test_a_secret_goes_only_to_the_pinned_repository(github, sandbox):
    """Somebody took the name after a rename: nothing may be sent there."""
    number = github.repository(AURORA).id
    state.rename_repository(sandbox.store, AURORA, "headend-demo/dawn")
    state.add_repository(sandbox.store, AURORA)
    with pytest.raises(RemoteRejected, match="pinned"):
        github.put_secret(AURORA, number, "YT_REFRESH_TOKEN", "open-sesame")
    assert sandbox.requests("PUT") == []


def test_a_secret_that_is_too_large_or_badly_named_is_refused(github):
    number = github.repository(AURORA).id
    with pytest.raises(RemoteRejected, match="48 KB"):
        github.put_secret(AURORA, number, "BIG", "x" * 50_000)
    with pytest.raises(RemoteRejected, match="GITHUB_"):
        github.put_secret(AURORA, number, "GITHUB_TOKEN", "x")


def test_a_lost_answer_to_a_secret_may_be_repeated(github, sandbox):
    sandbox.faults.add(Match("PUT", "/secrets/"), "status_after", status=502)
    number = github.repository(AURORA).id
    with pytest.raises(RemoteUnavailable) as caught:
        github.put_secret(AURORA, number, "A", "b")
    assert caught.value.again == "again"


# -- dispatch ------------------------------------------------------------------------------------------------------


def test_a_dispatch_says_which_run_it_became_with_one_request(github, sandbox):
    receipt = dispatch(github)
    assert str(receipt.run_id) in receipt.html_url
    assert len(sandbox.requests()) == 1
    run = github.run(AURORA, receipt.run_id)
    assert (run.display_title, run.event, run.run_attempt) == ("headend hd-1", "workflow_dispatch", 1)


def test_a_server_that_answers_204_is_understood(github, sandbox):
    sandbox.faults.add(DISPATCHES, "status_after", status=204, body="")
    receipt = dispatch(github)
    assert (receipt.run_id, receipt.html_url) == (None, None)
    assert runs(sandbox) == 1


@pytest.mark.parametrize("status", [500, 502, 503, 504])
@pytest.mark.parametrize(("kind", "made"), [("status_before", 0), ("status_after", 1)])
def test_a_failing_answer_to_a_dispatch_is_uncertain_and_never_repeated(github, sandbox, kind, made, status):
    sandbox.faults.add(DISPATCHES, kind, status=status, times=None)
    with pytest.raises(RemoteUncertain) as caught:
        dispatch(github)
    assert (caught.value.again, caught.value.status) == ("unknown", status)
    assert (dispatches(sandbox), runs(sandbox)) == (1, made)


@pytest.mark.parametrize(("kind", "made"), [("timeout_before", 0), ("timeout_after", 1)])
def test_a_dispatch_without_an_answer_is_uncertain_and_never_repeated(hasty, sandbox, kind, made):
    sandbox.faults.add(DISPATCHES, kind, times=None, hold_seconds=20)
    with pytest.raises(RemoteUncertain):
        dispatch(hasty)
    wait_for(
        lambda: dispatches(sandbox)
    )  # written down once it had its effect, which may be after we gave up
    assert (dispatches(sandbox), runs(sandbox)) == (1, made)


def test_a_dropped_connection_leaves_a_dispatch_uncertain(github, sandbox):
    sandbox.faults.add(DISPATCHES, "timeout_after", hold_seconds=0)
    with pytest.raises(RemoteUncertain):
        dispatch(github)
    assert (dispatches(sandbox), runs(sandbox)) == (1, 1)


def test_an_uncertain_dispatch_is_adopted_by_its_correlation_id(github, sandbox):
    since = datetime.now(UTC)
    dispatch(github, "hd-other")
    sandbox.faults.add(DISPATCHES, "status_after", status=502)
    with pytest.raises(RemoteUncertain):
        dispatch(github, "hd-lost")
    found = github.find_run(AURORA, "headend.yml", "hd-lost", since)
    assert found.display_title == "headend hd-lost"
    assert github.find_run(AURORA, "headend.yml", "hd-never", since) is None
    assert github.find_run(AURORA, "headend.yml", "hd-", since) is None  # a part of an id is not the id


def test_a_run_is_found_only_among_those_created_since(github):
    dispatch(github)
    later = datetime.now(UTC) + timedelta(hours=1)
    assert github.find_run(AURORA, "headend.yml", "hd-1", later) is None


def test_a_lagging_list_shows_the_run_later(github, sandbox):
    sandbox.list_lag_seconds = 3600
    since = datetime.now(UTC)
    dispatch(github)
    assert github.find_run(AURORA, "headend.yml", "hd-1", since) is None
    sandbox.store.advance(3601)
    assert github.find_run(AURORA, "headend.yml", "hd-1", since).display_title == "headend hd-1"


def test_an_unreachable_server_certainly_did_nothing(sandbox):
    sandbox.stop()
    gateway = GitHubGateway(GITHUB_TOKEN, sandbox.github_url, timeout_seconds=1)
    with pytest.raises(RemoteUnavailable) as caught:
        dispatch(gateway)
    assert caught.value.again == "again"
    gateway.close()


@pytest.mark.parametrize(
    ("changes", "error", "words", "again"),
    [
        ({"full_name": "headend-demo/nowhere"}, WorkflowMissing, "not found", "blocked"),
        ({"workflow": "nothing.yml"}, WorkflowMissing, "not found", "blocked"),
        ({"ref": "nowhere"}, BranchMissing, "No ref found for: nowhere", "blocked"),
        ({"inputs": {"correlation_id": "x"}}, WorkflowUnfit, "'job_sheet' not provided", "blocked"),
        (
            {"inputs": {"correlation_id": "x", "job_sheet": "{}", "evil": "1"}},
            WorkflowUnfit,
            "Unexpected inputs",
            "blocked",
        ),
        ({"inputs": {"correlation_id": 7}}, RemoteRejected, "must be text: correlation_id", "never"),
        ({"inputs": {"job_sheet": "x" * 70_000}}, RemoteRejected, "65535 characters", "never"),
    ],
)
def test_a_wrong_dispatch_names_the_fact_and_starts_nothing(github, sandbox, changes, error, words, again):
    with pytest.raises(error, match=words) as caught:
        dispatch(github, **changes)
    assert caught.value.again == again
    assert runs(sandbox) == 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: x\non: push\njobs:\n  a:\n    steps:\n      - run: true\n", "workflow_dispatch"),
        ("name: x\n", "No jobs"),
        ("name: x\n\ton: push\n", "tabs"),
    ],
)
def test_a_workflow_that_cannot_be_dispatched_says_why(github, sandbox, text, words):
    held = github.read_file(AURORA, ".github/workflows/headend.yml")
    github.write_file(AURORA, ".github/workflows/headend.yml", text, "Break it", "main", held.sha)
    with pytest.raises(RemoteRejected, match=words):
        dispatch(github)


# -- runs ----------------------------------------------------------------------------------------------------------


def test_recent_runs_come_newest_first_and_no_more_than_asked(github):
    for number in range(3):
        dispatch(github, f"hd-{number}")
    assert [run.display_title for run in github.recent_runs(AURORA, 2)] == ["headend hd-2", "headend hd-1"]


def test_a_run_beyond_the_first_page_is_found(github, sandbox):
    since = datetime.now(UTC)
    dispatch(github, "hd-first")
    with sandbox.store.change("github") as held:
        (run,) = held["runs"].values()
        for number in range(120):
            held["runs"][str(run["id"] + 1 + number)] = {
                **run,
                "id": run["id"] + 1 + number,
                "display_title": f"headend hd-{number}",
                "status": "completed",
            }
    assert github.find_run(AURORA, "headend.yml", "hd-first", since).run_id == run["id"]


def test_a_missing_run_is_not_found(github):
    with pytest.raises(RemoteNotFound):
        github.run(AURORA, 1)


# -- credentials, permissions, limits -----------------------------------------------------------------------------


def test_no_token_is_said_before_any_call():
    with pytest.raises(CredentialMissing):
        GitHubGateway("")


def test_a_revoked_token_is_named_so_and_never_shown(github, sandbox):
    state.revoke_token(sandbox.store, GITHUB_TOKEN)
    for call in (lambda: github.repository(AURORA), lambda: dispatch(github)):
        with pytest.raises(CredentialRevoked) as caught:
            call()
        assert GITHUB_TOKEN not in f"{caught.value} {caught.value!r}"
        # Not `credential_revoked`: a job that ends by that takes the channel's Google credential for revoked.
        assert caught.value.code == "github_token_refused"


def test_a_token_without_permission_is_told_from_a_wrong_one(sandbox):
    seed_demo(sandbox.store)
    state.add_token(sandbox.store, "reader", permissions={"metadata": "read", "actions": "read"})
    with GitHubGateway("reader", sandbox.github_url) as gateway:
        assert gateway.recent_runs(AURORA) == []
        with pytest.raises(PermissionMissing):
            dispatch(gateway)
        with pytest.raises(PermissionMissing):
            gateway.list_secrets(AURORA)
    assert runs(sandbox) == 0


def test_a_token_does_not_see_a_private_repository_that_is_not_its_own(sandbox):
    seed_demo(sandbox.store)
    state.add_token(sandbox.store, "narrow", repositories=["headend-demo/borealis"])
    with GitHubGateway("narrow", sandbox.github_url) as gateway:
        assert gateway.repository("headend-demo/borealis").private
        with pytest.raises(RemoteNotFound):
            gateway.repository(AURORA)


def test_what_is_left_of_the_hour_is_told_for_free(github):
    github.repository(AURORA)
    first, second = github.rate_limit(), github.rate_limit()
    assert (first.limit, first.remaining, second.remaining) == (5000, 4999, 4999)
    assert first.resets_at > datetime.now(UTC)


def test_a_used_up_hour_says_how_long_to_wait(sandbox):
    seed_demo(sandbox.store)
    state.add_token(sandbox.store, "small", "small", hourly_limit=1)
    with GitHubGateway("small", sandbox.github_url) as gateway:
        gateway.repository(AURORA)
        with pytest.raises(RateLimited) as caught:
            dispatch(gateway)
    assert 0 < caught.value.retry_after_seconds <= 3600
    assert caught.value.again == "again"
    assert runs(sandbox) == 0


def test_too_many_writes_in_a_minute_wait_for_retry_after(sandbox):
    seed_demo(sandbox.store)
    state.add_token(sandbox.store, "busy", "busy", content_per_minute=2)
    with GitHubGateway("busy", sandbox.github_url) as gateway:
        dispatch(gateway, "hd-1")
        dispatch(gateway, "hd-2")
        with pytest.raises(RateLimited) as caught:
            dispatch(gateway, "hd-3")
        assert 0 < caught.value.retry_after_seconds <= 60
        sandbox.store.advance(61)
        dispatch(gateway, "hd-3")
    assert runs(sandbox) == 3


@pytest.mark.parametrize(("retry_after", "expected"), [(17, 17), (0, 60)])
@pytest.mark.parametrize("call", ["read", "write"])
def test_a_secondary_limit_is_passed_on_at_once(github, sandbox, call, retry_after, expected):
    """Nothing waits inside the gateway: the caller holds a lease and decides."""
    sandbox.faults.add("/aurora", "rate_limit", retry_after_seconds=retry_after, times=None)
    with pytest.raises(RateLimited) as caught:
        github.repository(AURORA) if call == "read" else dispatch(github)
    assert caught.value.retry_after_seconds == expected
    assert len(sandbox.requests()) == 1


def test_429_is_a_rate_limit_too(github, sandbox):
    sandbox.faults.add("/aurora", "status_before", status=429, headers={"Retry-After": "5"})
    with pytest.raises(RateLimited) as caught:
        github.repository(AURORA)
    assert caught.value.retry_after_seconds == 5


# -- reading is repeated, within bounds --------------------------------------------------------------------------


def test_a_reading_call_survives_two_failures(github, sandbox):
    sandbox.faults.add("/aurora", "status_before", status=502, times=2)
    assert github.repository(AURORA).full_name == AURORA
    assert len(sandbox.requests("GET")) == 3


def test_a_reading_call_gives_up_after_three(github, sandbox):
    sandbox.faults.add("/aurora", "status_before", status=503, headers={"Retry-After": "900"}, times=None)
    with pytest.raises(RemoteUnavailable) as caught:
        github.repository(AURORA)
    assert (len(sandbox.requests("GET")), caught.value.again) == (3, "again")


def test_a_reading_call_without_an_answer_has_no_effect_to_worry_about(hasty, sandbox):
    sandbox.faults.add("/aurora", "timeout_before", times=None, hold_seconds=20)
    with pytest.raises(RemoteUnavailable):
        hasty.repository(AURORA)


def test_an_answer_that_is_not_githubs_is_not_a_crash(github, sandbox):
    sandbox.faults.add("/aurora", "status_before", status=200, body="<html>proxy login</html>", times=None)
    with pytest.raises(RemoteUnavailable):
        github.repository(AURORA)
    with pytest.raises(RemoteUnavailable):
        github.recent_runs(AURORA)
    with pytest.raises(RemoteUncertain):
        dispatch(github)


def test_a_redirect_to_another_server_is_not_followed(github, sandbox):
    elsewhere = {"Location": "http://203.0.113.7/repos/x/y"}
    sandbox.faults.add("/aurora", "status_before", status=301, headers=elsewhere, times=None)
    for call in (lambda: github.repository(AURORA), lambda: dispatch(github)):
        with pytest.raises(RemoteRejected, match="another server"):
            call()


def test_every_error_answers_whether_to_repeat():
    kinds = [RemoteError]
    for kind in kinds:  # and theirs
        kinds += [one for one in kind.__subclasses__() if one.__module__.startswith("channels.")]
    assert all(kind.again in ("again", "blocked", "never", "unknown") for kind in kinds)
    assert len({kind.code for kind in kinds}) == len(kinds)


def test_what_broke_before_a_request_was_sent_is_known():
    def wrapped(reason):
        return requests.ConnectionError(MaxRetryError(None, "/", reason))

    untrusted = SSLError(ssl.SSLCertVerificationError("self-signed certificate"))
    refused = NewConnectionError(None, "refused")
    before = [
        requests.ConnectTimeout(),
        wrapped(refused),
        wrapped(ProxyError("down", refused)),
        wrapped(untrusted),
    ]
    after = [
        requests.ReadTimeout(),
        wrapped(SSLError(ssl.SSLEOFError("cut"))),
        requests.ConnectionError("aborted"),
    ]
    assert all(never_sent(error) for error in before)
    assert not any(never_sent(error) for error in after)
