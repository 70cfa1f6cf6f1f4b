"""GitHub as an App, over HTTP to the sandbox: which token opens what, how long it is kept, and what each refusal names."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from channels.gateways import github_app
from channels.gateways.errors import (
    GitHubAppNotInstalled,
    GitHubAppRefused,
    GitHubAppSuspended,
    GitHubTokenRefused,
    RemoteNotFound,
    RemoteUnavailable,
)
from channels.gateways.github import GitHubGateway
from channels.gateways.github_app import AppCredential, token_for
from channels.sandbox import github_app_state as apps
from channels.sandbox import github_state as state
from tests.app_keys import APP_ID, private_pem, public_pem

AURORA = "lights/aurora"


@pytest.fixture(autouse=True)
def kept_tokens(monkeypatch):
    """Keep the tokens of a test to itself."""
    monkeypatch.setattr(github_app, "_tokens", {})
    return github_app._tokens


@pytest.fixture
def installation(sandbox):
    """An App that is installed at the owner of one repository; gives the installation's id."""
    state.add_repository(sandbox.store, AURORA)
    apps.add_app(sandbox.store, APP_ID, public_pem("app"))
    return apps.install_app(sandbox.store, APP_ID, "lights")


@pytest.fixture
def app(sandbox, installation):
    return AppCredential(str(APP_ID), private_pem("app"), sandbox.github_url)


def minted(sandbox) -> int:
    return len(sandbox.requests("POST", "/access_tokens"))


def test_a_token_is_minted_for_the_installation_at_the_repositorys_owner(sandbox, app, installation):
    token = token_for(app, repository=AURORA)
    assert (token.installation.id, token.installation.owner) == (installation, "lights")
    with GitHubGateway(token.value, sandbox.github_url) as github:
        assert github.repository(AURORA).full_name == AURORA
        assert github.rate_limit().limit == 5000


def test_the_installation_that_is_set_is_used_without_looking_one_up(sandbox, app, installation):
    fixed = AppCredential(app.app_id, app.private_key, app.base_url, installation)
    assert token_for(fixed).installation.id == installation
    assert sandbox.requests(path="/repos/") == []


def test_an_owners_installation_is_found_before_there_is_a_repository(app, installation):
    assert token_for(app, owner="lights").installation.id == installation


def test_a_token_is_kept_until_five_minutes_before_its_end(sandbox, app, time_machine):
    time_machine.move_to(datetime.now(UTC), tick=False)
    first = token_for(app, repository=AURORA)
    time_machine.move_to(first.ends_at - timedelta(minutes=5, seconds=1), tick=False)
    assert token_for(app, repository=AURORA).value == first.value
    time_machine.move_to(first.ends_at - timedelta(minutes=5), tick=False)
    assert token_for(app, repository=AURORA).value != first.value
    assert minted(sandbox) == 2


def test_many_threads_that_need_one_token_mint_it_once(sandbox, app):
    begin = threading.Barrier(8)

    def ask(_):
        begin.wait()
        return token_for(app, repository=AURORA).value

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(ask, range(8)))) == 1
    assert minted(sandbox) == 1


def test_each_owner_has_a_token_of_its_own_that_opens_nothing_of_another(sandbox, app):
    state.add_repository(sandbox.store, "waves/surf")
    apps.install_app(sandbox.store, APP_ID, "waves")
    ours, theirs = token_for(app, repository=AURORA), token_for(app, repository="waves/surf")
    assert ours.value != theirs.value
    with GitHubGateway(ours.value, sandbox.github_url) as github, pytest.raises(RemoteNotFound):
        github.repository("waves/surf")


def test_a_token_asks_for_no_more_than_is_needed_and_granted(sandbox, app):
    state.add_repository(sandbox.store, "waves/surf")
    granted = {"metadata": "read", "actions": "read", "contents": "write", "issues": "write"}
    apps.install_app(sandbox.store, APP_ID, "waves", permissions=granted)
    token = token_for(app, repository="waves/surf")
    held = sandbox.store.snapshot()["github"]["tokens"][token.value]
    assert held["permissions"] == {"metadata": "read", "actions": "read", "contents": "write"}
    assert token.installation.lacks() == ["actions: write", "secrets: write"]


