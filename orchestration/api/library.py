"""`/api/sources`, `/api/videos`, `/api/activity` and `/api/statistics`: what comes in, and what was done."""

from django.http import HttpRequest, HttpResponse
from ninja import Path, Query, Router, Status
from ninja.pagination import paginate

from orchestration import lookup
from orchestration.api.auth import service
from orchestration.api.fields import Id
from orchestration.api.filters import ActivityFilters, SourceFilters, StatisticsWindow, VideoFilters
from orchestration.api.pagination import Pages
from orchestration.api.schemas.library import RightsChangeOut, SourceOut, VideoOut
from orchestration.api.schemas.requests import NO_REASON, Because, NewSource, SourceRights
from orchestration.api.schemas.system import ActivityOut, StatisticsOut
from orchestration.api.schemas.work import JobOut
from orchestration.models import Activity, Source, Video

sources = Router(tags=["sources"])
videos = Router(tags=["videos"])
log = Router(tags=["activity"])
numbers = Router(tags=["statistics"])


@sources.get("", response=list[SourceOut], operation_id="sources_list", summary="List sources")
@paginate(Pages)
def sources_list(request: HttpRequest, filters: Query[SourceFilters]):
    """By name."""
    return filters.filter(Source.objects.order_by("name", "id"))


@sources.post("", response={201: SourceOut}, operation_id="sources_create", summary="Register a source")
def sources_create(request: HttpRequest, body: NewSource, response: HttpResponse):
    """It is read at once. Without a rights basis nothing of it is published."""
    source = service(request).add_source(**body.model_dump())
    response["Location"] = f"/api/sources/{source.pk}"
    return Status(201, source)


@sources.get("/{source_id}", response=SourceOut, operation_id="sources_show", summary="Show a source")
def sources_show(request: HttpRequest, source_id: Path[Id]):
    """With the outcome of its last reading."""
    return lookup.one(Source, source_id, field="source_id")


@sources.post(
    "/{source_id}/scrape", response={202: JobOut}, operation_id="sources_scrape", summary="Read a source now"
)
def sources_scrape(request: HttpRequest, source_id: Path[Id], response: HttpResponse):
    """Answers with the job; one that waits already is taken."""
    job = service(request).scrape_source(source_id=source_id)
    response["Location"] = f"/api/jobs/{job.pk}"
    return Status(202, job)


@sources.post(
    "/{source_id}/pause", response=SourceOut, operation_id="sources_pause", summary="Pause a source"
)
def sources_pause(request: HttpRequest, source_id: Path[Id], body: Because = NO_REASON):
    """Stop reading it."""
    return service(request).pause_source(source_id=source_id, reason=body.reason)


@sources.post(
    "/{source_id}/resume", response=SourceOut, operation_id="sources_resume", summary="Resume a source"
)
def sources_resume(request: HttpRequest, source_id: Path[Id], body: Because = NO_REASON):
    """Read it again."""
    return service(request).resume_source(source_id=source_id, reason=body.reason)


@sources.post(
    "/{source_id}/set-rights",
    response=RightsChangeOut,
    operation_id="sources_set_rights",
    summary="Say why a source's videos may be published",
)
def sources_set_rights(request: HttpRequest, source_id: Path[Id], body: SourceRights):
    """With an empty basis nothing of it is published any more, and what is armed on YouTube is held and disarmed."""
    return service(request).set_source_rights(source_id=source_id, **body.model_dump())


@videos.get("", response=list[VideoOut], operation_id="videos_list", summary="List videos")
@paginate(Pages)
def videos_list(request: HttpRequest, filters: Query[VideoFilters]):
    """Newest first."""
    return filters.filter(Video.objects.select_related("source"))


@videos.get("/{video_id}", response=VideoOut, operation_id="videos_show", summary="Show a video")
def videos_show(request: HttpRequest, video_id: Path[Id]):
    """With its measured properties."""
    return lookup.one(Video, video_id, field="video_id")


@log.get("", response=list[ActivityOut], operation_id="activity_list", summary="List what was done")
@paginate(Pages)
def activity_list(request: HttpRequest, filters: Query[ActivityFilters]):
    """Newest first: who did what to which row, through which door, and why."""
    return filters.filter(Activity.objects.select_related("content_type"))


@log.get("/{activity_id}", response=ActivityOut, operation_id="activity_show", summary="Show an audit entry")
def activity_show(request: HttpRequest, activity_id: Path[Id]):
    """With the values before and after."""
    return lookup.one(Activity, activity_id, field="activity_id")


@numbers.get("", response=StatisticsOut, operation_id="statistics_show", summary="Show statistics")
def statistics_show(request: HttpRequest, window: Query[StatisticsWindow]):
    """What YouTube counted, and what we did, in the last days; the two are never mixed into one figure."""
    return service(request).get_statistics(days=window.days, channel_ids=window.channel_id)
