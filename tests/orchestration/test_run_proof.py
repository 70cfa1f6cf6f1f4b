"""A run proves that it is the one that was dispatched: by GitHub's OIDC token, or by a secret that is good for one use."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from django.utils import timezone

from channels.gateways import github_oidc as gateway
from channels.models import Channel
from channels.sandbox import github_oidc as provider
from channels.sandbox import github_state
from channels.sandbox.runs import read_log
from orchestration.errors import NotPermitted, PermitRefused, ProofRefused, ProofUnverifiable
from orchestration.github import callbacks, proof
from orchestration.models import Activity, WorkflowRun
from orchestration.states import RunProof
from tests.app_keys import private_pem
from tests.engine_room import door
from tests.orchestration.test_workflows import (
    dispatch,
    give_secrets,
    hold_runs,
    runs_at_github,
    wait_for_runs,
)

pytestmark = pytest.mark.django_db
PUBLIC = "https://headend.example"


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """Keep the keys and the log's memory of a test to itself."""
    monkeypatch.setattr(gateway, "_keys", gateway.Keys())
    monkeypatch.setattr(proof, "_told", {})


@pytest.fixture
def channel(engine, settings) -> Channel:
    settings.HEADEND_PUBLIC_URL = PUBLIC
    return engine.channel(github=True, lead_time_minutes=30)


@pytest.fixture
def run(engine, channel) -> WorkflowRun:
    hold_runs(engine)
    run = dispatch(engine, engine.planned(channel))
    assert run.proof == RunProof.OIDC
    return run


def token(engine, run: WorkflowRun, **changes: Any) -> str:
    return provider.token_for(engine.sandbox, run.run_id, PUBLIC, **changes)


def ask(run: WorkflowRun, presented: str, *, claim: str = "mine", attempt: int = 1, run_id: int = 0) -> dict:
    return door("read").take_permit(
        correlation_id=run.correlation_id,
        secret=presented,
        run_id=run_id or run.run_id,
        run_attempt=attempt,
        claim=claim,
    )


def row() -> dict[str, Any]:
    return WorkflowRun.objects.values().get()


def test_githubs_token_opens_the_permit_and_the_permit_opens_the_rest(engine, run):
    permit = ask(run, token(engine, run))
    assert permit["permitted"]
    assert callbacks.media_for_run(run.correlation_id, permit["token"]).read_bytes()
    assert permit["token"] not in str(row())
    for other in (token(engine, run), "guess"):
        with pytest.raises(NotPermitted):
            callbacks.media_for_run(run.correlation_id, other)


@pytest.mark.parametrize(
    ("changes", "refusal", "said"),
    [
        ({"key": "forger"}, ProofRefused, "signature does not fit"),
        ({"exp": 1_000_000_000}, ProofRefused, "expired at"),
        ({"aud": "https://another.example"}, ProofRefused, "audience"),
        ({"iss": "https://another.example"}, ProofRefused, "GITHUB_OIDC_ISSUER"),
        ({"repository_id": "1", "repository": "headend/aurora"}, NotPermitted, proof.STRANGER),
        ({"run_id": "7"}, NotPermitted, "it is of run 7, attempt 1, and the call says run"),
        ({"run_attempt": "2"}, NotPermitted, "attempt 2, and the call says"),
        ({"event_name": "pull_request"}, NotPermitted, "begun by pull_request"),
        ({"ref": "refs/heads/mine"}, NotPermitted, "is of refs/heads/mine"),
        (
            {"workflow_ref": "headend/aurora/.github/workflows/mine.yml@refs/heads/main"},
            NotPermitted,
            "its workflow is mine.yml",
        ),
    ],
)
def test_what_is_forged_or_of_another_run_is_refused_by_its_fact_and_writes_nothing(
    engine, run, changes, refusal, said
):
    if changes.get("key"):
        changes = {"key": private_pem("forger")}
    forged = token(engine, run, **changes)
    before = row(), Activity.objects.count()
    with pytest.raises(refusal, match=said) as caught:
        ask(run, forged)
    assert caught.value.status in (401, 403)
    assert forged not in str(caught.value)
    assert (row(), Activity.objects.count()) == before


def test_a_token_of_another_run_does_not_open_this_one(engine, channel, run):
    other = dispatch(engine, engine.planned(channel, minutes=200, stage_at=timezone.now()))
    assert other.run_id != run.run_id
    with pytest.raises(PermitRefused, match="dispatched run"):
        ask(run, token(engine, other), run_id=other.run_id)
    with pytest.raises(NotPermitted, match="the call says run"):
        ask(run, token(engine, other))
    assert not WorkflowRun.objects.exclude(permit_run_id=None).exists()


def test_a_token_that_was_read_on_the_way_opens_nothing_a_second_time(engine, run):
    once = token(engine, run)
    permit = ask(run, once)
    with pytest.raises(proof.SecretUsed, match="somebody else") as caught:
        ask(run, once, claim="the thief's")
    assert caught.value.status == 403
    assert callbacks.media_for_run(run.correlation_id, permit["token"])
    entry = Activity.objects.get(verb="run_proof_reused")
    assert "somebody else" in entry.reason


def test_an_answer_that_was_lost_is_asked_for_again_with_the_same_claim(engine, run):
    first, again = ask(run, token(engine, run)), ask(run, token(engine, run))
    assert (again["permitted"], again["again"]) == (True, True)
    with pytest.raises(NotPermitted):
        callbacks.media_for_run(run.correlation_id, first["token"])
    assert callbacks.media_for_run(run.correlation_id, again["token"])


