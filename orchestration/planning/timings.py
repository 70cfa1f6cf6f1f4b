"""Lay the members of a wave out in time, one function for each timing."""

from __future__ import annotations

import heapq
from datetime import datetime, timedelta

from orchestration.planning.budgets import Booking
from orchestration.planning.calendar import SEARCH_DAYS, ChannelCalendar
from orchestration.planning.obstacles import yields
from orchestration.planning.slots import ONE_DAY, Instant
from orchestration.planning.types import ChannelView, Method, VideoView
from orchestration.planning.wave_placer import Members, WavePlacer


def _largest_gap(members: Members) -> timedelta:
    """Return the largest minimum gap among the channels that take part."""
    minutes = {c.min_gap_minutes for _, goes_to in members for c in goes_to}
    return timedelta(minutes=max(minutes, default=0))


# ------------------------------------------------------------------------------------------------------- simultaneous


def place_simultaneous(placer: WavePlacer, members: Members) -> None:
    """Give each video one instant on all its channels.

    Videos follow each other by the largest gap, at least the delay.
    """
    step = max(_largest_gap(members), placer.delay)
    wanted = asked = placer.base
    for video, goes_to in members:
        if not goes_to:
            continue
        calendars = [placer.calendars[c.id] for c in goes_to]
        if placer.moves:
            at = _move_group(placer, video, calendars, wanted, asked)
        else:
            at = wanted
            _keep_group(placer, video, calendars, wanted)
        wanted = (at or wanted) + step
        asked += step


def _keep_group(
    placer: WavePlacer, video: VideoView, calendars: list[ChannelCalendar], wanted: datetime
) -> None:
    """Place, at exactly the wanted instant, the members for which it is free, and turn the others away."""
    if wanted <= placer.now:
        placer.record_past(video, wanted, None)
        return
    for calendar in calendars:
        placer.place_one(video, calendar, wanted, Method.SIMULTANEOUS)


def _move_group(
    placer: WavePlacer,
    video: VideoView,
    calendars: list[ChannelCalendar],
    wanted: datetime,
    asked: datetime,
) -> datetime | None:
    """Place all members at the first instant, from the wanted one on, that is free on every channel."""
    calendars, booking = _book_group(placer, video, calendars, wanted)
    if booking is None:
        return None
    start = max(wanted, placer.soonest) if wanted <= placer.now else wanted
    in_time = booking.ready_at <= start
    asap = placer.request.scheduled_at is None
    if not in_time:
        start = max(start, placer.after_staging(booking, [c.channel for c in calendars]))
    at = _common_free(calendars, start)
    while at is None:
        kept = [c for c in calendars if c.free_from(start) is not None]
        for calendar in calendars:
            if calendar not in kept:
                placer.record_no_time(video, calendar.channel, wanted)
        if not kept or len(kept) == len(calendars):
            if kept:
                placer.record_no_time(video, None, wanted)
            return None
        calendars = kept
        at = _common_free(calendars, start)
    if wanted <= placer.now:
        placer.record_past(video, wanted, at)
    if not in_time and not (asap and wanted == placer.base):
        placer.record_resource(video, [c.channel for c in calendars], wanted, booking, at)
    if at != wanted:
        for calendar in calendars:
            if wanted > placer.now and calendar.free_from(wanted, wanted) != wanted:
                obstacles = [o for o in calendar.why_not(wanted) if not yields(o)]
                placer.record_timing(video, calendar, wanted, obstacles, at, group=True)
    reason = "" if at == wanted else f"moved from {wanted:%Y-%m-%d %H:%M} UTC with its group"
    for calendar in calendars:
        placer.place(video, calendar, at, Method.SIMULTANEOUS, reason, wanted=asked)
    return at


