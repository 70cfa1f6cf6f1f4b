"""Events and webhook endpoints, as the API takes and shows them. An address is taken whole and never shown again."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, ConfigDict, Field

from orchestration.fields import Body, Instant, Text, Value, Word
from orchestration.models.webhooks import DeliveryOutcome
from orchestration.webhooks.endpoints import MOST_OVERLAP_HOURS
from orchestration.webhooks.event_types import MOST_PATTERNS

Name = Annotated[Text, Field(min_length=1, max_length=80)]
Url = Annotated[
    Text, Field(min_length=1, max_length=2000, description="where events are sent by POST; write only")
]
Types = Annotated[
    list[Annotated[Word, Field(max_length=80)]],
    Field(max_length=MOST_PATTERNS, description="types or patterns, such as `schedule.*`; empty means all"),
]
Groups = Annotated[
    list[Word], Field(max_length=100, description="slugs: what concerns channels of these groups only")
]


class NewEndpoint(Body):
    """Where events are sent."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "newsroom",
                    "url": "https://hooks.example.org/headend",
                    "events": ["schedule.published", "schedule.failed", "channel.*"],
                }
            ]
        }
    )

    name: Name
    url: Url
    events: Types = []
    groups: Groups = []
    enabled: bool = Field(True, strict=True)


class ChangedEndpoint(Body):
    """What changes of an endpoint; what is left out stays."""

    name: Name | None = None
    url: Url | None = None
    events: Types | None = None
    groups: Groups | None = None
    enabled: bool | None = Field(None, strict=True)


class SecretRotation(Body):
    """How long the secret before it signs yet, beside the new one."""

    overlap_hours: float = Field(24, ge=0, le=MOST_OVERLAP_HOURS)


class ResendSince(Body):
    """From when on everything is sent anew."""

    since: Instant


def _slugs(groups: Any) -> list[str]:
    """Return what groups of a row are called in addresses."""
    return groups if isinstance(groups, list) else sorted(group.slug for group in groups.all())


class EndpointOut(Value):
    """An endpoint: of its address scheme and host; the rest is sealed, and so are the secrets."""

    id: int
    name: str
    shown: str = Field(description="scheme and host of the address")
    events: list[str]
    groups: Annotated[list[str], BeforeValidator(_slugs)] = Field(description="slugs; empty: no limit")
    enabled: bool
    disabled_because: str = Field(description="why Headend switched it off; empty: it did not")
    disabled_at: datetime | None
    created_at: datetime
    created_by: str
    older_secret_until: datetime | None = Field(description="until when the secret before it signs, too")
    failures: int = Field(description="one after the other")
    failing_since: datetime | None
    paused_until: datetime | None = Field(description="until when it is left alone, since it fails")
    last_error: str = Field(description="empty: it arrived")


class EndpointMadeOut(Value):
    """An endpoint with its secret, which is shown this once."""

    endpoint: EndpointOut
    secret: str


class TryOut(Value):
    """One try."""

    at: datetime
    status: int | None
    ms: int
    error: str


class DeliveryOut(Value):
    """One event at one endpoint, and what became of it."""

    id: int
    endpoint_id: int
    event_id: str = Field(description="the `webhook-id`")
    type: str
    outcome: DeliveryOutcome
    attempts: int
    created_at: datetime
    due_at: datetime = Field(description="when it is, or was, to be tried")
    give_up_at: datetime
    tried_at: datetime | None
    status: int | None = Field(description="of the last answer")
    answer: str = Field(description="how the last answer begins, without secrets")
    duration_ms: int | None
    error: str
    tries: list[TryOut] = Field(description="the last twenty")


class SubjectOut(Value):
    """What an event is about."""

    type: str
    id: str
    name: str = Field(description="as it was called then")


class EventActorOut(Value):
    """Who did it, and by which way."""

    name: str
    trigger: str


class MembersOut(Value):
    """Which rows of a kind an action on many changed."""

    ids: list[int | str] = Field(description="the first thousand")
    total: int


class EventDataOut(Value):
    """What an event tells."""

    id: str = Field(description="the event's id: the same at each delivery, and in the stream")
    entry_id: int = Field(description="of the activity log")
    subject: SubjectOut
    channel_id: int | None
    publication_id: int | None = Field(description="id of the schedule")
    actor: EventActorOut
    reason: str
    correlation_id: str = Field(description="the same for all that one action did")
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    members: dict[str, MembersOut] = Field(description="empty unless one action changed many")


class EventOut(Value):
    """One event, as endpoints get it and as the stream has it."""

    type: str = Field(examples=["schedule.published", "channel.health_changed"])
    timestamp: datetime = Field(description="when it happened")
    data: EventDataOut


class EventPageOut(Value):
    """The next events, oldest first."""

    events: list[EventOut]
    next: str = Field(description="give it as `after` to go on from here; empty: the stream has no event yet")
    more: bool = Field(description="whether to ask again at once")


class EventQuery(Body):
    """Where to begin, and what of it."""

    after: Annotated[Text, Field(max_length=60, description="an event's id; without it: the oldest kept")] = (
        ""
    )
    since: Annotated[Instant | None, Field(description="instead of `after`: what happened from then on")] = (
        None
    )
    types: Annotated[Text, Field(max_length=2000, description="types or patterns, with commas between")] = ""
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class StreamQuery(Body):
    """Where to begin, and what of it."""

    after: Annotated[
        Text, Field(max_length=60, description="instead of the header Last-Event-ID; without: from now on")
    ] = ""
    types: Annotated[Text, Field(max_length=2000, description="types or patterns, with commas between")] = ""
