"""The audit log names who did what, in the change's own transaction, and what stands in it stands for good."""

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.urls import reverse

from channels.models import Channel
from orchestration.core import append_only, audit
from orchestration.core.audit import (
    Acting,
    ActorMissing,
    acting,
    acting_as,
    correlated,
    this_process_acts_as,
)
from orchestration.core.transitions import transition
from orchestration.models import Activity, Job
from orchestration.models.activity import AppendOnlyError
from orchestration.states import JobState, Trigger
from tests import factories

pytestmark = pytest.mark.django_db


def test_an_entry_names_who_acts_through_which_door_and_under_which_correlation_id():
    user = factories.UserFactory(operator=True)
    with acting_as(Acting("mira", user.pk, Trigger.BUTTON, "c0ffee")):
        transition(factories.JobFactory(), JobState.CANCELLED, reason="not wanted")
    entry = Activity.objects.get(verb="job_cancelled")
    assert (entry.actor_label, entry.actor_id, entry.trigger, entry.cid) == (
        "mira",
        user.pk,
        Trigger.BUTTON,
        "c0ffee",
    )


@pytest.fixture
def nobody_acts():
    """Take back the name that a run of tests has, as in a web process between two requests."""
    before = this_process_acts_as(None)
    yield
    this_process_acts_as(before)


@pytest.mark.usefixtures("nobody_acts")
def test_whoever_brings_no_correlation_id_is_given_one_for_all_that_follows():
    with acting_as(Acting("mira", None, Trigger.CLI)) as who:
        assert who.correlation_id
        assert acting().correlation_id == who.correlation_id
    with pytest.raises(ActorMissing):
        acting()


def test_the_inner_of_two_actors_counts_and_the_outer_comes_back():
    with acting_as(Acting("outer", None, Trigger.API, "1")):
        with acting_as(Acting("inner", None, Trigger.WORKER, "2")):
            assert acting().label == "inner"
        assert acting().label == "outer"


def test_a_later_step_is_tied_to_the_action_it_belongs_to_and_keeps_its_own_actor():
    with acting_as(Acting("tick", None, Trigger.BEAT, "own")):
        with correlated("wave-1"):
            assert acting() == Acting("tick", None, Trigger.BEAT, "wave-1")
        assert acting().correlation_id == "own"


@pytest.mark.usefixtures("nobody_acts")
def test_an_actor_is_forgotten_even_if_the_action_failed():
    with pytest.raises(ValueError), acting_as(Acting("mira", None, Trigger.CLI)):
        raise ValueError
    with pytest.raises(ActorMissing):
        acting()


@pytest.mark.django_db(transaction=True)
def test_an_entry_outside_a_transaction_is_refused():
    row = factories.JobFactory()
    with pytest.raises(transaction.TransactionManagementError):
        audit.record("job_bumped", row)
    assert not Activity.objects.filter(verb="job_bumped").exists()


@pytest.mark.django_db(transaction=True)
def test_a_rollback_removes_the_change_and_its_entry_together():
    row = factories.JobFactory()
    with pytest.raises(RuntimeError), transaction.atomic():
        transition(row, JobState.CANCELLED)
        raise RuntimeError
    assert not Activity.objects.filter(verb="job_cancelled").exists()
    assert Job.objects.get(pk=row.pk).state == JobState.QUEUED


def test_an_entry_cannot_be_changed():
    entry = factories.ActivityFactory()
    entry.reason = "history rewritten"
    with pytest.raises(AppendOnlyError):
        entry.save()
    assert Activity.objects.get(pk=entry.pk).reason == ""


def test_an_entry_cannot_be_deleted():
    entry = factories.ActivityFactory()
    with pytest.raises(AppendOnlyError):
        entry.delete()
    assert Activity.objects.filter(pk=entry.pk).exists()


@pytest.mark.parametrize(
    "attempt",
    [
        lambda: Activity.objects.update(reason="history rewritten"),
        lambda: Activity.objects.filter(verb="pause_channel").update(reason="history rewritten"),
        lambda: Activity.objects.all().delete(),
        lambda: Activity.objects.filter(verb="pause_channel").delete(),
        lambda: Activity.objects.bulk_update(list(Activity.objects.all()), ["reason"]),
        lambda: Activity._default_manager.all().delete(),
    ],
    ids=["update", "filtered update", "delete", "filtered delete", "bulk update", "default manager"],
)
def test_no_query_changes_or_deletes_entries(attempt):
    factories.ActivityFactory()
    with pytest.raises(AppendOnlyError):
        attempt()
    assert Activity.objects.filter(verb="pause_channel", reason="").count() == 1


