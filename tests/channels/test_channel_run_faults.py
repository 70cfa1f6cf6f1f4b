"""What YouTube and Google answer to a run means to the channel's script what it means to a worker of ours."""

import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest

from channels import quota
from channels.gateways.youtube import YouTubeGateway
from channels.gateways.youtube_oauth import OAuthCredential
from channels.gateways.youtube_upload import VideoMetadata
from channels.sandbox import runs
from channels.sandbox.faults import Match
from channels.sandbox.seed import CLIENT_ID, CLIENT_SECRET, refresh_token
from channels.sandbox.youtube_state import SECTION, UPLOAD, configure
from tests.channels.run_helpers import AURORA, conclude, run_through, videos

SESSION = Match("POST", "/upload/youtube/v3/videos")
PIECE = Match("PUT", "/upload/youtube/v3/videos")
TOKEN = Match("POST", "/oauth/token")
LOOKS = {
    "channels": Match("GET", "/youtube/v3/channels"),
    "playlist": Match("GET", "/youtube/v3/playlistItems"),
    "videos": Match("GET", "/youtube/v3/videos"),
}
ALONE = {"permit_url": None, "result_url": None, "progress_url": None, "one_use_secret": None}
PAGE = "<html>please log in</html>"


def youtube_says(reason: str, message: str = "Said by YouTube") -> dict:
    return {"error": {"message": message, "errors": [{"reason": reason, "message": message}]}}


def failure(room) -> dict:
    (result,) = room.received("/result")
    assert result["outcome"] == "failed"
    return result["error"]


def sessions(sandbox) -> int:
    return len(sandbox.requests("POST", "/upload/youtube/v3/videos"))


SHORT = [
    ("408 at the session", SESSION, 408, youtube_says("requestTimeout")),
    ("408 on a piece", PIECE, 408, youtube_says("requestTimeout")),
    ("308 without progress", PIECE, 308, ""),
    ("short 403 limit at the session", SESSION, 403, youtube_says("rateLimitExceeded")),
    ("short 403 limit on a piece", PIECE, 403, youtube_says("userRateLimitExceeded")),
    ("short 429 limit at the session", SESSION, 429, youtube_says("rateLimitExceeded")),
    ("short 429 limit on a piece", PIECE, 429, youtube_says("rateLimitExceeded")),
    ("401 at the session", SESSION, 401, youtube_says("authError")),
    ("401 on a piece", PIECE, 401, youtube_says("authError")),
    ("401 without a channel", SESSION, 401, youtube_says("youtubeSignupRequired")),
    ("a proxy's 401", SESSION, 401, PAGE),
    ("a proxy's 403", SESSION, 403, PAGE),
    ("503 on a piece", PIECE, 503, PAGE),
    ("a page for an access token", TOKEN, 400, PAGE),
    ("a failing token endpoint", TOKEN, 401, {"error": "internal_failure"}),
    ("a page for success", TOKEN, 200, PAGE),
]


@pytest.mark.parametrize(
    ("match", "status", "body"), [case[1:] for case in SHORT], ids=[case[0] for case in SHORT]
)
def test_what_passes_by_itself_is_survived_within_the_run(github, sandbox, room, match, status, body):
    sandbox.faults.add(match, "status_before", status=status, body=body)
    run = run_through(github, room.sheet())
    assert run.conclusion == "success", runs.read_log(sandbox, run.run_id, 1)
    assert len(videos(sandbox)) == 1


def test_an_access_token_that_runs_out_in_mid_upload_is_renewed(github, sandbox, room):
    sandbox.faults.add(PIECE, "status_before", status=401, body=youtube_says("authError"))
    run_through(github, room.sheet())
    assert len(sandbox.requests("POST", "/oauth/token")) == 2
    assert (sessions(sandbox), len(videos(sandbox))) == (1, 1)


LONG = [
    (
        "uploads of the day",
        SESSION,
        429,
        youtube_says("rateLimitExceeded", "Uploads per day"),
        quota.UPLOADS,
    ),
    ("units of the day", SESSION, 403, youtube_says("quotaExceeded"), quota.UNITS),
    ("units, as it was said once", SESSION, 403, youtube_says("dailyLimitExceeded"), quota.UNITS),
    ("the channel's own cap", SESSION, 400, youtube_says("uploadLimitExceeded"), quota.CHANNEL_UPLOADS),
]


