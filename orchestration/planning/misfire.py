"""Decide what becomes of an item whose moment has passed, and how a resume lets the overdue go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from orchestration.planning.answers import MisfireAction, MisfireDecision, Release
from orchestration.planning.calendar import ChannelCalendar
from orchestration.planning.conflicts import format_duration, format_instant
from orchestration.planning.slots import Instant, require_aware
from orchestration.planning.types import Occupied

ON_TIME_SECONDS = 60
"""A flip this much after its moment is on time; policies speak about more than that."""

LET_GO_AHEAD = timedelta(days=90)
"""How far ahead a turn is looked for of what a person has released: no grace ends it."""

POLICIES = ("publish_late", "next_slot", "skip", "hold")


def decide_misfire(
    policy: str,
    due_at: datetime,
    now: datetime,
    grace_seconds: int = 0,
    slots: Iterable[Instant] = (),
    on_time_seconds: int = ON_TIME_SECONDS,
) -> MisfireDecision:
    """Decide what happens to an item that is due.

    `slots` are the channel's free posting slots in order of time; the first one after now is taken by
    `next_slot`. Where there is none the item is held. `publish_late` beyond its grace is a miss. Raises
    ValueError for an unknown policy and NaiveDatetime for a time without a zone.
    """
    if policy not in POLICIES:
        raise ValueError(f"{policy} is not a misfire policy: {', '.join(POLICIES)}")
    due_at, now = require_aware(due_at, "due_at"), require_aware(now, "now")
    late = max(0, int((now - due_at).total_seconds()))

    def decided(action: str, sentence: str, new_at: datetime | None = None) -> MisfireDecision:
        return MisfireDecision(action, policy, due_at, new_at, late, sentence)

    if late <= on_time_seconds:
        return decided(MisfireAction.ON_TIME, "on time: it is published now")
    overdue = f"{format_duration(late)} late"
    if policy == "publish_late":
        if late <= grace_seconds:
            return decided(
                MisfireAction.PUBLISH_LATE,
                f"{overdue}, within the grace of {format_duration(grace_seconds)}: it is published late",
            )
        return decided(
            MisfireAction.MISS,
            f"{overdue}, beyond the grace of {format_duration(grace_seconds)}: it is missed",
        )
    if policy == "next_slot":
        slot = next((slot for slot in slots if slot.at > now), None)
        if slot is None:
            return decided(
                MisfireAction.HOLD, f"{overdue}, and the channel has no free slot ahead: it is held"
            )
        wall = f"{slot.local_wall:%a %Y-%m-%d %H:%M} ({slot.zone})"
        return decided(
            MisfireAction.MOVE, f"{overdue}: it moves to the channel's next free slot, {wall}", slot.at
        )
    if policy == "skip":
        return decided(MisfireAction.SKIP, f"{overdue}: it is skipped")
    return decided(MisfireAction.HOLD, f"{overdue}: it is held until an operator decides")


@dataclass(frozen=True, slots=True)
class OverdueItem:
    """A schedule whose moment has passed while nothing was let go."""

    schedule_id: int
    channel_id: int
    due_at: datetime
    priority: int = 5
    label: str = ""
    is_let_go: bool = False
    """A person has released what its policy held for its lateness."""


def let_go(decision: MisfireDecision) -> MisfireDecision:
    """Return the decision about what was held for its lateness once a person has released it."""
    if decision.action != MisfireAction.HOLD:
        return decision
    sentence = f"{decision.lateness_seconds} s late, and released by hand: it is published late"
    return replace(decision, action=MisfireAction.PUBLISH_LATE, sentence=sentence)


def preview_resume(
    overdue: Iterable[OverdueItem],
    calendars: Mapping[int, ChannelCalendar],
    now: datetime,
    per_minute: int = 10,
) -> list[Release]:
    """Return what a resume does to each overdue item, in due order, letting at most `per_minute` go in a minute.

    The calendars hold what lies ahead, without the overdue items; what is decided here is put into them, so that two items
    of a channel take two slots and keep the channel's gap. An item that would be let go after its grace is missed.
    """
    now = require_aware(now, "now")
    interval = timedelta(minutes=1) / per_minute
    used: set[int] = set()
    releases: list[Release] = []
    for item in sorted(overdue, key=lambda i: (i.due_at, -i.priority, i.schedule_id)):
        calendar = calendars[item.channel_id]
        channel = calendar.channel
        slot = (
            calendar.free_slot_from(now + timedelta(seconds=1))
            if channel.misfire_policy == "next_slot"
            else None
        )
        decision = decide_misfire(
            channel.misfire_policy, item.due_at, now, channel.grace_minutes * 60, (slot,) if slot else ()
        )
        latest = item.due_at + timedelta(seconds=max(channel.grace_minutes * 60, ON_TIME_SECONDS))
        if item.is_let_go and decision.action == MisfireAction.HOLD:
            decision, latest = let_go(decision), now + LET_GO_AHEAD
        release_at = None
        if decision.action == MisfireAction.MOVE:
            release_at = decision.new_at
        elif decision.action in (MisfireAction.ON_TIME, MisfireAction.PUBLISH_LATE):
            release_at = _tick(calendar, now, max(latest, now), interval, used)
            if release_at is None:
                late = int((now - item.due_at).total_seconds())
                why = (
                    f"{format_duration(late)} late, and its turn would come after the grace, "
                    f"at {format_instant(latest)}: it is missed"
                )
                decision = MisfireDecision(
                    MisfireAction.MISS, channel.misfire_policy, item.due_at, None, late, why
                )
        if release_at is not None:
            calendar.add(Occupied(item.channel_id, release_at, item.schedule_id, item.priority, item.label))
        releases.append(Release(item.schedule_id, item.channel_id, decision, release_at))
    return releases


def _tick(
    calendar: ChannelCalendar, now: datetime, latest: datetime, interval: timedelta, used: set[int]
) -> datetime | None:
    """Take the first unused tick of the release clock that is free on the channel, or None up to `latest`."""
    at = now
    while True:
        free_at = calendar.free_from(at, latest)
        if free_at is None:
            return None
        number = max(0, ceil((free_at - now) / interval))
        while number in used:
            number += 1
        tick = now + interval * number
        if tick > latest:
            return None
        if calendar.free_from(tick, tick) == tick:
            used.add(number)
            return tick
        at = tick
