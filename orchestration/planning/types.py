"""Define the values that planning takes and gives: frozen, slotted, free of database and clock.

Instants are aware and UTC; durations carry their unit; an id is the database's. What comes by the hundred
thousand from a query (`Occupied`, `Existing`) is a named tuple, so that `Occupied(*row)` costs next to
nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any, NamedTuple

from orchestration.planning.difference_values import NOTHING_ASKED, Differences
from orchestration.planning.rules import KIND_OF_RULE, ConflictKind


class Timing(StrEnum):
    """How the members of a wave lie in time."""

    SIMULTANEOUS = "simultaneous"
    STAGGERED = "staggered"
    INDEPENDENT = "independent"


class OnConflict(StrEnum):
    """What is done about a conflict."""

    SHIFT = "shift"
    PREEMPT = "preempt"
    SKIP = "skip"
    REJECT = "reject"


class Resolution(StrEnum):
    """How a conflict was resolved."""

    SHIFTED = "shifted"
    PREEMPTED = "preempted"
    SKIPPED = "skipped"
    REJECTED = "rejected"
    OPEN = "open"
    WARNED = "warned"


class Yielded(StrEnum):
    """Which party of a conflict gave way."""

    REQUEST = "request"
    EXISTING = "existing"
    NOBODY = "nobody"


class Method(StrEnum):
    """How a placement came to its time."""

    SIMULTANEOUS = "simultaneous"
    STAGGERED = "staggered"
    SLOT = "slot"
    FREE_TIME = "free_time"
    OVERRIDE = "override"


class AlternativeKind(StrEnum):
    """What else could be done about a conflict."""

    SHIFT = "shift"
    NEXT_SLOT = "next_slot"
    PREEMPT = "preempt"
    SKIP = "skip"


class PoolKind(StrEnum):
    """What a pool counts: at once, in a window of seconds, or in a Pacific day."""

    SLOTS = "slots"
    RATE = "rate"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class SlotRule:
    """One weekly wall-clock time at which a channel posts; Monday is 0."""

    weekday: int
    local_time: time
    slot_id: int | None = None


@dataclass(frozen=True, slots=True)
class Blackout:
    """A stretch in which a channel does not publish: from `starts_at` up to, not including, `ends_at`."""

    starts_at: datetime
    ends_at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Filters:
    """What a channel takes.

    A limit of None (or an empty list) does not filter; an unknown value fails a given limit.
    """

    min_width: int | None = None
    min_height: int | None = None
    min_duration_seconds: float | None = None
    max_duration_seconds: float | None = None
    min_views: int | None = None
    exclude_watermarked: bool = False
    languages: tuple[str, ...] = ()
    keywords_in: tuple[str, ...] = ()
    keywords_out: tuple[str, ...] = ()
    source_ids: tuple[int, ...] = ()

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Filters:
        """Read a channel's stored filter document (a valid `FilterDocument`)."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in document.items()}
        return cls(**values)


@dataclass(frozen=True, slots=True)
class ChannelView:
    """A channel as planning sees it. `daily_cap` None means no cap; `stage_seconds` 0 means no estimate;
    staging starts `lead_time_seconds` ahead, or the request's if that is longer."""

    id: int
    slug: str = ""
    name: str = ""
    zone: str = "UTC"
    priority: int = 5
    min_gap_minutes: int = 0
    daily_cap: int | None = None
    slots: tuple[SlotRule, ...] = ()
    blackouts: tuple[Blackout, ...] = ()
    state: str = "active"
    health: str = "unknown"
    credential_state: str = "valid"
    misfire_policy: str = "publish_late"
    grace_minutes: int = 0
    filters: Filters = Filters()
    executor: str = "local"
    stage_seconds: int = 0
    lead_time_seconds: int = 0
    needs_title: bool = True
    """Whether its titles are made of the video's; a template without `{title}` names every video itself."""


ChannelPlan = ChannelView


@dataclass(frozen=True, slots=True)
class VideoView:
    """A video as planning sees it.

    None means unknown; an empty rights basis means that it may not be published. A GitHub run can fetch what is
    `in_reach_of_runs`. Neither its source nor a person has given a title to what `is_untitled`.
    """

    id: int
    title: str = ""
    duration_seconds: float | None = None
    width: int | None = None
    height: int | None = None
    views: int | None = None
    watermarked: bool | None = None
    language: str | None = None
    keywords: tuple[str, ...] = ()
    source_id: int | None = None
    rights_basis: str = ""
    content_hash: str = ""
    state: str = "ready"
    published_at: datetime | None = None
    ready_at: datetime | None = None
    stage_seconds: int | None = None
    in_reach_of_runs: bool = True
    is_untitled: bool = False


class Occupied(NamedTuple):
    """A schedule that takes room in a channel's calendar.

    `move_units` is what moving it costs (50 once staged).
    """

    channel_id: int
    at: datetime
    schedule_id: int | None = None
    priority: int = 5
    label: str = ""
    movable: bool = True
    wave_id: int | None = None
    move_units: int = 0


class Existing(NamedTuple):
    """A distribution that counts: the video goes, or went, to the channel, or a person cancelled it there.

    `cancelled` says who did and why; such a one counts for this pair only. Leave out the failed.
    """

    video_id: int
    channel_id: int
    content_hash: str = ""
    at: datetime | None = None
    state: str = "assigned"
    cancelled: str = ""


