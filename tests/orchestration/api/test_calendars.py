"""Give channels posting slots, and take them away."""

import pytest

from channels.models import PostingSlot
from orchestration.models import Activity
from orchestration.states import Trigger
from tests.factories import ChannelFactory, PostingSlotFactory

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
