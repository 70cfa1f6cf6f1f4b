"""How channels are, and what was begun for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from channels.models import Channel
    from orchestration.models import (
        Distribution,
        Job,
    )


@dataclass(frozen=True, slots=True)
class TriggerResult:
    """The job that was started and the method: `github_actions` or `local_pipeline`."""

    job: Job
    method: str
    message: str
    distribution: Distribution | None = None


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One thing that was looked at; `ok` is None where it could not be looked at."""

    check: str
    ok: bool | None
    sentence: str


@dataclass(frozen=True, slots=True)
class ChannelReport:
    """What is known of one channel; counts are of the last 24 hours where they say so."""

    channel: Channel
    state: str
    health: str
    reason: str
    checked_at: datetime | None
    checks: tuple[HealthCheck, ...]
    open_schedules: int
    published_24h: int
    failed_24h: int
    needs_review: int
    next_publish_at: datetime | None
    last_published_at: datetime | None


@dataclass(frozen=True, slots=True)
class MonitorResult:
    """The last known health of channels, and the check jobs that were started if a check was asked for."""

    channels: list[ChannelReport]
    jobs: list[Job] = field(default_factory=list)
    total: int = 0
    """Of how many these are a page."""
