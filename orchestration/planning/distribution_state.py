"""Hold the state of a distribution while it is made, and explain any pair from it, before, during and after."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from orchestration.planning import rules
from orchestration.planning.answers import DistributionCaps, Explanation, RuleResult
from orchestration.planning.budgets import Stager, soonest
from orchestration.planning.calendar import ChannelCalendar, calendars_of
from orchestration.planning.filters import CHANNEL_RULES, FILTER_RULES, VIDEO_RULES
from orchestration.planning.ranking import Ranker
from orchestration.planning.reservations import Reservations
from orchestration.planning.slots import ONE_DAY, Instant, require_aware
from orchestration.planning.types import ChannelView, Existing, Occupied, PoolKind, PoolView, VideoView

CHANNELS_PER_VIDEO = "channels_per_video"
CONTENT_COOLDOWN = "content_cooldown"
FREE_SLOT = "free_slot"
STAGING = "staging"


@dataclass(frozen=True, slots=True)
class DistributionContext:
    """What surrounds a distribution: the calendars, what went where, the caps, the pools, the horizon.

    `existing` has to name every distribution of the videos and of their content; `occupied` the calendars
    of the channels from a day before now to a day after the horizon.
    """

    now: datetime
    occupied: tuple[Occupied, ...] = ()
    existing: tuple[Existing, ...] = ()
    caps: DistributionCaps = field(default_factory=DistributionCaps)
    horizon_days: int = 7
    pools: tuple[PoolView, ...] = ()
    lead_time_seconds: int = 0
    priority: int | None = None


class DistributionDraft:
    """What has been given to whom while a distribution is made, and after it for the explanations."""

    def __init__(self, channels: Iterable[ChannelView], context: DistributionContext) -> None:
        self.context = context
        self.now = require_aware(context.now, "now")
        self.until = self.now + ONE_DAY * context.horizon_days
        self.cooldown = timedelta(hours=context.caps.content_cooldown_hours)
        per_day = context.caps.per_channel_and_day
        if per_day is not None:
            channels = (_capped(channel, per_day) for channel in channels)
        self.channels = {c.id: c for c in sorted(channels, key=lambda c: c.id)}
        self.calendars = calendars_of(self.channels.values(), context.occupied, self.now)
        # Slots and rates say when staging is ready; a budget is a matter of days before a deadline, exact in any order.
        self.stager = Stager((p for p in context.pools if p.kind != PoolKind.BUDGET), self.now)
        self.reservations = Reservations(context.pools, self.now)
        self.ranker = Ranker(self.now)
        self.videos_on: dict[int, dict[int, Existing]] = {c: {} for c in self.channels}
        self.content_on: dict[int, dict[str, Existing]] = {c: {} for c in self.channels}
        self.cancelled_on: dict[int, dict[int, str]] = {c: {} for c in self.channels}
        self.channels_of: dict[int, set[int]] = {}
        self.content_at: dict[str, list[datetime]] = {}
        self.placed: dict[tuple[int, int], Instant] = {}
        for row in context.existing:
            self.note(row)

    def note(self, row: Existing) -> None:
        """Remember that a video goes to a channel, or that a person said no to that."""
        if row.cancelled:
            if row.channel_id in self.cancelled_on:
                self.cancelled_on[row.channel_id][row.video_id] = row.cancelled
            return
        self.channels_of.setdefault(row.video_id, set()).add(row.channel_id)
        if row.channel_id in self.videos_on:
            self.videos_on[row.channel_id][row.video_id] = row
            if row.content_hash:
                self.content_on[row.channel_id].setdefault(row.content_hash, row)
        if row.content_hash and row.at is not None and self.cooldown:
            insort(self.content_at.setdefault(row.content_hash, []), row.at)

    # -------------------------------------------------------------------------------------- rules of a pair, with reasons

    def duplicate(self, video: VideoView, channel_id: int) -> tuple[str, Existing] | None:
        """Return the rule by which a video is a duplicate on a channel, and what it repeats."""
        row = self.videos_on[channel_id].get(video.id)
        if row is not None:
            return rules.ALREADY_DISTRIBUTED, row
        if video.content_hash:
            row = self.content_on[channel_id].get(video.content_hash)
            if row is not None:
                return rules.SAME_CONTENT, row
        return None

    def has_room(self, video: VideoView) -> bool:
        """Return whether a video may go to one more channel."""
        limit = self.context.caps.channels_per_video
        return limit is None or len(self.channels_of.get(video.id, ())) < limit

    def hours_from_same_content(self, video: VideoView, at: datetime) -> float | None:
        """Return how far the nearest publication of the same content lies from an instant.

        None where there is none.
        """
        times = self.content_at.get(video.content_hash)
        if not times:
            return None
        index = bisect_left(times, at)
        near = min(abs(t - at) for t in times[max(0, index - 1) : index + 1])
        return near.total_seconds() / 3600

    def is_cool(self, video: VideoView, at: datetime) -> bool:
        """Return whether the same content lies far enough from an instant; asked half a million times in a large run."""
        times = self.content_at.get(video.content_hash)
        if not times:  # nor are any noted without a cooldown
            return True
        index = bisect_left(times, at)
        if index < len(times) and times[index] - at < self.cooldown:
            return False
        return index == 0 or at - times[index - 1] >= self.cooldown

    def free_slot(self, calendar: ChannelCalendar, since: datetime) -> Instant | None:
        """Return a channel's next free posting slot within the horizon."""
        return calendar.free_slot_from(since, self.until)

    def slots_from(self, calendar: ChannelCalendar, since: datetime) -> Iterator[Instant]:
        """Yield a channel's free posting slots within the horizon."""
        slot = self.free_slot(calendar, since)
        while slot is not None:
            yield slot
            slot = self.free_slot(calendar, slot.at + timedelta(microseconds=1))

    def can_stage(self, executor: str, seconds: int, at: datetime) -> bool:
        """Return whether one more item can be staged for an instant.

        Pools in time, and a day's budget before it.
        """
        booking = self.stager.peek(executor, seconds)
        if booking is None or booking.ready_at > at:
            return False
        return self.reservations.has_room(executor, at - timedelta(seconds=seconds))

    def place(self, video: VideoView, channel: ChannelView, slot: Instant) -> None:
        """Give a video its slot: calendar, staging, budget, and what goes where."""
        seconds = seconds_of(video, channel)
        self.stager.book(channel.executor, seconds)
        self.reservations.take(channel.executor, slot.at - timedelta(seconds=seconds))
        self.calendars[channel.id].add(Occupied(channel.id, slot.at, None, channel.priority, video.title))
        self.note(Existing(video.id, channel.id, video.content_hash, slot.at, "placed in this run"))
        self.placed[video.id, channel.id] = slot

    def explain(self, video: VideoView, channel: ChannelView) -> Explanation:
        """List every rule for a pair, with its value, its threshold, and yes or no."""
        results = [rule.result(channel) for rule in CHANNEL_RULES]
        results += [rule.result(video, channel) for rule in VIDEO_RULES]
        results += [rule.result(video, channel) for rule in FILTER_RULES]
        slot = self.placed.get((video.id, channel.id))
        if slot is not None:
            said = f"{slot.local_wall:%a %Y-%m-%d %H:%M} ({slot.zone})"
            results.append(RuleResult(FREE_SLOT, said, self._horizon, True, "placed into the slot {value}"))
        else:
            results += self._explain_duplicate(video, channel)
            results += self._explain_placing(video, channel)
        scores = self.ranker.scores(video, channel)
        scores["backlog"] = float(self.backlog(channel.id))
        return Explanation(video.id, channel.id, all(r.ok for r in results), tuple(results), scores)

    @property
    def _horizon(self) -> str:
        return f"within {self.context.horizon_days} days"

    def _explain_duplicate(self, video: VideoView, channel: ChannelView) -> list[RuleResult]:
        found = self.duplicate(video, channel.id)
        said = self.cancelled_on[channel.id].get(video.id)
        results = [
            RuleResult(
                rules.CANCELLED_BEFORE,
                said or "not cancelled",
                "not cancelled",
                said is None,
                "on the channel: {value}" + ("; only a person reopens it" if said else ""),
            )
        ]
        for rule in (rules.ALREADY_DISTRIBUTED, rules.SAME_CONTENT):
            row = found[1] if found is not None and found[0] == rule else None
            value = "not there" if row is None else f"video {row.video_id} is {row.state}"
            results.append(
                RuleResult(
                    rule, value, "not there", row is None, "on the channel: {value}, wanted {threshold}"
                )
            )
        return results

    def _explain_placing(self, video: VideoView, channel: ChannelView) -> list[RuleResult]:
        caps = self.context.caps
        count = len(self.channels_of.get(video.id, ()))
        results = [
            RuleResult(
                CHANNELS_PER_VIDEO,
                count,
                caps.channels_per_video,
                self.has_room(video),
                "the video goes to {value} channels, at most {threshold}",
            )
        ]
        slots = list(self.slots_from(self.calendars[channel.id], soonest(self.now)))
        said = f"{slots[0].at:%Y-%m-%d %H:%M} UTC" if slots else "none"
        results.append(
            RuleResult(
                FREE_SLOT, said, self._horizon, bool(slots), "next free slot: {value}, wanted {threshold}"
            )
        )
        if not slots:
            return results
        seconds = seconds_of(video, channel)
        staged = [slot for slot in slots if self.can_stage(channel.executor, seconds, slot.at)]
        results.append(
            RuleResult(
                STAGING,
                f"{len(staged)} of {len(slots)}",
                1,
                bool(staged),
                "free slots that staging can be ready for: {value}, wanted at least {threshold}",
            )
        )
        if self.cooldown:
            cool = [slot for slot in staged or slots if self.is_cool(video, slot.at)]
            at = (cool or staged or slots)[0].at
            hours = self.hours_from_same_content(video, at)
            results.append(
                RuleResult(
                    CONTENT_COOLDOWN,
                    "no publication" if hours is None else f"{hours:.1f} h",
                    self.context.caps.content_cooldown_hours,
                    bool(cool),
                    "nearest publication of the same content: {value} away, wanted at least {threshold} h",
                )
            )
        return results

    def backlog(self, channel_id: int) -> int:
        """Return how many publications a channel has ahead within the horizon."""
        return self.calendars[channel_id].count_between(self.now, self.until)


def _capped(channel: ChannelView, per_day: int) -> ChannelView:
    cap = per_day if channel.daily_cap is None else min(per_day, channel.daily_cap)
    return replace(channel, daily_cap=cap)


def seconds_of(video: VideoView, channel: ChannelView) -> int:
    """Return the estimate of how long staging takes; 0 where nothing is known."""
    return video.stage_seconds if video.stage_seconds is not None else channel.stage_seconds
