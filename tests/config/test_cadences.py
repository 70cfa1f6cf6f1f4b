"""How often the engine's tasks come: an operator's word stays, a default is followed, and no promise is broken."""

import json
import logging
import re
from datetime import timedelta

import pytest
import time_machine
from auditlog.context import set_actor
from django.db import OperationalError, connection
from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask, PeriodicTasks

from config import beat, env
from config.beat import CadenceScheduler
from config.celery import app
from orchestration.core.heartbeats import SILENT_AFTER_SECONDS
from orchestration.engine import cadences
from orchestration.models import Activity
from orchestration.models.querysets import ON_TIME
from orchestration.monitoring import health
from orchestration.states import Trigger
from tests import factories
from tests.orchestration.engine import no_errors, together

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def one_connection(monkeypatch):
    """Keep the connection: beat closes an old one before it reads, and with it would go the test's transaction."""
    monkeypatch.setattr("django_celery_beat.schedulers.close_old_connections", lambda: None)
    monkeypatch.setattr("config.beat.close_old_connections", lambda: None)


def start_beat() -> CadenceScheduler:
    """Start beat's scheduler, as `celery beat` does."""
    scheduler = CadenceScheduler(app=app, lazy=False)
    scheduler._finalize.cancel()
    return scheduler


def row(name: str) -> PeriodicTask:
    """Return an entry as it is in the database."""
    return PeriodicTask.objects.select_related("interval").get(name=name)


def every(name: str) -> float | None:
    """Return the seconds between two calls of an entry."""
    return cadences.seconds_of(row(name))


def schedule_of(scheduler: CadenceScheduler) -> dict[str, float]:
    """Return what beat runs, and every how many seconds."""
    return {name: entry.schedule.run_every.total_seconds() for name, entry in scheduler.schedule.items()}


# ------------------------------------------------------------------------------------------------------- the first start


def test_the_first_start_makes_every_entry_at_its_default_and_no_other(settings):
    expected = {
        "tick": settings.HEADEND_TICK_SECONDS,
        "watch runs": settings.HEADEND_WATCH_SECONDS,
        "probe blockers": 15,
        "scrape sources": 60,
        "standing rules": 60,
        "check channels": 300,
        "tidy uploads": 60,
        "clean disk": 3600,
        "notify": 15,
        "seal the record": 10,
        "send webhooks": 3,
        "collect statistics": settings.HEADEND_STATISTICS_SECONDS,
        "keep reports": 20,
    }
    assert schedule_of(start_beat()) == expected
    assert set(PeriodicTask.objects.values_list("name", flat=True)) == set(expected)


@pytest.mark.parametrize("cadence", cadences.CADENCES, ids=lambda cadence: cadence.name)
def test_an_entry_calls_a_task_that_exists_with_arguments_that_it_takes(cadence):
    app.loader.import_default_modules()
    entry = start_beat().schedule[cadence.name]
    assert entry.task in app.tasks
    assert entry.kwargs == ({"by_beat": True} if cadence.name == "tick" else {})
    assert cadence.refusal(cadence.default_seconds) == ""


def test_a_call_that_nobody_took_before_the_next_one_is_dropped():
    cadences.keep()
    cadences.change(row("scrape sources"), 600)
    schedule = start_beat().schedule
    assert schedule["scrape sources"].options["expires"] == 600
    # Its age is counted by the clocks of two machines: two seconds would be too few.
    assert schedule["tick"].options["expires"] == 60
    assert schedule["tick"].options["headers"] == {"periodic_task_name": "tick"}


@pytest.mark.parametrize("is_started_anew", [False, True])
def test_a_clock_that_is_set_back_silences_nothing(monkeypatch, is_started_anew):
    called = []
    monkeypatch.setattr(CadenceScheduler, "producer", None)
    monkeypatch.setattr(CadenceScheduler, "apply_entry", lambda self, entry, **_: called.append(entry.name))
    with time_machine.travel(timezone.now() + timedelta(minutes=5), tick=False) as fast:
        scheduler = start_beat()
        fast.shift(10)
        while not scheduler.tick():
            pass
        assert "tick" in called
        scheduler.sync()
        called.clear()
        fast.shift(-300)
        if is_started_anew:
            scheduler = start_beat()
        assert scheduler.tick() <= 2.5
        fast.shift(2.5)
        while not scheduler.tick():
            pass
    assert "tick" in called


