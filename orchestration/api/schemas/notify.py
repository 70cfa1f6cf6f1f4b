"""Notifications, as the API takes and shows them. An address is taken whole and never shown again."""

from datetime import datetime
from typing import Annotated

from ninja import Schema
from pydantic import ConfigDict, Field

from orchestration.api.schemas.parts import Parts
from orchestration.api.schemas.requests import Because
from orchestration.api.schemas.selection import Channels, scope_of
from orchestration.core.scope import words_of
from orchestration.fields import Body, BodyId, Instant, Reason, Text, WallTime, Word
from orchestration.models import NotificationRule
from orchestration.models.notify import Category, NotificationKind, NotificationOutcome, Severity
from orchestration.notify.rules import RuleValues

Name = Annotated[Text, Field(min_length=1, max_length=80)]
Url = Annotated[Text, Field(min_length=1, max_length=2000, description="an Apprise address; write only")]


class NewAddress(Body):
    """Where messages go."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "night shift", "url": "ntfys://ntfy.example.org/headend"}]}
    )

    name: Name
    url: Url
    heartbeat: bool = Field(
        False, strict=True, description="called once a minute as long as Headend works, by http or https"
    )
    enabled: bool = Field(True, strict=True)


class ChangedAddress(Body):
    """What changes of an address; what is left out stays."""

    name: Name | None = None
    url: Url | None = None
    enabled: bool | None = Field(None, strict=True)


class RuleBody(Body):
    """Which problems are told to which addresses, and when. A change gives all of it anew."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "night shift",
                    "address_ids": [1],
                    "min_severity": "error",
                    "kinds": ["publication", "system"],
                    "quiet_from": "22:00",
                    "quiet_until": "07:00",
                    "zone": "Europe/Berlin",
                    "digest_at": "08:00",
                }
            ]
        }
    )

    name: Name
    address_ids: list[BodyId] = Field(min_length=1, max_length=100)
    min_severity: Severity = Severity.WARNING
    kinds: list[Word] = Field(
        [], max_length=100, description="categories or codes of problems; empty means all"
    )
    channel_ids: list[BodyId] = Field(
        [], max_length=10_000, description="empty means all, and what concerns no channel"
    )
    channels: Channels = Field(
        [],
        description="beside `channel_ids`; `group:SLUG` and `label:NAME` mean those in it or with it at the time",
    )
    quiet_from: WallTime | None = Field(None, description="what arises from here on waits for the end")
    quiet_until: WallTime | None = None
    zone: Word = Field("UTC", description="of quiet hours and digest, such as Europe/Berlin")
    critical_breaks_quiet: bool = Field(True, strict=True)
    reminder_hours: int = Field(24, strict=True, ge=0, le=720, description="0 means no reminder")
    send_recovery: bool = Field(True, strict=True)
    digest_at: WallTime | None = Field(None, description="null means no daily digest")
    enabled: bool = Field(True, strict=True)

    def values(self) -> RuleValues:
        """Return what the service takes."""
        return RuleValues(**self.model_dump(exclude={"channels"}) | scope_of(self.channels, self.channel_ids))


class RuleParts(Parts):
    """What changes of a rule; of `channel_ids` and `channels` both, if one is given."""

    whole = RuleBody


class NewSilence(Body):
    """What nobody is told of, until when. At least one of kind, channel, group and cause."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"channel_id": 3, "until": "2026-11-27T09:00:00+01:00", "reason": "the owner is changing it"}
            ]
        }
    )

    until: Instant
    kind: Annotated[Text, Field(max_length=60)] = ""
    channel_id: BodyId | None = None
    group: Annotated[Text, Field(max_length=60, description="the slug of a group: whoever is in it then")] = (
        ""
    )
    cause: Annotated[Text, Field(max_length=200, description="the key of an incident")] = ""
    reason: Reason = ""


NO_REASON = Because()


class AddressOut(Schema):
    """An address: its scheme and the beginning of its host; the rest is sealed."""

    id: int
    name: str
    kind: str
    shown: str
    enabled: bool
    created_at: datetime
    last_tried_at: datetime | None
    last_error: str
    gave_up_at: datetime | None


class RuleOut(Schema):
    """A rule."""

    id: int
    name: str
    address_ids: list[int]
    min_severity: Severity
    kinds: list[str]
    channel_ids: list[int]
    channels: list[str] = Field(description="what it is limited to, in words: groups, labels and slugs")
    quiet_from: WallTime | None
    quiet_until: WallTime | None
    zone: str
    critical_breaks_quiet: bool
    reminder_hours: int
    send_recovery: bool
    digest_at: WallTime | None
    enabled: bool
    created_at: datetime

    @staticmethod
    def resolve_address_ids(row: NotificationRule) -> list[int]:
        """Return the ids of its addresses."""
        return [address.pk for address in row.addresses.all()]

    @staticmethod
    def resolve_channel_ids(row: NotificationRule) -> list[int]:
        """Return the ids of the channels that it is limited to."""
        return [channel.pk for channel in row.channels.all()]

    @staticmethod
    def resolve_channels(row: NotificationRule) -> list[str]:
        """Return what it is limited to as it can be given again."""
        return words_of(row)


class SilenceOut(Schema):
    """A silence."""

    id: int
    kind: str
    channel_id: int | None
    group_id: int | None
    cause: str
    until: datetime
    who: str
    reason: str
    created_at: datetime


class IncidentOut(Schema):
    """One cause at one scope that stands."""

    id: int
    key: str
    code: str
    category: Category
    severity: Severity
    subject: str
    sentence: str
    channel_id: int | None
    opened_at: datetime


class NotificationBoardOut(Schema):
    """Who is told what, and what stands."""

    addresses: list[AddressOut]
    rules: list[RuleOut]
    silences: list[SilenceOut]
    incidents: list[IncidentOut]


class NotificationOut(Schema):
    """One message to one address, as the log has it."""

    id: int
    kind: NotificationKind
    cause: str
    severity: Severity
    channel_id: int | None
    rule_id: int | None
    address_id: int | None
    address_name: str
    title: str
    body: str
    outcome: NotificationOutcome
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None
    attempts: int
    message_id: str
    error: str