def test_deleting_a_subject_leaves_its_history():
    entry = factories.ActivityFactory()
    Channel.objects.filter(pk=entry.object_id).delete()
    assert Activity.objects.filter(pk=entry.pk).exists()


def test_the_entry_of_a_bulk_action_names_its_members():
    channel = factories.ChannelFactory()
    with transaction.atomic():
        audit.record("channels_paused", channel, members={"channel": (1, 2, 3)})
    assert Activity.objects.get(verb="channels_paused").additional_data == {"members": {"channel": [1, 2, 3]}}


def test_only_what_changed_stands_among_the_changes():
    channel = factories.ChannelFactory()
    with transaction.atomic():
        audit.record("x", channel, before={"a": 1, "b": 2}, after={"a": 1, "b": 3})
    assert Activity.objects.get(verb="x").changes == {"b": ["2", "3"]}


def test_a_reason_longer_than_its_column_is_cut():
    channel = factories.ChannelFactory()
    with transaction.atomic():
        audit.record("x", channel, reason="r" * 900)
    assert len(Activity.objects.get(verb="x").reason) == 500


def test_an_entry_outlives_the_user_who_is_named_in_it():
    user = factories.UserFactory()
    entry = factories.ActivityFactory(actor=user, actor_label="mira")
    who = user.pk
    user.delete()
    entry.refresh_from_db()
    assert (entry.actor_id, entry.actor_label) == (who, "mira")


@pytest.mark.usefixtures("nobody_acts")
def test_what_nobody_does_is_an_error_and_not_the_systems():
    channel = factories.ChannelFactory.build()
    with pytest.raises(ActorMissing), transaction.atomic():
        channel.save()
    with pytest.raises(ActorMissing):
        Acting(" ")
    assert not Channel.objects.exists(), "a change that nobody makes is not made"


@pytest.mark.django_db(transaction=True)
def test_the_database_takes_no_entry_without_its_actor():
    kind = ContentType.objects.get_for_model(Channel)
    with pytest.raises(IntegrityError):
        Activity.objects.bulk_create(
            [Activity(content_type=kind, object_pk="1", object_repr="x", action=1, verb="x", actor_label="")]
        )


def test_an_edit_in_the_back_door_names_whoever_made_it(client, admin_user):
    client.force_login(admin_user)
    entries = {"periodictask_set-TOTAL_FORMS": 0, "periodictask_set-INITIAL_FORMS": 0}
    client.post(
        reverse("admin:django_celery_beat_intervalschedule_add"), {"every": 7, "period": "seconds", **entries}
    )
    entry = Activity.objects.filter(content_type__model="intervalschedule").latest("id")
    assert (entry.actor_label, entry.actor_id, entry.trigger) == ("admin", admin_user.pk, Trigger.ADMIN)
    assert entry.cid and entry.remote_addr == "127.0.0.1"


TAMPERINGS = [
    "UPDATE orchestration_activity SET actor_label = 'somebody else'",
    "DELETE FROM orchestration_activity",
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("sql", [*TAMPERINGS, "TRUNCATE orchestration_activity"])
def test_the_database_itself_refuses_that_an_entry_is_changed_or_taken_away(sql):
    if sql.startswith("TRUNCATE") and connection.vendor != "postgresql":
        pytest.skip("SQLite has no TRUNCATE")
    factories.ActivityFactory(actor_label="operator")
    with pytest.raises(DatabaseError, match=append_only.SAID), connection.cursor() as cursor:
        cursor.execute(sql)
    assert Activity.objects.filter(actor_label="operator").count() == 1


def test_what_keeps_the_record_is_missed_and_put_up_again():
    assert append_only.missing() == []
    guard = append_only.guards(connection.vendor)[0]
    with connection.cursor() as cursor:
        on = f' ON "{guard.table}"' if connection.vendor == "postgresql" else ""
        cursor.execute(f'DROP TRIGGER "{guard.name}"{on}')
    assert append_only.missing() == [(guard.table, "has no trigger that refuses UPDATE")]
    append_only.install()
    assert append_only.missing() == []


def test_the_door_of_retention_closes_behind_it():
    factories.ActivityFactory()
    with append_only.may_take_away():
        Activity.objects.all()._raw_delete("default")
    factories.ActivityFactory()
    with pytest.raises(DatabaseError, match=append_only.SAID), transaction.atomic():
        Activity.objects.all()._raw_delete("default")
    assert append_only.missing() == []
