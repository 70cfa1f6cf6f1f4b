"""The admin shows what beat calls, lets an operator set how often, and refuses what would stop the engine."""

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from orchestration.engine import cadences
from orchestration.models import Activity
from orchestration.states import Trigger
from tests import factories

LIST = "admin:django_celery_beat_periodictask_changelist"


@pytest.fixture
def root(client, db):
    """Return a browser in which an administrator is logged in, of an installation that has run."""
    cadences.keep()
    client.force_login(factories.UserFactory(admin=True, username="ada"))
    return client


def row(name: str) -> PeriodicTask:
    return PeriodicTask.objects.select_related("interval").get(name=name)


def address(obj, verb: str = "change") -> str:
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_{verb}", args=[obj.pk])


def own(**fields) -> PeriodicTask:
    """Make an operator's own entry."""
    values = {"name": "mine", "task": "orchestration.tasks.scrape_sources", **fields}
    return PeriodicTask.objects.create(interval=cadences.interval(77), **values)


@pytest.mark.parametrize("cadence", cadences.CADENCES, ids=lambda cadence: cadence.name)
def test_an_entry_says_what_it_does_and_what_it_may_have(root, cadence):
    page = root.get(address(row(cadence.name))).content.decode()
    assert cadence.does.replace("'", "&#x27;") in page
    assert cadence.not_off.replace("'", "&#x27;") in page
    assert f"{cadence.fastest} to {cadence.slowest}" in page
    assert 'name="seconds"' in page
    for name in ("enabled", "task", "kwargs", "crontab", "interval", "queue"):
        assert f'name="{name}"' not in page


def test_a_cadence_is_set_stays_and_is_in_the_activity_log(root):
    answer = root.post(address(row("tick")), {"seconds": 10})
    assert answer.status_code == 302, answer.content
    cadences.keep()
    assert cadences.seconds_of(row("tick")) == 10
    entry = Activity.objects.get(content_type__model="periodictask")
    assert (entry.verb, entry.actor_label, entry.trigger) == ("cadence_changed", "ada", Trigger.ADMIN)
    assert entry.after == {"every_seconds": 10}


@pytest.mark.parametrize(
    ("name", "seconds", "fact"),
    [
        ("tick", 600, "overdue after 15 s"),
        ("tick", 0, "every 1 s at most"),
        ("check channels", 60, "5,000 calls"),
        ("collect statistics", 90_000, "30 days"),
        ("scrape sources", "often", "whole number"),
    ],
)
def test_what_would_break_a_promise_is_refused_with_the_fact(root, name, seconds, fact):
    before = cadences.seconds_of(row(name))
    answer = root.post(address(row(name)), {"seconds": seconds})
    assert answer.status_code == 200
    assert fact in answer.content.decode()
    assert cadences.seconds_of(row(name)) == before
    assert not Activity.objects.exclude(verb="logged_in").exists()


def test_other_fields_cannot_be_slipped_in(root):
    root.post(address(row("tick")), {"seconds": 3, "enabled": "", "task": "x", "name": "y", "queue": "z"})
    tick = row("tick")
    assert (tick.enabled, tick.task, tick.queue) == (True, "orchestration.tasks.tick", None)


def test_an_entry_of_the_engine_is_not_deleted(root):
    answer = root.post(address(row("tick"), "delete"), {"post": "yes"}, follow=True)
    assert "Tick cannot be deleted. Without it nothing that falls due is started." in answer.content.decode()
    assert row("tick")
    assert "delete_selected" not in root.get(reverse(LIST)).content.decode()


def test_an_entry_of_the_engine_is_not_switched_off(root):
    mine = own()
    chosen = {"action": "disable_tasks", "_selected_action": [row("tick").pk, mine.pk]}
    html = root.post(reverse(LIST), chosen, follow=True).content.decode()
    assert "Tick cannot be switched off. Without it nothing that falls due is started." in html
    assert "1 disabled." in html
    assert (row("tick").enabled, row("mine").enabled) == (True, False)
    assert Activity.objects.get(object_id=mine.pk, verb="update").actor_label == "ada"


def test_an_interval_that_entries_have_is_neither_changed_nor_deleted(root):
    shared = row("tick").interval
    entries = {"periodictask_set-TOTAL_FORMS": 0, "periodictask_set-INITIAL_FORMS": 0}
    root.post(address(shared), {"every": 3600, "period": "days", **entries})
    html = root.post(address(shared, "delete"), {"post": "yes"}, follow=True).content.decode()
    assert "Tick would be deleted with it" in html
    shared.refresh_from_db()
    assert (shared.every, shared.period) == (2, "seconds")


def test_an_operators_own_entry_is_made_changed_and_deleted_as_ever(root):
    entries = {"periodictask_set-TOTAL_FORMS": 0, "periodictask_set-INITIAL_FORMS": 0}
    hours = {"every": 5, "period": IntervalSchedule.HOURS}
    root.post(reverse("admin:django_celery_beat_intervalschedule_add"), {**hours, **entries})
    form = {
        "name": "mine",
        "task": "orchestration.tasks.scrape_sources",
        "enabled": "on",
        "interval": IntervalSchedule.objects.get(**hours).pk,
        "args": "[]",
        "kwargs": "{}",
        "headers": "{}",
    }
    answer = root.post(reverse("admin:django_celery_beat_periodictask_add"), form)
    assert answer.status_code == 302, answer.content.decode()
    assert root.get(address(row("mine"))).status_code == 200
    root.post(address(row("mine")), {**form, "enabled": ""})
    assert not row("mine").enabled
    root.post(address(row("mine"), "delete"), {"post": "yes"})
    assert not PeriodicTask.objects.filter(name="mine").exists()
    verbs = Activity.objects.filter(content_type__model="periodictask").order_by("pk")
    assert list(verbs.values_list("verb", "actor_label")) == [
        ("create", "ada"),
        ("update", "ada"),
        ("delete", "ada"),
    ]


def test_the_pages_hold_no_script_of_their_own(root):
    mine = own()
    for page in (address(mine), address(row("tick")), reverse(LIST), address(mine.interval)):
        answer = root.get(page)
        assert answer.status_code == 200
        assert "<script>" not in answer.content.decode()
        assert 'id="periodic-task-overrides"' not in answer.content.decode()


def test_who_may_only_look_sees_the_cadence_and_cannot_act(client, db):
    cadences.keep()
    looker = factories.UserFactory(administrator=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_periodictask"))
    client.force_login(looker)
    page = client.get(address(row("tick"))).content.decode()
    assert 'name="seconds"' not in page
    assert "Always. Without it" in page
    client.post(reverse(LIST), {"action": "disable_tasks", "_selected_action": [own().pk]})
    assert row("mine").enabled
