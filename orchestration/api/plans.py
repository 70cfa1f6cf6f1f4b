"""`/api/waves`, `/api/distributions`, `/api/schedules` and `/api/conflicts`: what goes where and when."""

from django.http import HttpRequest
from ninja import Path, Query, Router
from ninja.pagination import paginate

from orchestration import lookup
from orchestration.api.auth import service
from orchestration.api.fields import Id
from orchestration.api.filters import ConflictFilters, DistributionFilters, ScheduleFilters, WaveFilters
from orchestration.api.pagination import Pages
from orchestration.api.schemas.plan import (
    ConflictOut,
    DistributionDetail,
    DistributionOut,
    RecallPreviewOut,
    ScheduleOut,
    WaveOut,
    WaveReportOut,
)
from orchestration.api.schemas.requests import (
    NO_REASON,
    ApplyAlternative,
    Because,
    MoveSchedule,
    MoveWave,
    RecallWave,
    ReviewSchedule,
)
from orchestration.models import Conflict, Distribution, Schedule, Wave

waves = Router(tags=["waves"])
distributions = Router(tags=["distributions"])
schedules = Router(tags=["schedules"])
conflicts = Router(tags=["conflicts"])


@waves.get("", response=list[WaveOut], operation_id="waves_list", summary="List waves")
@paginate(Pages)
def waves_list(request: HttpRequest, filters: Query[WaveFilters]):
    """Newest first."""
    return filters.filter(Wave.objects.order_by("-created_at", "-id"))


@waves.get("/{wave_id}", response=WaveReportOut, operation_id="waves_show", summary="Show a wave")
def waves_show(request: HttpRequest, wave_id: Path[Id]):
    """With each member's readiness, and the skew once it is public."""
    return service(request).get_wave(wave_id=wave_id)


@waves.post("/{wave_id}/pause", response=WaveOut, operation_id="waves_pause", summary="Pause a wave")
def waves_pause(request: HttpRequest, wave_id: Path[Id], body: Because = NO_REASON):
    """Hold back every member that is not public yet."""
    return service(request).pause_wave(wave_id=wave_id, reason=body.reason)


@waves.post("/{wave_id}/resume", response=WaveOut, operation_id="waves_resume", summary="Resume a wave")
def waves_resume(request: HttpRequest, wave_id: Path[Id], body: Because = NO_REASON):
    """Let a paused wave go on."""
    return service(request).resume_wave(wave_id=wave_id, reason=body.reason)


@waves.post("/{wave_id}/move", response=WaveReportOut, operation_id="waves_move", summary="Move a wave")
def waves_move(request: HttpRequest, wave_id: Path[Id], body: MoveWave):
    """Move every open member by the same span, so that the first one falls on `scheduled_at`."""
    return service(request).move_wave(wave_id=wave_id, scheduled_at=body.scheduled_at, reason=body.reason)


@waves.post("/{wave_id}/cancel", response=WaveOut, operation_id="waves_cancel", summary="Cancel a wave")
def waves_cancel(request: HttpRequest, wave_id: Path[Id], body: Because = NO_REASON):
    """Cancel what is not public yet; what is public stays."""
    return service(request).cancel_wave(wave_id=wave_id, reason=body.reason)


@waves.get(
    "/{wave_id}/recall-preview",
    response=RecallPreviewOut,
    operation_id="waves_recall_preview",
    summary="Show what a recall would do",
)
def waves_recall_preview(request: HttpRequest, wave_id: Path[Id]):
    """List what would become private again, and what would only be cancelled."""
    return service(request).preview_recall(wave_id=wave_id)


@waves.post("/{wave_id}/recall", response=WaveOut, operation_id="waves_recall", summary="Recall a wave")
def waves_recall(request: HttpRequest, wave_id: Path[Id], body: RecallWave):
    """Make public members private again; `confirmed_ids` are the distributions that the preview listed."""
    return service(request).recall_wave(wave_id=wave_id, confirmed_ids=body.confirmed_ids, reason=body.reason)


@distributions.get(
    "", response=list[DistributionOut], operation_id="distributions_list", summary="List distributions"
)
@paginate(Pages)
def distributions_list(request: HttpRequest, filters: Query[DistributionFilters]):
    """Newest first."""
    return filters.filter(Distribution.objects.select_related("video", "channel"))


@distributions.get(
    "/{distribution_id}",
    response=DistributionDetail,
    operation_id="distributions_show",
    summary="Show a distribution",
)
def distributions_show(request: HttpRequest, distribution_id: Path[Id]):
    """With each rule that was looked at."""
    return lookup.one(Distribution, distribution_id, field="distribution_id")


