"""One message for each cause and scope: when it arises, while it stands, when it is over."""

from datetime import time, timedelta

import pytest
from django.utils import timezone

from channels.states import ChannelHealth
from orchestration.models import Blocker, Incident, Notification, Schedule
from orchestration.notify import silences
from orchestration.states import JobKind, ScheduleState
from tests.factories import ChannelFactory, JobFactory, ScheduleFactory, SourceFactory
from tests.orchestration.notify_room import Room


def test_a_problem_is_told_once_however_often_one_looks(room: Room):
    room.rule()
    channel = room.broken_channel()
    room.settle()
    for _ in range(5):
        room.pass_(15)
    (message,) = room.receiver.taken
    assert str(channel) in message["title"]
    assert "the token is refused" in message["message"]
    assert f"/channels/{channel.slug}/" in message["message"]


def test_what_passes_by_itself_within_the_settling_time_is_told_to_nobody(room: Room):
    room.rule()
    channel = room.broken_channel()
    room.look()
    room.mend(channel)
    room.pass_(30)
    room.pass_(90)
    assert room.receiver.taken == []
    assert Incident.objects.get().over_at is not None


def test_what_is_over_is_told_once_to_who_heard_of_it(room: Room):
    room.rule()
    channel = room.broken_channel()
    room.settle()
    room.mend(channel)
    room.settle()
    room.pass_(15)
    assert [title.startswith("Over: ") for title in room.receiver.titles] == [False, True]


def test_a_moment_without_the_problem_is_no_recovery(room: Room):
    room.rule()
    channel = room.broken_channel()
    room.settle()
    room.mend(channel)
    room.look()
    channel.save()
    room.pass_(30)
    room.pass_(90)
    assert len(room.receiver.taken) == 1
    assert Incident.objects.get().over_at is None


def test_a_rule_may_want_no_recovery(room: Room):
    room.rule(send_recovery=False)
    channel = room.broken_channel()
    room.settle()
    room.mend(channel)
    room.settle()
    assert len(room.receiver.taken) == 1


def test_what_comes_back_is_told_anew(room: Room):
    room.rule(send_recovery=False)
    channel = room.broken_channel()
    room.settle()
    room.mend(channel)
    room.settle()
    channel.save()
    room.settle()
    assert len(room.receiver.taken) == 2
    assert Incident.objects.count() == 2


def test_a_reminder_comes_every_so_many_hours_while_it_stands(room: Room):
    room.rule(reminder_hours=4)
    room.broken_channel()
    room.settle()
    for _ in range(9):
        room.pass_(hours=1)
    assert [title.startswith("Still: ") for title in room.receiver.titles] == [False, True, True]


def test_jobs_that_fail_by_one_cause_on_one_channel_are_one_message(room: Room):
    room.rule()
    channel = ChannelFactory()
    for number in range(12):
        JobFactory(
            failed=True,
            kind=JobKind.COLLECT,
            channel=channel,
            dedupe_key=f"collect:{number}",
            error_code="quota",
            finished_at=timezone.now(),
        )
    room.settle()
    (message,) = room.receiver.taken
    assert "And 11 more of the same cause" in message["message"]


@pytest.mark.parametrize("state", [ScheduleState.FAILED, ScheduleState.MISSED, ScheduleState.NEEDS_REVIEW])
def test_a_publication_that_did_not_go_out_is_told_once_with_its_reason(room: Room, state):
    room.rule()
    row = ScheduleFactory(state=state, reason="nobody answered", state_changed_at=timezone.now())
    JobFactory(failed=True, kind=JobKind.STAGE, schedule=row, channel=row.channel, finished_at=timezone.now())
    room.settle()
    (message,) = room.receiver.taken
    assert "nobody answered" in message["message"]
    assert f"/schedules/{row.pk}/" in message["message"]


def test_a_failure_that_leaves_the_list_by_its_age_is_no_recovery(room: Room):
    room.rule(reminder_hours=0)
    ScheduleFactory(state=ScheduleState.FAILED, state_changed_at=timezone.now())
    room.settle()
    room.pass_(hours=25)
    room.settle()
    assert len(room.receiver.taken) == 1
    assert Incident.objects.get().over_at is not None


def test_a_failure_that_was_taken_up_again_is_over(room: Room):
    room.rule()
    row = ScheduleFactory(state=ScheduleState.FAILED, state_changed_at=timezone.now())
    room.settle()
    Schedule.objects.filter(pk=row.pk).update(
        state=ScheduleState.PLANNED, publish_at=timezone.now() + timedelta(days=1)
    )
    room.settle()
    assert [title.startswith("Over: ") for title in room.receiver.titles] == [False, True]


def test_a_rule_wants_what_it_names(room: Room):
    mine, other = room.broken_channel(), room.broken_channel()
    address = room.address()
    room.rule(address, name="severe", min_severity="critical")
    room.rule(address, name="sources", kinds=["source"])
    room.rule(address, name="mine", kinds=["channel"], channels=[mine])
    room.settle()
    assert len(room.receiver.taken) == 1
    assert Notification.objects.get().channel == mine
    assert other.pk != mine.pk


