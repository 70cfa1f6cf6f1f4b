"""`/api/rewind` and `/api/since`: how it stood at a past instant, and what changed since."""

from typing import Annotated, Literal

from django.http import HttpRequest
from ninja import Field, Query, Router, Schema

from orchestration.api.auth import service
from orchestration.api.schemas.record import HitOut, PastOut, SeenIn, SeenOut, SinceOut
from orchestration.fields import Instant, Word

past = Router(tags=["record"])
away = Router(tags=["record"])
found = Router(tags=["record"])


class PastQuery(Schema):
    """Which instant, and what of it."""

    at: Annotated[Instant, Field(description="the instant; it has to be past")]
    page: Literal["schedule", "overview", "channel"] = "schedule"
    channel: Annotated[Word, Field(description="slug: of this channel only")] = ""
    starts_at: Annotated[Instant | None, Field(description="where the window of the plan begins")] = None
    hours: Annotated[int, Field(ge=1, le=336, description="how wide the window is")] = 24
    number: Annotated[int, Field(ge=1, le=1_000_000, description="page of the publications")] = 1
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    span_days: Annotated[int, Field(ge=1, le=90, description="how far back the ticks go")] = 7


class SinceQuery(Schema):
    """Since when."""

    since: Annotated[Instant | None, Field(description="without it: since you said that you saw it")] = None


@past.get("", response=PastOut, operation_id="rewind_show", summary="Show how it stood at a past instant")
def rewind_show(request: HttpRequest, query: Query[PastQuery]):
    """From the activity log: the plan, the overview or a channel as it was, and what is otherwise now."""
    return service(request).get_state_at(**query.model_dump())


@away.get("", response=SinceOut, operation_id="since_show", summary="Show what changed since")
def since_show(request: HttpRequest, query: Query[SinceQuery]):
    """What went wrong first; an action that changed many rows is one line."""
    return service(request).get_changes_since(since=query.since)


@away.post("/seen", response=SeenOut, operation_id="since_seen", summary="Say what you have seen")
def since_seen(request: HttpRequest, body: SeenIn = SeenIn()):  # noqa: B008 - ninja reads the default
    """Until an instant, or until now; a token has no console, so only a person can."""
    return {"seen_until": service(request).mark_changes_seen(until=body.until)}


class SearchQuery(Schema):
    """What is searched."""

    q: Annotated[Word, Field(max_length=100, description="part of a name, or an id")]
    limit: Annotated[int, Field(ge=1, le=20, description="most of each kind")] = 6


@found.get(
    "", response=list[HitOut], operation_id="search_show", summary="Find by a part of a name, or an id"
)
def search_show(request: HttpRequest, query: Query[SearchQuery]):
    """Channels, publications, waves, videos, sources and jobs; a few of each, best first."""
    return service(request).search(words=query.q, most=query.limit)