@schedules.get("", response=list[ScheduleOut], operation_id="schedules_list", summary="List schedules")
@paginate(Pages)
def schedules_list(request: HttpRequest, filters: Query[ScheduleFilters]):
    """By their moment."""
    return filters.filter(Schedule.objects.select_related("channel", "distribution__video"))


@schedules.get(
    "/{schedule_id}", response=ScheduleOut, operation_id="schedules_show", summary="Show a schedule"
)
def schedules_show(request: HttpRequest, schedule_id: Path[Id]):
    """When a distribution is to be public."""
    return lookup.one(Schedule, schedule_id, field="schedule_id")


@schedules.post(
    "/{schedule_id}/move", response=ScheduleOut, operation_id="schedules_move", summary="Move a publication"
)
def schedules_move(request: HttpRequest, schedule_id: Path[Id], body: MoveSchedule):
    """Refused where rules forbid it, naming the next free times."""
    return service(request).move_schedule(
        schedule_id=schedule_id, publish_at=body.publish_at, reason=body.reason
    )


@schedules.post(
    "/{schedule_id}/hold", response=ScheduleOut, operation_id="schedules_hold", summary="Hold a publication"
)
def schedules_hold(request: HttpRequest, schedule_id: Path[Id], body: Because = NO_REASON):
    """Keep it back until it is released."""
    return service(request).hold_schedule(schedule_id=schedule_id, reason=body.reason)


@schedules.post(
    "/{schedule_id}/release",
    response=ScheduleOut,
    operation_id="schedules_release",
    summary="Release a held publication",
)
def schedules_release(request: HttpRequest, schedule_id: Path[Id], body: Because = NO_REASON):
    """Let it go on at its time, or by its misfire policy if that has passed."""
    return service(request).release_schedule(schedule_id=schedule_id, reason=body.reason)


@schedules.post(
    "/{schedule_id}/cancel",
    response=ScheduleOut,
    operation_id="schedules_cancel",
    summary="Cancel a publication",
)
def schedules_cancel(request: HttpRequest, schedule_id: Path[Id], body: Because = NO_REASON):
    """One that is not public yet."""
    return service(request).cancel_schedule(schedule_id=schedule_id, reason=body.reason)


@schedules.post(
    "/{schedule_id}/bump", response=ScheduleOut, operation_id="schedules_bump", summary="Bump a publication"
)
def schedules_bump(request: HttpRequest, schedule_id: Path[Id], body: Because = NO_REASON):
    """Move its work to the front of every queue."""
    return service(request).bump_schedule(schedule_id=schedule_id, reason=body.reason)


@schedules.post(
    "/{schedule_id}/review",
    response=ScheduleOut,
    operation_id="schedules_review",
    summary="Settle what needs review",
)
def schedules_review(request: HttpRequest, schedule_id: Path[Id], body: ReviewSchedule):
    """Say what became of it, after a person has looked."""
    return service(request).review_schedule(schedule_id=schedule_id, **body.model_dump())


@conflicts.get("", response=list[ConflictOut], operation_id="conflicts_list", summary="List conflicts")
@paginate(Pages)
def conflicts_list(request: HttpRequest, filters: Query[ConflictFilters]):
    """Newest first: what collided, by which rule, who yielded, and how it was resolved."""
    return filters.filter(Conflict.objects.all())


@conflicts.get(
    "/{conflict_id}", response=ConflictOut, operation_id="conflicts_show", summary="Show a conflict"
)
def conflicts_show(request: HttpRequest, conflict_id: Path[Id]):
    """With its ranked alternatives."""
    return lookup.one(Conflict, conflict_id, field="conflict_id")


@conflicts.post(
    "/{conflict_id}/apply",
    response=ConflictOut,
    operation_id="conflicts_apply",
    summary="Resolve a conflict by an alternative",
)
def conflicts_apply(request: HttpRequest, conflict_id: Path[Id], body: ApplyAlternative):
    """Take one of the alternatives that were recorded with it."""
    return service(request).apply_alternative(conflict_id=conflict_id, index=body.index)


@conflicts.post(
    "/{conflict_id}/dismiss",
    response=ConflictOut,
    operation_id="conflicts_dismiss",
    summary="Dismiss a conflict",
)
def conflicts_dismiss(request: HttpRequest, conflict_id: Path[Id], body: Because = NO_REASON):
    """Say that nothing needs to be done about it."""
    return service(request).dismiss_conflict(conflict_id=conflict_id, reason=body.reason)
