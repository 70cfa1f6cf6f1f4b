"""Jobs, GitHub runs and shared resources, as the API shows them."""

from datetime import date, datetime
from typing import Annotated, Any

from ninja import Field, Schema
from pydantic import ConfigDict

from channels.states import Executor
from channels.verbs import offered
from orchestration.api.schemas.plan import DistributionOut
from orchestration.fields import Body, Reason, Text, Value
from orchestration.github import run_states
from orchestration.models import Job, OrphanUpload
from orchestration.results.pools import PoolReport
from orchestration.states import POOL_VERBS, JobKind, JobState, PoolKind, PoolState, RunProof, RunState


class JobOut(Schema):
    """One execution: what, for whom, by whom, how far, how often tried."""

    id: int
    kind: JobKind | str = Field(description="another word: of a version of Headend before or after this one")
    executor: Executor
    channel_id: int | None
    channel_slug: str | None
    source_id: int | None
    video_id: int | None
    distribution_id: int | None
    schedule_id: int | None
    priority: int
    bumped_at: datetime | None
    state: JobState
    state_changed_at: datetime
    run_at: datetime
    waits_for: str
    attempts: int
    try_until: datetime | None
    holder: str
    lease_expires_at: datetime | None
    heartbeat_at: datetime | None
    cancel_requested_at: datetime | None
    progress: float
    progress_note: str
    error_code: str
    error_message: str
    correlation_id: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    version: int
    actions: list[str]

    @staticmethod
    def resolve_channel_slug(job: Job) -> str | None:
        """Return the channel's short name."""
        return job.channel.slug if job.channel else None

    @staticmethod
    def resolve_actions(job: Job) -> tuple[str, ...]:
        """Return the verbs that are legal in the present state."""
        return job.actions


class RunOut(Schema):
    """A GitHub Actions run; `remote_status` and `conclusion` are GitHub's own words."""

    id: int
    job_id: int
    channel_id: int
    channel_slug: str
    repository: str
    workflow: str
    ref: str
    correlation_id: str
    state: RunState
    state_changed_at: datetime
    run_id: int | None
    run_attempt: int | None
    html_url: str
    remote_status: str
    conclusion: str
    in_words: str = Field("", description="What GitHub's words mean; empty as long as it said nothing.")
    proof: RunProof = Field(description="How the run shows that it is the one that was dispatched.")
    permitted_at: datetime | None
    error_code: str
    error_message: str
    dispatched_at: datetime | None
    completed_at: datetime | None
    created_at: datetime
    actions: list[str] = []

    @staticmethod
    def resolve_in_words(run: Any) -> str:
        """Return what GitHub's words mean."""
        return run_states.in_words(run.remote_status, run.conclusion)

    @staticmethod
    def resolve_channel_slug(run: Any) -> str:
        """Return the channel's short name."""
        return run.channel.slug


class PoolDayOut(Schema):
    """One Pacific day of a budget.

    `planned` is what schedules have reserved; the ledger then has it as `reserved` (claimed), `charged` (before the call),
    and `settled`, or `unknown` where the call may have taken effect. `free` is what may still be planned.
    """

    day: date
    planned: int
    reserved: int
    charged: int
    settled: int
    unknown: int
    free: int


class PoolOut(Schema):
    """One shared resource now: who holds it, who waits, what was spent today (Pacific).

    `days` tells a budget by Pacific day, from today on; the overview (`/api/orchestration/dashboard`) leaves it empty.
    """

    id: int
    name: str
    label: str
    kind: PoolKind
    capacity: int
    used: int
    paused: bool
    waiting: int
    day: date | None
    resets_at: datetime | None
    leases: list[dict[str, Any]]
    days: list[PoolDayOut]
    actions: list[str]

    @staticmethod
    def resolve_actions(pool: PoolReport) -> tuple[str, ...]:
        """Return what may be done now."""
        return offered(POOL_VERBS, PoolState.PAUSED if pool.paused else PoolState.OPEN)


class PoolChange(Body):
    """What a pool is to hold; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"capacity": 4}]})

    label: Annotated[Text, Field(min_length=1, max_length=120)] | None = None
    capacity: int | None = Field(None, strict=True, ge=0, le=1_000_000_000)
    window_seconds: int | None = Field(
        None, strict=True, ge=0, le=31_622_400, description="of a rate: what the capacity counts over"
    )
    reserve: int | None = Field(
        None, strict=True, ge=0, le=1_000_000_000, description="of a budget: units kept for publishing"
    )
    reason: Reason = ""


class OrphanOut(Schema):
    """An upload at YouTube that belongs to nothing; a person deletes it there."""

    id: int
    youtube_video_id: str
    channel: str
    reason: str
    found_at: datetime
    deleted_at: datetime | None

    @staticmethod
    def resolve_channel(row: OrphanUpload) -> str:
        """Return the slug of the channel that it lies on."""
        return row.distribution.channel.slug


class LeaseOut(Value):
    """Who holds how much of a pool, since when and until when."""

    id: int
    pool_id: int
    job_id: int | None
    holder: str
    units: int
    acquired_at: datetime
    expires_at: datetime
    released_at: datetime | None
    release_reason: str


class TriggerResultOut(Value):
    """The job that was started and by which method: `github_actions` or `local_pipeline`."""

    method: str
    message: str
    job: JobOut
    distribution: DistributionOut | None


class AttemptOut(Value):
    """One try of a job: when, at which worker, how it ended, and until when the next one is waited for."""

    number: int
    began_at: datetime | None
    ended_at: datetime | None
    seconds: float | None
    worker: str
    outcome: str
    code: str
    message: str
    next_at: datetime | None
    pause_seconds: float | None


class CallOut(Schema):
    """One request to the outside: never its query, headers or body."""

    attempt: int
    at: datetime
    method: str
    host: str
    path: str
    status: int | None
    request_id: str
    duration_ms: int
    error: str


class JobHistoryOut(Value):
    """What happened to a job; at most 500 calls, the latest, and 200 lines of the log."""

    attempts: list[AttemptOut]
    calls: list[CallOut]
    calls_left: int
    lines: list[str]
