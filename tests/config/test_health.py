"""/healthz and /readyz."""

import http.server
import json
import threading
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone

from config import health
from config.supervisor import readiness
from config.version import VERSION
from orchestration.models import Heartbeat


@pytest.fixture(autouse=True)
def asked_anew() -> Iterator[None]:
    """Forget what an earlier test was told."""
    health._findings.reset()
    yield
    health._findings.reset()


def beat(component: str, seconds_ago: float = 0) -> None:
    Heartbeat.objects.create(component=component, beat_at=timezone.now() - timedelta(seconds=seconds_ago))


def faults(client: Client) -> dict[str, str]:
    """Return the parts that do not work, by /readyz."""
    response = client.get("/readyz")
    checks = response.json()["checks"]
    found = {name: check["detail"] for name, check in checks.items() if not check["ok"]}
    assert (response.status_code == 200) is not bool(found)
    return found


def test_healthz_answers_ok_without_a_login_or_a_database(client: Client) -> None:
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, f"ok {VERSION}".encode())


@pytest.mark.django_db
def test_readyz_answers_200_when_every_part_works(client: Client) -> None:
    for component in ("worker:control", "worker:work", "beat"):
        beat(component)
    assert faults(client) == {}
    assert set(client.get("/readyz").json()["checks"]) == {"web", "database", "broker", "worker", "beat"}


@pytest.mark.django_db
def test_readyz_names_a_worker_that_never_showed_itself_and_a_silent_beat(client: Client) -> None:
    beat("beat", seconds_ago=90)
    beat("worker:control")
    found = faults(client)
    assert found["worker"] == "worker:work has not shown itself yet"
    assert found["beat"].startswith("has been silent for 9")
    assert set(found) == {"worker", "beat"}


@pytest.mark.django_db
def test_readyz_blames_no_worker_for_not_being_woken_by_a_dead_beat(client: Client) -> None:
    for component in ("worker:control", "worker:work"):
        beat(component, seconds_ago=92)
    beat("beat", seconds_ago=90)
    assert set(faults(client)) == {"beat"}


@pytest.mark.django_db
def test_readyz_names_a_broker_that_does_not_answer(client: Client, settings, dead_port: int) -> None:
    for url in (f"redis://127.0.0.1:{dead_port}/0", f"amqp://guest@127.0.0.1:{dead_port}//"):
        settings.CELERY_BROKER_URL = url
        health._findings.reset()
        assert faults(client)["broker"].startswith("does not answer")


@pytest.mark.django_db
def test_readyz_names_missing_migrations(client: Client, monkeypatch) -> None:
    monkeypatch.setattr(health, "_migrations", health._Migrations())
    monkeypatch.setattr(health.MigrationExecutor, "migration_plan", lambda *_: ["one", "two"])
    assert faults(client)["database"] == "2 migration(s) are missing; run manage.py migrate"


@pytest.mark.django_db
def test_readyz_names_a_database_that_does_not_answer(client: Client, monkeypatch) -> None:
    def fail(*_):
        raise OperationalError("connection refused by 10.0.0.1")

    monkeypatch.setattr(connection, "cursor", fail)
    found = faults(client)
    assert found["database"] == "does not answer"
    assert found["worker"] == found["beat"] == "unknown without the database"


@pytest.mark.django_db
def test_asking_often_costs_little(client: Client, django_assert_num_queries) -> None:
    client.get("/readyz")
    with django_assert_num_queries(0):
        client.get("/readyz")


@pytest.mark.django_db
def test_readyz_writes_nothing_and_logs_no_error(client: Client, caplog) -> None:
    assert faults(client)
    assert not Heartbeat.objects.exists()
    assert not caplog.records


class Answer(http.server.BaseHTTPRequestHandler):
    """Answer every request with what the test set."""

    status = 200
    body = b""

    def do_GET(self) -> None:
        self.send_response(type(self).status)
        self.end_headers()
        self.wfile.write(type(self).body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def web() -> Iterator[int]:
    """Run a web server that answers as told, and return its port."""
    server = http.server.HTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join()
    server.server_close()


def checks(**details: str) -> bytes:
    return json.dumps({"checks": {n: {"ok": not d, "detail": d} for n, d in details.items()}}).encode()


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"{}", ()),
        (503, checks(web="", worker="is silent"), ("worker: is silent",)),
        (503, b"not json", ("web: /readyz answered 503",)),
        (502, b'["a list"]', ("web: /readyz answered 502",)),
    ],
)
def test_the_supervisor_understands_each_answer(web, monkeypatch, status, body, expected) -> None:
    monkeypatch.setattr(Answer, "status", status)
    monkeypatch.setattr(Answer, "body", body)
    answer = readiness.ask("127.0.0.1", web, "localhost")
    assert answer == readiness.Readiness(status == 200, expected)


def test_no_answer_means_not_ready(dead_port: int) -> None:
    answer = readiness.ask("127.0.0.1", dead_port, "localhost")
    assert not answer.ready
    assert answer.faults[0].startswith("web: ")
