"""Read a channel's week: its slots, and what its gap, its cap and the clocks of its zone make of them."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from channels.models import Channel, PostingSlot
from orchestration.core import lookup
from orchestration.planning.week_facts import WeekFact, facts_of
from orchestration.register import calendars


@dataclass(frozen=True, slots=True)
class Week:
    """A channel's weekly slots; `version` changes when they do, `facts` say what is to be known of them."""

    channel: Channel
    slots: list[PostingSlot]
    facts: list[WeekFact]
    version: str


def week_of(channel_id: int) -> Week:
    """Return a channel's week. Raises: NotFound."""
    channel = lookup.one(Channel, channel_id, field="channel_id")
    slots = list(channel.slots.all())
    facts = facts_of(
        map(calendars.slot_at, slots),
        min_gap_minutes=channel.min_gap_minutes,
        daily_cap=channel.daily_cap,
        zone=channel.timezone,
        now=timezone.now(),
    )
    return Week(channel, slots, facts, calendars.version_of(slots))
