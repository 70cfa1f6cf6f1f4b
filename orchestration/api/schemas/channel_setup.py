"""Bodies and answers about what a channel is: its configuration, its week, its blackouts, its revisions."""

from datetime import datetime
from typing import Annotated, Any

from ninja import Field, Schema
from pydantic import ConfigDict

from channels.documents import FilterDocument
from channels.editing import FIELDS, YEAR_MINUTES, ChannelValues
from channels.models import Credential
from channels.states import CredentialState, Executor, MisfirePolicy, SecretsIn
from orchestration.api.schemas.parts import Parts
from orchestration.api.schemas.register import ChannelBrief, SlotOut
from orchestration.api.schemas.requests import Because, Decision
from orchestration.api.schemas.words import Document, ResolvedOut
from orchestration.fields import (
    Body,
    BodyId,
    Count,
    Passage,
    Priority,
    Secret,
    Text,
    Value,
    WallDate,
    WallTime,
)
from orchestration.planning.week_facts import SlotAt

Line = Annotated[Text, Field(max_length=500)]
Minutes = Annotated[int, Field(strict=True, ge=0, le=YEAR_MINUTES)]
Weekday = Annotated[int, Field(strict=True, ge=0, le=6, description="0 is Monday")]


class _Channel(Body):
    """What may be said of a channel; what is left out stays, or is as for every new channel."""

    slug: Line | None = Field(None, description="in addresses; without it one is made of the name")
    youtube_channel_id: Line | None = Field(None, description="pinned by the connection; seldom given")
    timezone: Line | None = Field(None, description="IANA name; slots and blackouts are on its clock")
    priority: Priority | None = None
    min_gap_minutes: Minutes | None = None
    daily_cap: Count | None = None
    lead_time_minutes: Minutes | None = None
    misfire_policy: MisfirePolicy | None = None
    misfire_grace_minutes: Minutes | None = None
    filters: FilterDocument | None = Field(None, description="what it takes; given whole")
    title_template: Line | None = None
    description_template: Passage | None = None
    tags: list[Line] | None = Field(None, max_length=500)
    category_id: Line | None = None
    language: Line | None = None
    made_for_kids: bool | None = Field(None, strict=True)
    notify_subscribers: bool | None = Field(None, strict=True)
    executor: Executor | None = None
    repository: Line | None = Field(None, description="owner/name")
    workflow: Line | None = None
    ref: Line | None = None
    secrets_in: SecretsIn | None = None
    failover: bool | None = Field(None, strict=True)

    def values(self) -> ChannelValues:
        """Return what was said, as the service takes it."""
        said = {name: getattr(self, name, None) for name in FIELDS}
        if self.filters is not None:
            said["filters"] = self.filters.model_dump(exclude_defaults=True)
        return ChannelValues(**said)


class NewChannel(_Channel):
    """A channel: its name is enough, the rest can be said later."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Northern Lights", "timezone": "Europe/Oslo"}]}
    )

    name: Line
    reason: Annotated[Text, Field(max_length=300)] = ""


class ChannelChange(_Channel, Decision):
    """What changes of a channel; a field that is left out stays as it is."""

    name: Line | None = None
    accept_problems: bool = Field(
        False,
        strict=True,
        description="though what waits for its upload would not be published with these words",
    )


class NewCredential(Because):
    """A channel's own OAuth client and refresh token; what is left out stays as it is stored."""

    client_id: Line
    client_secret: Annotated[Secret, Field(max_length=500)] = ""
    refresh_token: Annotated[Secret, Field(max_length=2000)] = ""


class CredentialOut(Schema):
    """What opens a channel, without what is secret."""

    channel_id: int
    client_id: str
    state: CredentialState
    reason: str
    has_client_secret: bool
    has_refresh_token: bool
    expires_at: datetime | None
    checked_at: datetime | None

    @staticmethod
    def resolve_has_client_secret(row: Credential) -> bool:
        """Return whether a secret is stored."""
        return bool(row.client_secret_sealed)

    @staticmethod
    def resolve_has_refresh_token(row: Credential) -> bool:
        """Return whether a token is stored."""
        return bool(row.refresh_token_sealed)


class SlotIn(Body):
    """A weekly wall-clock time."""

    weekday: Weekday
    local_time: WallTime
    enabled: bool = Field(True, strict=True)


class NewWeek(Because):
    """All slots of a week; whatever is not named is taken away."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"slots": [{"weekday": 4, "local_time": "18:00"}]}]}
    )

    slots: list[SlotIn] = Field(max_length=672)
    version: Annotated[Text, Field(max_length=20)] = Field(
        "", description="the week's `version` as you saw it; refused if the week has changed"
    )

    def values(self) -> list[SlotAt]:
        """Return the slots as the service takes them."""
        return [SlotAt(slot.weekday, slot.local_time, slot.enabled) for slot in self.slots]


class CopyDay(Because):
    """Give other days exactly the slots of one."""

    weekday: Weekday
    to: list[Weekday] = Field(min_length=1, max_length=6)


class SlotChange(Because):
    """Whether a slot is used."""

    enabled: bool = Field(strict=True)


class BlackoutChange(Body):
    """The stretch that a blackout has from now on, whole."""

    first_date: WallDate
    last_date: WallDate
    from_time: WallTime | None = Field(None, description="of the first date")
    until_time: WallTime | None = Field(None, description="of the last date, not included")
    reason: Annotated[Text, Field(max_length=200)] = ""


class BlackoutParts(Parts):
    """What changes of a blackout."""

    whole = BlackoutChange


class WeekFactOut(Value):
    """One thing that a week of slots means."""

    code: str
    sentence: str
    weekday: int | None


class WeekOut(Schema):
    """A channel's weekly slots, and what its gap, its cap and the clocks of its zone make of them."""

    slots: list[SlotOut]
    facts: list[WeekFactOut]
    version: str


class RevisionOut(Schema):
    """One version of a channel's configuration."""

    number: int
    created_at: datetime
    created_by: str
    checksum: str
    commit_sha: str
    synced_at: datetime | None
    sync_error: str


class FieldChangeOut(Value):
    """One field before and after, as people write its values; empty is nothing."""

    field: str
    before: str
    after: str


class RevisionDetail(Schema):
    """A revision: its document, what was changed by it, what going back to it would change, and what would not come back."""

    revision: RevisionOut
    document: dict[str, Any] = Field(alias="revision.document")
    changes: list[FieldChangeOut]
    going_back: list[FieldChangeOut]
    left_out: list[str]


class RevisionDiffOut(Value):
    """What differs between two revisions."""

    first: int
    second: int
    changes: list[FieldChangeOut]


class GoBack(Because):
    """Bring an earlier revision back."""

    dry_run: bool = Field(False, strict=True, description="show what would change, write nothing")
    accept_problems: bool = Field(
        False,
        strict=True,
        description="though what waits for its upload would not be published with its words",
    )


class RollBackOut(Value):
    """What bringing a revision back changes, and what of it is not brought back."""

    channel: ChannelBrief
    number: int
    changes: list[FieldChangeOut]
    left_out: list[str]
    dry_run: bool


class TryWords(Body):
    """Words that are not saved, and a video to try them on; without one a recent one."""

    words: Document = Field(default_factory=dict)
    video_id: BodyId | None = None


class TriedWordsOut(Value):
    """How a video would look on a channel; `faults` says what is wrong with the words, by field."""

    video_id: int | None
    video: str
    words: ResolvedOut
    faults: dict[str, str]