@pytest.mark.parametrize("lost", ["_heap", "_schedule"])
def test_calls_that_were_lost_from_memory_are_read_anew(monkeypatch, lost):
    called = []
    monkeypatch.setattr(CadenceScheduler, "producer", None)
    monkeypatch.setattr(CadenceScheduler, "apply_entry", lambda self, entry, **_: called.append(entry.name))
    scheduler = start_beat()
    scheduler.tick()
    setattr(scheduler, lost, [] if lost == "_heap" else {})
    with time_machine.travel(timezone.now() + timedelta(seconds=30), tick=False):
        for _ in range(40):
            scheduler.tick()
    assert "tick" in called


# ------------------------------------------------------------------------------------------------------ the next start


def test_what_an_operator_set_survives_a_restart():
    start_beat()
    cadences.change(row("scrape sources"), 900)
    assert schedule_of(start_beat())["scrape sources"] == 900
    assert schedule_of(start_beat())["scrape sources"] == 900


def test_a_start_that_finds_all_in_order_writes_nothing():
    start_beat()
    cadences.change(row("tick"), 7)
    before = list(PeriodicTask.objects.order_by("pk").values()), PeriodicTasks.last_change()
    entries = Activity.objects.count()
    cadences.keep()
    assert (list(PeriodicTask.objects.order_by("pk").values()), PeriodicTasks.last_change()) == before
    assert Activity.objects.count() == entries


def test_a_changed_default_is_followed_where_nobody_set_another(settings):
    start_beat()
    cadences.change(row("watch runs"), 20)
    settings.HEADEND_TICK_SECONDS, settings.HEADEND_WATCH_SECONDS = 5, 8
    start_beat()
    assert (every("tick"), every("watch runs")) == (5, 20)
    entry = Activity.objects.get(verb="cadence_changed", trigger=Trigger.BEAT)
    assert (entry.actor_label, entry.changes) == ("beat", {"every_seconds": ["2.0", "5.0"]})
    assert "default" in entry.reason


def test_who_goes_back_to_the_default_follows_it_again(settings):
    start_beat()
    cadences.change(row("tick"), 7)
    cadences.change(row("tick"), settings.HEADEND_TICK_SECONDS)
    settings.HEADEND_TICK_SECONDS = 4
    start_beat()
    assert every("tick") == 4


def test_a_value_that_stayed_while_the_default_moved_still_stays_at_the_start_after(settings):
    start_beat()
    cadences.change(row("tick"), 7)
    settings.HEADEND_TICK_SECONDS = 4
    start_beat()
    settings.HEADEND_TICK_SECONDS = 3
    start_beat()
    assert every("tick") == 7


def test_what_is_not_the_operators_is_mended(caplog):
    start_beat()
    PeriodicTask.objects.filter(name="tick").update(
        enabled=False, task="other.task", kwargs="{}", queue="elsewhere", one_off=True, expires=timezone.now()
    )
    PeriodicTask.objects.filter(name="scrape sources").delete()
    with caplog.at_level(logging.WARNING):
        assert {"tick", "scrape sources"} <= set(start_beat().schedule)
    tick = row("tick")
    assert (tick.enabled, tick.task, json.loads(tick.kwargs)) == (
        True,
        "orchestration.tasks.tick",
        {"by_beat": True},
    )
    assert (tick.queue, tick.one_off, tick.expires) == (None, False, None)
    assert "tick was switched off and is on again" in caplog.text


def test_a_cadence_that_came_past_the_admin_and_breaks_a_promise_is_set_right():
    start_beat()
    PeriodicTask.objects.filter(name="tick").update(interval=cadences.interval(3600))
    start_beat()
    assert every("tick") == 2
    entry = Activity.objects.get(verb="cadence_changed")
    assert "overdue after 15 s" in entry.reason


def test_an_entry_of_an_older_installation_is_taken_over():
    start_beat()
    PeriodicTask.objects.filter(name="tick").update(
        headers="{}", description="", interval=cadences.interval(13), task="old.name"
    )
    start_beat()
    assert (every("tick"), row("tick").task) == (2, "orchestration.tasks.tick")


def test_a_row_of_an_operator_is_left_alone():
    mine = PeriodicTask.objects.create(
        name="mine", task="orchestration.tasks.scrape_sources", interval=cadences.interval(7), enabled=False
    )
    start_beat()
    mine.refresh_from_db()
    assert (mine.enabled, mine.interval.every, mine.headers) == (False, 7, "{}")


# -------------------------------------------------------------------------------------------------------- while it runs


