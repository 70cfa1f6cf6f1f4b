"""How the system stands, and what a resume would do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestration.models import (
        Schedule,
    )


@dataclass(frozen=True, slots=True)
class SystemReport:
    """The state of the whole system; instants are aware UTC, `components` are seconds since each last showed life."""

    state: str
    since: datetime
    changed_by: str
    reason: str
    actions: tuple[str, ...]
    version: int
    running_jobs: int
    queued_jobs: int
    open_schedules: int
    overdue_schedules: int
    armed_schedules: int
    disarming_schedules: int
    components: dict[str, float]
    ffmpeg: str = ""
    ffmpeg_warning: str = ""


@dataclass(frozen=True, slots=True)
class ResumeWay:
    """What could be done with one overdue publication instead of what its policy says, and when it would be public."""

    choice: str
    at: datetime | None
    sentence: str


@dataclass(frozen=True, slots=True)
class OverdueItem:
    """What resume would do to one schedule that is past its moment, and the other ways that can be chosen for it."""

    schedule: Schedule
    action: str
    new_at: datetime | None
    lateness_seconds: float
    sentence: str
    ways: list[ResumeWay] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ResumePreview:
    """What is overdue and what will happen to each on resume; released at most `per_minute` a minute, in due order."""

    items: list[OverdueItem]
    per_minute: int
