"""`/api/orchestration/`: publish, distribute, trigger, monitor and synchronise over many channels."""

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from orchestration.api.auth import service
from orchestration.api.filters import ChannelPage
from orchestration.api.schemas.plan import DistributeResultOut, WaveResultOut
from orchestration.api.schemas.requests import (
    ALL_CHANNELS,
    ALL_VIDEOS,
    SYNC_ALL,
    ChannelSelection,
    CoordinatePublication,
    DistributeVideos,
    ScheduleWave,
    SyncConfigs,
    TriggerPipeline,
)
from orchestration.api.schemas.system import MonitorResultOut, SyncResultOut
from orchestration.api.schemas.work import TriggerResultOut
from orchestration.fields import Id, Word
from orchestration.register import selection
from orchestration.results.plans import WaveResult

router = Router(tags=["orchestration"])


@router.post(
    "/coordinate-publication",
    response={201: WaveResultOut, 200: WaveResultOut},
    operation_id="orchestration_coordinate_publication",
    summary="Publish one video on several channels",
)
def coordinate_publication(request: HttpRequest, body: CoordinatePublication, response: HttpResponse):
    """At once, staggered, or each in its own next free slot. 200 with the plan for a dry run, else 201."""
    return _wave(service(request).coordinate_publication(**body.arguments()), response)


@router.post(
    "/schedule-wave",
    response={201: WaveResultOut, 200: WaveResultOut},
    operation_id="orchestration_schedule_wave",
    summary="Publish videos over channels as one wave",
)
def schedule_wave(request: HttpRequest, body: ScheduleWave, response: HttpResponse):
    """All or nothing. 200 with the plan for a dry run, else 201; a plan that is refused comes with the 409."""
    return _wave(service(request).schedule_wave_publication(**body.arguments()), response)


def _wave(result: WaveResult, response: HttpResponse) -> Status:
    if result.wave is None:
        return Status(200, result)
    response["Location"] = f"/api/waves/{result.wave.pk}"
    return Status(201, result)


@router.post(
    "/trigger-pipeline",
    response={202: TriggerResultOut},
    operation_id="orchestration_trigger_pipeline",
    summary="Run a channel's pipeline now",
)
def trigger_pipeline(request: HttpRequest, body: TriggerPipeline, response: HttpResponse):
    """By GitHub Actions if the channel has a repository, else by our workers; `Location` is the job."""
    result = service(request).trigger_pipeline(**body.model_dump())
    response["Location"] = f"/api/jobs/{result.job.pk}"
    return Status(202, result)


@router.get(
    "/monitor-channels",
    response=MonitorResultOut,
    operation_id="orchestration_monitor_channels",
    summary="Show the last known health of channels",
)
def monitor_channels(
    request: HttpRequest,
    part: Query[ChannelPage],
    channel_id: Query[list[Id] | None] = None,
    channels: Query[list[Word] | None] = None,
):
    """Without `channel_id` and `channels` of all; both may be repeated, `channels=group:SLUG` means a group.

    By name, cut into pages as lists are; `total` says how many there are.
    """
    ids = list(channel_id or ()) + (selection.read_ids(channels, some=True) if channels else [])
    return service(request).monitor_channels(
        channel_ids=list(dict.fromkeys(ids)) or None, skip=(part.page - 1) * part.limit, most=part.limit
    )


@router.post(
    "/monitor-channels",
    response={202: MonitorResultOut},
    operation_id="orchestration_check_channels",
    summary="Look at channels now",
)
def check_channels(request: HttpRequest, body: ChannelSelection = ALL_CHANNELS):
    """Start a check of credential, repository, workflow and recent outcomes; also while the system is stopped."""
    return Status(202, service(request).check_channels(channel_ids=body.chosen(enabled=False)))


@router.post(
    "/distribute-videos",
    response=DistributeResultOut,
    operation_id="orchestration_distribute_videos",
    summary="Give ready videos to channels by their filters",
)
def distribute_videos(request: HttpRequest, body: DistributeVideos = ALL_VIDEOS):
    """With the reason for each yes and each no; a second run adds nothing."""
    return service(request).distribute_videos(**body.with_chosen())


@router.post(
    "/sync-configs",
    response={202: SyncResultOut, 200: SyncResultOut},
    operation_id="orchestration_sync_configs",
    summary="Write configurations to the repositories",
)
def sync_configs(request: HttpRequest, body: SyncConfigs = SYNC_ALL):
    """Each channel's configuration, workflow and secrets, where they changed. 200 for a dry run, else 202.

    With `canary_id` or `cohort_size` as a rollout: the canary first, then cohort by cohort, until a channel fails.
    """
    result = service(request).sync_channel_configs(**body.with_chosen())
    return Status(200 if body.dry_run else 202, result)