def test_a_beat_that_runs_takes_up_a_change():
    scheduler = start_beat()
    assert schedule_of(scheduler)["tick"] == 2
    assert not scheduler.schedule_changed()
    cadences.change(row("tick"), 9)
    scheduler._asked_at -= beat.ASK_SECONDS
    assert schedule_of(scheduler)["tick"] == 9


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("watch runs", lambda: factories.WorkflowRunFactory()),
        ("send webhooks", lambda: factories.WebhookEndpointFactory()),
    ],
)
def test_nobody_is_called_who_would_find_nothing(name, make, monkeypatch):
    called: list[str] = []
    monkeypatch.setattr(CadenceScheduler, "apply_async", lambda self, entry, **_: called.append(entry.name))
    scheduler = start_beat()
    scheduler.schedule_changed()
    scheduler.apply_entry(scheduler.schedule[name])
    scheduler.apply_entry(scheduler.schedule["tick"])
    assert called == ["tick"]
    make()
    scheduler._asked_at = None
    scheduler.apply_entry(scheduler.schedule[name])
    assert called == ["tick", name]


def test_who_cannot_ask_whether_there_is_anything_calls(monkeypatch):
    called: list[str] = []
    monkeypatch.setattr(CadenceScheduler, "apply_async", lambda self, entry, **_: called.append(entry.name))
    scheduler = start_beat()
    entry = scheduler.schedule["watch runs"]
    scheduler.schedule_changed()
    with connection.execute_wrapper(no_database):
        scheduler.apply_entry(entry)
    assert called == ["watch runs"]


def no_database(*_) -> None:
    raise OperationalError("the server closed the connection")


def test_a_beat_that_runs_asks_for_changes_once_a_second(django_assert_num_queries):
    scheduler = start_beat()
    scheduler.schedule_changed()
    with django_assert_num_queries(0):
        assert not any(scheduler.schedule_changed() for _ in range(5))


def test_noting_the_last_call_does_not_undo_a_change_nor_fill_the_activity_log():
    scheduler = start_beat()
    entry = next(scheduler.schedule["tick"])
    with set_actor(factories.UserFactory()):
        cadences.change(row("tick"), 9)
        written = Activity.objects.count()
        entry.save()
    assert every("tick") == 9
    assert row("tick").total_run_count == 1
    assert timezone.now() - row("tick").last_run_at < timedelta(seconds=60)
    assert Activity.objects.count() == written


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_several_beats_that_start_at_once_make_each_entry_once():
    no_errors(together(*[cadences.keep] * 6))
    assert sorted(PeriodicTask.objects.values_list("name", flat=True)) == sorted(cadences.BY_NAME)


# ------------------------------------------------------------------------------------------------------------- the bounds


@pytest.mark.parametrize("cadence", cadences.CADENCES, ids=lambda cadence: cadence.name)
def test_out_of_bounds_is_refused_with_the_fact_and_changes_nothing(cadence):
    cadences.keep()
    for seconds, fact in (
        (cadence.fastest - 1, cadence.not_faster),
        (cadence.slowest + 1, cadence.not_slower),
    ):
        with pytest.raises(ValueError, match=re.escape(fact)):
            cadences.change(row(cadence.name), seconds)
    assert every(cadence.name) == cadence.default_seconds
    for seconds in (cadence.fastest, cadence.slowest):
        cadences.change(row(cadence.name), seconds)
        assert every(cadence.name) == seconds


def test_bounds_are_those_of_the_promises_that_they_name():
    tick, check = cadences.BY_NAME["tick"], cadences.BY_NAME["check channels"]
    assert timedelta(seconds=tick.slowest) <= ON_TIME
    assert tick.slowest * 2 <= SILENT_AFTER_SECONDS
    assert check.fastest == health.ROUTINE_SECONDS


def test_a_setting_takes_what_the_admin_takes_and_nothing_else():
    code = (env.BASE_DIR / "config" / "settings.py").read_text(encoding="utf-8")
    for cadence in cadences.CADENCES:
        if isinstance(cadence.default, str):
            found = re.search(rf'"{cadence.default}", .*minimum=(\d+), maximum=([\d_]+)\)', code)
            assert (int(found[1]), int(found[2])) == (cadence.fastest, cadence.slowest), cadence.name


def test_an_interval_is_made_once():
    assert cadences.interval(11) == cadences.interval(11)
    assert IntervalSchedule.objects.filter(every=11).count() == 1
