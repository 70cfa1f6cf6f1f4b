"""The clock's entries are made once; how often they run is the operator's, within what Headend promises."""

import pytest
from django.conf import settings as project
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from config import beat
from config.celery import app
from orchestration.models import Activity
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def one_connection(monkeypatch):
    """Let the scheduler use the test's own connection; as a process of its own it closes those that it was forked with."""
    monkeypatch.setattr("django_celery_beat.schedulers.close_old_connections", lambda: None)


def start_beat():
    """Start the scheduler as a beat process does, and return it."""
    return beat.Scheduler(app=app)


def every(seconds: int) -> IntervalSchedule:
    return IntervalSchedule.objects.get_or_create(every=seconds, period=IntervalSchedule.SECONDS)[0]


def set_to(name: str, seconds: int) -> None:
    PeriodicTask.objects.filter(name=name).update(interval=every(seconds))


def cadences() -> dict[str, float]:
    return {row.name: beat.seconds_of(row) for row in PeriodicTask.objects.filter(name__in=beat.CADENCES)}


@pytest.fixture
def root(client):
    client.force_login(factories.UserFactory(admin=True, username="ada"))
    return client


def form_of(name: str) -> str:
    row = PeriodicTask.objects.get(name=name)
    return reverse("admin:django_celery_beat_periodictask_change", args=[row.pk])


def test_the_entries_of_the_settings_are_those_that_are_described():
    assert set(project.CELERY_BEAT_SCHEDULE) == set(beat.CADENCES)
    for name, entry in project.CELERY_BEAT_SCHEDULE.items():
        assert beat.why_not(name, enabled=True, seconds=entry["schedule"]) == ""


def test_a_start_makes_the_entries_that_are_missing():
    start_beat()
    assert cadences() == {name: entry["schedule"] for name, entry in project.CELERY_BEAT_SCHEDULE.items()}
    tick = PeriodicTask.objects.get(name="tick")
    assert (tick.task, tick.expire_seconds) == ("orchestration.tasks.tick", 2)
    PeriodicTask.objects.filter(name="tick").delete()
    start_beat()
    assert "tick" in cadences()


def test_what_an_operator_chose_survives_a_restart_and_is_what_runs():
    start_beat()
    set_to("tick", 5)
    assert start_beat().schedule["tick"].schedule.run_every.total_seconds() == 5
    assert cadences()["tick"] == 5


def test_a_cadence_that_nobody_touched_follows_the_settings():
    start_beat()
    changed = {
        **project.CELERY_BEAT_SCHEDULE,
        "tick": {**project.CELERY_BEAT_SCHEDULE["tick"], "schedule": 7},
    }
    app.conf.beat_schedule, before = changed, app.conf.beat_schedule
    try:
        start_beat()
        assert cadences()["tick"] == 7
        set_to("tick", 9)
        start_beat()
        assert cadences()["tick"] == 9
    finally:
        app.conf.beat_schedule = before


def test_an_entry_of_an_older_installation_is_taken_over():
    start_beat()
    PeriodicTask.objects.filter(name="tick").update(description="", interval=every(40), task="old.name")
    start_beat()
    assert cadences()["tick"] == project.HEADEND_TICK_SECONDS
    assert PeriodicTask.objects.get(name="tick").task == "orchestration.tasks.tick"


def test_starts_at_once_make_each_entry_once():
    start_beat()
    start_beat()
    assert PeriodicTask.objects.filter(name__in=beat.CADENCES).count() == len(beat.CADENCES)


def test_another_interval_is_set_in_the_admin_and_recorded_with_its_operator(root):
    start_beat()
    answer = root.post(form_of("tick"), {"interval": every(5).pk, "enabled": "on"})
    assert answer.status_code == 302
    assert cadences()["tick"] == 5
    entry = Activity.objects.filter(object_repr__startswith="tick").latest("id")
    assert "interval" in entry.changes
    assert (
        entry.actor_id == root.session["_auth_user_id"]
        or str(entry.actor_id) == root.session["_auth_user_id"]
    )


@pytest.mark.parametrize(
    ("name", "chosen", "field"),
    [
        ("tick", {"seconds": 61, "enabled": "on"}, "interval"),
        ("tick", {"seconds": 2}, "enabled"),
        ("tick", {"enabled": "on"}, "interval"),
        ("check channels", {"seconds": 86_400, "enabled": "on"}, "interval"),
    ],
)
def test_what_headend_cannot_work_with_is_refused_at_its_field(root, name, chosen, field):
    start_beat()
    before = cadences()
    seconds = chosen.pop("seconds", None)
    page = root.post(form_of(name), {**chosen, **({"interval": every(seconds).pk} if seconds else {})})
    assert page.status_code == 200
    assert name in str(page.context["adminform"].form.errors[field])
    assert cadences() == before
    assert PeriodicTask.objects.get(name=name).enabled


def test_our_entries_and_intervals_are_neither_deleted_nor_changed_for_others(root):
    start_beat()
    row = PeriodicTask.objects.get(name="tick")
    assert root.get(reverse("admin:django_celery_beat_periodictask_delete", args=[row.pk])).status_code == 403
    interval = reverse("admin:django_celery_beat_intervalschedule_change", args=[row.interval_id])
    assert root.post(interval, {"every": 5000, "period": "seconds"}).status_code == 403
    listing = reverse("admin:django_celery_beat_periodictask_changelist")
    root.post(listing, {"action": "disable_tasks", "_selected_action": [row.pk]})
    assert PeriodicTask.objects.get(name="tick").enabled


def test_an_operators_own_entry_is_theirs(root):
    start_beat()
    own = PeriodicTask.objects.create(name="own", task="celery.backend_cleanup", interval=every(500))
    assert root.get(form_of("own")).status_code == 200
    assert root.get(reverse("admin:django_celery_beat_periodictask_delete", args=[own.pk])).status_code == 200
