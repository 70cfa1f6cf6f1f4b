"""The operator holds back, lets go and takes out channels."""

import pytest

from channels.states import ChannelState
from orchestration import register
from orchestration.errors import IllegalTransition, NotFound
from orchestration.models import Activity
from tests.factories import ChannelFactory

pytestmark = pytest.mark.django_db


def test_pausing_resuming_and_disabling_write_the_state_and_say_who_and_why():
    channel = ChannelFactory()

    register.pause_channel(channel.pk, "the owner asked")
    register.resume_channel(channel.pk)
    register.disable_channel(channel.pk, "sold")

    channel.refresh_from_db()
    assert channel.state == ChannelState.DISABLED
    entries = Activity.objects.filter(object_id=channel.pk, verb__startswith="channel_").order_by("id")
    assert [(entry.verb, entry.before["state"], entry.after["state"], entry.reason) for entry in entries] == [
        ("channel_paused", "active", "paused", "the owner asked"),
        ("channel_resumed", "paused", "active", ""),
        ("channel_disabled", "active", "disabled", "sold"),
    ]


def test_a_channel_that_is_paused_cannot_be_paused_again():
    channel = ChannelFactory(paused=True)
    with pytest.raises(IllegalTransition) as refused:
        register.pause_channel(channel.pk)
    assert refused.value.details["state"] == ChannelState.PAUSED
    assert not Activity.objects.filter(verb="channel_paused").exists()


def test_a_channel_that_does_not_exist_is_named_by_its_field():
    with pytest.raises(NotFound) as refused:
        register.pause_channel(4711)
    assert refused.value.field == "channel_id"
    assert "4711" in refused.value.message
