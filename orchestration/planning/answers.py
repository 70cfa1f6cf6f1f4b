"""Define what explanations, distribution, misfire and forecast answer: values like those in `types`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any


class MisfireAction(StrEnum):
    """What becomes of an item at its moment, or after it."""

    ON_TIME = "on_time"
    PUBLISH_LATE = "publish_late"
    MOVE = "move"
    SKIP = "skip"
    HOLD = "hold"
    MISS = "miss"


@dataclass(frozen=True, slots=True)
class MisfireDecision:
    """What happens to an item that is due: `new_at` is set for a move only."""

    action: str
    policy: str
    due_at: datetime
    new_at: datetime | None
    lateness_seconds: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Release:
    """One overdue item of a resume: what happens to it, and from when it may be let go (None: not let go)."""

    schedule_id: int
    channel_id: int
    decision: MisfireDecision
    release_at: datetime | None


@dataclass(frozen=True, slots=True)
class DistributionCaps:
    """The limits of a distribution. None means no limit; a cooldown of 0 means none."""

    channels_per_video: int | None = None
    per_channel_and_day: int | None = None
    content_cooldown_hours: int = 0


@dataclass(frozen=True, slots=True)
class Unplaced:
    """A ready video that goes nowhere in this run: the rule that said no most often, on how many channels."""

    video_id: int
    rule: str
    channels: int
    sentence: str


@dataclass(frozen=True, slots=True)
class PoolHour:
    """One pool in one hour.

    `load` is what it did, `capacity` what it could have done, in the pool's own unit.

    slots: busy seconds; rate: starts; budget: units.
    """

    pool: str
    starts_at: datetime
    load: int
    capacity: int

    @property
    def share(self) -> float:
        """Return the load as a share of the capacity, 0.0 to 1.0."""
        return self.load / self.capacity if self.capacity else 0.0


@dataclass(frozen=True, slots=True)
class BudgetDay:
    """One budget on one Pacific day: `used` includes what was charged or reserved before."""

    pool: str
    day: date
    used: int
    capacity: int


@dataclass(frozen=True, slots=True)
class ForecastItem:
    """A schedule whose future is to be forecast. `stage_at` None means `lead_time_seconds` before its moment.

    `staged` items need no staging any more. What is `drawn` is at it: its upload is in the budgets' `used` already; so
    are the units of making it public once it is `armed`.
    """

    schedule_id: int | None
    channel_id: int
    at: datetime
    priority: int = 5
    stage_at: datetime | None = None
    stage_seconds: int = 0
    executor: str = "local"
    staged: bool = False
    label: str = ""
    drawn: bool = False
    armed: bool = False


@dataclass(frozen=True, slots=True)
class LateItem:
    """An item that will not make its time: when it would be staged, and what it waited for."""

    item: ForecastItem
    ready_at: datetime | None
    late_seconds: int
    waited_for: str
    rule: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Forecast:
    """What the coming days bring: loads by hour, budgets by Pacific day, and what will be late and why."""

    starts_at: datetime
    ends_at: datetime
    items: int
    hours: tuple[PoolHour, ...]
    days: tuple[BudgetDay, ...]
    late: tuple[LateItem, ...]
    published_by_day: Mapping[date, int] = field(default_factory=dict)
    summary: str = ""

    @property
    def first_late(self) -> LateItem | None:
        """Return the earliest item that will not make its time."""
        return self.late[0] if self.late else None


@dataclass(frozen=True, slots=True)
class RuleResult:
    """One rule, what it looked at, what it wants, and yes or no.

    None is unknown (value) or no limit (threshold).
    """

    rule: str
    value: Any
    threshold: Any
    ok: bool
    template: str = "{rule}: {value}, wanted {threshold}"

    @property
    def sentence(self) -> str:
        """Return the result as a sentence."""
        value = "unknown" if self.value is None else self.value
        if self.threshold is None:
            return f"yes: {self.rule.replace('_', ' ')} is not limited here; it is {value}"
        return ("yes: " if self.ok else "no: ") + self.template.format(
            rule=self.rule, value=value, threshold=self.threshold
        )


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a video may, or may not, go to a channel; `scores` holds the parts of its rank."""

    video_id: int
    channel_id: int
    ok: bool
    rules: tuple[RuleResult, ...]
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[RuleResult, ...]:
        """Return the rules that said no."""
        return tuple(rule for rule in self.rules if not rule.ok)

    @property
    def sentence(self) -> str:
        """Return in one line whether it goes, and why not."""
        if self.ok:
            return "yes: every rule is met"
        return "; ".join(rule.sentence for rule in self.failed)
