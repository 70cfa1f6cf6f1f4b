"""What the past is answered with: rows with the values they had, and what is otherwise now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time

from channels.models import Blackout, Channel
from orchestration.models import Blocker, Incident, Schedule, Wave
from orchestration.planning.rewind import Difference

NOT_RECORDED = (
    "whether a time was set on YouTube already (armed)",
    "what jobs waited, and what was used of budgets",
    "titles of videos and names of waves: those of today are shown",
)
"""What the log has not to the instant, and no page of the past shows."""


@dataclass(frozen=True, slots=True)
class PastPublication:
    """One publication as it was; `schedule` carries the values of then and is never saved."""

    schedule: Schedule
    differences: list[Difference] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PastPlan:
    """What was to be public in a window, as it was planned at an instant: one page of it, by moment."""

    starts_at: datetime
    ends_at: datetime
    publications: list[PastPublication]
    total: int
    page: int
    limit: int
    channels: list[Channel] = field(default_factory=list)
    """Those of this page as they were, with what was set of them then."""
    blackouts: list[Blackout] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class PastChannel:
    """One channel as it was; `channel` carries the values of then and is never saved."""

    channel: Channel
    differences: list[Difference]
    credential: str
    slots: list[PastSlot]
    blackouts: list[PastBlackout]
    revision: int | None


@dataclass(frozen=True, slots=True)
class PastSlot:
    """A weekly slot that a channel had; `stands` says that it has it now."""

    weekday: int
    local_time: time
    enabled: bool
    stands: bool


@dataclass(frozen=True, slots=True)
class PastBlackout:
    """A blackout that a channel had; `stands` says that it has it now."""

    first_date: date
    last_date: date
    from_time: time | None
    until_time: time | None
    reason: str
    stands: bool


@dataclass(frozen=True, slots=True)
class PastSystem:
    """How the system stood, since when, by whom and why; no state where the log does not reach back so far."""

    state: str
    since: datetime | None
    by: str
    reason: str
    is_now: str


@dataclass(frozen=True, slots=True)
class PastWave:
    """A wave that was under way; `wave` carries the state of then and is never saved."""

    wave: Wave
    is_now: str


@dataclass(frozen=True, slots=True)
class PastCount:
    """How many channels were in a state or health, and how many are now."""

    name: str
    then: int
    now: int


@dataclass(frozen=True, slots=True)
class PastOverview:
    """What the overview would have said."""

    system: PastSystem
    upcoming: list[PastPublication]
    overdue: int
    published_before: int
    waves: list[PastWave]
    incidents: list[Incident]
    incidents_since: datetime
    blockers: list[Blocker]
    pools_paused: list[str]
    channel_states: list[PastCount]
    channel_health: list[PastCount]


@dataclass(frozen=True, slots=True)
class Tick:
    """How much happened in one stretch of time that somebody may want to look at."""

    at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Past:
    """The state at an instant: the plan, the overview or a channel, and where to go from there."""

    at: datetime
    now: datetime
    begins_at: datetime | None
    previous_at: datetime | None
    next_at: datetime | None
    next_is: str
    ticks: Sequence[Tick]
    plan: PastPlan | None = None
    overview: PastOverview | None = None
    channel: PastChannel | None = None
    not_recorded: Sequence[str] = NOT_RECORDED
