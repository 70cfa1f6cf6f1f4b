"""GitHub's OIDC tokens, checked with real keys over HTTP: what is taken, and what each forgery is told."""

from __future__ import annotations

import base64
import json

import jwt
import pytest

from channels.gateways import github_oidc
from channels.gateways.github import GitHubGateway
from channels.gateways.github_oidc import KeysUnavailable, TokenRefused, verify
from channels.sandbox import github_oidc as provider
from channels.sandbox.seed import GITHUB_TOKEN, seed_demo
from tests.app_keys import private_pem

AUDIENCE = "https://headend.example"
AURORA = "headend-demo/aurora"


class Clock:
    """The monotonic clock of the keys that are kept."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(github_oidc, "time", clock)
    monkeypatch.setattr(github_oidc, "_keys", github_oidc.Keys())
    return clock


@pytest.fixture
def run_id(sandbox, clock) -> int:
    """The id of a run that waits in the sandbox's queue."""
    sandbox.run_queue_seconds = 3600
    seed_demo(sandbox.store)
    with GitHubGateway(GITHUB_TOKEN, sandbox.github_url) as github:
        inputs = {"correlation_id": "hd-1", "job_sheet": "{}"}
        return github.dispatch_workflow(AURORA, "headend.yml", "main", inputs).run_id


def checked(sandbox, token):
    return verify(token, issuer=sandbox.oidc_url, audience=AUDIENCE)


def keys_read(sandbox) -> int:
    return len(sandbox.requests("GET", "/.well-known/jwks"))


def test_a_token_says_which_run_it_is_of(sandbox, run_id):
    claims = checked(sandbox, provider.token_for(sandbox, run_id, AUDIENCE))
    assert (claims.run_id, claims.run_attempt, claims.repository) == (run_id, 1, AURORA)
    assert (claims.event_name, claims.ref) == ("workflow_dispatch", "refs/heads/main")
    assert claims.workflow_path == ".github/workflows/headend.yml"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"exp": 1_000_000_000}, "expired at 2001-09-09 01:46:40 UTC"),
        ({"nbf": 4_000_000_000}, "not valid yet"),
        ({"aud": "https://another.example"}, "for another audience than HEADEND_PUBLIC_URL"),
        ({"aud": ["https://another.example"]}, "for another audience than HEADEND_PUBLIC_URL"),
        ({"iss": "https://token.actions.githubusercontent.com.evil.example"}, "not of GITHUB_OIDC_ISSUER"),
        ({"run_id": "many"}, "names no run"),
        ({"repository_id": None}, "names no run"),
        ({"exp": None}, "says nothing of exp"),
    ],
)
def test_what_does_not_hold_is_refused_by_its_fact(sandbox, run_id, changes, said):
    token = provider.token_for(sandbox, run_id, AUDIENCE, **changes)
    with pytest.raises(TokenRefused, match=said) as caught:
        checked(sandbox, token)
    assert token not in str(caught.value)


def test_a_token_that_another_key_signed_is_forged(sandbox, run_id):
    with pytest.raises(TokenRefused, match="signature does not fit"):
        checked(sandbox, provider.token_for(sandbox, run_id, AUDIENCE, key=private_pem("forger")))


def test_an_altered_token_is_refused(sandbox, run_id):
    head, body, signature = provider.token_for(sandbox, run_id, AUDIENCE).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    altered = base64.urlsafe_b64encode(json.dumps({**claims, "run_id": "7"}).encode()).decode().rstrip("=")
    with pytest.raises(TokenRefused, match="signature does not fit"):
        checked(sandbox, f"{head}.{altered}.{signature}")


def test_only_rs256_counts_whatever_the_token_says_of_itself(sandbox, run_id):
    claims = jwt.decode(provider.token_for(sandbox, run_id, AUDIENCE), options={"verify_signature": False})
    unsigned = jwt.encode(claims, None, algorithm="none", headers={"kid": provider.KID})
    by_secret = jwt.encode(
        claims, "a-secret-of-32-characters-or-more", algorithm="HS256", headers={"kid": provider.KID}
    )
    for token in (unsigned, by_secret):
        with pytest.raises(TokenRefused, match="not signed by RS256"):
            checked(sandbox, token)


@pytest.mark.parametrize(
    "token", ["", "eyJ.x.y", "eyJhbGciOiJSUzI1NiJ9", "a.b.c", "eyJ" + "a" * 9000 + ".b.c"]
)
def test_nonsense_is_refused_without_a_call(sandbox, clock, token):
    with pytest.raises(TokenRefused):
        checked(sandbox, token)
    assert keys_read(sandbox) == 0


def test_keys_are_read_once_and_again_for_an_unknown_one_at_most_once_a_minute(sandbox, run_id, clock):
    for _ in range(3):
        checked(sandbox, provider.token_for(sandbox, run_id, AUDIENCE))
    assert keys_read(sandbox) == 1
    claims = jwt.decode(provider.token_for(sandbox, run_id, AUDIENCE), options={"verify_signature": False})
    forged = [
        jwt.encode(claims, private_pem("forger"), algorithm="RS256", headers={"kid": f"unknown-{number}"})
        for number in range(20)
    ]
    for token in forged:
        with pytest.raises(TokenRefused, match="does not publish"):
            checked(sandbox, token)
    assert keys_read(sandbox) == 1
    clock.now += 61
    for token in forged:
        with pytest.raises(TokenRefused):
            checked(sandbox, token)
    assert keys_read(sandbox) == 2
    checked(sandbox, provider.token_for(sandbox, run_id, AUDIENCE))


def test_a_new_key_of_github_is_taken_up(sandbox, run_id, clock, monkeypatch):
    checked(sandbox, provider.token_for(sandbox, run_id, AUDIENCE))
    with sandbox.store.change("oidc") as held:
        held["private_key"] = private_pem("new")
    monkeypatch.setattr(provider, "KID", "sandbox-oidc-2")
    clock.now += 61
    checked(sandbox, provider.token_for(sandbox, run_id, AUDIENCE))


def test_without_githubs_keys_nothing_is_said_of_a_token_and_it_is_asked_again_soon(sandbox, run_id, clock):
    sandbox.faults.add("^/oidc/", "status_before", status=502, times=1)
    token = provider.token_for(sandbox, run_id, AUDIENCE)
    with pytest.raises(KeysUnavailable):
        checked(sandbox, token)
    clock.now += 6
    assert checked(sandbox, token).run_id == run_id


def test_keys_that_were_read_stay_good_through_an_outage(sandbox, run_id, clock):
    token = provider.token_for(sandbox, run_id, AUDIENCE)
    checked(sandbox, token)
    sandbox.faults.add("^/oidc/", "status_before", status=502, times=None)
    clock.now += 25 * 3600
    assert checked(sandbox, token).run_id == run_id


def test_a_huge_answer_in_place_of_the_keys_is_not_read(sandbox, run_id, clock):
    sandbox.faults.add("^/oidc/", "status_before", status=200, body={"keys": ["x" * 400_000]}, times=1)
    with pytest.raises(KeysUnavailable):
        checked(sandbox, provider.token_for(sandbox, run_id, AUDIENCE))
