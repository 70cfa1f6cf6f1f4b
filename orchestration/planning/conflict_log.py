"""Record the conflicts of a plan while it is made.

By which rule, with whom, what was done and what else could be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from orchestration.planning import rules
from orchestration.planning.budgets import Booking, ceil_minute
from orchestration.planning.calendar import ChannelCalendar
from orchestration.planning.conflicts import (
    alternatives,
    format_duration,
    format_instant,
    party_of,
    past_message,
    resource_message,
    timing_message,
    without_capacity,
)
from orchestration.planning.obstacles import Obstacle, entry_of
from orchestration.planning.types import (
    Alternative,
    AlternativeKind,
    ChannelView,
    Conflict,
    OnConflict,
    PoolView,
    Resolution,
    VideoView,
    WaveRequest,
    Yielded,
)


@dataclass(slots=True)
class _Shortage:
    """The members of one video that wait for one pool, and the one of them that is moved furthest."""

    video: VideoView
    channels: list[ChannelView]
    wanted: datetime
    booking: Booking | None
    moved_to: datetime | None


class ConflictLog:
    """The conflicts of one plan, and what the request wants done about them."""

    def __init__(self, request: WaveRequest, pools: Iterable[PoolView], now: datetime) -> None:
        self.request = request
        self.pools = tuple(pools)
        self.now = now
        self.priority = request.priority
        self.refused_as = (
            Resolution.REJECTED if request.on_conflict == OnConflict.REJECT else Resolution.SKIPPED
        )
        self.conflicts: list[Conflict] = []
        self._pool_of = {pool.name: pool for pool in self.pools}
        self._short: dict[tuple[int, str, str, bool], _Shortage] = {}

    def lead_of(self, channel: ChannelView) -> int:
        """Return how many seconds ahead a channel's videos are staged."""
        return max(self.request.lead_time_seconds, channel.lead_time_seconds)

    def after_staging(self, booking: Booking, channels: Iterable[ChannelView]) -> datetime:
        """Return the first moment to give to what has to wait for staging: with its full lead time."""
        lead = max(self.lead_of(channel) for channel in channels)
        return ceil_minute(booking.ready_at + timedelta(seconds=lead))

    def record_timing(
        self,
        video: VideoView,
        calendar: ChannelCalendar,
        wanted: datetime,
        obstacles: list[Obstacle],
        moved_to: datetime | None,
        group: bool = False,
    ) -> None:
        """Record each rule that forbids a member its time, with what was done and what else could be."""
        offers = alternatives(
            calendar, wanted, obstacles, self.priority, taken=None if group else moved_to, video=video
        )
        resolution = self.refused_as if moved_to is None else Resolution.SHIFTED
        for obstacle in obstacles:
            message = timing_message(calendar, wanted, obstacle)
            if moved_to is not None:
                message += f"; {'the whole group' if group else 'it'} moves to {format_instant(moved_to)}"
            self.conflicts.append(
                Conflict(
                    obstacle.rule,
                    video.id,
                    calendar.channel.id,
                    wanted,
                    message,
                    party_of(entry_of(obstacle)),
                    Yielded.REQUEST,
                    resolution,
                    moved_to,
                    offers,
                )
            )

    def record_past(self, video: VideoView, wanted: datetime, moved_to: datetime | None) -> None:
        """Record that a whole group was wanted in the past."""
        message = past_message(wanted, int((self.now - wanted).total_seconds()))
        self._record_whole(rules.IN_THE_PAST, video, [], wanted, message, moved_to)

    def record_resource(
        self,
        video: VideoView,
        channels: list[ChannelView],
        wanted: datetime,
        booking: Booking | None,
        moved_to: datetime | None,
    ) -> None:
        """Record that members of a video cannot be staged in time.

        Those that wait for one pool make one conflict.
        """
        pool = booking.pool if booking else ""
        rule = booking.rule if booking and booking.rule else rules.POOL_CAPACITY
        key = (video.id, rule, pool, moved_to is None)
        short = self._short.get(key)
        if short is None:
            self._short[key] = _Shortage(video, list(channels), wanted, booking, moved_to)
            return
        short.channels.extend(channels)
        if moved_to is None or short.moved_to is None:  # they never are in time, and neither is moved further
            return
        if moved_to - wanted > short.moved_to - short.wanted:
            short.wanted, short.booking, short.moved_to = wanted, booking, moved_to

    def record_short_of_staging(self) -> None:
        """Write out what was short of staging.

        One conflict for each video and pool, with the member it hits most.
        """
        for (_, rule, pool, _), short in self._short.items():
            count = len(short.channels)
            known = self._pool_of.get(pool)
            if short.booking is None:
                known = without_capacity(self.pools, short.channels[0].executor)
            message = resource_message(short.booking, known, short.wanted, count)
            if short.moved_to is not None:
                lead = max(self.lead_of(channel) for channel in short.channels)
                message += f"; moved to {format_instant(short.moved_to)}"
                message += f", with {format_duration(lead)} of lead time" if lead else ""
            earliest = self.after_staging(short.booking, short.channels) if short.booking else None
            self._record_whole(
                rule, short.video, short.channels, short.wanted, message, short.moved_to, earliest
            )
        self._short.clear()

    def record_no_time(self, video: VideoView, channel: ChannelView | None, wanted: datetime) -> None:
        """Record that no free time was found within the planning horizon."""
        where = "on all its channels at once" if channel is None else f"on {channel.name or channel.slug}"
        message = f"no free time {where} within the planning horizon after {format_instant(wanted)}"
        self._record_whole(rules.NO_FREE_TIME, video, [channel] if channel else [], wanted, message, None)

    def _record_whole(
        self,
        rule: str,
        video: VideoView,
        channels: list[ChannelView],
        wanted: datetime,
        message: str,
        moved_to: datetime | None,
        earliest: datetime | None = None,
    ) -> None:
        is_one = len(channels) == 1
        offers = []
        if moved_to is None and earliest is not None:
            later = max(0, int((earliest - wanted).total_seconds() // 60))
            sentence = f"publish from {format_instant(earliest)} on"
            offers.append(Alternative(AlternativeKind.SHIFT, earliest, later, 0, sentence))
        offers.append(Alternative(AlternativeKind.SKIP, None, 0, 0, "leave it out"))
        self.conflicts.append(
            Conflict(
                rule,
                video.id,
                channels[0].id if is_one else None,
                wanted,
                message,
                None,
                Yielded.REQUEST,
                self.refused_as if moved_to is None else Resolution.SHIFTED,
                moved_to,
                tuple(offers),
                () if is_one else tuple(channel.id for channel in channels),
            )
        )
