"""Let the operator hold back, let go and take out channels."""

from __future__ import annotations

from django.db import transaction

from channels.models import Channel
from channels.states import ChannelState
from orchestration import lookup
from orchestration.transitions import transition


def pause_channel(channel_id: int, reason: str = "") -> Channel:
    """Hold a channel back: nothing new starts on it, what runs finishes. Raises: NotFound, IllegalTransition."""
    return _move(channel_id, ChannelState.PAUSED, "channel_paused", reason)


def resume_channel(channel_id: int, reason: str = "") -> Channel:
    """Let a paused or disabled channel go on; what is overdue by then follows its misfire policy.

    Raises: NotFound, IllegalTransition.
    """
    return _move(channel_id, ChannelState.ACTIVE, "channel_resumed", reason)


def disable_channel(channel_id: int, reason: str = "") -> Channel:
    """Take a channel out of planning, checks and statistics; its history stays. Raises: NotFound, IllegalTransition."""
    return _move(channel_id, ChannelState.DISABLED, "channel_disabled", reason)


def _move(channel_id: int, to: str, verb: str, reason: str) -> Channel:
    with transaction.atomic():
        channel = lookup.one(Channel, channel_id, field="channel_id", lock=True)
        return transition(channel, to, verb=verb, reason=reason)
