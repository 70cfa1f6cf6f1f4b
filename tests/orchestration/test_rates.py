"""What is asked too often is refused, over all processes together, and nobody can keep others out by it."""

import threading

import pytest
from django.test import Client

from orchestration.api import auth
from orchestration.core import rates
from orchestration.core.audit import Acting, acting_as
from orchestration.core.rates import Allowance
from orchestration.errors import InvalidRequest, NotFound
from orchestration.models import Activity, RateCount
from orchestration.register import lockouts, tokens
from orchestration.states import Trigger
from tests import factories
from tests.orchestration.api_client import ApiClient
from tests.orchestration.engine import together

pytestmark = pytest.mark.django_db
RIGHT = "correct horse battery staple"


@pytest.fixture(autouse=True)
def one_window(monkeypatch):
    """Let the clock of the counts stand still, and this process have taken nothing."""
    monkeypatch.setattr("orchestration.core.rates.time.time", lambda: 1_800_000_010.0)
    auth.REQUESTS.forget()


def log_in(browser: Client, username: str, password: str = "wrong", address: str = "198.51.100.1") -> int:
    return browser.post(
        "/login/", {"username": username, "password": password}, REMOTE_ADDR=address
    ).status_code


def test_a_count_begins_anew_with_each_window(monkeypatch):
    assert [rates.add("a", 60) for _ in range(3)] == [1, 2, 3]
    assert rates.counts({"a": 60, "b": 60}) == {"a": 3, "b": 0}
    monkeypatch.setattr("orchestration.core.rates.time.time", lambda: 1_800_000_070.0)
    assert rates.counts({"a": 60}) == {"a": 0}
    assert rates.add("a", 60) == 1
    monkeypatch.setattr("orchestration.core.rates.time.time", lambda: 1_800_009_999.0)
    assert (rates.prune(), RateCount.objects.count()) == (1, 0)


def test_processes_together_let_through_the_limit_and_no_more_and_seldom_ask(django_assert_max_num_queries):
    processes = [Allowance("asks", 60) for _ in range(3)]
    with django_assert_max_num_queries(23):
        answers = [processes[n % 3].spend("ci", 100) for n in range(300)]
    assert sum(answer.allowed for answer in answers) == 100
    assert (answers[0].remaining, answers[-1].remaining, answers[0].resets_in) == (99, 0, 50)


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_at_once_none_is_counted_twice_or_lost():
    counted = together(*[lambda: rates.add("a", 60)] * 8)
    assert sorted(counted) == list(range(1, 9))


