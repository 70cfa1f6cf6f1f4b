"""What lies in the channels' repositories, and what is rolled out to them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from channels.models import Channel
    from orchestration.models import (
        Job,
    )


@dataclass(frozen=True, slots=True)
class SyncOutcome:
    """What became of one channel's configuration.

    `unchanged`, `changed` (dry run), `queued`, `recorded` (no repository), or `later`: its cohort has its turn later.
    """

    channel: Channel
    outcome: str
    revision: int | None
    message: str
    job: Job | None = None
    changes: tuple[str, ...] = ()
    cohort: int | None = None


@dataclass(frozen=True, slots=True)
class SyncResult:
    """The outcome for each channel asked for; `rollout_id` names the rollout that was begun."""

    outcomes: list[SyncOutcome]
    dry_run: bool
    rollout_id: int | None = None


@dataclass(frozen=True, slots=True)
class CohortReport:
    """How far one cohort of a rollout is: `later`, `under way`, `failed` or `done`; number 0 is the canary."""

    number: int
    state: str
    channels: int
    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class RolloutMemberReport:
    """A channel of a rollout, and how its sync ended: `done`, `failed` with the fact, or empty."""

    channel_id: int
    channel: str
    cohort: int
    job_id: int | None
    outcome: str
    fact: str


@dataclass(frozen=True, slots=True)
class RolloutReport:
    """A rollout with its cohorts; its members are listed only where one rollout was asked for."""

    id: int
    state: str
    canary_id: int | None
    cohort_size: int
    cohort: int
    started_by: str
    created_at: datetime
    ended_at: datetime | None
    halted_why: str
    actions: tuple[str, ...]
    cohorts: list[CohortReport]
    members: list[RolloutMemberReport] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that would be written, as a unified difference to what is there."""

    path: str
    diff: str


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A setting, of the channel or of the repository, as it is and as it would be."""

    name: str
    now: str
    wanted: str


@dataclass(frozen=True, slots=True)
class ProvisionPlan:
    """What giving a channel a repository writes; after it was done, the job that writes it."""

    channel: Channel
    repository: str
    exists: bool
    private: bool
    branch: str
    problems: list[str]
    files: list[FileChange]
    secrets: list[str]
    settings: list[SettingChange]
    dry_run: bool
    job: Job | None = None


@dataclass(frozen=True, slots=True)
class RepositoryReport:
    """What is known of a channel's repository; `files` gives the blob id that was last written at each path."""

    channel: Channel
    repository: str
    repository_id: int | None
    branch: str
    environment: str
    files: dict[str, str]
    secrets: dict[str, str]
    checked_at: datetime | None
    drift: list[dict[str, str]]
    drift_found_at: datetime | None
    kept: list[str]
    public_acknowledged_at: datetime | None
    public_acknowledged_by: str
    public_acknowledged_reason: str
