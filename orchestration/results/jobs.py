"""What jobs did, and what a run is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from orchestration.models import (
        Call,
        Job,
    )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a job: when it began and ended, at which worker, how, and until when the next one is waited for."""

    number: int
    began_at: datetime | None = None
    worker: str = ""
    ended_at: datetime | None = None
    outcome: str = ""
    code: str = ""
    message: str = ""
    next_at: datetime | None = None

    @property
    def seconds(self) -> float | None:
        """Return how long it took; None while it runs."""
        return (self.ended_at - self.began_at).total_seconds() if self.began_at and self.ended_at else None

    @property
    def pause_seconds(self) -> float | None:
        """Return how long the next try is waited for; None where none follows."""
        return (self.next_at - self.ended_at).total_seconds() if self.next_at and self.ended_at else None


@dataclass(frozen=True, slots=True)
class JobHistory:
    """What happened to a job: its attempts, its calls to the outside, the lines of the log that name it."""

    job: Job
    attempts: list[Attempt]
    calls: list[Call]
    calls_left: int
    lines: list[str]


class RunPermit(TypedDict):
    """What a GitHub run is told when it may begin; `again` says that it was told so before.

    `token` opens its file and its result, for this run at this attempt, until `expires_at`.
    """

    permitted: bool
    again: bool
    token: str
    expires_at: datetime


class RunRecorded(TypedDict):
    """What a GitHub run is told of its result: whether it was taken, and where the run stands."""

    recorded: bool
    state: str
