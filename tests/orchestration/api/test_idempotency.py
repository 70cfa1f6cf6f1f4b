"""The same Idempotency-Key and body: one effect, one answer."""

import ipaddress
import json
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from channels.models import PostingSlot
from orchestration.api import idempotency
from orchestration.errors import StaleState
from orchestration.models import Activity, IdempotencyRecord, Source
from orchestration.register import tokens
from orchestration.service import CentralOrchestrationService
from tests.factories import ChannelFactory
from tests.orchestration.api_client import ApiClient

pytestmark = pytest.mark.django_db


def slot(channel, **change):
    return {"channel_id": channel.pk, "weekday": 4, "local_time": "18:00"} | change


def test_a_repeated_request_gets_the_first_answer_and_has_no_second_effect(api):
    body = slot(ChannelFactory())

    first = api.post("slots", body, Idempotency_Key="k1")
    second = api.post("slots", body, Idempotency_Key="k1")

    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert first["X-Correlation-Id"] == second["X-Correlation-Id"]
    assert "Idempotency-Replayed" not in first
    assert second["Idempotency-Replayed"] == "true"
    assert PostingSlot.objects.count() == Activity.objects.filter(verb="slot_added").count() == 1


def test_two_bodies_that_differ_in_order_only_are_the_same_request(api):
    body = slot(ChannelFactory())
    api.post("slots", body, Idempotency_Key="k1")

    again = api.post("slots", dict(reversed(body.items())), Idempotency_Key="k1")

    assert again.status_code == 201


@pytest.mark.parametrize("path", ["slots", "orchestration/start"])
def test_the_same_key_with_another_request_is_refused(api, path):
    channel = ChannelFactory()
    api.post("slots", slot(channel), Idempotency_Key="k1")

    answer = api.post(path, slot(channel, weekday=5) if path == "slots" else {}, Idempotency_Key="k1")

    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")
    assert PostingSlot.objects.count() == 1


def test_a_refusal_is_repeated_too(api):
    first = api.post("orchestration/pause", Idempotency_Key="k1")
    api.post("orchestration/start")
    second = api.post("orchestration/pause", Idempotency_Key="k1")

    assert first.status_code == second.status_code == 409
    assert first.json() == second.json()
    assert second["Content-Type"] == "application/problem+json"


def test_two_callers_do_not_share_their_keys(api, caller_with):
    channel = ChannelFactory()
    other = caller_with("operate")

    first = api.post("slots", slot(channel), Idempotency_Key="k1")
    second = other.post("slots", slot(channel, weekday=5), Idempotency_Key="k1")

    assert first.status_code == second.status_code == 201


@pytest.mark.parametrize("error", [KeyError("a fault of ours"), StaleState("try again")])
def test_what_failed_without_effect_leaves_its_key_free(api, monkeypatch, error):
    real = CentralOrchestrationService.start

    def fail(self, **given):
        real(self, **given)
        raise error

    monkeypatch.setattr(CentralOrchestrationService, "start", fail)
    assert api.post("orchestration/start", Idempotency_Key="k1").status_code in (409, 500)
    assert not IdempotencyRecord.objects.exists()
    assert not Activity.objects.filter(verb="system_started").exists()

    monkeypatch.undo()
    assert api.post("orchestration/start", Idempotency_Key="k1").status_code == 200


def test_whoever_may_not_do_it_takes_no_key(caller_with, stranger):
    reader = caller_with("read")

    assert reader.post("orchestration/start", Idempotency_Key="k1").status_code == 403
    assert stranger.post("orchestration/start", Idempotency_Key="k1").status_code == 401
    assert not IdempotencyRecord.objects.exists()


@pytest.mark.parametrize("key", ["", " ", "x" * 201, "schlüssel"])
def test_a_key_that_cannot_be_is_refused_by_name(api, key):
    answer = api.post("orchestration/start", Idempotency_Key=key)

    assert (answer.status_code, answer.json()["field"]) == (422, "Idempotency-Key")


