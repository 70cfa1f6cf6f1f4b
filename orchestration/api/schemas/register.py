"""Channels, their slots and their health, as the API shows them."""

from datetime import date, datetime
from typing import Any

from ninja import Field, Schema

from channels.models import Blackout, Channel, PostingSlot
from channels.states import ChannelHealth, ChannelState, CredentialState, Executor, MisfirePolicy, SecretsIn
from orchestration.fields import Value, WallTime
from orchestration.states import CALENDAR_VERBS


class ChannelBrief(Value):
    """A channel where another thing is meant."""

    id: int
    slug: str
    name: str


class ChannelOut(Schema):
    """A channel: its configuration, what its operator wants of it, and what was last observed."""

    id: int
    slug: str
    name: str
    youtube_channel_id: str
    timezone: str
    priority: int
    min_gap_minutes: int
    daily_cap: int
    misfire_policy: MisfirePolicy
    misfire_grace_minutes: int
    needs_approval_since: datetime | None
    lead_time_minutes: int
    filters: dict[str, Any]
    title_template: str
    description_template: str
    tags: list[str]
    category_id: str
    language: str
    made_for_kids: bool
    notify_subscribers: bool
    profile: str = Field(description="how videos are prepared for it; empty: as their source says")
    executor: Executor
    repository: str
    workflow: str
    ref: str
    secrets_in: SecretsIn
    failover: bool = Field(description="our workers stage what GitHub Actions will not stage in time")
    state: ChannelState
    state_changed_at: datetime
    health: ChannelHealth
    health_reason: str
    health_checked_at: datetime | None
    credential_state: CredentialState
    credential_expires_at: datetime | None
    created_at: datetime
    updated_at: datetime
    groups: list[str] = Field(description="slugs of the groups that it is in")
    labels: list[str]
    version: int
    actions: list[str]

    @staticmethod
    def resolve_groups(channel: Channel) -> list[str]:
        """Return the groups by slug; a list reads them with its rows."""
        return [group.slug for group in channel.groups.all()]

    @staticmethod
    def resolve_labels(channel: Channel) -> list[str]:
        """Return the labels by name."""
        return [label.name for label in channel.labels.all()]

    @staticmethod
    def resolve_credential_state(channel: Channel) -> str:
        """Return what Google last said; the secrets themselves are never shown."""
        credential = getattr(channel, "credential", None)
        return credential.state if credential else CredentialState.MISSING

    @staticmethod
    def resolve_credential_expires_at(channel: Channel) -> datetime | None:
        """Return when the owner's consent ends; null where Google set no end."""
        credential = getattr(channel, "credential", None)
        return credential.expires_at if credential else None

    @staticmethod
    def resolve_actions(channel: Channel) -> tuple[str, ...]:
        """Return the verbs that are legal in the present state."""
        return channel.actions


class SlotOut(Schema):
    """A weekly wall-clock time in the channel's zone; Monday is 0."""

    id: int
    channel_id: int
    channel_slug: str
    weekday: int
    local_time: WallTime
    enabled: bool
    actions: list[str]

    @staticmethod
    def resolve_channel_slug(slot: PostingSlot) -> str:
        """Return the channel's short name."""
        return slot.channel.slug

    @staticmethod
    def resolve_actions(slot: PostingSlot) -> tuple[str, ...]:
        """Return what may be done: a slot has no state."""
        return CALENDAR_VERBS


class BlackoutOut(Schema):
    """A stretch of wall-clock time in which the channel does not publish."""

    id: int
    channel_id: int
    channel_slug: str
    first_date: date
    last_date: date
    from_time: WallTime | None
    until_time: WallTime | None
    reason: str
    actions: list[str]

    @staticmethod
    def resolve_channel_slug(blackout: Blackout) -> str:
        """Return the channel's short name."""
        return blackout.channel.slug

    @staticmethod
    def resolve_actions(blackout: Blackout) -> tuple[str, ...]:
        """Return what may be done: a blackout has no state."""
        return CALENDAR_VERBS


class ChannelDetail(ChannelOut):
    """A channel with its calendar."""

    slots: list[SlotOut]
    blackouts: list[BlackoutOut]


class HealthCheckOut(Value):
    """One thing that was looked at; `ok` is null where it could not be looked at."""

    check: str
    ok: bool | None
    sentence: str


class ChannelReportOut(Value):
    """What is known of one channel."""

    channel: ChannelBrief
    state: ChannelState
    health: ChannelHealth
    reason: str
    checked_at: datetime | None
    checks: list[HealthCheckOut]
    open_schedules: int
    published_24h: int
    failed_24h: int
    needs_review: int
    next_publish_at: datetime | None
    last_published_at: datetime | None
