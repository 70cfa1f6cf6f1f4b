"""A dispatched run does in the sandbox what the channel template does at GitHub: it really stages the video."""

import json

import pytest
import requests

from channels.gateways.github import GitHubGateway
from channels.sandbox import github_state as state
from channels.sandbox import runs
from channels.sandbox.faults import Match
from channels.sandbox.ledger import count
from channels.sandbox.seed import CLIENT_SECRET, GITHUB_TOKEN, refresh_token, seed_demo
from channels.sandbox.server import Sandbox
from tests.channels.run_helpers import AURORA, conclude, run_through, start, videos
from tests.control_room import OWN, TOKEN
from tests.patience import wait_for

UPLOADS = Match("PUT", "/upload/youtube/v3/videos")


def test_a_run_stages_the_video_private_and_reports_its_id(github, sandbox, room):
    run = run_through(github, room.sheet())
    log = runs.read_log(sandbox, run.run_id, 1)
    assert run.conclusion == "success", log
    (asked,) = room.received("/permit")
    assert (asked["run_id"], asked["run_attempt"]) == (run.run_id, 1)
    assert len(asked["claim"]) >= 32
    (video,) = videos(sandbox)
    (result,) = room.received("/result")
    assert result == {
        "run_id": run.run_id,
        "run_attempt": 1,
        "outcome": "staged",
        "youtube_video_id": video["id"],
    }
    assert room.unauthorised == 0
    assert room.received("/progress")[0]["step"] == "downloading"
    assert github.failure_summary(AURORA, run.run_id) == ""


def test_the_staged_video_is_private_and_carries_its_marker_twice(github, sandbox, room):
    run_through(github, room.sheet())
    opened = next(entry for entry in sandbox.requests("POST", "/upload/youtube/v3/videos"))
    resource = json.loads(opened.body)
    assert resource["status"]["privacyStatus"] == "private"
    assert resource["snippet"]["description"].splitlines()[-1] == "headend:hd-1"
    assert resource["snippet"]["tags"] == ["harbour", "headend:hd-1"]
    assert "notifySubscribers=true" in opened.query


def test_secrets_and_tokens_do_not_appear_in_the_log(github, sandbox, room):
    run = run_through(github, room.sheet())
    log = runs.read_log(sandbox, run.run_id, 1)
    assert "uploaded private as" in log
    for secret in (TOKEN, OWN, CLIENT_SECRET, refresh_token("aurora"), "upload_id="):
        assert secret not in log


HELD_BY_ANOTHER = {"code": "permit_refused", "detail": "Run 7, attempt 1, has this job.", "run_id": 7}


def test_a_run_that_is_refused_its_permit_is_red_and_its_log_says_why(github, sandbox, room):
    room.statuses["/permit"] = [409]
    room.answers["/permit"] = {"code": "permit_refused", "detail": "The job is not wanted any more."}
    run = run_through(github, room.sheet())
    assert run.conclusion == "failure"
    assert "The job is not wanted any more." in runs.read_log(sandbox, run.run_id, 1)
    assert (videos(sandbox), room.received("/media"), room.received("/result")) == ([], [], [])


def test_a_run_whose_job_another_run_has_does_nothing_and_is_not_a_failure(github, sandbox, room):
    room.statuses["/permit"] = [409]
    room.answers["/permit"] = HELD_BY_ANOTHER
    run = run_through(github, room.sheet())
    assert run.conclusion == "success"
    assert (videos(sandbox), room.received("/media"), room.received("/result")) == ([], [], [])
    assert "another run" in runs.read_log(sandbox, run.run_id, 1)


def test_a_rerun_asks_for_its_permit_as_the_second_attempt(github, sandbox, room):
    run = run_through(github, room.sheet())
    room.statuses["/permit"] = [409]
    room.answers["/permit"] = HELD_BY_ANOTHER
    github._writer.requester.requestJson("POST", f"/repos/{AURORA}/actions/runs/{run.run_id}/rerun")
    again = conclude(github, run.run_id)
    assert again.run_attempt == 2
    first, second = room.received("/permit")
    assert (second["run_id"], second["run_attempt"]) == (run.run_id, 2)
    assert first["claim"] != second["claim"]
    assert len(videos(sandbox)) == 1


