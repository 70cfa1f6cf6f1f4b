"""Give channels posting slots and blackouts, and take them away."""

import pytest

from channels.models import Blackout, PostingSlot
from orchestration.models import Activity
from orchestration.states import Trigger
from tests.factories import BlackoutFactory, ChannelFactory, PostingSlotFactory

pytestmark = pytest.mark.django_db


def test_a_slot_is_given_and_recorded(api):
    channel = ChannelFactory()

    answer = api.post("slots", {"channel_id": channel.pk, "weekday": 4, "local_time": "18:00"})

    assert answer.status_code == 201
    slot = PostingSlot.objects.get()
    assert (slot.channel, slot.weekday, f"{slot.local_time:%H:%M}") == (channel, 4, "18:00")
    entry = Activity.objects.get(verb="slot_added")
    assert (entry.trigger, entry.cid) == (Trigger.API, answer["X-Correlation-Id"])
    assert not Activity.objects.filter(verb="create", content_type__model="postingslot").exists()


def test_the_same_slot_twice_is_refused_by_name(api):
    slot = PostingSlotFactory(weekday=4)

    answer = api.post("slots", {"channel_id": slot.channel_id, "weekday": 4, "local_time": "18:00:30"})

    assert (answer.status_code, answer.json()["field"]) == (422, "local_time")
    assert PostingSlot.objects.count() == 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"weekday": 7}, "weekday"),
        ({"local_time": "25:00"}, "local_time"),
        ({"local_time": "18:00Z"}, "local_time"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_slot_that_cannot_be_names_the_field(api, change, field):
    body = {"channel_id": ChannelFactory().pk, "weekday": 4, "local_time": "18:00"} | change

    answer = api.post("slots", body)

    assert (answer.status_code, answer.json()["field"]) == (422, field)


def test_a_slot_for_no_channel_is_not_found(api):
    answer = api.post("slots", {"channel_id": 999, "weekday": 4, "local_time": "18:00"})

    assert (answer.status_code, answer.json()["field"]) == (404, "channel_id")


def test_a_slot_is_taken_away_and_recorded(api):
    slot = PostingSlotFactory()

    answer = api.delete(f"slots/{slot.pk}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert not PostingSlot.objects.exists()
    assert Activity.objects.get(verb="slot_removed").before["local_time"] == "18:00"
    assert api.delete(f"slots/{slot.pk}").status_code == 404


HOLIDAYS = {"first_date": "2026-12-24", "last_date": "2026-12-26"}


def test_a_blackout_is_given_and_recorded(api):
    channel = ChannelFactory()

    answer = api.post(
        "blackouts",
        {"channel_id": channel.pk, "from_time": "12:00", "reason": "holidays"} | HOLIDAYS,
    )

    assert answer.status_code == 201
    row = Blackout.objects.get()
    assert (answer.json()["id"], answer.json()["channel_slug"]) == (row.pk, channel.slug)
    assert (f"{row.first_date}", f"{row.from_time:%H:%M}", row.until_time) == ("2026-12-24", "12:00", None)
    entry = Activity.objects.get(verb="blackout_added")
    assert (entry.trigger, entry.reason) == (Trigger.API, "holidays")
    assert not Activity.objects.filter(verb="create", content_type__model="blackout").exists()
    assert api.get(f"channels/{channel.pk}").json()["blackouts"][0]["id"] == row.pk


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"last_date": "2026-12-23"}, "last_date"),
        ({"first_date": "24.12.2026"}, "first_date"),
        ({"first_date": 20_000}, "first_date"),
        ({"last_date": "9999-12-31"}, "last_date"),
        ({"first_date": "0001-01-01"}, "first_date"),
        ({"from_time": "18:00Z"}, "from_time"),
        ({"last_date": "2026-12-24", "from_time": "18:00", "until_time": "18:00"}, "until_time"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_blackout_that_cannot_be_names_the_field(api, change, field):
    answer = api.post("blackouts", {"channel_id": ChannelFactory().pk} | HOLIDAYS | change)

    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert not Blackout.objects.exists()


def test_a_blackout_is_taken_away_and_recorded(api):
    row = BlackoutFactory()

    answer = api.delete(f"blackouts/{row.pk}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert not Blackout.objects.exists()
    assert Activity.objects.get(verb="blackout_removed").before["first_date"] == "2026-12-25"
    assert api.delete(f"blackouts/{row.pk}").status_code == 404
