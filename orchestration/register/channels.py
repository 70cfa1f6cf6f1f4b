"""Let the operator hold back, let go and take out channels."""

from __future__ import annotations

from django.db import transaction

from channels.models import Channel
from channels.states import ChannelState
from orchestration.core import lookup
from orchestration.core.transitions import transition
from orchestration.core.verbs import require
from orchestration.core.wakeups import wake_tick
from orchestration.models import Schedule
from orchestration.scheduling.disarming import is_beyond_stopping
from orchestration.scheduling.rows import take_off
from orchestration.states import ScheduleState


def pause_channel(channel_id: int, reason: str = "", *, version: int | None = None) -> Channel:
    """Hold a channel back: nothing new starts on it, what runs finishes, what is armed on YouTube is disarmed.

    Raises: NotFound, IllegalTransition.
    """
    return _hold_back(channel_id, "pause", ChannelState.PAUSED, "channel_paused", reason, version)


def resume_channel(channel_id: int, reason: str = "", *, version: int | None = None) -> Channel:
    """Let a paused or disabled channel go on; what is overdue by then follows its misfire policy.

    Raises: NotFound, IllegalTransition.
    """
    with transaction.atomic():
        channel = lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
        require(channel, "resume", version=version)
        transition(channel, ChannelState.ACTIVE, verb="channel_resumed", reason=reason)
        wake_tick()
    return channel


def disable_channel(channel_id: int, reason: str = "", *, version: int | None = None) -> Channel:
    """Take a channel out of planning, checks and statistics; its history stays.

    Raises: NotFound, IllegalTransition, StaleVersion.
    """
    return _hold_back(channel_id, "disable", ChannelState.DISABLED, "channel_disabled", reason, version)


def _hold_back(channel_id: int, name: str, to: str, verb: str, reason: str, version: int | None) -> Channel:
    with transaction.atomic():
        channel = lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
        require(channel, name, version=version)
        transition(channel, to, verb=verb, reason=reason)
        _disarm(channel)
    return channel


def _disarm(channel: Channel) -> None:
    """Take back what YouTube would publish by itself; what its moment has come for can only be recalled."""
    why = f"channel {channel.name} is {channel.state}"
    staged = Schedule.objects.locked().prefetch_related("channel", "distribution")
    rows = [
        row
        for row in staged.filter(channel=channel, state=ScheduleState.STAGED).order_by("pk")
        if not is_beyond_stopping(row)
    ]
    take_off(rows, why)