@pytest.mark.parametrize(
    ("match", "status", "body", "bucket"), [case[1:] for case in LONG], ids=[case[0] for case in LONG]
)
def test_a_spent_budget_is_reported_with_its_end(github, sandbox, room, match, status, body, bucket):
    sandbox.faults.add(match, "status_before", status=status, body=body, times=None)
    before = datetime.now(UTC)
    run_through(github, room.sheet())
    said = failure(room)
    assert (said["code"], said["bucket"]) == ("quota_exhausted", bucket)
    ends = datetime.fromisoformat(said["again_at"])
    wanted = before + timedelta(hours=24) if bucket == quota.CHANNEL_UPLOADS else quota.next_reset(before)
    assert abs(ends - wanted) < timedelta(minutes=1)
    assert sessions(sandbox) == 1, "a spent budget is not asked for again"


LASTING = [
    ("308 for ever", PIECE, 308, "", "remote_unavailable"),
    ("503 for ever", PIECE, 503, PAGE, "remote_unavailable"),
    ("the consent is gone", TOKEN, 400, {"error": "invalid_grant"}, "credential_revoked"),
    ("the client is refused", TOKEN, 401, {"error": "invalid_client"}, "client_refused"),
    ("an administrator forbids it", TOKEN, 403, {"error": "access_denied"}, "permission_missing"),
    ("a page for ever", TOKEN, 400, PAGE, "remote_unavailable"),
    ("401 for ever", SESSION, 401, youtube_says("authError"), "credential_revoked"),
    ("no channel", SESSION, 401, youtube_says("youtubeSignupRequired"), "youtube_signup_required"),
    ("a scope is missing", SESSION, 403, youtube_says("insufficientPermissions"), "permission_missing"),
    ("values are wrong", SESSION, 400, youtube_says("invalidTitle"), "remote_rejected"),
    ("something new", SESSION, 418, youtube_says("brandNew"), "remote_error"),
]


@pytest.mark.parametrize(
    ("match", "status", "body", "code"), [case[1:] for case in LASTING], ids=[case[0] for case in LASTING]
)
def test_what_lasts_is_reported_by_the_code_that_a_worker_would_meet(
    github,
    sandbox,
    room,
    match,
    status,
    body,
    code,
):
    sandbox.faults.add(match, "status_before", status=status, body=body, times=None)
    assert run_through(github, room.sheet()).conclusion == "failure"
    assert failure(room)["code"] == code
    assert videos(sandbox) == []


# -- looking -------------------------------------------------------------------------------------------------------

BLIND = [
    ("no access", "channels", "status_before", {"status": 401, "body": youtube_says("authError")}),
    ("units spent", "channels", "quota", {}),
    (
        "no scope",
        "channels",
        "status_before",
        {"status": 403, "body": youtube_says("insufficientPermissions")},
    ),
    ("short limit", "channels", "status_before", {"status": 403, "body": youtube_says("rateLimitExceeded")}),
    ("down", "channels", "status_before", {"status": 503}),
    ("unreachable", "channels", "timeout_before", {"hold_seconds": 0}),
    ("a page", "channels", "status_before", {"status": 200, "body": PAGE}),
    (
        "no items",
        "playlist",
        "status_before",
        {"status": 200, "body": {"kind": "youtube#playlistItemListResponse"}},
    ),
    (
        "no list",
        "playlist",
        "status_before",
        {"status": 403, "body": youtube_says("playlistItemsNotAccessible")},
    ),
    ("no videos", "videos", "status_before", {"status": 403, "body": youtube_says("forbidden")}),
]


@pytest.mark.parametrize(
    ("where", "kind", "options"), [case[1:] for case in BLIND], ids=[case[0] for case in BLIND]
)
def test_a_rerun_without_a_permit_whose_look_fails_uploads_nothing(
    github,
    sandbox,
    room,
    where,
    kind,
    options,
):
    room.public = True
    run = run_through(github, room.sheet(**ALONE))
    assert (run.conclusion, len(videos(sandbox))) == ("success", 1)
    sandbox.faults.add(LOOKS[where], kind, times=None, **options)
    github._writer.requester.requestJson("POST", f"/repos/{AURORA}/actions/runs/{run.run_id}/rerun")
    again = conclude(github, run.run_id)
    assert (again.conclusion, len(videos(sandbox)), sessions(sandbox)) == ("failure", 1, 1)
    sandbox.faults.clear()
    github._writer.requester.requestJson("POST", f"/repos/{AURORA}/actions/runs/{run.run_id}/rerun")
    assert conclude(github, run.run_id).conclusion == "success"
    assert len(videos(sandbox)) == 1


