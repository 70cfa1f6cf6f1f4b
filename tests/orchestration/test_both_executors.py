"""The same answer of YouTube or Google ends alike for a publication, whether a worker of ours met it or a GitHub run."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from channels import quota
from channels.sandbox.faults import Match
from orchestration.models import Job, Schedule
from orchestration.pipeline.looks import SETTLE
from orchestration.states import JobKind, JobState
from tests.orchestration.test_workflows import (
    dispatch,
    give_secrets,
    look,
    wait_for_runs,
)

SESSION = Match("POST", "/upload/youtube/v3/videos")
PIECE = Match("PUT", "/upload/youtube/v3/videos")
TOKEN = Match("POST", "/oauth/token")
PAGE = "<html>please log in</html>"
SUCCEEDED, WAITING, FAILED = JobState.SUCCEEDED, JobState.WAITING, JobState.FAILED


def youtube_says(reason: str, message: str = "Said by YouTube") -> dict:
    return {"error": {"message": message, "errors": [{"reason": reason, "message": message}]}}


CASES = [
    # what is answered, where, once or for ever; what becomes of the job, its code and what it waits for
    (
        "uploads of the day",
        SESSION,
        429,
        youtube_says("rateLimitExceeded", "per day"),
        None,
        WAITING,
        "quota_exhausted",
    ),
    ("units of the day", SESSION, 403, youtube_says("quotaExceeded"), None, WAITING, "quota_exhausted"),
    (
        "as it was said once",
        SESSION,
        403,
        youtube_says("dailyLimitExceeded"),
        None,
        WAITING,
        "quota_exhausted",
    ),
    (
        "the channel's cap",
        SESSION,
        400,
        youtube_says("uploadLimitExceeded"),
        None,
        WAITING,
        "quota_exhausted",
    ),
    ("no scope", SESSION, 403, youtube_says("insufficientPermissions"), None, WAITING, "permission_missing"),
    (
        "no channel",
        SESSION,
        401,
        youtube_says("youtubeSignupRequired"),
        None,
        WAITING,
        "youtube_signup_required",
    ),
    ("something new", SESSION, 418, youtube_says("brandNew"), None, WAITING, "remote_error"),
    ("wrong values", SESSION, 400, youtube_says("invalidTitle"), None, FAILED, "remote_rejected"),
    ("a short limit", PIECE, 403, youtube_says("rateLimitExceeded"), 1, SUCCEEDED, ""),
    ("408", PIECE, 408, youtube_says("requestTimeout"), 1, SUCCEEDED, ""),
    ("401 in mid-upload", PIECE, 401, youtube_says("authError"), 1, SUCCEEDED, ""),
]


@pytest.fixture
def reachable(settings, live_server):
    settings.HEADEND_PUBLIC_URL = live_server.url
    settings.ALLOWED_HOSTS = ["*"]


def by_a_worker(engine, row: Schedule) -> None:
    engine.tick()
    engine.work()


def by_a_run(engine, row: Schedule) -> None:
    with engine.sandbox.store.change("github") as github:
        for repository in github["repositories"].values():
            repository["variables"]["HEADEND_BACKOFF_SECONDS"] = "0.02"
    give_secrets(engine, row.channel)
    dispatch(engine, row)
    wait_for_runs(engine)  # looks at the sandbox only, while the server uses the database
    look(engine, times=2)
    job = Job.objects.get(distribution=row.distribution_id, kind=JobKind.STAGE)
    if job.state == JobState.RUNNING:
        engine.pass_time(seconds=SETTLE.seconds + 5)
        look(engine)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("executor", [by_a_worker, by_a_run])
@pytest.mark.parametrize(
    ("match", "status", "body", "times", "state", "code"),
    [case[1:] for case in CASES],
    ids=[c[0] for c in CASES],
)
def test_what_is_answered_ends_alike(engine, reachable, executor, match, status, body, times, state, code):
    row = engine.planned(engine.channel(github=executor is by_a_run), minutes=60)
    engine.sandbox.faults.add(match, "status_before", status=status, body=body, times=times)
    executor(engine, row)
    job = Job.objects.get(distribution=row.distribution_id, kind=JobKind.STAGE)
    assert (job.state, job.error_code) == (state, code)
    waits_for = job.blocked_on
    if state == WAITING and code != "remote_error":
        assert (waits_for.code, job.attempts) == (code, 0), "what waits for a condition has used up no try"
    if code == "quota_exhausted":
        is_channels = body["error"]["errors"][0]["reason"] == "uploadLimitExceeded"
        assert waits_for.scope == ("channel" if is_channels else "installation")
        assert abs(waits_for.until - _end_of(is_channels)) < timedelta(minutes=10)


def _end_of(is_channels: bool) -> datetime:
    now = timezone.now()
    return now + timedelta(hours=24) if is_channels else quota.next_reset(now)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("executor", [by_a_worker, by_a_run])
def test_an_upload_says_all_its_words_whoever_makes_it(engine, reachable, executor):
    wanted = {
        "licence": "creativeCommon",
        "embeddable": False,
        "synthetic_media": True,
        "paid_promotion": True,
    }
    channel = engine.channel(github=executor is by_a_run, category_id="10", language="", made_for_kids=True)
    words = {**wanted, "title": "Porto", "tags": ["mar"], "language": "pt-BR"}
    row = engine.planned(channel, video=engine.video(words=words))
    executor(engine, row)
    video = engine.on_youtube(row)
    assert (video["snippet"]["title"], video["snippet"]["categoryId"]) == ("Porto", "10")
    assert (video["snippet"]["tags"][0], video["snippet"]["tags"][-1]) == ("mar", row.distribution.marker)
    assert video["snippet"]["defaultLanguage"] == video["snippet"]["defaultAudioLanguage"] == "pt-BR"
    assert video["status"] == {
        "selfDeclaredMadeForKids": True,
        "embeddable": False,
        "license": "creativeCommon",
        "publicStatsViewable": True,
        "containsSyntheticMedia": True,
    }
    assert (video["paid_promotion"], video["privacy_status"]) == (True, "private")
