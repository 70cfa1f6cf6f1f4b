"""Every committed change is counted by its topic, nothing else is, and nobody waits for the count."""

import threading

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from channels.models import Channel
from orchestration.core import change_counts
from orchestration.core.readings import reading
from orchestration.models import ChangeCount, Job, Lease, Schedule
from orchestration.monitoring import invariants
from tests.factories import ChannelFactory, JobFactory, LeaseFactory, ScheduleFactory, UserFactory


def _has_grown(topic: str, change) -> bool:
    before = change_counts.counts().get(topic, 0)
    change()
    return change_counts.counts().get(topic, 0) > before


@pytest.mark.parametrize(
    ("topic", "change"),
    [
        ("plans", lambda: ScheduleFactory()),
        ("plans", lambda: Schedule.objects.update(priority=9)),
        ("jobs", lambda: Job.objects.update(progress=0.5)),
        ("channels", lambda: ChannelFactory()),
        ("people", lambda: UserFactory(is_active=False)),
    ],
)
def test_a_change_is_counted_by_its_topic(db, topic, change):
    ScheduleFactory()
    JobFactory()
    assert _has_grown(topic, change)


@pytest.mark.parametrize(
    "change",
    [
        lambda: Job.objects.update(heartbeat_at=timezone.now(), lease_expires_at=timezone.now()),
        lambda: Lease.objects.update(expires_at=timezone.now()),
        lambda: Channel.objects.update(health_checked_at=timezone.now()),
        lambda: Job.objects.filter(pk=-1).update(progress=1),
        lambda: Job.objects.filter(pk=-1).delete(),
        lambda: [job.save() for job in Job.objects.all()],  # writes what was there
    ],
)
def test_what_changes_nothing_that_is_shown_is_not_counted(db, change):
    LeaseFactory()
    before = change_counts.counts()
    change()
    assert change_counts.counts() == before


def test_what_is_rolled_back_is_not_counted_and_hides_nothing_that_comes_after_it(db):
    JobFactory()
    before = change_counts.counts()
    with transaction.atomic():
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            Job.objects.update(progress=0.25)
            raise ZeroDivisionError
        assert ChangeCount.objects.filter(topic="jobs").values_list("count", flat=True)[0] == before["jobs"]
        Job.objects.update(progress=0.75)
    assert change_counts.counts()["jobs"] > before["jobs"]


def test_every_table_has_its_triggers_and_one_that_lost_them_is_told_and_mended(db):
    assert change_counts.missing() == []
    lost = next(one for one in change_counts.triggers(connection.vendor) if one.table == "orchestration_job")
    with connection.cursor() as cursor:
        on = f' ON "{lost.table}"' if connection.vendor == "postgresql" else ""
        cursor.execute(f'DROP TRIGGER "{lost.name}"{on}')
    told = [one for one in invariants.check() if one.number == 17]
    assert [(one.subject, "count_changes" in one.sentence) for one in told] == [("orchestration_job", True)]
    call_command("count_changes")
    assert change_counts.missing() == []


def test_the_rule_names_only_what_there_is():
    models = {model._meta.label: model for model in apps.get_models(include_auto_created=True)}
    named = [label for labels in change_counts.TOPICS.values() for label in labels]
    assert len(named) == len(set(named))
    assert {*named, *change_counts.NOT_COUNTED, *change_counts.QUIET, *change_counts.ONLY_DELETED} <= set(
        models
    )
    for label, columns in change_counts.QUIET.items():
        assert set(columns) <= {field.column for field in models[label]._meta.concrete_fields}, label


def test_what_is_read_makes_the_version(db):
    ScheduleFactory()
    with reading() as outer:
        list(Schedule.objects.select_related("channel"))
        with reading(apart=True) as inner:
            list(Job.objects.all())
    assert outer.topics == {"people", "plans", "channels"}
    assert inner.topics == {"people", "jobs"}


@pytest.mark.postgres_only
@pytest.mark.django_db(transaction=True)
def test_two_writers_of_one_topic_do_not_wait_for_each_other():
    first, second = JobFactory(), JobFactory()
    before = change_counts.counts()["jobs"]
    wrote = threading.Event()

    def write() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '2s'")
            Job.objects.filter(pk=second.pk).update(progress=0.5)
            wrote.set()
        finally:
            connection.close()

    with transaction.atomic():
        Job.objects.filter(pk=first.pk).update(progress=0.5)
        other = threading.Thread(target=write)
        other.start()
        other.join(timeout=10)
        assert wrote.is_set()
    assert change_counts.counts()["jobs"] == before + 2


@pytest.mark.django_db
def test_a_former_version_does_not_judge_what_a_newer_one_put_up():
    with connection.cursor() as cursor:
        name, _ = next(iter(change_counts._TRIGGERS.standing(cursor).items()))
        table = change_counts._TRIGGERS.standing(cursor)[name]
        on = f" ON {table}" if connection.vendor == "postgresql" else ""
        cursor.execute(f"DROP TRIGGER {name}{on}")
    assert [one[0] for one in change_counts.missing()] == [table]
    MigrationRecorder(connection).record_applied("channels", "9999_newer")
    assert change_counts.missing() == []