def test_skip_upload_fetches_and_checks_but_uploads_nothing(github, sandbox, room):
    run = run_through(github, room.sheet(skip_upload=True))
    assert run.conclusion == "success"
    (result,) = room.received("/result")
    assert (result["outcome"], "youtube_video_id" in result) == ("staged", False)
    assert videos(sandbox) == []


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"media_sha256": "0" * 64}, "media_changed"),
        ({"media_url": "http://127.0.0.1:9/nothing"}, "media_unavailable"),
        ({"media_url": "file:///etc/hostname"}, "bad_job_sheet"),
    ],
)
def test_a_wrong_file_fails_the_run_and_says_why(github, sandbox, room, changes, code):
    run = run_through(github, room.sheet(**changes))
    assert run.conclusion == "failure"
    (result,) = room.received("/result")
    assert (result["outcome"], result["error"]["code"]) == ("failed", code)
    assert "Stage (failure)" in github.failure_summary(AURORA, run.run_id)
    assert videos(sandbox) == []


def test_a_missing_file_is_told_from_a_server_that_is_down(github, sandbox, room):
    room.statuses["/media"] = [503, 404]
    run_through(github, room.sheet())
    (result,) = room.received("/result")
    assert result["error"] == {"code": "media_unavailable", "message": "the media server answered 404"}


def test_without_callback_addresses_the_video_is_uploaded_once_and_found_by_its_marker(github, sandbox, room):
    unreachable = {"permit_url": None, "result_url": None, "progress_url": None, "one_use_secret": None}
    room.public = True
    run = run_through(github, room.sheet(**unreachable))
    assert run.conclusion == "success", runs.read_log(sandbox, run.run_id, 1)
    github._writer.requester.requestJson("POST", f"/repos/{AURORA}/actions/runs/{run.run_id}/rerun")
    assert conclude(github, run.run_id).run_attempt == 2
    assert "before: nothing more to do" in runs.read_log(sandbox, run.run_id, 2)
    assert len(videos(sandbox)) == 1
    assert {path for path, _ in room.calls} == {"/media"}


def test_the_ledger_counts_runs_and_the_permits_that_they_had(github, sandbox, room):
    room.statuses["/permit"] = [200, 409]
    run = run_through(github, room.sheet())
    github._writer.requester.requestJson("POST", f"/repos/{AURORA}/actions/runs/{run.run_id}/rerun")
    conclude(github, run.run_id)
    counted = count(sandbox.ledger.lines())
    (marker,) = counted.runs
    assert (counted.runs[marker], counted.permits[marker]) == (2, 1)


def test_addresses_without_a_proof_are_an_incomplete_sheet(github, sandbox, room):
    run = run_through(github, room.sheet(one_use_secret=None))
    assert run.conclusion == "failure"
    assert "nothing to prove itself by" in runs.read_log(sandbox, run.run_id, 1)


def test_an_incomplete_job_sheet_names_what_it_lacks(github, sandbox, room):
    run = run_through(github, room.sheet(media_url=None))
    assert run.conclusion == "failure"
    assert "lacks media_url" in runs.read_log(sandbox, run.run_id, 1)
    assert room.calls == []


def test_a_job_sheet_of_another_run_is_refused(github, sandbox, room):
    inputs = {"correlation_id": "hd-2", "job_sheet": json.dumps(room.sheet("hd-1"))}
    run_id = github.dispatch_workflow(AURORA, "headend.yml", "main", inputs).run_id
    assert conclude(github, run_id).conclusion == "failure"
    assert room.calls == []


def test_missing_and_revoked_credentials_are_told_apart(github, sandbox, room):
    number = github.repository(AURORA).id
    github.put_secret(AURORA, number, "YT_REFRESH_TOKEN", "nobody's")
    run_through(github, room.sheet())
    with sandbox.store.change("github") as held:
        del state.find_repository(held, AURORA)["secrets"]["YT_REFRESH_TOKEN"]
    run_through(github, room.sheet("hd-2"))
    codes = [result["error"]["code"] for result in room.received("/result")]
    assert codes == ["credential_revoked", "credential_missing"]


