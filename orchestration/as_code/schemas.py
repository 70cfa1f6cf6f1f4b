"""What may stand in a configuration file: each thing's fields. What is left out stays as it is, or is as by default."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from channels.documents import FilterDocument

FORMAT = 1
Key = Annotated[str, Field(min_length=1, max_length=1000)]
Text = Annotated[str, Field(max_length=10_000)]
Words = Annotated[list[Text], Field(max_length=10_000)]


class Thing(BaseModel):
    """Whatever has a name in the file: no field that it does not know, no value of another kind."""

    model_config = ConfigDict(extra="forbid", strict=True)


class SecretRef(Thing):
    """Where a secret comes from: a variable of the environment. One that is stored already is kept."""

    secret: Annotated[str, Field(pattern=r"^HEADEND_SECRET_[A-Z0-9_]{1,150}$")]


class ProfileThing(Thing):
    """A profile of one's own."""

    name: Text = ""
    max_height: int = 1080
    max_fps: int = 60
    colour: Text = "keep"
    crf: int = 18
    preset: Text = "veryfast"
    audio_kbits: int = 384
    loudness: Text = "even"
    is_default: bool = False


class PoolThing(Thing):
    """What a pool holds."""

    label: Text | None = None
    capacity: int | None = None
    window_seconds: int | None = None
    reserve: int | None = None


class ClockThing(Thing):
    """How often an entry of the clock comes."""

    seconds: int


class GroupThing(Thing):
    """A group of channels."""

    name: Text = ""
    description: Text = ""


class SourceThing(Thing):
    """A source of videos; its key is the address as it is kept."""

    kind: Literal["address", "uploads", "folder", "storage"] = "address"
    name: Text = ""
    url: Text = ""
    place: dict[str, str | bool] = {}
    rights_basis: Text = ""
    rights_note: Text = ""
    keep_originals: Text = ""
    keep_prepared: Text = ""
    priority: int = 5
    language: Text = ""
    profile: Text = ""
    scrape_interval_minutes: int = 60
    item_limit: int = 20
    needs_approval: bool = False
    access: SecretRef | None = None


class FiltersThing(FilterDocument):
    """What a channel takes; sources by their keys."""

    model_config = ConfigDict(extra="forbid", strict=True)

    source_ids: Annotated[list[int], Field(max_length=0)] = []
    sources: Words = []
    min_duration_seconds: float | int | None = None
    max_duration_seconds: float | int | None = None


class BlackoutThing(Thing):
    """A stretch of wall-clock time in which nothing is published."""

    first_date: Text
    last_date: Text
    from_time: Text = ""
    until_time: Text = ""
    reason: Text = ""


class ChannelThing(Thing):
    """A channel."""

    name: Text = ""
    youtube_channel_id: Text = ""
    timezone: Text = "UTC"
    language: Text = ""
    priority: int = 5
    min_gap_minutes: int = 60
    daily_cap: int = 6
    misfire_policy: Text = "publish_late"
    misfire_grace_minutes: int = 120
    lead_time_minutes: int = 120
    title_template: Text = "{title}"
    description_template: Text = "{description}"
    tags: Words = []
    category_id: Text = "22"
    made_for_kids: bool = False
    notify_subscribers: bool = True
    words: dict[str, Any] = {}
    filters: FiltersThing = FiltersThing()
    executor: Text = "local"
    repository: Text = ""
    workflow: Text = "headend.yml"
    ref: Text = "main"
    secrets_in: Text = "environment"
    failover: bool = False
    profile: Text = ""
    needs_approval: bool = False
    groups: Words = []
    labels: Words = []
    slots: Words = []
    blackouts: list[BlackoutThing] = []


class StandingRuleThing(Thing):
    """A standing rule."""

    kind: Text = "distribute"
    enabled: bool = True
    channels: Words = []
    groups: Words = []
    labels: Words = []
    source: Text = ""
    every_minutes: int = 60
    daily_at: Text = ""
    zone: Text = "UTC"
    horizon_days: int = 14
    backlog_floor: int = 0
    times: Text = ""
    since: Text = ""
    priority: int | None = None


class AddressThing(Thing):
    """Where messages go; the address itself is a secret."""

    heartbeat: bool = False
    enabled: bool = True
    url: SecretRef | None = None


class RuleThing(Thing):
    """Who is told what."""

    addresses: Words = []
    min_severity: Text = "warning"
    kinds: Words = []
    channels: Words = []
    groups: Words = []
    labels: Words = []
    quiet_from: Text = ""
    quiet_until: Text = ""
    zone: Text = "UTC"
    critical_breaks_quiet: bool = True
    reminder_hours: int = 24
    send_recovery: bool = True
    digest_at: Text = ""
    enabled: bool = True


class WebhookThing(Thing):
    """Where events are sent; the address itself is a secret."""

    events: Words = []
    groups: Words = []
    enabled: bool = True
    url: SecretRef | None = None


class ConfigurationFile(BaseModel):
    """The whole of it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    headend: Literal[1]
    profiles: dict[Key, ProfileThing] = {}
    pools: dict[Key, PoolThing] = {}
    clock: dict[Key, ClockThing] = {}
    groups: dict[Key, GroupThing] = {}
    sources: dict[Key, SourceThing] = {}
    channels: dict[Key, ChannelThing] = {}
    standing_rules: dict[Key, StandingRuleThing] = {}
    notification_addresses: dict[Key, AddressThing] = {}
    notification_rules: dict[Key, RuleThing] = {}
    webhooks: dict[Key, WebhookThing] = {}