def test_the_api_says_how_often_and_refuses_beyond_it(settings):
    settings.HEADEND_API_PER_MINUTE = 3
    api = ApiClient(tokens.issue("ci", "read")[1])
    answers = [api.get("me") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"minute";q=3;w=60'
    assert [answer.headers["RateLimit"] for answer in answers] == [
        f'"minute";r={n};t=50' for n in (2, 1, 0, 0)
    ]
    assert answers[3].headers["Retry-After"] == "50"
    assert (answers[3].json()["code"], answers[3].json()["again"]) == ("too_many_requests", "again")
    assert ApiClient(tokens.issue("other", "read")[1]).get("me").status_code == 200, "each caller by itself"


def test_wrong_tokens_from_one_address_end_in_429_and_a_right_one_opens_all_the_same():
    answers = [ApiClient("hd_wrong").get("me") for _ in range(150)]
    assert [answer.status_code for answer in answers] == [401] * 30 + [429] * 120
    assert answers[-1].headers["Retry-After"] == "50"
    assert ApiClient(tokens.issue("ci", "read")[1]).get("me").status_code == 200


def test_many_names_from_one_address_are_refused_there_alone():
    for n in range(30):
        factories.UserFactory(username=f"name{n}")
    browser = Client()
    answers = [log_in(browser, f"name{n}") for n in range(30)]
    assert answers == [200] * 20 + [429] * 10
    assert log_in(browser, "name29", RIGHT) == 429
    assert log_in(Client(), "name29", RIGHT, "198.51.100.2") == 302


def test_one_name_from_many_addresses_is_refused_but_not_in_the_browser_that_knows_it(settings):
    settings.HEADEND_LOGIN_FAILURES_PER_NAME = 10
    factories.UserFactory(username="olga")
    factories.UserFactory(username="rita")
    hers = Client()
    assert log_in(hers, "olga", RIGHT, "198.51.100.99") == 302
    hers.post("/logout/")
    for n in range(12):
        log_in(Client(), "Olga" if n % 2 else "olga", address=f"203.0.113.{n}")
    assert log_in(Client(), "olga", RIGHT, "203.0.113.99") == 429
    assert log_in(hers, "olga", RIGHT, "198.51.100.99") == 302, "nobody keeps her out"
    thief = Client()
    thief.cookies["headend_known"] = "olga"
    assert log_in(thief, "olga", RIGHT, "203.0.113.98") == 429, "the cookie is signed"
    thief.cookies["headend_known"] = hers.cookies["headend_known"].value
    assert log_in(thief, "rita", RIGHT, "203.0.113.98") == 302


def test_lifting_a_lockout_lifts_that_of_the_name_everywhere(settings):
    settings.HEADEND_LOGIN_FAILURES_PER_NAME = 7
    factories.UserFactory(username="olga")
    for _ in range(9):
        log_in(Client(), "olga")
    assert log_in(Client(), "olga", RIGHT, "203.0.113.9") == 429
    lockouts.lift("olga")
    assert log_in(Client(), "olga", RIGHT, "203.0.113.9") == 302


def test_refused_addresses_and_names_are_listed_and_lifted_each_by_itself(settings):
    settings.HEADEND_LOGIN_FAILURES_PER_NAME = 8
    settings.HEADEND_LOGIN_FAILURES_PER_ADDRESS = 10
    factories.UserFactory(username="Olga")
    for n in range(8):
        log_in(Client(), "Olga", address=f"203.0.113.{n}")
    for n in range(10):
        log_in(Client(), f"name{n}")
    shown = lockouts.shown()
    assert [(row.username, row.address, row.failures) for row in shown] == [
        ("", "198.51.100.1", 10),
        ("olga", "", 8),
    ]
    assert {(row.until - row.since).total_seconds() for row in shown} == {900}

    with acting_as(Acting("ada", None, Trigger.BUTTON)):
        assert lockouts.lift(address="198.51.100.1") == 1
    assert [row.username for row in lockouts.shown()] == ["olga"]
    assert log_in(Client(), "nobody") == 200
    assert Activity.objects.get(verb="lockout_lifted").after == {"address": "198.51.100.1"}
    assert log_in(Client(), "Olga", RIGHT, "203.0.113.99") == 429
    with acting_as(Acting("ada", None, Trigger.BUTTON)):
        assert lockouts.lift("Olga") == 1
    assert log_in(Client(), "Olga", RIGHT, "203.0.113.99") == 302
    assert lockouts.shown() == []


@pytest.mark.parametrize("given", [{}, {"username": "olga", "address": "198.51.100.1"}])
def test_a_lift_names_either_a_name_or_an_address(given):
    with pytest.raises(InvalidRequest):
        lockouts.lift(**given)
    with pytest.raises(NotFound) as refused:
        lockouts.lift(address="198.51.100.1")
    assert refused.value.field == "address"


def test_the_users_page_shows_a_refused_address_and_lets_it_try_again(client, settings):
    settings.HEADEND_LOGIN_FAILURES_PER_ADDRESS = 3
    for n in range(3):
        log_in(Client(), f"name{n}")
    client.force_login(factories.UserFactory(administrator=True))
    button = 'name="address" value="198.51.100.1"'
    assert button in client.get("/users/").content.decode()
    client.post("/users/lift-lockout/", {"address": "198.51.100.1"})
    assert lockouts.shown() == []
    assert button not in client.get("/users/").content.decode()


def test_a_statement_that_waits_keeps_no_other_caller_waiting(monkeypatch):
    asks = Allowance("asks", 60)
    assert asks.spend("quick", 100).allowed, "takes five in advance"
    answers = []

    def waits(key: str, seconds: int, by: int = 1) -> int:
        other = threading.Thread(target=lambda: answers.append(asks.spend("quick", 100).allowed), daemon=True)
        other.start()
        other.join(5)
        return by

    monkeypatch.setattr(rates, "add", waits)
    assert asks.spend("slow", 100).allowed
    assert answers == [True], "while the statement of the other ran"


@pytest.mark.parametrize("headers", [{}, {"Idempotency_Key": "k1"}])
def test_a_wrong_token_counts_once_with_an_idempotency_key_too(headers):
    assert ApiClient("hd_wrong").post("orchestration/start", **headers).status_code == 401
    assert rates.counts({"wrong tokens from 127.0.0.1": 60}) == {"wrong tokens from 127.0.0.1": 1}


@pytest.mark.parametrize("path", ["permit", "result"])
def test_what_a_run_shows_is_not_counted_as_a_wrong_token(path):
    body = {"run_id": 1, "run_attempt": 1} | ({"outcome": "failed"} if path == "result" else {})
    answer = ApiClient("a-run's-own-secret").post(f"runs/unknown/{path}", body, Idempotency_Key="k1")
    assert answer.status_code in (403, 404)
    assert not RateCount.objects.exists()
