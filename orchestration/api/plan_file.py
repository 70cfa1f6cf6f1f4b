"""`/api/plan`: the plan as CSV, out and in, and the addresses under which calendars read it."""

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from ninja import Query, Router, Status

from orchestration.api.auth import service
from orchestration.api.schemas.plan_file import CalendarAddressOut, PlanFileBody, PlanFileOut, WhoseCalendar
from orchestration.below import below
from orchestration.lists import ScheduleFilters
from orchestration.models import Schedule
from orchestration.scheduling import plan_file

router = Router(tags=["plan"])
OWN = WhoseCalendar(user_id=None)


@router.get(
    "",
    response={200: None},
    operation_id="plan_export",
    summary="Give the plan as CSV",
    openapi_extra={"responses": {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}},
)
def plan_export(request: HttpRequest, filters: Query[ScheduleFilters]):
    """The nearest moment first; `publish_at` in UTC, `local_time` on the channel's clock. It can be imported again."""
    return csv_of(filters)


def csv_of(filters: ScheduleFilters) -> StreamingHttpResponse:
    """Return the plan as a file to be saved."""
    rows = filters.filter(Schedule.objects.all())
    return StreamingHttpResponse(
        plan_file.export(rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="headend-plan.csv"'},
    )


@router.post(
    "/preview", response=PlanFileOut, operation_id="plan_preview", summary="Show what a plan's CSV would do"
)
def plan_preview(request: HttpRequest, body: PlanFileBody):
    """Line by line; nothing is written."""
    return service(request).preview_plan_file(text=body.text, acknowledge_policy=body.acknowledge_policy)


@router.post("/import", response=PlanFileOut, operation_id="plan_import", summary="Import a plan's CSV")
def plan_import(request: HttpRequest, body: PlanFileBody):
    """A line with `schedule` moves that publication, one without plans a new one. All of it is written, or nothing."""
    return service(request).import_plan_file(text=body.text, acknowledge_policy=body.acknowledge_policy)


@router.post(
    "/calendar-address",
    response={201: CalendarAddressOut},
    operation_id="plan_calendar_address",
    summary="Make a calendar address",
)
def plan_calendar_address(request: HttpRequest, body: WhoseCalendar = OWN):
    """The one before it opens nothing any more; the new one is shown this once."""
    secret = service(request).make_calendar_address(user_id=body.user_id)
    return Status(201, {"path": below(f"/calendar/{secret}.ics")})


@router.post(
    "/calendar-address/remove",
    response={204: None},
    operation_id="plan_calendar_address_remove",
    summary="Remove a calendar address",
)
def plan_calendar_address_remove(request: HttpRequest, response: HttpResponse, body: WhoseCalendar = OWN):
    """It opens nothing any more."""
    service(request).remove_calendar_address(user_id=body.user_id)
    return Status(204, None)