def test_where_githubs_keys_cannot_be_read_the_run_is_asked_to_come_again(engine, run):
    engine.sandbox.faults.add("^/oidc/", "status_before", status=502, times=None)
    with pytest.raises(ProofUnverifiable) as caught:
        ask(run, token(engine, run))
    assert (caught.value.status, caught.value.again) == (503, "again")


def test_a_run_that_github_vouches_for_is_opened_by_nothing_else(run):
    for presented in ("", "guess", run.correlation_id):
        with pytest.raises(NotPermitted, match=proof.STRANGER):
            ask(run, presented)


def test_refused_proofs_are_logged_once_a_minute_however_many_come(engine, run, caplog):
    caplog.set_level(logging.WARNING, "orchestration.github.proof")
    forged = token(engine, run, key=private_pem("forger"))
    for _ in range(50):
        with pytest.raises(ProofRefused):
            ask(run, forged)
    assert len(caplog.records) == 1
    assert forged not in caplog.text


def test_after_a_rename_githubs_token_still_fits_for_the_repositorys_id_is_the_same(engine, run):
    github_state.rename_repository(engine.sandbox.store, run.repository, "headend/dawn")
    assert ask(run, token(engine, run))["permitted"]


def test_a_runs_own_secret_ends(engine, run):
    permit = ask(run, token(engine, run))
    engine.pass_time(hours=6, seconds=1)
    with pytest.raises(NotPermitted, match="over"):
        callbacks.media_for_run(run.correlation_id, permit["token"])


# -- where GitHub makes no such tokens -----------------------------------------------------------------------------


@pytest.fixture
def secret(engine, channel, settings) -> tuple[WorkflowRun, str]:
    """Dispatch a run whose job sheet carries a one-use secret; gives both."""
    settings.GITHUB_OIDC = False
    hold_runs(engine)
    run = dispatch(engine, engine.planned(channel))
    assert run.proof == RunProof.SECRET
    return run, json.loads(runs_at_github(engine)[-1]["inputs"]["job_sheet"])["one_use_secret"]


def test_the_one_use_secret_is_burned_by_the_first_permit(secret):
    run, sheet_secret = secret
    permit = ask(run, sheet_secret)
    with pytest.raises(proof.SecretUsed, match="one-use secret of this run was used"):
        ask(run, sheet_secret, claim="a reader of the repository")
    for later in (sheet_secret, "guess"):
        with pytest.raises((NotPermitted, PermitRefused)):
            callbacks.media_for_run(run.correlation_id, later)
    assert callbacks.media_for_run(run.correlation_id, permit["token"])


def test_the_run_that_comes_second_is_refused_and_it_is_told_that_somebody_was_first(secret):
    run, sheet_secret = secret
    ask(run, sheet_secret, claim="a reader of the repository")
    with pytest.raises(proof.SecretUsed):
        ask(run, sheet_secret, claim="the run's own")
    entry = Activity.objects.get(verb="run_proof_reused")
    assert (entry.trigger, entry.object_id) == ("run", run.pk)


def test_second_uses_are_audited_once_a_minute(engine, secret):
    run, sheet_secret = secret
    ask(run, sheet_secret)
    for number in range(20):
        with pytest.raises(proof.SecretUsed):
            ask(run, sheet_secret, claim=f"reader {number}")
    assert Activity.objects.filter(verb="run_proof_reused").count() == 1
    engine.pass_time(seconds=61)
    with pytest.raises(PermitRefused, match="has this job"):
        ask(run, sheet_secret, claim="a re-run", attempt=2)
    assert Activity.objects.filter(verb="run_proof_reused").count() == 2


def test_githubs_token_does_not_replace_the_one_use_secret(engine, secret):
    run, _ = secret
    with pytest.raises(NotPermitted):
        ask(run, token(engine, run))


# -- the whole way -------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("vouched_for", [True, False], ids=["by GitHub's token", "by a one-use secret"])
def test_a_real_run_proves_itself_over_http(engine, channel, settings, live_server, vouched_for):
    settings.HEADEND_PUBLIC_URL, settings.ALLOWED_HOSTS = live_server.url, ["*"]
    settings.GITHUB_OIDC = vouched_for
    give_secrets(engine, channel)
    run = dispatch(engine, engine.planned(channel))
    (remote,) = wait_for_runs(engine)
    assert remote["conclusion"] == "success"
    run.refresh_from_db()
    assert (run.permit_run_id, run.result["outcome"]) == (remote["id"], "staged")


@pytest.mark.django_db(transaction=True)
def test_a_workflow_that_asks_for_no_token_says_so_in_its_log(engine, channel, settings, live_server):
    settings.HEADEND_PUBLIC_URL, settings.ALLOWED_HOSTS = live_server.url, ["*"]
    give_secrets(engine, channel)
    with engine.sandbox.store.change("github") as github:
        repository = github_state.find_repository(github, channel.repository)
        path = ".github/workflows/headend.yml"
        text = github_state.read_file(repository, "main", path).decode()
        kept = "\n".join(line for line in text.splitlines() if "id-token" not in line)
        github_state.write_file(engine.sandbox.store, repository, "main", path, kept.encode(), "Ask for less")
    dispatch(engine, engine.planned(channel))
    (remote,) = wait_for_runs(engine)
    assert remote["conclusion"] == "failure"
    assert "needs id-token: write" in read_log(engine.sandbox, remote["id"], 1)
