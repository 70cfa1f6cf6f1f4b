"""`/api/waves`, `/api/distributions`, `/api/schedules` and `/api/conflicts`: what goes where and when."""

from django.http import HttpRequest
from ninja import Path, Query, Router
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.pagination import Pages
from orchestration.api.schemas.plan import (
    RecallPreviewOut,
    WaveOut,
    WaveReportOut,
)
from orchestration.api.schemas.requests import (
    AS_SEEN,
    Decision,
    MoveWave,
    RecallWave,
)
from orchestration.fields import Id
from orchestration.lists import WaveFilters
from orchestration.models import Wave

waves = Router(tags=["waves"])


@waves.get("", response=list[WaveOut], operation_id="waves_list", summary="List waves")
@paginate(Pages, item=WaveOut, order=orders.WAVES)
def waves_list(request: HttpRequest, filters: Query[WaveFilters]):
    """Newest first."""
    return filters.filter(Wave.objects.with_reach().order_by("-created_at", "-id"))


@waves.get("/{wave_id}", response=WaveReportOut, operation_id="waves_show", summary="Show a wave")
def waves_show(request: HttpRequest, wave_id: Path[Id]):
    """With each member's readiness, and the skew once it is public."""
    return service(request).get_wave(wave_id=wave_id)


@waves.post("/{wave_id}/pause", response=WaveOut, operation_id="waves_pause", summary="Pause a wave")
def waves_pause(request: HttpRequest, wave_id: Path[Id], body: Decision = AS_SEEN):
    """Hold back every member that is not public yet."""
    return service(request).pause_wave(wave_id=wave_id, reason=body.reason, version=body.version)


@waves.post("/{wave_id}/resume", response=WaveOut, operation_id="waves_resume", summary="Resume a wave")
def waves_resume(request: HttpRequest, wave_id: Path[Id], body: Decision = AS_SEEN):
    """Let a paused wave go on."""
    return service(request).resume_wave(wave_id=wave_id, reason=body.reason, version=body.version)


@waves.post("/{wave_id}/move", response=WaveReportOut, operation_id="waves_move", summary="Move a wave")
def waves_move(request: HttpRequest, wave_id: Path[Id], body: MoveWave):
    """Move every open member by the same span, so that the first one falls on `scheduled_at`."""
    return service(request).move_wave(
        wave_id=wave_id, scheduled_at=body.scheduled_at, reason=body.reason, version=body.version
    )


@waves.post("/{wave_id}/cancel", response=WaveOut, operation_id="waves_cancel", summary="Cancel a wave")
def waves_cancel(request: HttpRequest, wave_id: Path[Id], body: Decision = AS_SEEN):
    """Cancel what is not public yet; what is public stays."""
    return service(request).cancel_wave(wave_id=wave_id, reason=body.reason, version=body.version)


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
    return service(request).recall_wave(
        wave_id=wave_id, confirmed_ids=body.confirmed_ids, reason=body.reason, version=body.version
    )