def test_an_exhausted_quota_is_named(github, sandbox, room):
    sandbox.faults.add(Match("POST", "/upload/"), "quota")
    run_through(github, room.sheet())
    assert room.received("/result")[0]["error"]["code"] == "quota_exhausted"


@pytest.mark.parametrize("kind", ["status_before", "status_after", "timeout_before", "timeout_after"])
def test_an_upload_that_breaks_is_resumed_and_makes_one_video(github, sandbox, room, kind):
    sandbox.faults.add(UPLOADS, kind, status=503, hold_seconds=0.1)
    run = run_through(github, room.sheet())
    assert run.conclusion == "success", runs.read_log(sandbox, run.run_id, 1)
    (video,) = videos(sandbox)
    assert room.received("/result")[0]["youtube_video_id"] == video["id"]


def test_an_upload_cut_in_the_middle_goes_on_where_it_was(github, sandbox, room):
    sandbox.faults.add(UPLOADS, "cut", after_bytes=262_144)
    assert run_through(github, room.sheet()).conclusion == "success"
    assert len(videos(sandbox)) == 1


def test_a_session_that_is_gone_after_the_last_byte_is_adopted_by_the_marker(github, sandbox, room):
    sandbox.faults.add(UPLOADS, "status_after", status=404)
    assert run_through(github, room.sheet()).conclusion == "success"
    (video,) = videos(sandbox)
    assert room.received("/result")[0]["youtube_video_id"] == video["id"]


def test_a_session_that_is_gone_before_the_last_byte_fails_by_name(github, sandbox, room):
    sandbox.faults.add(UPLOADS, "status_before", status=410)
    assert run_through(github, room.sheet()).conclusion == "failure"
    assert room.received("/result")[0]["error"]["code"] == "session_gone"
    assert videos(sandbox) == []


def test_youtube_that_stays_away_ends_the_run_within_bounds(github, sandbox, room):
    sandbox.faults.add(UPLOADS, "status_before", status=500, times=None)
    assert run_through(github, room.sheet()).conclusion == "failure"
    assert room.received("/result")[0]["error"]["code"] == "remote_unavailable"


def test_the_result_is_told_again_until_headend_hears_it(github, sandbox, room):
    room.statuses["/result"] = [502, 502, 200]
    assert run_through(github, room.sheet()).conclusion == "success"
    assert len(room.received("/result")) == 3


def test_a_result_that_nobody_takes_makes_the_run_red(github, sandbox, room):
    room.statuses["/result"] = [403]
    assert run_through(github, room.sheet()).conclusion == "failure"


# -- the life of a run ------------------------------------------------------------------------------------------


def test_runs_of_one_repository_go_one_after_another_and_none_is_lost(github, sandbox, room):
    ids = [start(github, room.sheet(f"hd-{number}", skip_upload=True)) for number in range(3)]
    assert [conclude(github, run_id).conclusion for run_id in ids] == ["success"] * 3
    told = [call["run_id"] for call in room.received("/result")]
    assert told == ids


def test_a_run_does_not_overtake_one_that_still_waits_for_its_runner(github, sandbox, room):
    sandbox.run_queue_seconds = 60
    first = start(github, room.sheet("hd-1", skip_upload=True))
    sandbox.run_queue_seconds = 0  # the second finds a runner at once, the first at its next look
    second = start(github, room.sheet("hd-2", skip_upload=True))
    assert [conclude(github, run_id).conclusion for run_id in (first, second)] == ["success"] * 2
    assert [call["run_id"] for call in room.received("/result")] == [first, second]


def test_a_queued_run_can_be_cancelled(github, sandbox, room):
    sandbox.run_queue_seconds = 60
    run_id = start(github, room.sheet())
    assert github.run(AURORA, run_id).status == "queued"
    assert github.cancel_run(AURORA, run_id) is True
    assert conclude(github, run_id).conclusion == "cancelled"
    assert github.cancel_run(AURORA, run_id) is False
    assert room.calls == []