def test_a_consent_that_only_uploads_cannot_look_and_uploads_nothing_twice(github, sandbox, room):
    room.public = True
    run = run_through(github, room.sheet(**ALONE))
    with sandbox.store.change(SECTION) as state:
        state["refresh_tokens"]["sandbox-refresh-aurora"]["scopes"] = [UPLOAD]
    github._writer.requester.requestJson("POST", f"/repos/{AURORA}/actions/runs/{run.run_id}/rerun")
    assert conclude(github, run.run_id).conclusion == "failure"
    assert len(videos(sandbox)) == 1


def test_a_rerun_waits_for_a_list_that_lags(github, sandbox, room):
    room.public = True
    run = run_through(github, room.sheet(**ALONE))
    empty = {"kind": "youtube#playlistItemListResponse", "items": []}
    sandbox.faults.add(LOOKS["playlist"], "status_before", status=200, body=empty)
    github._writer.requester.requestJson("POST", f"/repos/{AURORA}/actions/runs/{run.run_id}/rerun")
    assert conclude(github, run.run_id).conclusion == "success"
    assert len(videos(sandbox)) == 1


def test_an_upload_is_found_behind_fifty_newer_ones(github, sandbox, room):
    room.public = True
    run = run_through(github, room.sheet(**ALONE))
    with sandbox.store.change(SECTION) as state:
        (first,) = state["videos"].values()
        for number in range(60):
            at = (datetime.fromisoformat(first["uploaded_at"]) + timedelta(seconds=number + 1)).isoformat()
            snippet = {**first["snippet"], "description": "another", "tags": []}
            newer = {**first, "id": f"newer{number:06}", "uploaded_at": at, "snippet": snippet}
            state["videos"][newer["id"]] = newer
    github._writer.requester.requestJson("POST", f"/repos/{AURORA}/actions/runs/{run.run_id}/rerun")
    assert conclude(github, run.run_id).conclusion == "success"
    assert sessions(sandbox) == 1


def test_a_lost_receipt_whose_video_cannot_be_looked_for_is_not_said_to_be_absent(github, sandbox, room):
    sandbox.faults.add(PIECE, "status_after", status=410)
    sandbox.faults.add(LOOKS["channels"], "status_before", status=503, times=None)
    assert run_through(github, room.sheet()).conclusion == "failure"
    said = failure(room)
    assert said["code"] == "session_gone"
    assert "could not be learned" in said["message"]
    assert len(videos(sandbox)) == 1


# -- both executors ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("notify", [True, False])
@pytest.mark.parametrize("language", ["de", ""])
@pytest.mark.parametrize("tags", [[], ["harbour", "two words"]])
def test_both_executors_send_the_same_for_the_same_publication(
    github,
    sandbox,
    room,
    tmp_path,
    notify,
    language,
    tags,
):
    """Query and body, field by field; they differ in nothing that YouTube is told."""
    text = {
        "title": "Harbour – at dawn",
        "description": "Ships.\n\nÄ" + "x" * 4990,
        "tags": tags,
        "category_id": "24",
        "language": language,
        "made_for_kids": True,
        "marker": "headend:hd-1",
        "notify_subscribers": notify,
    }
    run_through(github, room.sheet(metadata=text))
    path = tmp_path / "video.mp4"
    path.write_bytes(room.media)
    credential = OAuthCredential(CLIENT_ID, CLIENT_SECRET, refresh_token("aurora"))
    with YouTubeGateway(credential, sandbox.youtube_url, sandbox.token_url) as youtube:
        youtube.upload(path, VideoMetadata(**text | {"tags": tuple(tags)}), on_session=lambda uri: None)
    by_run, by_worker = sandbox.requests("POST", "/upload/youtube/v3/videos")
    assert parse_qs(by_run.query) == parse_qs(by_worker.query)
    assert parse_qs(by_run.query)["notifySubscribers"] == [str(notify).lower()]
    assert json.loads(by_run.body) == json.loads(by_worker.body)


# -- secrets -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("match", [TOKEN, SESSION, PIECE], ids=["token", "session", "piece"])
def test_what_an_answer_repeats_of_the_request_is_reported_without_secrets(github, sandbox, room, match):
    sandbox.faults.add(match, "echo", status=400, times=None)
    run = run_through(github, room.sheet())
    reported = str(room.received("/result")) + runs.read_log(sandbox, run.run_id, 1)
    for secret in (CLIENT_SECRET, refresh_token("aurora"), "sandbox-access-"):
        assert secret not in reported
    assert not re.search(r"upload_id=[^*]", reported)
    assert "***" in failure(room)["message"]


def test_the_limits_of_the_sandbox_are_read_alike_by_both(github, sandbox, room):
    configure(sandbox.store, uploads_per_day=0)
    run_through(github, room.sheet())
    assert failure(room)["bucket"] == quota.UPLOADS
