"""An installation that is a GitHub App: channels are dispatched and looked at with tokens of their owner's installation."""

from __future__ import annotations

import pytest

from channels.gateways import github_app
from channels.models import Channel
from channels.sandbox import github_app_state as apps
from channels.sandbox.seed import GITHUB_TOKEN
from channels.states import ChannelHealth
from orchestration.monitoring import checks
from orchestration.states import RunState
from tests.app_keys import APP_ID, private_pem, public_pem
from tests.orchestration.test_workflows import dispatch, hold_runs, job_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def app(engine, settings, monkeypatch) -> int:
    """Set an App instead of a token, installed at the owner of the channels' repositories; gives the installation."""
    monkeypatch.setattr(github_app, "_tokens", {})
    settings.GITHUB_TOKEN = ""
    settings.GITHUB_APP_ID, settings.GITHUB_APP_PRIVATE_KEY = str(APP_ID), private_pem("app")
    apps.add_app(engine.sandbox.store, APP_ID, public_pem("app"))
    return apps.install_app(engine.sandbox.store, APP_ID, "headend")


@pytest.fixture
def channel(engine, app) -> Channel:
    return engine.channel(github=True, lead_time_minutes=30)


def checked(channel: Channel) -> dict[str, tuple[bool | None, str]]:
    return {look.check: (look.ok, look.sentence) for look in checks.of_repository(channel)}


def test_a_run_is_dispatched_as_the_app(engine, channel):
    hold_runs(engine)
    assert dispatch(engine, engine.planned(channel)).state == RunState.DISPATCHED
    (run,) = engine.sandbox.store.snapshot()["github"]["runs"].values()
    assert run["actor"] == "headend-app[bot]"
    assert len(engine.sandbox.requests("POST", "/access_tokens")) == 1


def test_the_check_says_which_installation_is_used_and_when_its_token_ends(channel, app):
    ok, sentence = checked(channel)["github"]
    assert ok
    assert f"installation {app} at headend" in sentence
    assert "its present token ends 20" in sentence


def test_the_check_says_that_a_token_is_used(channel, settings):
    settings.GITHUB_APP_ID, settings.GITHUB_TOKEN = "", GITHUB_TOKEN
    assert checked(channel)["github"] == (True, "GITHUB_TOKEN is used; it names no end.")


def test_the_check_names_what_the_app_was_not_granted(engine, channel, app):
    apps.uninstall_app(engine.sandbox.store, app)
    granted = {**apps.FULL_PERMISSIONS, "secrets": "read"}
    apps.install_app(engine.sandbox.store, APP_ID, "headend", permissions=granted)
    ok, sentence = checked(channel)["github"]
    assert ok is False
    assert "was not granted secrets: write" in sentence


def test_an_app_that_is_uninstalled_makes_the_channel_failing_and_says_what_to_do(engine, channel, app):
    apps.uninstall_app(engine.sandbox.store, app)
    ok, sentence = checked(channel)["github"]
    assert ok is False
    assert "not installed at headend/aurora" in sentence
    assert checks.judge(checks.of_repository(channel))[0] == ChannelHealth.FAILING


def test_a_dispatch_by_a_suspended_app_says_why_and_who_can_mend_it(engine, channel, app):
    row = engine.planned(channel)
    apps.suspend_installation(engine.sandbox.store, app)
    engine.tick()
    engine.work_one()
    job = job_of(row)
    assert job.error_code == "github_app_suspended"
    assert "headend has suspended GitHub App" in job.error_message


def test_a_wrong_key_is_said_by_the_name_of_its_setting_and_shown_nowhere(engine, channel, settings):
    settings.GITHUB_APP_PRIVATE_KEY = private_pem("another")
    row = engine.planned(channel)
    engine.tick()
    engine.work_one()
    job = job_of(row)
    assert job.error_code == "github_app_refused"
    assert "GITHUB_APP_PRIVATE_KEY" in job.error_message
    assert settings.GITHUB_APP_PRIVATE_KEY.splitlines()[1] not in str(job.__dict__)
