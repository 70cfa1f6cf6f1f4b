"""What is written is sent: once if all goes well, at least once whatever happens, and never without an end."""

import itertools
from datetime import time, timedelta

import pytest
from django.utils import timezone

from orchestration.models import Notification
from orchestration.notify import addresses, outbox
from tests.orchestration.notify_room import Room
from tests.receiver import SECRET


def test_what_a_service_refuses_is_tried_again_with_growing_pauses(room: Room):
    room.rule(reminder_hours=0)
    room.broken_channel()
    room.receiver.status = 500
    room.settle()
    tries = [timezone.now()]
    while len(tries) < 4:
        before = Notification.objects.get().attempts
        room.pass_(15)
        if Notification.objects.get().attempts > before:
            tries.append(timezone.now())
    pauses = [(later - earlier).total_seconds() for earlier, later in itertools.pairwise(tries)]
    assert pauses == sorted(pauses)
    assert pauses[0] >= 60
    assert pauses[2] >= 4 * 60
    room.receiver.status = 200
    room.pass_(hours=1)
    assert Notification.objects.get().outcome == "sent"
    assert len(room.receiver.taken) == 1


def test_after_a_day_it_is_given_up_and_shown_as_a_problem_elsewhere(room: Room):
    room.rule(room.address("broken"), name="broken", reminder_hours=0, kinds=["channel"])
    room.broken_channel()
    room.receiver.status = 503
    room.settle()
    for _ in range(26):
        room.pass_(hours=1)
    row = Notification.objects.get()
    assert row.outcome == "given_up"
    assert 20 < row.attempts < 40
    row.address.refresh_from_db()
    assert row.address.gave_up_at is not None

    room.receiver.status = 200
    room.rule(room.address("second", url=room.receiver.ntfy()), name="second", kinds=["notification"])
    room.settle()
    assert "broken" in Notification.objects.get(rule__name="second").body

    addresses.test_address(row.address_id)
    row.address.refresh_from_db()
    assert row.address.gave_up_at is None


def test_the_error_says_what_happened_without_the_address(room: Room, caplog):
    address = room.address()
    room.receiver.status = 403
    row = addresses.test_address(address.pk)
    assert row.outcome == "given_up"
    assert "403" in row.error
    for told in (row.error, caplog.text):
        assert SECRET not in told
        assert "127.0.0.1" not in told


def test_a_row_whose_sender_died_is_sent_once_more_and_says_so(room: Room):
    room.rule(reminder_hours=0)
    room.broken_channel()
    room.receiver.status = 500
    room.settle()
    Notification.objects.update(outcome="sending", claimed_at=timezone.now())
    room.receiver.status = 200
    room.pass_(60)
    assert room.receiver.taken == []
    room.pass_(minutes=5)
    (message,) = room.receiver.taken
    assert "may arrive twice" in message["message"]
    assert Notification.objects.get().outcome == "sent"


def test_a_second_death_is_the_end(room: Room):
    room.rule(reminder_hours=0)
    room.broken_channel()
    room.receiver.status = 500
    room.settle()
    for _ in range(2):
        Notification.objects.update(outcome="sending", claimed_at=timezone.now())
        room.clock.shift(timedelta(minutes=6))
        outbox.take_back_from_the_dead(timezone.now())
    row = Notification.objects.get()
    assert row.outcome == "given_up"
    assert row.error == outbox.DIED


def test_what_a_dead_sender_comes_back_with_changes_nothing(room: Room):
    room.rule(reminder_hours=0)
    room.broken_channel()
    room.receiver.status = 500
    room.settle()
    room.pass_(120)
    room.receiver.status = 200
    room.clock.shift(timedelta(hours=1))
    (held,) = outbox.claim(Notification.objects.get().address_id, timezone.now())
    Notification.objects.update(message_id="taken-by-another")
    outbox.send([held])
    assert Notification.objects.get().outcome == "sending"


def test_many_that_wait_for_one_address_go_as_one(room: Room):
    room.rule()
    for _ in range(7):
        room.broken_channel()
    room.settle()
    (message,) = room.receiver.taken
    assert message["title"] == "Headend: 7 messages, the worst error"
    assert Notification.objects.filter(outcome="sent").values("message_id").distinct().count() == 1


def test_no_more_than_so_many_messages_a_minute(room: Room, settings):
    settings.HEADEND_NOTIFY_PER_MINUTE = 2
    room.rule()
    for _ in range(3):
        room.broken_channel()
    room.settle()
    assert len(room.receiver.taken) == 2
    room.pass_(61)
    assert len(room.receiver.taken) == 3


def test_what_waits_for_an_address_that_is_switched_off_is_withdrawn(room: Room):
    address = room.address()
    room.rule(address, quiet_from=time(11), quiet_until=time(13))
    room.broken_channel()
    room.settle()
    addresses.change_address(address.pk, enabled=False)
    room.pass_(hours=2)
    assert room.receiver.taken == []
    assert Notification.objects.get().outcome == "withdrawn"


def test_an_ntfy_of_ones_own_takes_messages(room: Room):
    row = addresses.test_address(room.address(url=room.receiver.ntfy("night-shift")).pk)
    assert (row.outcome, row.error) == ("sent", "")
    assert len(room.receiver.taken) == 1


def test_a_redirect_is_not_followed(room: Room):
    room.receiver.status = 307
    row = addresses.test_address(room.address(url=f"{room.receiver.url}?redirect=yes").pk)
    assert row.outcome == "given_up"
    assert room.receiver.refused == 1


@pytest.mark.parametrize("allowed", [True, False])
def test_hosts_of_the_own_network_are_reached_only_if_the_settings_allow(room: Room, settings, allowed):
    address = room.address()
    settings.HEADEND_NOTIFY_PRIVATE_HOSTS = allowed
    row = addresses.test_address(address.pk)
    assert (row.outcome == "sent") == allowed
    assert ("HEADEND_NOTIFY_PRIVATE_HOSTS" in row.error) != allowed


def test_a_title_calls_no_room(room: Room):
    room.rule()
    room.broken_channel(name="@everyone <!channel>")
    room.settle()
    assert "@everyone" not in room.receiver.taken[0]["title"] + room.receiver.taken[0]["message"]
    assert "<!channel>" not in room.receiver.taken[0]["message"]
