"""Weigh all videos for all channels at once: one set of bits for each rule and threshold."""

from __future__ import annotations

from typing import Any

from orchestration.planning import rules
from orchestration.planning.answers import Unplaced
from orchestration.planning.distribution_state import CHANNELS_PER_VIDEO, FREE_SLOT, DistributionDraft
from orchestration.planning.filters import CHANNEL_RULES, FILTER_RULES, VIDEO_RULES, FilterRule
from orchestration.planning.types import ChannelView, VideoView


class FilterBits:
    """The verdicts over all pairs as sets of bits.

    Bit i of a set is the i-th video, and says that a rule refuses it.
    """

    def __init__(self, draft: DistributionDraft, videos: list[VideoView]) -> None:
        self.draft = draft
        self.videos = videos
        self.eligible = 0
        self._everyone = (1 << len(videos)) - 1
        self._index = {v.id: i for i, v in enumerate(videos)}
        self._by_content: dict[str, int] = {}
        for i, video in enumerate(videos):
            if video.content_hash:
                self._by_content[video.content_hash] = self._by_content.get(video.content_hash, 0) | 1 << i
        self._sets: dict[tuple[str, Any], int] = {}
        self._refusals: dict[tuple[str, int], int] = {}
        self._refused_on: dict[int, list[tuple[str, int]]] = {c: [] for c in draft.channels}
        self._waiting_on: dict[int, int] = {}

    def candidates(self, channel: ChannelView) -> list[VideoView]:
        """Return the videos that may go to a channel, best first.

        Remember by which rule the others may not.
        """
        refused = 0
        for about_channel in CHANNEL_RULES:
            if not about_channel.passes(about_channel.value(channel)):
                refused |= self._count(channel.id, about_channel.code, self._everyone)
        for rule in (*VIDEO_RULES, *FILTER_RULES):
            threshold = rule.threshold(channel)
            if threshold is not None:
                refused |= self._count(channel.id, rule.code, self._refused_by(rule, threshold))
        there, same = self._there(channel.id)
        refused |= self._count(channel.id, rules.ALREADY_DISTRIBUTED, there)
        refused |= self._count(channel.id, rules.SAME_CONTENT, same & ~there)
        refused |= self._count(channel.id, rules.CANCELLED_BEFORE, self._cancelled(channel.id))
        left = self._everyone & ~refused
        self.eligible += left.bit_count()
        self._waiting_on[channel.id] = left
        if not left:
            return []
        return [self.videos[i] for i in self.draft.ranker.order(self.videos, channel) if left >> i & 1]

    def _refused_by(self, rule: FilterRule, threshold: Any) -> int:
        key = (rule.code, threshold)
        refused = self._sets.get(key)
        if refused is None:
            test = rule.test(threshold)
            refused = sum(1 << i for i, video in enumerate(self.videos) if not test(video))
            self._sets[key] = refused
        return refused

    def _there(self, channel_id: int) -> tuple[int, int]:
        there = same = 0
        for video_id in self.draft.videos_on[channel_id]:
            index = self._index.get(video_id)
            if index is not None:
                there |= 1 << index
        for content in self.draft.content_on[channel_id]:
            same |= self._by_content.get(content, 0)
        return there, same

    def _cancelled(self, channel_id: int) -> int:
        places = (self._index.get(video_id) for video_id in self.draft.cancelled_on[channel_id])
        return sum(1 << index for index in places if index is not None)

    def _count(self, channel_id: int, code: str, refused: int) -> int:
        if refused:
            self._refused_on[channel_id].append((code, refused))
            self._refusals[code, refused] = self._refusals.get((code, refused), 0) + 1
        return refused

    def reasons(self, video_id: int, channel_id: int) -> tuple[str, ...]:
        """Return the codes of the rules by which a video may not go to a channel; empty where it may."""
        index = self._index[video_id]
        return tuple(code for code, refused in self._refused_on[channel_id] if refused >> index & 1)

    def unplaced(self) -> tuple[Unplaced, ...]:
        """Return the videos that go nowhere in this run, each with the rule that refused it on most channels."""
        going = {video_id for video_id, _ in self.draft.placed}
        tallies: dict[int, dict[str, int]] = {
            i: {} for i, video in enumerate(self.videos) if video.id not in going
        }
        for (code, refused), channels in self._refusals.items():
            for index, tally in tallies.items():
                if refused >> index & 1:
                    tally[code] = tally.get(code, 0) + channels
        for left in self._waiting_on.values():
            for index, tally in tallies.items():
                if left >> index & 1:
                    code = FREE_SLOT if self.draft.has_room(self.videos[index]) else CHANNELS_PER_VIDEO
                    tally[code] = tally.get(code, 0) + 1
        total = len(self.draft.channels)
        return tuple(self._unplaced(index, tally, total) for index, tally in tallies.items())

    def _unplaced(self, index: int, tally: dict[str, int], total: int) -> Unplaced:
        video = self.videos[index]
        if not tally:
            return Unplaced(video.id, "no_channels", 0, "there are no channels")
        code, channels = min(tally.items(), key=lambda item: (-item[1], item[0]))
        return Unplaced(video.id, code, channels, f"{code} says no on {channels} of {total} channels")
