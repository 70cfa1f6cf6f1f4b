"""`/api/orchestration/events`: all that happens, in one order, page by page or as it comes."""

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router

from orchestration.api.auth import identify_anew, service
from orchestration.api.schemas.webhooks import EventPageOut, EventQuery, StreamQuery
from orchestration.webhooks import reading

router = Router(tags=["events"])
LAST_EVENT_ID = {
    "in": "header",
    "name": "Last-Event-ID",
    "required": False,
    "description": "the last event that was had; browsers send it by themselves",
    "schema": {"type": "string", "maxLength": 60},
}
STREAM = {
    "parameters": [LAST_EVENT_ID],
    "responses": {
        200: {
            "description": "server-sent events: `id`, `event` (the type) and `data` (an EventOut as JSON)",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
}


def _types(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


@router.get(
    "/events", response=EventPageOut, operation_id="orchestration_events", summary="Read the stream of events"
)
def events_list(request: HttpRequest, query: Query[EventQuery]):
    """Oldest first. Go on with `next` as `after`: nothing is missed, nothing comes twice. 410: begin anew."""
    return service(request).get_events(
        after=query.after, since=query.since, types=_types(query.types), limit=query.limit
    )


@router.get(
    "/events/stream",
    operation_id="orchestration_events_stream",
    summary="Follow the stream of events",
    openapi_extra=STREAM,
)
def events_stream(request: HttpRequest, query: Query[StreamQuery]):
    """Server-sent events, for five minutes at most; go on with `Last-Event-ID`, as browsers do by themselves."""
    caller = service(request)
    caller.get_events(limit=1, since=None, after="", types=_types(query.types))
    after = request.headers.get("Last-Event-ID", "").strip() or query.after
    lines = reading.Stream(caller.actor, after, _types(query.types), lambda: identify_anew(request))
    response = StreamingHttpResponse(
        lines,
        content_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )
    response.narrows_itself = True  # type: ignore[attr-defined]  # each look is limited anew
    return response