def _book_group(
    placer: WavePlacer, video: VideoView, calendars: list[ChannelCalendar], wanted: datetime
) -> tuple[list[ChannelCalendar], Booking | None]:
    """Book the staging of a group; return who can be staged at all, and the booking that is ready last."""
    kept: list[ChannelCalendar] = []
    last: Booking | None = None
    for calendar in calendars:
        booking = placer.book(video, calendar.channel)
        if booking is None:
            placer.record_resource(video, [calendar.channel], wanted, None, None)
            continue
        kept.append(calendar)
        if last is None or booking.ready_at > last.ready_at:
            last = booking
    return kept, last


def _common_free(calendars: list[ChannelCalendar], start: datetime) -> datetime | None:
    """Return the first instant from `start` on that is free on every channel.

    The channels are asked in turn; each answer moves the time on, until all agree in a row. A channel never
    has to look back, so the whole search walks each calendar once.
    """
    limit = start + ONE_DAY * SEARCH_DAYS
    at, agreed, index, count = start, 0, 0, len(calendars)
    while agreed < count:
        free_at = calendars[index].free_from(at, limit)
        if free_at is None:
            return None
        if free_at == at:
            agreed += 1
        else:
            at, agreed = free_at, 1
        index = (index + 1) % count
    return at


# ---------------------------------------------------------------------------------------------------------- staggered


def place_staggered(placer: WavePlacer, members: Members) -> None:
    """Send each video from channel to channel, `delay_seconds` apart, and the next video after it.

    A member that cannot have its time moves alone; on one channel the videos keep their order.
    """
    delay = placer.delay
    step = max(_largest_gap(members), delay * max((len(goes_to) for _, goes_to in members), default=0))
    nominal = placer.base
    last_on: dict[int, datetime] = {}
    for video, goes_to in members:
        if not goes_to:
            continue
        wanted = nominal
        for channel in goes_to:
            calendar = placer.calendars[channel.id]
            before = last_on.get(channel.id)
            earliest = wanted
            if before is not None and placer.moves and before + calendar.gap > wanted:
                earliest = before + calendar.gap
            at = placer.place_one(video, calendar, earliest, Method.STAGGERED, asked=wanted)
            if at is not None:
                last_on[channel.id] = at
            wanted += delay
        nominal += step


# -------------------------------------------------------------------------------------------------------- independent


def place_independent(placer: WavePlacer, members: Members) -> None:
    """Give each channel's videos, in order, its own next free posting slots.

    Without slots its next free times.

    The channel whose next time comes first is served first, so that budgets go to the earliest deadlines.
    """
    queues: dict[int, list[VideoView]] = {}
    channels: dict[int, ChannelView] = {}
    for video, goes_to in members:
        for channel in goes_to:
            queues.setdefault(channel.id, []).append(video)
            channels[channel.id] = channel
    start = max(placer.base, placer.soonest)
    heap: list[tuple[datetime, int, int]] = []
    times: dict[int, tuple[datetime, Instant | None]] = {}

    def offer(channel_id: int, order: int, since: datetime) -> None:
        found = _next_time(placer.calendars[channel_id], since)
        if found is None:
            for video in queues[channel_id][order:]:
                placer.record_no_time(video, channels[channel_id], since)
            return
        times[channel_id] = found
        heapq.heappush(heap, (found[0], order, channel_id))

    for channel_id in sorted(queues):
        offer(channel_id, 0, start)
    while heap:
        _, order, channel_id = heapq.heappop(heap)
        at, slot = times[channel_id]
        calendar = placer.calendars[channel_id]
        method = Method.SLOT if slot else Method.FREE_TIME
        placed_at = placer.place_one(queues[channel_id][order], calendar, at, method, slot=slot)
        if order + 1 < len(queues[channel_id]):
            offer(channel_id, order + 1, placed_at or at)


def _next_time(calendar: ChannelCalendar, since: datetime) -> tuple[datetime, Instant | None] | None:
    """Return the next free posting slot of a channel, or its next free time where it has no slots."""
    if calendar.channel.slots:
        slot = calendar.free_slot_from(since)
        return (slot.at, slot) if slot else None
    at = calendar.free_from(since)
    return (at, None) if at else None
