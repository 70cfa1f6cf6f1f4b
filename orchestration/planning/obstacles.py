"""Define what forbids a channel a time: one class for each rule, with the rule's own numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeGuard

from orchestration.planning import rules
from orchestration.planning.types import Blackout, Occupied


@dataclass(frozen=True, slots=True)
class InThePast:
    """The time is over, by so many seconds; 0 is now."""

    rule: ClassVar[str] = rules.IN_THE_PAST
    seconds: int


@dataclass(frozen=True, slots=True)
class InBlackout:
    """The time lies in a stretch in which the channel does not publish."""

    rule: ClassVar[str] = rules.BLACKOUT
    blackout: Blackout


@dataclass(frozen=True, slots=True)
class TooClose:
    """Another entry lies so many minutes away, closer than the channel keeps apart; `yields` says that it gives way."""

    rule: ClassVar[str] = rules.MINIMUM_GAP
    entry: Occupied
    minutes: int
    gap_minutes: int
    yields: bool


@dataclass(frozen=True, slots=True)
class DayFull:
    """So many entries that stand firm lie on the local day, as many as the daily cap allows, or more."""

    rule: ClassVar[str] = rules.DAILY_CAP
    count: int
    cap: int


@dataclass(frozen=True, slots=True)
class OverCap:
    """An entry that gives way for the local day to keep its daily cap."""

    rule: ClassVar[str] = rules.DAILY_CAP
    entry: Occupied
    cap: int


Obstacle = InThePast | InBlackout | TooClose | DayFull | OverCap

Collision = TooClose | OverCap
"""An obstacle that is an entry of the calendar."""


def is_collision(obstacle: Obstacle) -> TypeGuard[Collision]:
    """Return whether an obstacle is an entry of the calendar."""
    return isinstance(obstacle, TooClose | OverCap)


def yields(obstacle: Obstacle) -> TypeGuard[Collision]:
    """Return whether an obstacle is an entry that gives way."""
    return isinstance(obstacle, OverCap) or (isinstance(obstacle, TooClose) and obstacle.yields)


def entry_of(obstacle: Obstacle) -> Occupied | None:
    """Return the entry with which a time collides; None for a rule that knows no other party."""
    return obstacle.entry if is_collision(obstacle) else None