def test_a_key_can_be_used_again_after_a_day_and_old_records_go(api):
    channel = ChannelFactory()
    api.post("slots", slot(channel), Idempotency_Key="k1")
    api.post("slots", slot(channel, weekday=5), Idempotency_Key="k2")
    IdempotencyRecord.objects.update(created_at=timezone.now() - timedelta(hours=25))

    answer = api.post("slots", slot(channel, weekday=6), Idempotency_Key="k1")

    assert answer.status_code == 201
    assert [record.key for record in IdempotencyRecord.objects.all()] == ["k1"]


@pytest.fixture
def sources_on_loopback(settings):
    settings.HEADEND_SOURCE_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]


def test_a_source_is_registered_once_for_its_key(api, sources_on_loopback):
    body = {"url": "http://127.0.0.1:20001/feed.xml", "rights_basis": "owned"}

    first = api.post("sources", body, Idempotency_Key="k1")
    second = api.post("sources", body, Idempotency_Key="k1")

    assert first.status_code == second.status_code == 201
    assert first.json() == second.json()
    assert first["Location"] == second["Location"] == f"/api/sources/{Source.objects.get().pk}"


def test_a_source_whose_first_request_died_can_be_sent_again_after_a_while(api, sources_on_loopback):
    body = {"url": "http://127.0.0.1:20001/feed.xml", "rights_basis": "owned"}
    print_ = idempotency.fingerprint("POST", "/api/sources", json.dumps(body).encode())
    record = IdempotencyRecord.objects.create(
        caller="token admin caller", key="k1", fingerprint=print_, status_code=None
    )

    under_way = api.post("sources", body, Idempotency_Key="k1")
    assert (under_way.status_code, under_way.json()["code"]) == (409, "idempotency_conflict")

    IdempotencyRecord.objects.filter(pk=record.pk).update(created_at=timezone.now() - timedelta(minutes=3))
    assert api.post("sources", body, Idempotency_Key="k1").status_code == 201


def test_a_source_that_is_refused_leaves_nothing_under_way(api, sources_on_loopback):
    answer = api.post("sources", {"url": "ftp://127.0.0.1/"}, Idempotency_Key="k1")

    assert answer.status_code == 422
    assert IdempotencyRecord.objects.get().status_code == 422


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("same", [True, False])
def test_of_eight_requests_at_once_with_one_key_one_has_an_effect(same):
    _, text = tokens.issue("racer", "operate")
    channel = ChannelFactory()
    answers = []
    barrier = threading.Barrier(8)

    def call(number: int) -> None:
        barrier.wait()
        body = slot(channel) if same else slot(channel, weekday=number % 7)
        answers.append(ApiClient(text).post("slots", body, Idempotency_Key="k1"))
        connection.close()

    threads = [threading.Thread(target=call, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert PostingSlot.objects.count() == 1
    assert IdempotencyRecord.objects.count() == 1
    if same:
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
    else:
        codes = sorted(answer.status_code for answer in answers)
        assert set(codes) <= {201, 409}
        assert all(a.json()["code"] == "idempotency_conflict" for a in answers if a.status_code == 409)


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_a_second_request_gives_up_waiting_for_a_first_that_hangs(monkeypatch):
    monkeypatch.setattr(idempotency, "WAIT_SECONDS", 1)
    _, text = tokens.issue("racer", "operate")
    started, go_on = threading.Event(), threading.Event()
    real = CentralOrchestrationService.start

    def slow(self, **given):
        started.set()
        go_on.wait(30)
        return real(self, **given)

    monkeypatch.setattr(CentralOrchestrationService, "start", slow)
    first = []

    def call() -> None:
        first.append(ApiClient(text).post("orchestration/start", Idempotency_Key="k1"))
        connection.close()

    thread = threading.Thread(target=call)
    thread.start()
    assert started.wait(30)
    second = ApiClient(text).post("orchestration/start", Idempotency_Key="k1")
    go_on.set()
    thread.join()

    assert (second.status_code, second.json()["code"]) == (409, "idempotency_conflict")
    assert first[0].status_code == 200
