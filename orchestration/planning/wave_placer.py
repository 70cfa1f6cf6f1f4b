"""Place single members of a wave.

Find the time, record the conflict, move who yields, reserve the staging.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from orchestration.planning.budgets import Booking, Stager, soonest
from orchestration.planning.calendar import ChannelCalendar
from orchestration.planning.conflict_log import ConflictLog
from orchestration.planning.conflicts import (
    alternatives,
    format_instant,
    party_of,
    timing_message,
)
from orchestration.planning.obstacles import Collision, yields
from orchestration.planning.reservations import Reservations, ToStage
from orchestration.planning.slots import ONE_DAY, Instant
from orchestration.planning.types import (
    Alternative,
    ChannelView,
    Conflict,
    DayLoad,
    Displacement,
    Method,
    Occupied,
    OnConflict,
    Placement,
    PoolView,
    Resolution,
    VideoView,
    WaveRequest,
    Yielded,
)

Members = list[tuple[VideoView, list[ChannelView]]]


class WavePlacer(ConflictLog):
    """The state of one plan while it is made: calendars, staging, what is placed, what collided, who moved."""

    def __init__(
        self,
        request: WaveRequest,
        calendars: dict[int, ChannelCalendar],
        pools: Iterable[PoolView],
        now: datetime,
    ) -> None:
        super().__init__(request, pools, now)
        self.calendars = calendars
        self.soonest = soonest(now)
        self.delay = timedelta(seconds=request.delay_seconds)
        self.moves = request.on_conflict in (OnConflict.SHIFT, OnConflict.PREEMPT)
        self.stager = Stager(self.pools, now)
        self.displacements: list[Displacement] = []
        self._placed: list[tuple[VideoView, ChannelCalendar, datetime, str, str, int | None, datetime]] = []
        self._displaced: list[
            tuple[VideoView, ChannelCalendar, datetime, Collision, tuple[Alternative, ...]]
        ] = []
        self._untouched: dict[int, ChannelCalendar] = {}
        self._day_loads: tuple[DayLoad, ...] = ()

    @property
    def base(self) -> datetime:
        """Return the moment the wave is wanted at; without one, the soonest."""
        return self.request.scheduled_at or self.soonest

    # ----------------------------------------------------------------------------------------------------- staging

    def seconds_of(self, video: VideoView, channel: ChannelView) -> int:
        """Return the estimate of how long staging takes; 0 where nothing is known."""
        return video.stage_seconds if video.stage_seconds is not None else channel.stage_seconds

    def book(self, video: VideoView, channel: ChannelView, by: datetime | None = None) -> Booking | None:
        """Book one member's staging; None where it can never be staged. `by` is the deadline of one out of turn."""
        return self.stager.book(channel.executor, self.seconds_of(video, channel), by)

    def peek(self, video: VideoView, channel: ChannelView) -> Booking | None:
        """Return when one member would be staged, booking nothing."""
        return self.stager.peek(channel.executor, self.seconds_of(video, channel))

    # ------------------------------------------------------------------------------------------------------ placing

    def place(
        self,
        video: VideoView,
        calendar: ChannelCalendar,
        at: datetime,
        method: str,
        reason: str = "",
        slot_id: int | None = None,
        wanted: datetime | None = None,
    ) -> None:
        """Give a member its time; what has to give way is taken out and finds its place later."""
        channel_id = calendar.channel.id
        if calendar.has_yielding:
            self._untouched_of(calendar)
        gone = calendar.take(Occupied(channel_id, at, None, self.priority, video.title, False))
        if gone:
            self._displace(video, calendar, at, gone)
        untouched = self._untouched.get(channel_id)
        if untouched is not None:
            untouched.add(Occupied(channel_id, at, None, self.priority, video.title, False))
        self._placed.append((video, calendar, at, method, reason, slot_id, wanted or at))

    def _untouched_of(self, calendar: ChannelCalendar) -> ChannelCalendar:
        """Return the channel's calendar as if nobody yielded: where this member would have gone instead."""
        untouched = self._untouched.get(calendar.channel.id)
        if untouched is None:
            untouched = ChannelCalendar(calendar.channel, calendar, self.now, calendar.clock)
            self._untouched[calendar.channel.id] = untouched
        return untouched

    def _displace(
        self, video: VideoView, calendar: ChannelCalendar, at: datetime, gone: list[Collision]
    ) -> None:
        offers = alternatives(self._untouched_of(calendar), at, (), self.priority, taken=at, video=video)
        for collision in gone:
            self._displaced.append((video, calendar, at, collision, offers))

    def place_one(
        self,
        video: VideoView,
        calendar: ChannelCalendar,
        wanted: datetime,
        method: str,
        reason: str = "",
        slot: Instant | None = None,
        asked: datetime | None = None,
    ) -> datetime | None:
        """Place one member on its own.

        At its wanted time, at its next free one, or not at all; return the time. `asked` is the time that was asked
        for, where those before it have moved the wanted one.
        """
        channel = calendar.channel
        free = wanted > self.now and calendar.free_from(wanted, wanted) == wanted
        obstacles = [] if free else [o for o in calendar.why_not(wanted) if not yields(o)]
        # Pinned members are placed first, whenever they are due: what is due before them must not wait for them.
        by = wanted if method == Method.OVERRIDE and wanted > self.base else None
        booking = self.book(video, channel, by) if self.moves else self.peek(video, channel)
        in_time = booking is not None and booking.ready_at <= wanted
        if free and in_time:
            if not self.moves:
                self.book(video, channel, by)
            self.place(video, calendar, wanted, method, reason, slot.slot_id if slot else None, asked)
            return wanted
        moved_to, moved_slot = None, None
        if self.moves and booking is not None:
            start = max(wanted, self.soonest, wanted if in_time else self.after_staging(booking, [channel]))
            if slot is not None:
                moved_slot = calendar.free_slot_from(start)
                moved_to = moved_slot.at if moved_slot else None
            else:
                moved_to = calendar.free_from(start)
        if obstacles:
            self.record_timing(video, calendar, wanted, obstacles, moved_to)
        if not in_time:
            self.record_resource(video, [channel], wanted, booking, moved_to)
        if moved_to is None:
            if self.moves and booking is not None:
                self.record_no_time(video, channel, wanted)
            return None
        why = f"moved from {format_instant(wanted)}"
        moved_slot_id = moved_slot.slot_id if moved_slot else None
        self.place(video, calendar, moved_to, method, why, moved_slot_id, asked or wanted)
        return moved_to

    def place_pinned(self, members: Members) -> Members:
        """Place the members that were given a time of their own, and return the rest."""
        pins = self.request.overrides
        if not pins:
            return members
        rest: Members = []
        pinned: list[tuple[datetime, int, VideoView, ChannelView]] = []
        for video, goes_to in members:
            stay = []
            for channel in goes_to:
                at = pins.get((video.id, channel.id))
                if at is None:
                    stay.append(channel)
                else:
                    pinned.append((at, len(pinned), video, channel))
            rest.append((video, stay))
        for at, _, video, channel in sorted(pinned, key=lambda p: p[:2]):
            self.place_one(
                video, self.calendars[channel.id], at, Method.OVERRIDE, "time given for this member"
            )
        return rest

    # ------------------------------------------------------------------------------------------------------ concluding

    def place_displaced(self) -> None:
        """Give what had to yield its next free time, higher priorities first; nobody else moves for it."""
        order = sorted(
            self._displaced,
            key=lambda d: (
                -d[3].entry.priority,
                d[3].entry.at,
                d[3].entry.channel_id,
                d[3].entry.schedule_id or 0,
            ),
        )
        for calendar in {id(d[1]): d[1] for d in order}.values():
            calendar.make_firm()
        for video, calendar, at, collision, offers in order:
            entry = collision.entry
            to_at = calendar.free_from(max(entry.at, self.soonest))
            if to_at is not None:
                calendar.add(entry._replace(at=to_at))
            if to_at == entry.at:
                continue
            where = (
                f"it moves to {format_instant(to_at)}"
                if to_at
                else "no free time was found for it: it is to be held"
            )
            label = entry.label or f"publication {entry.schedule_id}"
            message = f"{timing_message(calendar, at, collision)}; priority {entry.priority} yields to {self.priority}"
            self.displacements.append(
                Displacement(
                    entry.schedule_id,
                    entry.channel_id,
                    entry.at,
                    to_at,
                    f"{label} (priority {entry.priority}) yields to priority {self.priority}; {where}",
                )
            )
            preempted = self.request.on_conflict == OnConflict.PREEMPT
            self.conflicts.append(
                Conflict(
                    collision.rule,
                    video.id,
                    entry.channel_id,
                    at,
                    f"{message}; {where}",
                    party_of(entry),
                    Yielded.EXISTING,
                    Resolution.PREEMPTED if preempted else Resolution.SHIFTED,
                    to_at,
                    offers,
                )
            )

    def placements(self) -> list[Placement]:
        """Return what was placed, in the order of time, each with the Pacific day whose budget it reserves."""
        placed = sorted(self._placed, key=lambda p: (p[2], p[0].id, p[1].channel.id))
        reservations = Reservations(self.pools, self.now, self.stager.days)
        items = [
            ToStage(
                at,
                calendar.channel.executor,
                self.seconds_of(video, calendar.channel),
                self.lead_of(calendar.channel),
            )
            for video, calendar, at, _, _, _, _ in placed
        ]
        stagings = reservations.reserve(items)
        self._day_loads = reservations.loads()
        return [
            Placement(
                video.id,
                calendar.channel.id,
                at,
                calendar.clock.wall(at),
                calendar.channel.zone,
                self.priority,
                method,
                reason,
                slot_id,
                *staging,
                wanted,
            )
            for (video, calendar, at, method, reason, slot_id, wanted), staging in zip(
                placed, stagings, strict=True
            )
        ]

    def day_loads(self) -> tuple[DayLoad, ...]:
        """Return what `placements` reserved, by budget and Pacific day."""
        return self._day_loads

    def looked_until(self) -> datetime:
        """Return the latest instant whose calendar mattered, with the local day and the gap around it."""
        reach = self.now
        for calendar in self.calendars.values():
            reach = max(reach, calendar.reach + calendar.gap)
        for placed in self._placed:
            reach = max(reach, placed[2] + placed[1].gap)
        return reach + ONE_DAY + ONE_DAY / 12
