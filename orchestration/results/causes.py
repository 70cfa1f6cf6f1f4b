"""What is held up, by its cause."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class CauseMember:
    """One job or publication of those that a cause held back or ended, and what becomes of it."""

    id: int
    kind: str
    name: str
    done: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class CauseResult:
    """What was done, or in a dry run would be, to all of one cause; `left` are those that are too many for one time."""

    verb: str
    cause: str
    dry_run: bool
    members: list[CauseMember]
    left: int


@dataclass(frozen=True, slots=True)
class BlockerReport:
    """A condition that work waits for: what it is, what ends it, how much waits, and when it is asked about next."""

    id: int
    code: str
    title: str
    scope: str
    subject: str
    channel_id: int | None
    source_id: int | None
    detail: str
    sentence: str
    remedy: str
    link: str
    since: datetime
    until: datetime | None
    waiting: int
    next_probe_at: datetime | None
    probed_at: datetime | None
    probes: int
    last_answer: str


@dataclass(frozen=True, slots=True)
class CauseCount:
    """How many jobs ended badly by one error code and were not done by a later one."""

    code: str
    failed: int
    last_at: datetime | None