@dataclass(frozen=True, slots=True)
class PoolView:
    """A shared resource that staging draws on.

    `slots`: `capacity` at once, `queued` items already in or before it. `rate`: `capacity` starts a
    `window_seconds`. `budget`: `capacity` units a Pacific day; `used` is charged, `committed` is reserved,
    both in units by Pacific day. `cost_per_item` is what one staged video draws; 0 leaves the pool out.
    `executor` limits it to `local` or `github`. `publish_units` is what making one video public draws, on the
    day of its moment.
    """

    name: str
    kind: str
    capacity: int
    window_seconds: int = 0
    used: Mapping[date, int] = field(default_factory=dict)
    committed: Mapping[date, int] = field(default_factory=dict)
    queued: int = 0
    cost_per_item: int = 1
    executor: str = ""
    publish_units: int = 0


@dataclass(frozen=True, slots=True)
class WaveRequest:
    """What is wanted: videos over channels, in this order.

    `scheduled_at` None means as soon as it can be. `overrides` pins a member to an instant and survives
    re-planning. `same_asset_limit` is how many channels one video may go to before the policy warning.
    """

    videos: tuple[int, ...]
    channels: tuple[int, ...]
    timing: str = Timing.SIMULTANEOUS
    scheduled_at: datetime | None = None
    delay_seconds: int = 0
    priority: int = 5
    on_conflict: str = OnConflict.SHIFT
    lead_time_seconds: int = 0
    overrides: Mapping[tuple[int, int], datetime] = field(default_factory=dict)
    acknowledge_policy: bool = False
    same_asset_limit: int = 3

    def as_document(self) -> dict[str, Any]:
        """Return the request as it is stored with its wave: plain JSON, in the words of the API."""
        return {
            "video_ids": list(self.videos),
            "channel_ids": list(self.channels),
            "timing": str(self.timing),
            "scheduled_at": self.scheduled_at.isoformat() if self.scheduled_at else None,
            "delay_seconds": self.delay_seconds,
            "priority": self.priority,
            "on_conflict": str(self.on_conflict),
            "overrides": [
                {"video_id": video, "channel_id": channel, "publish_at": at.isoformat()}
                for (video, channel), at in self.overrides.items()
            ],
            "acknowledge_policy": self.acknowledge_policy,
        }


@dataclass(frozen=True, slots=True)
class Placement:
    """One video on one channel at one instant.

    `stage_at` is when staging starts at the latest; `stage_on` is the Pacific day whose budget it reserves
    (None without a budget). The dispatcher may work ahead of both. `wanted` is the instant that was asked for.
    """

    video_id: int
    channel_id: int
    at: datetime
    local_wall: datetime
    zone: str
    priority: int
    method: str
    reason: str = ""
    slot_id: int | None = None
    stage_at: datetime | None = None
    stage_on: date | None = None
    wanted: datetime | None = None


@dataclass(frozen=True, slots=True)
class Party:
    """The other side of a conflict.

    An existing schedule or distribution, or another member of the same wave.
    """

    schedule_id: int | None = None
    video_id: int | None = None
    channel_id: int | None = None
    at: datetime | None = None
    priority: int | None = None
    label: str = ""
    wave_id: int | None = None


@dataclass(frozen=True, slots=True)
class Alternative:
    """What else could be done, and its cost. `at` is None where nothing would be published."""

    kind: str
    at: datetime | None
    minutes_later: int
    units: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """What collided, by which rule, who yields and how it ends.

    `channel_id` is None where several channels of a video are meant (those in `channel_ids`, or all), `video_id`
    where all videos of a channel are. `moved_to` is the new time of the party that yielded.
    """

    rule: str
    video_id: int | None
    channel_id: int | None
    at: datetime | None
    message: str
    other: Party | None = None
    yielded: str = Yielded.REQUEST
    resolution: str = Resolution.OPEN
    moved_to: datetime | None = None
    alternatives: tuple[Alternative, ...] = ()
    channel_ids: tuple[int, ...] = ()

    @property
    def kind(self) -> ConflictKind:
        """Return what collided, by the rule."""
        return KIND_OF_RULE[self.rule]


@dataclass(frozen=True, slots=True)
class Displacement:
    """An existing schedule that gives way.

    `to_at` None means that no free time was found and it is to be held.
    """

    schedule_id: int | None
    channel_id: int
    from_at: datetime
    to_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class DayLoad:
    """One Pacific day of a budget: what this plan stages on it beside what was already taken."""

    pool: str
    day: date
    planned: int
    taken: int
    capacity: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What would happen, and what stood in the way.

    `looked_until` is the latest instant whose calendar mattered: load `occupied` up to there, or plan again
    with more.
    """

    placements: tuple[Placement, ...]
    conflicts: tuple[Conflict, ...]
    displacements: tuple[Displacement, ...] = ()
    days: tuple[DayLoad, ...] = ()
    days_needed: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    looked_until: datetime | None = None
    refused: bool = False
    summary: str = ""
    difference: Differences = NOTHING_ASKED

    @property
    def fingerprint(self) -> str:
        """Return a hash of what would be written.

        Equal plans have equal fingerprints, whatever the order of input.
        """
        lines = sorted(
            f"{p.video_id} {p.channel_id} {p.at.isoformat()} {p.priority}" for p in self.placements
        )
        lines += sorted(f"move {d.schedule_id} {d.to_at and d.to_at.isoformat()}" for d in self.displacements)
        lines.append(f"refused {self.refused}")
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def conflicts_of(self, video_id: int, channel_id: int) -> tuple[Conflict, ...]:
        """Return the conflicts that touch one member of the wave."""
        return tuple(
            c for c in self.conflicts if c.video_id in (video_id, None) and c.channel_id in (channel_id, None)
        )
