"""How waves are."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestration.models import (
        Conflict,
        Distribution,
        Schedule,
        Wave,
    )


@dataclass(frozen=True, slots=True)
class RecallPreview:
    """The publications that a recall would make private again, and those it would only cancel."""

    wave: Wave
    public: list[Distribution]
    cancelled: list[Schedule]


@dataclass(frozen=True, slots=True)
class WaveMember:
    """One member of a wave and how far it is."""

    schedule: Schedule
    readiness: str
    waits_for: str


@dataclass(frozen=True, slots=True)
class WaveReport:
    """A wave with its members; `skew_seconds` is last minus first publication as YouTube gave them."""

    wave: Wave
    actions: tuple[str, ...]
    members: list[WaveMember]
    counts: dict[str, int]
    skew_seconds: float | None
    conflicts: list[Conflict]


@dataclass(frozen=True, slots=True)
class WaveBrief:
    """A wave in short: how many members are how far, when its first is due; `members` only of a small one."""

    wave: Wave
    actions: tuple[str, ...]
    size: int
    counts: dict[str, int]
    first_at: datetime | None
    skew_seconds: float | None
    members: list[WaveMember] = field(default_factory=list)