def test_a_key_of_another_app_is_refused_by_the_name_of_its_setting(sandbox, app):
    wrong = AppCredential(app.app_id, private_pem("another"), app.base_url)
    with pytest.raises(GitHubAppRefused, match="GITHUB_APP_PRIVATE_KEY") as caught:
        token_for(wrong, repository=AURORA)
    error = caught.value
    assert (error.again, error.scope, error.code) == ("blocked", "installation", "github_app_refused")
    assert "PRIVATE KEY-----" not in f"{error} {error!r} {error.__cause__!r} {wrong!r}"


def test_an_id_that_is_no_apps_is_refused_by_the_name_of_its_setting(app):
    with pytest.raises(GitHubAppRefused, match="GITHUB_APP_ID"):
        token_for(AppCredential("7", app.private_key, app.base_url), repository=AURORA)


def test_what_is_no_key_is_refused_before_any_call(sandbox, app):
    with pytest.raises(GitHubAppRefused, match="GITHUB_APP_PRIVATE_KEY is not an unencrypted private key"):
        token_for(AppCredential(app.app_id, "-----BEGIN nonsense", app.base_url), repository=AURORA)
    assert sandbox.requests() == []


def test_a_clock_that_is_wrong_is_named(sandbox, app):
    sandbox.store.advance(3600)
    with pytest.raises(GitHubAppRefused, match="clock"):
        token_for(app, repository=AURORA)


def test_an_app_that_is_not_installed_there_blocks_the_channel(sandbox, app):
    state.add_repository(sandbox.store, "waves/surf")
    with pytest.raises(GitHubAppNotInstalled, match="not installed at waves/surf") as caught:
        token_for(app, repository="waves/surf")
    assert (caught.value.again, caught.value.scope) == ("blocked", "channel")


def test_a_repository_that_the_installation_leaves_out_is_named(sandbox, app):
    state.add_repository(sandbox.store, "waves/surf")
    apps.install_app(sandbox.store, APP_ID, "waves", repositories=["waves/other"])
    with pytest.raises(GitHubAppNotInstalled, match="does not include it"):
        token_for(app, repository="waves/surf")


def test_a_set_installation_that_is_gone_blocks_everything(app):
    wrong = AppCredential(app.app_id, app.private_key, app.base_url, 5)
    with pytest.raises(GitHubAppNotInstalled, match="GITHUB_APP_INSTALLATION_ID") as caught:
        token_for(wrong)
    assert caught.value.scope == "installation"


def test_a_suspended_installation_is_named_and_works_again_when_it_is_lifted(sandbox, app, installation):
    apps.suspend_installation(sandbox.store, installation)
    with pytest.raises(GitHubAppSuspended, match="unsuspend") as caught:
        token_for(app, repository=AURORA)
    assert (caught.value.again, caught.value.scope) == ("blocked", "channel")
    apps.suspend_installation(sandbox.store, installation, suspended=False)
    assert token_for(app, repository=AURORA).value


def test_a_token_that_was_revoked_is_minted_anew_the_next_time(sandbox, app):
    first = token_for(app, repository=AURORA)
    state.revoke_token(sandbox.store, first.value)
    gateway = GitHubGateway(
        first.value, sandbox.github_url, on_refused=lambda: github_app.forget(app, first.value)
    )
    with pytest.raises(GitHubTokenRefused), gateway as github:
        github.repository(AURORA)
    second = token_for(app, repository=AURORA)
    assert second.value != first.value
    with GitHubGateway(second.value, sandbox.github_url) as github:
        assert github.repository(AURORA).full_name == AURORA


def test_a_github_that_does_not_answer_is_asked_again_later(sandbox, app):
    sandbox.faults.add("^/github/app/", "status_before", status=502, times=1)
    with pytest.raises(RemoteUnavailable):
        token_for(app, repository=AURORA)
    assert token_for(app, repository=AURORA).value


def test_a_renamed_repository_leads_to_its_installation(sandbox, app, installation):
    state.rename_repository(sandbox.store, AURORA, "lights/dawn")
    assert token_for(app, repository=AURORA).installation.id == installation


def test_the_apps_own_name_is_asked(app):
    assert github_app.app_name(app) == "headend-app"
