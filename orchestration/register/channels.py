"""Let the operator hold back, let go and take out channels."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction

from channels.models import Channel
from channels.states import ChannelState
from orchestration.core import lookup
from orchestration.core.transitions import transition, transition_each
from orchestration.core.verbs import require, sort_out
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


def pause_all(channel_ids: Sequence[int], reason: str = "") -> dict[int, str]:
    """Hold many channels back, as `pause_channel` does one; returns by id why some stay as they are."""
    return _each(channel_ids, "pause", ChannelState.PAUSED, "channel_paused", reason)


def resume_all(channel_ids: Sequence[int], reason: str = "") -> dict[int, str]:
    """Let many channels go on, as `resume_channel` does one; returns by id why some stay as they are."""
    return _each(channel_ids, "resume", ChannelState.ACTIVE, "channel_resumed", reason)


def disable_all(channel_ids: Sequence[int], reason: str = "") -> dict[int, str]:
    """Take many channels out of planning, as `disable_channel` does one; returns by id why some stay as they are."""
    return _each(channel_ids, "disable", ChannelState.DISABLED, "channel_disabled", reason)


def _each(channel_ids: Sequence[int], name: str, to: str, verb: str, reason: str) -> dict[int, str]:
    with transaction.atomic():
        rows = list(Channel.objects.locked().filter(pk__in=channel_ids).order_by("pk"))
        taken, refused = sort_out(rows, name)
        transition_each(taken, to, verb=verb, reason=reason)
        if to == ChannelState.ACTIVE:
            wake_tick()
        else:
            _disarm(taken, f"its channel is {to}")
    return refused


def _hold_back(channel_id: int, name: str, to: str, verb: str, reason: str, version: int | None) -> Channel:
    with transaction.atomic():
        channel = lookup.one(Channel.objects.locked(), channel_id, field="channel_id")
        require(channel, name, version=version)
        transition(channel, to, verb=verb, reason=reason)
        _disarm([channel], f"channel {channel.name} is {channel.state}")
    return channel


def _disarm(channels: Sequence[Channel], why: str) -> None:
    """Take back what YouTube would publish by itself; what its moment has come for can only be recalled."""
    staged = Schedule.objects.locked().prefetch_related("channel", "distribution")
    rows = [
        row
        for row in staged.filter(channel__in=channels, state=ScheduleState.STAGED).order_by("pk")
        if not is_beyond_stopping(row)
    ]
    take_off(rows, why)
