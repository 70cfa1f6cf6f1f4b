"""What a plan is, before and after it was written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from orchestration.planning.difference_values import NOTHING_ASKED, Differences
from orchestration.planning.rule_differences import of_lines

if TYPE_CHECKING:
    from orchestration.models import (
        Distribution,
        StandingRule,
        Wave,
    )
    from orchestration.planning.answers import Explanation
    from orchestration.planning.types import Plan


@dataclass(frozen=True, slots=True)
class WaveResult:
    """A plan and, unless it was a dry run, the wave that was made of it."""

    plan: Plan
    wave: Wave | None
    dry_run: bool

    @property
    def written(self) -> Wave:
        """Return the wave that was made. Raises: ValueError after a dry run, which makes none."""
        if self.wave is None:
            raise ValueError("a dry run makes no wave")
        return self.wave


@dataclass(frozen=True, slots=True)
class EarliestResult:
    """The first time at which a whole wave fits without moving anything, and its plan.

    `at` None: none was found; the plan is then the one from the wanted time on, with all that would move.
    """

    at: datetime | None
    plan: Plan


@dataclass(frozen=True, slots=True)
class DistributeDecision:
    """Yes or no for one video and one channel, with every rule that was looked at."""

    video_id: int
    channel_id: int
    chosen: bool
    publish_at: datetime | None
    reason: str
    explanation: Explanation | None = None


@dataclass(frozen=True, slots=True)
class DistributeResult:
    """What the rules decided; `created` is empty for a dry run and when there was nothing new."""

    decisions: list[DistributeDecision]
    created: list[Distribution]
    dry_run: bool
    summary: str = ""
    difference: Differences = NOTHING_ASKED


@dataclass(frozen=True, slots=True)
class StandingRun:
    """What one run of a standing rule planned, a line each, what it waits for, and which channels are below its floor."""

    rule: StandingRule
    placed: list[str]
    low: list[str]
    summary: str
    problem: str
    dry_run: bool = False
    difference: Differences = NOTHING_ASKED


@dataclass(frozen=True, slots=True)
class PlanFileLine:
    """What one line of a plan's file does: `new`, `moved`, `unchanged` or `refused`, and why."""

    line: int
    what: str
    sentence: str
    schedule_id: int | None
    video_id: int | None
    channel_id: int | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class PlanFile:
    """What a plan's file does, line by line."""

    lines: list[PlanFileLine]
    dry_run: bool

    def count(self, what: str) -> int:
        """Return how many lines do this."""
        return sum(line.what == what for line in self.lines)

    @property
    def summary(self) -> str:
        """Return the outcome as a sentence."""
        kinds = ("new", "moved", "unchanged", "refused")
        return ", ".join(f"{self.count(what)} {what}" for what in kinds)

    @property
    def difference(self) -> Differences:
        """Return which lines cannot be written, and why."""
        refused = [(line.line, line.sentence) for line in self.lines if line.what == "refused"]
        return of_lines(len(self.lines), refused)