def test_two_rules_with_one_address_are_one_message(room: Room):
    address = room.address()
    room.rule(address, name="one")
    room.rule(address, name="two")
    room.broken_channel()
    room.settle()
    assert len(room.receiver.taken) == 1


def test_a_cause_that_becomes_worse_is_told_to_who_wants_only_the_worse(room: Room):
    room.rule(min_severity="error")
    source = SourceFactory(consecutive_failures=1, last_error="404", last_scraped_at=timezone.now())
    room.settle()
    assert room.receiver.taken == []
    type(source).objects.update(consecutive_failures=3)
    room.look()
    assert len(room.receiver.taken) == 1


def test_a_silence_ends_and_what_stands_is_told_then(room: Room):
    room.rule()
    channel = room.broken_channel()
    silences.add_silence(
        until=timezone.now() + timedelta(hours=2), channel_id=channel.pk, reason="the owner knows"
    )
    room.settle()
    room.pass_(hours=1)
    assert room.receiver.taken == []
    room.pass_(hours=1)
    assert len(room.receiver.taken) == 1


def test_a_silence_covers_only_what_all_its_parts_name(room: Room):
    room.rule()
    quiet, loud = room.broken_channel(), room.broken_channel()
    silences.add_silence(
        until=timezone.now() + timedelta(hours=2), channel_id=quiet.pk, kind="channel_failing"
    )
    silences.add_silence(until=timezone.now() + timedelta(hours=2), channel_id=loud.pk, kind="source")
    room.settle()
    assert Notification.objects.get().channel == loud


def test_a_silence_that_is_ended_early_ends_at_once(room: Room):
    room.rule()
    room.broken_channel()
    silence = silences.add_silence(until=timezone.now() + timedelta(hours=2), kind="channel")
    room.settle()
    silences.end_silence(silence.pk)
    room.look()
    assert len(room.receiver.taken) == 1


def test_quiet_hours_put_off_to_their_end_but_for_what_is_critical(room: Room):
    room.rule(quiet_from=time(11), quiet_until=time(15), zone="UTC", kinds=["channel", "system"])
    room.broken_channel()
    room.settle()
    assert room.receiver.taken == []
    row = Notification.objects.get()
    assert row.due_at == timezone.now().replace(hour=15, minute=0, second=0)
    room.pass_(hours=3)
    assert len(room.receiver.taken) == 1


def test_a_thousand_problems_are_a_bounded_number_of_messages(room: Room):
    room.rule(min_severity="info")
    for _ in range(400):
        room.broken_channel()
    rows = ScheduleFactory.create_batch(300, state=ScheduleState.FAILED, state_changed_at=timezone.now())
    ScheduleFactory.create_batch(300, needs_review=True)
    assert len(rows) == 300
    room.settle()
    for _ in range(10):
        room.pass_(15)
    assert 1 <= len(room.receiver.taken) <= 6
    assert "more" in room.receiver.taken[0]["message"]
    waiting = Notification.objects.exclude(outcome="sent").count()
    assert waiting == 0
    assert Notification.objects.count() < 150


def test_what_is_not_listed_for_want_of_room_is_not_over(room: Room):
    room.rule()
    first = room.broken_channel(name="zz last of all")
    room.settle()
    for number in range(25):
        room.broken_channel(name=f"a{number:02}")
    room.settle()
    room.pass_(120)
    assert not any(title.startswith("Over") for title in room.receiver.titles)
    assert Incident.objects.filter(over_at=None, channel=first).exists()


def blocker(code: str, scope: str, subject=None) -> Blocker:
    given = {"channel": subject} if scope == "channel" else {"source": subject} if scope == "source" else {}
    return Blocker.objects.create(
        code=code, scope=scope, sentence=f"{code}.", subject_id=subject.pk if subject else 0, **given
    )


def test_what_work_waits_for_is_told_with_its_remedy_and_is_over_when_it_ends(room: Room):
    room.rule()
    row = blocker("storage_full", "installation")
    room.settle()
    assert "storage_full." in room.receiver.taken[0]["message"]
    Blocker.objects.filter(pk=row.pk).update(ended_at=timezone.now())
    room.settle()
    assert [title.startswith("Over: ") for title in room.receiver.titles] == [False, True]


def test_a_blocker_and_the_check_that_finds_the_same_are_one_cause(room: Room):
    room.rule()
    channel = ChannelFactory()
    blocker("workflow_disabled", "channel", channel)
    room.settle()
    type(channel).objects.update(health=ChannelHealth.FAILING, health_reason="the workflow is disabled")
    room.settle()
    assert len(room.receiver.taken) == 1
    Blocker.objects.update(ended_at=timezone.now())
    room.settle()
    assert len(room.receiver.taken) == 1
    room.mend(channel)
    room.settle()
    assert [title.startswith("Over: ") for title in room.receiver.titles] == [False, True]
