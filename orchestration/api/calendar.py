"""`/api/calendar`, and where in it something may stand: `allowed` and `move-preview` of schedules, waves and videos."""

from django.http import HttpRequest
from ninja import Path, Query, Router

from orchestration.api.auth import service
from orchestration.api.schemas.calendar import (
    AllowedTimesOut,
    BacklogFilters,
    BacklogOut,
    BacklogVideoOut,
    CalendarOut,
    CalendarWindow,
    MovePreviewOut,
    ScheduleMoveTo,
    TimeWindow,
    TimeWindowOnChannel,
    WaveMoveTo,
)
from orchestration.fields import Id

router = Router(tags=["calendar"])
of_schedules = Router(tags=["schedules"])
of_waves = Router(tags=["waves"])
of_videos = Router(tags=["videos"])


@router.get("", response=CalendarOut, operation_id="calendar_show", summary="Show a stretch of the calendar")
def calendar_show(request: HttpRequest, window: Query[CalendarWindow]):
    """Publications, slots that stay empty, blackouts, full days and budgets, for one page of channels."""
    return CalendarOut.of(service(request).get_calendar(**window.arguments()))


@router.get("/backlog", response=BacklogOut, operation_id="calendar_backlog", summary="List the backlog")
def calendar_backlog(request: HttpRequest, filters: Query[BacklogFilters]):
    """Ready videos, the newest first."""
    found = service(request).get_backlog(
        channel_id=filters.channel_id, q=filters.q or "", page=filters.page, limit=filters.limit
    )
    return BacklogOut(
        items=[BacklogVideoOut.of(row) for row in found.videos],
        total=found.total,
        page=found.page,
        pages=found.pages,
    )


@of_schedules.get(
    "/{schedule_id}/allowed",
    response=AllowedTimesOut,
    operation_id="schedules_allowed",
    summary="Show where a publication may be moved to",
)
def schedules_allowed(request: HttpRequest, schedule_id: Path[Id], window: Query[TimeWindow]):
    """Stretch by stretch, by the rules by which a move is refused."""
    return service(request).get_allowed_times(schedule_id=schedule_id, since=window.since, until=window.until)


@of_schedules.get(
    "/{schedule_id}/move-preview",
    response=MovePreviewOut,
    operation_id="schedules_move_preview",
    summary="Show what moving a publication would come to",
)
def schedules_move_preview(request: HttpRequest, schedule_id: Path[Id], to: Query[ScheduleMoveTo]):
    """Nothing is written."""
    return service(request).preview_move_schedule(
        schedule_id=schedule_id, publish_at=to.publish_at, version=to.version
    )


@of_waves.get(
    "/{wave_id}/move-preview",
    response=MovePreviewOut,
    operation_id="waves_move_preview",
    summary="Show what moving a wave would come to",
)
def waves_move_preview(request: HttpRequest, wave_id: Path[Id], to: Query[WaveMoveTo]):
    """Its first member would fall on `scheduled_at`; nothing is written."""
    return service(request).preview_move_wave(
        wave_id=wave_id, scheduled_at=to.scheduled_at, version=to.version
    )


@of_videos.get(
    "/{video_id}/allowed",
    response=AllowedTimesOut,
    operation_id="videos_allowed",
    summary="Show where a video may be planned on a channel",
)
def videos_allowed(request: HttpRequest, video_id: Path[Id], window: Query[TimeWindowOnChannel]):
    """Stretch by stretch, if nothing else is to give way to it."""
    return service(request).get_allowed_times_of_video(
        video_id=video_id, channel_id=window.channel_id, since=window.since, until=window.until
    )
