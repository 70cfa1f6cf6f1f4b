"""Show the calendar, and answer where in it a publication may stand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from orchestration.core.permissions import action
from orchestration.register import selection
from orchestration.scheduling import allowed_times, backlog, calendar_view
from orchestration.scheduling.allowed_times import AllowedTimes, MovePreview
from orchestration.scheduling.backlog import Backlog
from orchestration.scheduling.calendar_view import CalendarRequest, CalendarView
from orchestration.service.base import Door


class Calendar(Door):
    """Show the calendar, and answer where in it a publication may stand."""

    @action("read")
    def get_calendar(
        self,
        *,
        first: date,
        days: int = 7,
        zone: str = "",
        by_hour: bool = False,
        lanes: bool = False,
        per_cell: int = 3,
        crowded: int = 0,
        page: int = 1,
        limit: int = 25,
        channel_ids: Sequence[int] = (),
        channels: Sequence[str] = (),
        q: str = "",
        group: str = "",
        label: str = "",
        wave_id: int | None = None,
        states: Sequence[str] | None = None,
        layers: Sequence[str] | None = None,
    ) -> CalendarView:
        """Show publications on the dates of a zone (empty: each on its channel's own clock), with what stays empty.

        `channels` are words as everywhere: slugs, group:SLUG, label:NAME, all. Raises: InvalidRequest, NotFound, naming the
        field.
        """
        return calendar_view.read(
            CalendarRequest(
                first=first,
                days=days,
                zone=zone,
                by_hour=by_hour,
                lanes=lanes,
                per_cell=per_cell,
                crowded=crowded,
                page=page,
                limit=limit,
                channel_ids=tuple(channel_ids),
                channels=selection.read(channels).channels() if channels else None,
                q=q,
                group=group,
                label=label,
                wave_id=wave_id,
                states=calendar_view.SHOWN_STATES if states is None else frozenset(states),
                layers=calendar_view.DEFAULT_LAYERS if layers is None else frozenset(layers),
            )
        )

    @action("read")
    def get_allowed_times(self, *, schedule_id: int, since: datetime, until: datetime) -> AllowedTimes:
        """Say of a whole window where a publication may be moved to, and by which rules elsewhere not."""
        return allowed_times.of_schedule(schedule_id, since, until)

    @action("read")
    def get_allowed_times_of_video(
        self, *, video_id: int, channel_id: int, since: datetime, until: datetime
    ) -> AllowedTimes:
        """Say of a whole window where a video may be planned on a channel, and by which rules elsewhere not."""
        return allowed_times.of_video(video_id, channel_id, since, until)

    @action("read")
    def preview_move_schedule(
        self, *, schedule_id: int, publish_at: datetime, version: int | None = None
    ) -> MovePreview:
        """Say what moving a publication would come to, with alternatives where it would be refused; writes nothing."""
        return allowed_times.preview_move(schedule_id, publish_at, version=version)

    @action("read")
    def preview_move_wave(
        self, *, wave_id: int, scheduled_at: datetime, version: int | None = None
    ) -> MovePreview:
        """Say what moving a whole wave would come to; writes nothing."""
        return allowed_times.preview_wave_move(wave_id, scheduled_at, version=version)

    @action("read")
    def get_backlog(
        self, *, channel_id: int | None = None, q: str = "", page: int = 1, limit: int = 12
    ) -> Backlog:
        """List ready videos that wait for a time; of a channel, those that do not go there yet, and why not."""
        return backlog.backlog(channel_id=channel_id, q=q, page=page, limit=limit)
