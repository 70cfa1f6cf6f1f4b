"""The operator holds back, lets go and takes out channels."""

from datetime import timedelta

import pytest
from django.utils import timezone

from channels.states import ChannelState
from orchestration.core.permissions import Actor
from orchestration.errors import IllegalTransition, NotFound, NotPermitted
from orchestration.models import Activity, Job
from orchestration.register import channels
from orchestration.service import CentralOrchestrationService
from orchestration.states import TAKING_BACK, JobKind, JobState, Trigger
from tests.factories import ChannelFactory, JobFactory, ScheduleFactory

pytestmark = pytest.mark.django_db


def test_pausing_resuming_and_disabling_write_the_state_and_say_who_and_why():
    channel = ChannelFactory()

    channels.pause_channel(channel.pk, "the owner asked")
    channels.resume_channel(channel.pk)
    channels.disable_channel(channel.pk, "sold")

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
        channels.pause_channel(channel.pk)
    assert refused.value.details["state"] == ChannelState.PAUSED
    assert not Activity.objects.filter(verb="channel_paused").exists()


def test_a_channel_that_does_not_exist_is_named_by_its_field():
    with pytest.raises(NotFound) as refused:
        channels.pause_channel(4711)
    assert refused.value.field == "channel_id"
    assert "4711" in refused.value.message


@pytest.mark.parametrize("hold_back", [channels.pause_channel, channels.disable_channel])
def test_what_is_armed_on_youtube_is_disarmed_with_its_channel(hold_back):
    at = timezone.now() + timedelta(minutes=5)
    armed = ScheduleFactory(staged=True, publish_at=at, armed_for=at)
    version = armed.version
    waiting = JobFactory(
        kind=JobKind.PUBLISH, channel=armed.channel, distribution=armed.distribution, schedule=armed
    )
    elsewhere = ScheduleFactory(staged=True, publish_at=at, armed_for=at)

    hold_back(armed.channel_id, "trouble")

    for row in (armed, elsewhere, waiting):
        row.refresh_from_db()
    assert armed.armed_for is None
    assert armed.version > version
    assert waiting.state == JobState.CANCELLED
    assert Job.objects.get(kind__in=TAKING_BACK, kind=JobKind.DISARM).schedule == armed
    assert elsewhere.armed_for == at


def test_what_youtube_is_about_to_publish_is_left_to_be_recalled():
    at = timezone.now() + timedelta(seconds=1)
    armed = ScheduleFactory(staged=True, publish_at=at, armed_for=at)
    channels.pause_channel(armed.channel_id)
    armed.refresh_from_db()
    assert armed.armed_for == at
    assert not Job.objects.filter(kind__in=TAKING_BACK).exists()


def test_through_the_door_the_entry_names_actor_and_trigger_and_a_reader_is_refused():
    channel = ChannelFactory()
    with pytest.raises(NotPermitted):
        CentralOrchestrationService(actor=Actor("rita", "read")).pause_channel(channel_id=channel.pk)
    service = CentralOrchestrationService(
        actor=Actor("olga", "operate"), trigger=Trigger.CLI, correlation_id="c1"
    )
    service.pause_channel(channel_id=channel.pk, reason="tea")
    entry = Activity.objects.get(verb="channel_paused")
    assert (entry.actor_label, entry.trigger, entry.cid, entry.reason) == ("olga", "cli", "c1", "tea")
