"""`/api/waves`, `/api/distributions`, `/api/schedules` and `/api/conflicts`: what goes where and when."""

from django.http import HttpRequest
from ninja import Path, Query, Router
from ninja.pagination import paginate

from orchestration.api import orders
from orchestration.api.auth import service
from orchestration.api.pagination import Pages
from orchestration.api.schemas.plan import PublicationWhyOut, ScheduleOut
from orchestration.api.schemas.requests import (
    AS_HELD,
    AS_SCHEDULED,
    AS_SEEN,
    Decision,
    MoveSchedule,
    ReleaseSchedule,
    ReopenSchedule,
    ReviewSchedule,
)
from orchestration.core import lookup
from orchestration.fields import Id
from orchestration.lists import ScheduleFilters
from orchestration.models import Schedule

schedules = Router(tags=["schedules"])


@schedules.get("", response=list[ScheduleOut], operation_id="schedules_list", summary="List schedules")
@paginate(Pages, item=ScheduleOut, order=orders.SCHEDULES)
def schedules_list(request: HttpRequest, filters: Query[ScheduleFilters]):
    """By their moment."""
    return filters.filter(Schedule.objects.select_related("channel", "wave", "distribution__video"))


@schedules.get(
    "/{schedule_id}", response=ScheduleOut, operation_id="schedules_show", summary="Show a schedule"
)
def schedules_show(request: HttpRequest, schedule_id: Path[Id]):
    """When a distribution is to be public."""
    return lookup.one(Schedule, schedule_id, field="schedule_id")


@schedules.get(
    "/{schedule_id}/why",
    response=PublicationWhyOut,
    operation_id="schedules_why",
    summary="Say why a publication is late, or not public",
)
def schedules_why(request: HttpRequest, schedule_id: Path[Id]):
    """Each delay with its cause and its seconds, and who or what keeps it from being public; afterwards too."""
    return service(request).explain_publication(schedule_id=schedule_id)


@schedules.post(
    "/{schedule_id}/move", response=ScheduleOut, operation_id="schedules_move", summary="Move a publication"
)
def schedules_move(request: HttpRequest, schedule_id: Path[Id], body: MoveSchedule):
    """Refused where rules forbid it, naming the next free times."""
    return service(request).move_schedule(
        schedule_id=schedule_id, publish_at=body.publish_at, reason=body.reason, version=body.version
    )


@schedules.post(
    "/{schedule_id}/hold", response=ScheduleOut, operation_id="schedules_hold", summary="Hold a publication"
)
def schedules_hold(request: HttpRequest, schedule_id: Path[Id], body: Decision = AS_SEEN):
    """Keep it back until it is released."""
    return service(request).hold_schedule(schedule_id=schedule_id, reason=body.reason, version=body.version)


@schedules.post(
    "/{schedule_id}/release",
    response=ScheduleOut,
    operation_id="schedules_release",
    summary="Release a held publication",
)
def schedules_release(request: HttpRequest, schedule_id: Path[Id], body: ReleaseSchedule = AS_HELD):
    """Let it go on at its time or another one, or by its misfire policy if its own has passed."""
    return service(request).release_schedule(schedule_id=schedule_id, **body.model_dump())


@schedules.post(
    "/{schedule_id}/reopen",
    response=ScheduleOut,
    operation_id="schedules_reopen",
    summary="Reopen a publication that is over",
)
def schedules_reopen(request: HttpRequest, schedule_id: Path[Id], body: ReopenSchedule = AS_SCHEDULED):
    """Take up again what was cancelled, missed, skipped or failed; a member of a cancelled wave leaves it."""
    return service(request).reopen_schedule(schedule_id=schedule_id, **body.model_dump())


@schedules.post(
    "/{schedule_id}/cancel",
    response=ScheduleOut,
    operation_id="schedules_cancel",
    summary="Cancel a publication",
)
def schedules_cancel(request: HttpRequest, schedule_id: Path[Id], body: Decision = AS_SEEN):
    """One that is not public yet."""
    return service(request).cancel_schedule(schedule_id=schedule_id, reason=body.reason, version=body.version)


@schedules.post(
    "/{schedule_id}/bump", response=ScheduleOut, operation_id="schedules_bump", summary="Bump a publication"
)
def schedules_bump(request: HttpRequest, schedule_id: Path[Id], body: Decision = AS_SEEN):
    """Move its work to the front of every queue."""
    return service(request).bump_schedule(schedule_id=schedule_id, reason=body.reason, version=body.version)


@schedules.post(
    "/{schedule_id}/review",
    response=ScheduleOut,
    operation_id="schedules_review",
    summary="Settle what needs review",
)
def schedules_review(request: HttpRequest, schedule_id: Path[Id], body: ReviewSchedule):
    """Say what became of it, after a person has looked."""
    return service(request).review_schedule(schedule_id=schedule_id, **body.model_dump())
