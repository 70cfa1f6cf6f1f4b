"""A watchdog outside hears from Headend as long as it really works, and only then."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orchestration import tasks
from orchestration.core import wakeups
from orchestration.core.heartbeats import beat, component_ages
from orchestration.engine import tick as clock
from orchestration.models import SystemState
from orchestration.notify import addresses, heartbeat
from tests.orchestration.notify_room import Room


@pytest.fixture
def alive(room: Room, settings) -> Room:
    settings.HEADEND_HEARTBEAT_URL = room.receiver.ping()
    for component in ("beat", "worker:control", "worker:work"):
        beat(component)
    return room


@pytest.fixture
def delivered(monkeypatch):
    """Let the message that wakes the heartbeat arrive at once."""
    monkeypatch.setattr(
        wakeups,
        "_send",
        lambda task, **given: tasks.heartbeat(**given) if task.endswith("heartbeat") else None,
    )


def test_a_tick_that_worked_calls_at_most_once_a_minute(alive: Room, delivered):
    for _ in range(10):
        tasks.tick(by_beat=True)
    assert alive.receiver.paths == ["/ping/4711"]
    alive.clock.shift(timedelta(seconds=20))
    beat("worker:control"), beat("worker:work")
    tasks.tick(by_beat=True)
    alive.clock.shift(timedelta(seconds=40))
    beat("worker:control"), beat("worker:work")
    tasks.tick(by_beat=True)
    assert alive.receiver.paths == ["/ping/4711"] * 2


def test_a_tick_whose_step_failed_says_so(alive: Room, delivered, monkeypatch):
    monkeypatch.setattr(clock, "tick", lambda now: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tasks.tick(by_beat=True)
    assert alive.receiver.paths == ["/ping/4711/fail"]


@pytest.mark.parametrize("silent", ["beat", "worker:control", "worker:work"])
def test_who_is_silent_makes_it_unwell(alive: Room, silent):
    heartbeat.ping(tick_failed=False)
    alive.clock.shift(timedelta(seconds=60))
    for component in {"beat", "worker:control", "worker:work"} - {silent}:
        beat(component)
    heartbeat.ping(tick_failed=False)
    assert alive.receiver.paths == ["/ping/4711", "/ping/4711/fail"]


def test_a_worker_that_shows_itself_late_after_a_start_is_no_failure(alive: Room):
    alive.clock.shift(timedelta(hours=2))
    beat("beat"), beat("worker:control")
    heartbeat.ping(tick_failed=False)
    assert alive.receiver.paths == []
    beat("worker:work")
    heartbeat.ping(tick_failed=False)
    assert alive.receiver.paths == ["/ping/4711"]


def test_an_address_of_its_own_is_called_too_and_its_error_kept(alive: Room):
    row = addresses.add_address(name="watchdog", url=alive.receiver.ping("other?x=1"), heartbeat=True)
    alive.receiver.status = 404
    heartbeat.ping(tick_failed=False)
    row.refresh_from_db()
    assert row.last_error == "It answered 404."
    assert row.kind == "heartbeat"


def test_a_copy_of_the_database_calls_nobody(alive: Room):
    SystemState.objects.update(installation_id="another installation")
    tasks.heartbeat()
    tasks.notify()
    assert alive.receiver.taken == []


def test_calls_are_no_components(alive: Room):
    heartbeat.ping(tick_failed=False, now=timezone.now())
    assert set(component_ages()) == {"beat", "worker:control", "worker:work"}