def test_a_run_in_progress_is_killed_when_it_is_cancelled(github, sandbox, room):
    sandbox.faults.add(Match("POST", "/oauth/token"), "slow", delay_seconds=60)
    run_id = start(github, room.sheet())
    wait_for(lambda: room.received("/media"))
    assert github.run(AURORA, run_id).status == "in_progress"
    github.cancel_run(AURORA, run_id)
    assert conclude(github, run_id).conclusion == "cancelled"
    assert "Stage (cancelled)" in github.failure_summary(AURORA, run_id)
    assert room.received("/result") == []


def test_a_stop_concludes_what_runs_and_a_start_takes_up_what_waits(tmp_path, room):
    with Sandbox(data_dir=tmp_path, run_queue_seconds=0) as first:
        seed_demo(first.store)
        first.faults.add(Match("POST", "/oauth/token"), "slow", delay_seconds=60)
        with GitHubGateway(GITHUB_TOKEN, first.github_url) as github:
            number = github.repository(AURORA).id
            for name in ("YT_CLIENT_ID", "YT_CLIENT_SECRET", "YT_REFRESH_TOKEN"):
                github.put_secret(AURORA, number, name, "whatever")
            running = start(github, room.sheet("hd-1"))
            wait_for(lambda: room.received("/media"))
            waiting = start(github, room.sheet("hd-2", skip_upload=True))
            wait_for(lambda: github.run(AURORA, waiting).status == "pending")
    with Sandbox(data_dir=tmp_path) as second, GitHubGateway(GITHUB_TOKEN, second.github_url) as github:
        assert github.run(AURORA, running).conclusion == "failure"
        assert conclude(github, waiting).conclusion == "success"


@pytest.mark.slow
def test_a_run_that_a_killed_sandbox_left_behind_is_concluded(tmp_path, room):
    first = Sandbox(data_dir=tmp_path)
    seed_demo(first.store)
    first.start()
    with GitHubGateway(GITHUB_TOKEN, first.github_url) as github:
        run_id = start(github, room.sheet(skip_upload=True))
        conclude(github, run_id)
    with first.store.change("github") as held:
        held["runs"][str(run_id)].update(status="in_progress", conclusion=None)
    first.stop()
    with Sandbox(data_dir=tmp_path) as second, GitHubGateway(GITHUB_TOKEN, second.github_url) as github:
        assert github.run(AURORA, run_id).conclusion == "failure"
        assert "lost communication" in runs.read_log(second, run_id, 1)


def test_a_changed_script_is_not_run_on_this_machine(github, sandbox, room):
    """Whoever reaches the port and knows the demo's token must not be able to run code here."""
    held = github.read_file(AURORA, "headend/stage.py")
    github.write_file(AURORA, "headend/stage.py", "print('changed')", "Change", "main", held.sha)
    run = run_through(github, room.sheet())
    assert run.conclusion == "failure"
    assert "is not the channel template's" in runs.read_log(sandbox, run.run_id, 1)
    sandbox.trust_scripts = True
    again = run_through(github, room.sheet("hd-2"))
    assert again.conclusion == "success"
    assert "changed" in runs.read_log(sandbox, again.run_id, 1)


def test_other_commands_in_a_workflow_are_not_run(github, sandbox, room):
    held = github.read_file(AURORA, ".github/workflows/headend.yml")
    text = held.text.replace("run: python3 headend/stage.py", "run: touch /tmp/owned")
    github.write_file(AURORA, ".github/workflows/headend.yml", text, "Change", "main", held.sha)
    run = run_through(github, room.sheet())
    assert run.conclusion == "failure"
    assert "runs only" in runs.read_log(sandbox, run.run_id, 1)


def test_a_person_can_look_at_the_run_where_its_address_leads(github, sandbox, room):
    run = run_through(github, room.sheet("hd-<b>", skip_upload=True))
    page = requests.get(run.html_url, timeout=30)
    assert page.status_code == 200
    assert "downloaded" in page.text
    assert "hd-&lt;b&gt;" in page.text
    assert requests.get(f"{sandbox.url}/github-web/{AURORA}", timeout=30).status_code == 200
    assert requests.get(f"{sandbox.url}/github-web/no/thing", timeout=30).status_code == 404
    assert requests.get(f"{run.html_url}9", timeout=30).status_code == 404
