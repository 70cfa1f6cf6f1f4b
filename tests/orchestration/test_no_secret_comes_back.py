"""Whatever a remote repeats of what it was sent is hidden before it is kept: one day of echoes, then everything is read."""

import subprocess
from ipaddress import ip_network
from pathlib import Path

import pytest
from celery import current_app
from django.apps import apps
from django.test import Client

from channels.sandbox.faults import Match
from channels.sandbox.seed import CLIENT_SECRET, GITHUB_TOKEN
from config.logs import RedactingFormatter
from orchestration.github import run_results
from orchestration.media import storage as objects
from orchestration.media.errors import MediaError, TranscodeFailed
from orchestration.models import Activity, Job
from orchestration.notify import apprise_calls
from orchestration.pipeline.endings import write_outcome
from orchestration.register import tokens
from orchestration.states import JobKind, JobState
from tests import factories
from tests.orchestration.api_client import ApiClient
from tests.s3_server import KEY, SECRET

pytest_plugins = ["tests.s3_fixture"]
pytestmark = pytest.mark.django_db

LISTS = (
    "channels",
    "schedules",
    "distributions",
    "jobs",
    "runs",
    "activity",
    "sources",
    "pools",
    "conflicts",
)
READINGS = ("orchestration/dashboard", "orchestration/monitor-channels")
PAGES = (
    "/",
    "/channels/",
    "/channels/aurora/",
    "/channels/boreal/",
    "/jobs/",
    "/activity/",
    "/schedule/",
    "/review/",
)


@pytest.fixture
def messages(monkeypatch):
    """What is sent to the broker."""
    sent = []
    monkeypatch.setattr(current_app, "send_task", lambda *args, **kwargs: sent.append(repr((args, kwargs))))
    return sent


@pytest.fixture
def commands(monkeypatch):
    """What the process list shows of us and of each child: command lines."""
    seen = [Path("/proc/self/cmdline").read_text()] if Path("/proc/self/cmdline").exists() else []
    start = subprocess.Popen.__init__
    monkeypatch.setattr(
        subprocess.Popen,
        "__init__",
        lambda self, args, *rest, **named: (seen.append(repr(args)), start(self, args, *rest, **named))[1],
    )
    return seen


@pytest.fixture
def logged(caplog):
    caplog.set_level("DEBUG")
    formatter = RedactingFormatter("%(levelname)s %(name)s %(message)s")
    return lambda: "\n".join(formatter.format(record) for record in caplog.records)


def dump() -> str:
    """Return every row of every table as it is stored, which is what a dump of the database holds."""
    tables = apps.get_models(include_auto_created=True)
    return "\n".join(repr(row) for table in tables for row in table._base_manager.values_list())


def a_day_of_echoes(engine) -> None:
    """Let YouTube, Google and GitHub repeat all that they are sent, wherever a job calls them."""
    ours, theirs = engine.channel("aurora"), engine.channel("boreal", github=True)
    engine.sandbox.faults.add(Match("POST", "/upload/youtube/v3/videos"), "echo", status=400, times=None)
    engine.sandbox.faults.add(Match("POST", "/dispatches"), "echo", status=422, times=None)
    engine.planned(ours), engine.planned(theirs)
    engine.tick()
    engine.work()
    engine.sandbox.faults.add("^/oauth/token", "echo", status=401, times=None)
    engine.sandbox.faults.add(Match("GET", "/repos/"), "echo", status=403, times=None)
    for channel in (ours, theirs):
        factories.JobFactory(kind=JobKind.CHECK, channel=channel, asked=True)
    engine.retry_now()
    engine.work()
    assert "[hidden]" in dump(), "no echo got this far"


def a_storage_that_repeats(s3) -> None:
    s3.fault = (
        400,
        "InvalidRequest",
        f"You are {KEY} with {SECRET}, that is {SECRET.replace('/', '%2F')}" + "." * 300,
    )
    where = objects.Storage(s3.base, "films", access_key=KEY, secret_key=SECRET)
    with pytest.raises(MediaError) as refused:
        objects.list_films(where, limit=1, allowed_networks=(ip_network("127.0.0.0/8"),), timeout_seconds=20)
    assert "[hidden]" in str(refused.value)
    source = factories.SourceFactory()
    job = factories.JobFactory(
        kind=JobKind.SCRAPE, state=JobState.RUNNING, holder="test", source=source, channel=None
    )
    write_outcome(job, refused.value)


def test_what_remotes_repeat_of_our_secrets_is_in_nothing_that_is_kept_or_shown(
    engine, s3, settings, messages, commands, logged, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        a_day_of_echoes(engine)
        a_storage_that_repeats(s3)
    api = ApiClient(tokens.issue("reader", "read")[1])
    browser = Client()
    browser.force_login(factories.UserFactory(is_staff=True))
    answers = [api.get(name, limit=200) for name in LISTS] + [api.get(name) for name in READINGS]
    answers += [api.get(f"activity/{pk}") for pk in Activity.objects.values_list("pk", flat=True)]
    pages = [browser.get(address) for address in PAGES]
    pages += [browser.get(f"/jobs/{pk}/") for pk in Job.objects.values_list("pk", flat=True)]
    assert {answer.status_code for answer in [*answers, *pages]} == {200}

    places = {
        "database": dump(),
        "api": "\n".join(answer.content.decode() for answer in answers),
        "pages": "\n".join(page.content.decode() for page in pages),
        "logs": logged(),
        "broker": "\n".join(messages),
        "process list": "\n".join(commands),
    }
    with engine.sandbox.store.read("youtube") as state:
        granted = list(state["access_tokens"])
    canaries = [
        GITHUB_TOKEN,
        CLIENT_SECRET,
        "sandbox-refresh-aurora",
        "sandbox-refresh-boreal",
        KEY,
        SECRET,
        *granted,
    ]
    assert messages and granted
    for place, text in places.items():
        assert text, place
        assert [secret for secret in canaries if secret in text] == [], place


def test_a_run_and_a_program_that_repeat_a_secret_are_heard_without_it():
    token = "ghp_" + "a" * 36
    said = run_results.said(
        run_id=1,
        run_attempt=1,
        outcome="failed",
        youtube_video_id="",
        error_code="x",
        error_message=f"Authorization: Bearer {token}",
    )
    program = TranscodeFailed(f"ffmpeg: {token}", detail=f"https://me:geheim1@host/ {token}")
    for text in (said["error_message"], str(program), program.detail):
        assert token not in text and "geheim1" not in text and "[hidden]" in text


def test_what_a_notification_service_says_is_heard_without_a_known_secret(settings):
    assert "ya29." not in apprise_calls.redacted("it was sent ya29.abcdef-1234", "json://example.org/x")


@pytest.mark.parametrize(
    "sentence",
    [
        "Google refused the refresh token: invalid_grant",
        "basic authentication is over",
        "The secret: see below",
    ],
)
def test_a_sentence_about_secrets_stays_readable(sentence):
    assert str(MediaError(sentence)) == sentence
