"""Place the episodes of a series: each in the next free of its times, in order, and none is passed over.

A series has times of its own, on each channel's clock, and asks no filter: whoever bound the source to the channel has
decided. An episode that cannot go out yet holds up those behind it; a time that is not free is left out, and the
episode takes the next one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from orchestration.planning.answers import RuleResult
from orchestration.planning.budgets import soonest
from orchestration.planning.distribution import reserved
from orchestration.planning.distribution_state import DistributionContext, DistributionDraft, seconds_of
from orchestration.planning.filters import CHANNEL_RULES
from orchestration.planning.slots import Instant
from orchestration.planning.types import ChannelView, DayLoad, Filters, Placement, SlotRule, VideoView

JUST_AFTER = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Episode:
    """One episode in its place of the series; `blocked` says why it cannot go out yet, and is empty where it can."""

    video: VideoView
    blocked: str = ""


@dataclass(frozen=True, slots=True)
class SeriesOnChannel:
    """How a series goes on on one channel: how many episodes wait, and for what."""

    channel_id: int
    slug: str
    placed: int
    waiting: int
    waits_for: str = ""
    left_out: tuple[datetime, ...] = ()
    """Times of the series, up to the last episode placed, that were not free."""


@dataclass(frozen=True, slots=True)
class SeriesPlan:
    """What a run of a series places, and how it stands on each channel."""

    placements: tuple[Placement, ...]
    days: tuple[DayLoad, ...]
    channels: tuple[SeriesOnChannel, ...]


def plan_series(
    episodes: Sequence[Episode],
    channels: Sequence[ChannelView],
    times: Sequence[SlotRule],
    context: DistributionContext,
) -> SeriesPlan:
    """Place the episodes that are not on a channel yet behind the last that is, up to the horizon."""
    own = [replace(channel, slots=tuple(times), filters=Filters()) for channel in channels]
    draft = DistributionDraft(own, context)
    made: list[tuple[VideoView, ChannelView, Instant]] = []
    told = []
    for channel in draft.channels.values():
        placed, on_channel = _place(draft, channel, episodes)
        made += [(video, channel, slot) for video, slot in placed]
        told.append(on_channel)
    placements, days = reserved(draft, made)
    return SeriesPlan(placements, days, tuple(told))


def _place(
    draft: DistributionDraft, channel: ChannelView, episodes: Sequence[Episode]
) -> tuple[list[tuple[VideoView, Instant]], SeriesOnChannel]:
    left = [episode for episode in episodes if not _is_done(draft, episode.video, channel.id)]
    refused = _refused(channel)
    if refused is not None or not left:
        waits_for = refused.sentence.removeprefix("no: ") if refused is not None and left else ""
        return [], SeriesOnChannel(channel.id, channel.slug, 0, len(left), waits_for)
    before = [
        draft.videos_on[channel.id][e.video.id].at
        for e in episodes
        if e.video.id in draft.videos_on[channel.id]
    ]
    since = max([soonest(draft.now), *(at + JUST_AFTER for at in before if at is not None)])
    slots = draft.slots_from(draft.calendars[channel.id], since)
    placed: list[tuple[VideoView, Instant]] = []
    waits_for = ""
    for episode in left:
        if episode.blocked:
            waits_for = f"{episode.video.title or f'video {episode.video.id}'}: {episode.blocked}"
            break
        seconds = seconds_of(episode.video, channel)
        slot = next((s for s in slots if draft.can_stage(channel.executor, seconds, s.at)), None)
        if slot is None:
            break
        draft.place(episode.video, channel, slot)
        placed.append((episode.video, slot))
    left_out = _left_out(draft, channel, since, [slot.at for _, slot in placed])
    return placed, SeriesOnChannel(
        channel.id, channel.slug, len(placed), len(left) - len(placed), waits_for, left_out
    )


def _is_done(draft: DistributionDraft, video: VideoView, channel_id: int) -> bool:
    """Return whether an episode is on the channel, with its content or by itself, or a person said no to it there."""
    return draft.duplicate(video, channel_id) is not None or video.id in draft.cancelled_on[channel_id]


def _refused(channel: ChannelView) -> RuleResult | None:
    return next((result for rule in CHANNEL_RULES if not (result := rule.result(channel)).ok), None)


def _left_out(
    draft: DistributionDraft, channel: ChannelView, since: datetime, used: Sequence[datetime]
) -> tuple[datetime, ...]:
    if not used:
        return ()
    calendar, found, at = draft.calendars[channel.id], [], since
    while (slot := calendar.next_slot(at)) is not None and slot.at < used[-1]:
        if slot.at not in used:
            found.append(slot.at)
        at = slot.at + JUST_AFTER
    return tuple(found)
