"""`/api/sources`, `/api/videos`, `/api/activity` and `/api/statistics`: what comes in, and what was done."""

from django.http import HttpRequest, HttpResponse
from ninja import Path, Query, Router, Status
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.pagination import Pages
from orchestration.api.schemas.disk import SourceRetention
from orchestration.api.schemas.library import (
    NewFolder,
    NewSourceAccess,
    NewStorage,
    RightsChangeOut,
    SourceChange,
    SourceOut,
    StorageKeys,
)
from orchestration.api.schemas.profiles import ChosenProfile
from orchestration.api.schemas.requests import AS_SEEN, NO_REASON, Because, Decision, NewSource, SourceRights
from orchestration.api.schemas.work import JobOut
from orchestration.core import lookup
from orchestration.fields import Id
from orchestration.lists import SourceFilters
from orchestration.models import Source

sources = Router(tags=["sources"])


@sources.get("", response=list[SourceOut], operation_id="sources_list", summary="List sources")
@paginate(Pages, item=SourceOut, order=orders.SOURCES)
def sources_list(request: HttpRequest, filters: Query[SourceFilters]):
    """By name."""
    return filters.filter(Source.objects.defer("looked_at", "access_sealed").order_by("name", "id"))


@sources.post("", response={201: SourceOut}, operation_id="sources_create", summary="Register a source")
def sources_create(request: HttpRequest, body: NewSource, response: HttpResponse):
    """It is read at once. Without a rights basis nothing of it is published."""
    source = service(request).add_source(**body.model_dump())
    response["Location"] = f"/api/sources/{source.pk}"
    return Status(201, source)


@sources.post(
    "/folders", response={201: SourceOut}, operation_id="sources_watch_folder", summary="Watch a folder"
)
def sources_watch_folder(request: HttpRequest, body: NewFolder, response: HttpResponse):
    """Each film that is put there and has stopped growing is taken in, with what lies beside it."""
    source = service(request).add_folder_source(**body.model_dump())
    response["Location"] = f"/api/sources/{source.pk}"
    return Status(201, source)


@sources.post(
    "/storages",
    response={201: SourceOut},
    operation_id="sources_add_storage",
    summary="Register an object storage",
)
def sources_add_storage(request: HttpRequest, body: NewStorage, response: HttpResponse):
    """It is listed at once, by the S3 protocol. Without a rights basis nothing of it is published."""
    source = service(request).add_storage_source(**body.model_dump())
    response["Location"] = f"/api/sources/{source.pk}"
    return Status(201, source)


@sources.post(
    "/{source_id}/set-keys",
    response=SourceOut,
    operation_id="sources_set_keys",
    summary="Give a storage other keys",
)
def sources_set_keys(request: HttpRequest, source_id: Path[Id], body: StorageKeys):
    """They are sealed and never shown again; what waited for them goes on."""
    return service(request).set_source_keys(source_id=source_id, **body.model_dump())


@sources.get("/{source_id}", response=SourceOut, operation_id="sources_show", summary="Show a source")
def sources_show(request: HttpRequest, source_id: Path[Id]):
    """With the outcome of its last reading."""
    return lookup.one(Source, source_id, field="source_id")


@sources.delete(
    "/{source_id}", response={204: None}, operation_id="sources_delete", summary="Take a source away"
)
def sources_delete(request: HttpRequest, source_id: Path[Id]):
    """As `remove`, without a reason."""
    service(request).remove_source(source_id=source_id)
    return Status(204, None)


@sources.patch("/{source_id}", response=SourceOut, operation_id="sources_patch", summary="Change a source")
@sources.post(
    "/{source_id}/change", response=SourceOut, operation_id="sources_change", summary="Change a source"
)
def sources_change(request: HttpRequest, source_id: Path[Id], body: SourceChange):
    """Name, address, priority, language, how often and how much is read; with another address it is read at once."""
    return service(request).change_source(source_id=source_id, **body.model_dump())


@sources.post(
    "/{source_id}/remove", response={204: None}, operation_id="sources_remove", summary="Remove a source"
)
def sources_remove(request: HttpRequest, source_id: Path[Id], body: Because = NO_REASON):
    """Refused where a video came from it. Administrators only."""
    service(request).remove_source(source_id=source_id, reason=body.reason)
    return Status(204, None)


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
def sources_pause(request: HttpRequest, source_id: Path[Id], body: Decision = AS_SEEN):
    """Stop reading it."""
    return service(request).pause_source(source_id=source_id, reason=body.reason, version=body.version)


@sources.post(
    "/{source_id}/resume", response=SourceOut, operation_id="sources_resume", summary="Resume a source"
)
def sources_resume(request: HttpRequest, source_id: Path[Id], body: Decision = AS_SEEN):
    """Read it again."""
    return service(request).resume_source(source_id=source_id, reason=body.reason, version=body.version)


@sources.post(
    "/{source_id}/set-retention",
    response=SourceOut,
    operation_id="sources_set_retention",
    summary="Say for how long a source's files are kept",
)
def sources_set_retention(request: HttpRequest, source_id: Path[Id], body: SourceRetention):
    """Originals and prepared files each: `forever`, `published`, a number of days, or empty: as the installation does."""
    return service(request).set_source_retention(source_id=source_id, **body.model_dump())


@sources.post(
    "/{source_id}/set-rights",
    response=RightsChangeOut,
    operation_id="sources_set_rights",
    summary="Say why a source's videos may be published",
)
def sources_set_rights(request: HttpRequest, source_id: Path[Id], body: SourceRights):
    """With an empty basis nothing of it is published any more, and what is armed on YouTube is held and disarmed."""
    return service(request).set_source_rights(source_id=source_id, **body.model_dump())


@sources.post(
    "/{source_id}/set-access",
    response=SourceOut,
    operation_id="sources_set_access",
    summary="Give a source what opens it",
)
def sources_set_access(request: HttpRequest, source_id: Path[Id], body: NewSourceAccess):
    """A login, cookies or headers, sealed and never shown again; sent to the source's own host and to `hosts` alone."""
    return service(request).set_source_access(source_id=source_id, **body.model_dump())


@sources.post(
    "/{source_id}/remove-access",
    response=SourceOut,
    operation_id="sources_remove_access",
    summary="Forget what opens a source",
)
def sources_remove_access(request: HttpRequest, source_id: Path[Id], body: Decision = AS_SEEN):
    """It is read as by anybody from then on."""
    return service(request).remove_source_access(
        source_id=source_id, reason=body.reason, version=body.version
    )


@sources.post(
    "/{source_id}/set-profile",
    response=SourceOut,
    operation_id="sources_set_profile",
    summary="Say how a source's videos are prepared",
)
def sources_set_profile(request: HttpRequest, source_id: Path[Id], body: ChosenProfile):
    """Where their channel has a profile of its own, that wins."""
    return service(request).set_source_profile(source_id=source_id, **body.model_dump())
