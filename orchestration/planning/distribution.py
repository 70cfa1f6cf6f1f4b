"""Match ready videos to active channels, rank them, and place them into free slots; say why, and why not.

The decision and its explanation are the same rules (`filters`) and the same state (`distribution_state`). Rules are
weighed for all videos at once (`filter_bits`), so that a hundred channels with the same filter cost as much as
one; a sentence is only written when somebody asks.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Set
from datetime import datetime

from orchestration.planning import unit_days
from orchestration.planning.answers import Explanation, Unplaced
from orchestration.planning.budgets import soonest
from orchestration.planning.calendar import ChannelCalendar
from orchestration.planning.conflicts import format_count
from orchestration.planning.distribution_state import DistributionContext, DistributionDraft, seconds_of
from orchestration.planning.filter_bits import FilterBits
from orchestration.planning.gc_pause import with_gc_paused
from orchestration.planning.reservations import Reservations, ToStage
from orchestration.planning.slots import Instant
from orchestration.planning.types import (
    ChannelView,
    Conflict,
    DayLoad,
    Method,
    Placement,
    Resolution,
    VideoView,
)

MAX_HORIZON_DAYS = 90


class DistributionPlan:
    """What a distribution does: placements, the videos it leaves, and the reason for every pair on request."""

    def __init__(
        self,
        draft: DistributionDraft,
        videos: Mapping[int, VideoView],
        placements: tuple[Placement, ...],
        days: tuple[DayLoad, ...],
        bits: FilterBits,
        conflicts: tuple[Conflict, ...] = (),
    ) -> None:
        self._draft = draft
        self._bits = bits
        self._videos = videos
        self.placements = placements
        self.days = days
        self.conflicts = conflicts
        self.unplaced: tuple[Unplaced, ...] = bits.unplaced()
        self.weighed = len(videos) * len(draft.channels)
        self.eligible = bits.eligible

    @property
    def summary(self) -> str:
        """Return the outcome as a sentence."""
        videos = len({p.video_id for p in self.placements})
        channels = len({p.channel_id for p in self.placements})
        nowhere = len(self.unplaced)
        text = (
            f"{format_count(len(self.placements), 'placement')} of {format_count(videos, 'video')} "
            f"on {format_count(channels, 'channel')}; "
            f"{format_count(self.weighed, 'pair')} weighed, {self.eligible} eligible; "
            f"{format_count(nowhere, 'video')} {'goes' if nowhere == 1 else 'go'} nowhere"
        )
        if self.conflicts:
            text += f"; {self.conflicts[0].message}"
        more = len(self.conflicts) - 1
        return f"{text}; so it is on {format_count(more, 'more day')}" if more > 0 else text

    def explain(self, video_id: int, channel_id: int) -> Explanation:
        """Explain one pair by the rules that decided it. Raises KeyError for one that was not weighed."""
        return self._draft.explain(self._videos[video_id], self._draft.channels[channel_id])

    def reasons(self, video_id: int, channel_id: int) -> tuple[str, ...]:
        """Return the codes of the rules by which a video may not go to a channel, from the sets that decided it."""
        return self._bits.reasons(video_id, channel_id)

    def explanations(self) -> Iterator[Explanation]:
        """Explain every pair that was weighed, one after the other."""
        for video in self._videos.values():
            for channel in self._draft.channels.values():
                yield self._draft.explain(video, channel)


def explain(video: VideoView, channel: ChannelView, context: DistributionContext) -> Explanation:
    """Return whether a video may go to a channel now: each rule, its value, its threshold, yes or no."""
    draft = DistributionDraft([channel], context)
    return draft.explain(video, draft.channels[channel.id])


@with_gc_paused
def distribute(
    videos: Iterable[VideoView], channels: Iterable[ChannelView], context: DistributionContext
) -> DistributionPlan:
    """Place ready videos into the free slots of the channels that take them.

    The channel with the emptiest backlog chooses first (then the higher priority), and takes the video that
    fits it best and is freshest. It goes on until nothing can be added, so a second run over the outcome
    adds nothing.
    """
    draft = DistributionDraft(channels, context)
    video_of = {v.id: v for v in sorted(videos, key=lambda v: v.id)}
    bits = FilterBits(draft, list(video_of.values()))
    soon = soonest(draft.now)
    heap: list[tuple[int, int, int]] = []
    waiting: dict[int, list[VideoView]] = {}
    since: dict[int, datetime] = {}
    lengths: dict[int, set[int]] = {}
    for channel in draft.channels.values():
        candidates = bits.candidates(channel)
        if not candidates:
            continue
        waiting[channel.id] = candidates
        lengths[channel.id] = {seconds_of(video, channel) for video in candidates}
        since[channel.id] = soon
        heapq.heappush(heap, (draft.backlog(channel.id), -channel.priority, channel.id))
    made: list[tuple[VideoView, ChannelView, Instant]] = []
    while heap:
        backlog, order, channel_id = heapq.heappop(heap)
        channel, calendar = draft.channels[channel_id], draft.calendars[channel_id]
        choice = _choose(
            draft, waiting[channel_id], channel, calendar, since[channel_id], lengths[channel_id]
        )
        if choice is None:
            continue
        video, slot = choice
        draft.place(video, channel, slot)
        made.append((video, channel, slot))
        since[channel_id] = slot.at
        heapq.heappush(heap, (backlog + 1, order, channel_id))
    placements, days = reserved(draft, made)
    moments = [placement.at for placement in placements]
    short = unit_days.conflicts(moments, context.pools, draft.stager.days, Resolution.OPEN)
    return DistributionPlan(draft, video_of, placements, days, bits, tuple(short))


def _choose(
    draft: DistributionDraft,
    waiting: list[VideoView],
    channel: ChannelView,
    calendar: ChannelCalendar,
    since: datetime,
    lengths: Set[int],
) -> tuple[VideoView, Instant] | None:
    """Take the best video that may stand in a channel's next free slot, or in a later one.

    Drop those that never may, as far as they stand in the way: `waiting` is looked at from its best end only.
    """
    for slot in draft.slots_from(calendar, since) if waiting else ():
        staged = {seconds for seconds in lengths if draft.can_stage(channel.executor, seconds, slot.at)}
        if not staged:
            continue
        kept: list[VideoView] = []
        for index, video in enumerate(waiting):
            if not draft.has_room(video) or draft.duplicate(video, channel.id) is not None:
                continue
            if seconds_of(video, channel) in staged and draft.is_cool(video, slot.at):
                waiting[: index + 1] = kept
                return video, slot
            kept.append(video)
        waiting[:] = kept
        if not kept:
            break
    return None


def reserved(
    draft: DistributionDraft, made: list[tuple[VideoView, ChannelView, Instant]]
) -> tuple[tuple[Placement, ...], tuple[DayLoad, ...]]:
    """Return what a draft placed in the order of time, each with the Pacific day whose budget it reserves."""
    made = sorted(made, key=lambda m: (m[2].at, m[0].id, m[1].id))
    reservations = Reservations(draft.context.pools, draft.now, draft.stager.days)
    lead = draft.context.lead_time_seconds
    items = [
        ToStage(slot.at, channel.executor, seconds_of(video, channel), max(lead, channel.lead_time_seconds))
        for video, channel, slot in made
    ]
    priority = draft.context.priority
    placements = tuple(
        Placement(
            video.id,
            channel.id,
            slot.at,
            slot.local_wall,
            channel.zone,
            channel.priority if priority is None else priority,
            Method.SLOT,
            "",
            slot.slot_id,
            *staging,
        )
        for (video, channel, slot), staging in zip(made, reservations.reserve(items), strict=True)
    )
    return placements, reservations.loads()
