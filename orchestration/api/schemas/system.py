"""The state of the whole: status, dashboard, health, statistics, forecast and activity, as the API shows them."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from ninja import Schema
from pydantic import BeforeValidator, Field

from orchestration.api.schemas import addresses
from orchestration.api.schemas.plain_values import plain
from orchestration.api.schemas.plan import ScheduleOut, WaveOut
from orchestration.api.schemas.register import ChannelBrief, ChannelReportOut
from orchestration.api.schemas.work import JobOut, PoolOut
from orchestration.fields import Value
from orchestration.models import Activity
from orchestration.states import JobKind, JobState, SourceState, SystemStatus, Trigger, VideoState

Facts = Annotated[dict[str, Any], BeforeValidator(plain)]
"""Loose facts; a row in them is shown as its id."""


def _by_name(days: Mapping[date, int]) -> dict[str, int]:
    return {str(day): count for day, count in days.items()}


class StatusOut(Value):
    """Whether the system runs, since when, by whom and why; `components` are seconds since each showed life.

    `ffmpeg` is what films are prepared with; `ffmpeg_warning` says where that is not the tested one.

    `armed_schedules` YouTube makes public by itself; `disarming_schedules` are being taken back from it.
    """

    state: SystemStatus
    since: datetime
    changed_by: str
    reason: str
    actions: list[str]
    version: int
    running_jobs: int
    queued_jobs: int
    open_schedules: int
    overdue_schedules: int
    armed_schedules: int
    disarming_schedules: int
    components: dict[str, float]
    ffmpeg: str
    ffmpeg_warning: str


class MonitorResultOut(Value):
    """The last known health of channels, and the check jobs that were started."""

    channels: list[ChannelReportOut]
    jobs: list[JobOut]
    total: int = Field(description="of how many channels these are a page")


class SyncOutcomeOut(Value):
    """What became of one channel's configuration."""

    channel: ChannelBrief
    outcome: str
    revision: int | None
    message: str
    job: JobOut | None
    changes: list[str]
    cohort: int | None = Field(description="when it has its turn in a rollout; 0 is the canary")


class SyncResultOut(Value):
    """The outcome for each channel asked for."""

    dry_run: bool
    rollout_id: int | None = Field(description="of the rollout that was begun")
    outcomes: list[SyncOutcomeOut]


class StatisticsOut(Value):
    """Raw numbers of YouTube beside our own operations' counts."""

    channels: list[Facts]
    top_videos: list[Facts]
    published_by_day: list[Facts]
    outcomes: dict[str, int]
    median_lateness_seconds: float | None


class PoolHourOut(Value):
    """One pool in one hour: slots count busy seconds, rates starts, budgets units."""

    pool: str
    starts_at: datetime
    load: int
    capacity: int
    share: float


class BudgetDayOut(Value):
    """One budget on one Pacific day."""

    pool: str
    day: date
    used: int
    capacity: int


class ForecastItemOut(Value):
    """A schedule whose future was told."""

    schedule_id: int | None
    channel_id: int
    at: datetime
    priority: int
    label: str


class LateItemOut(Value):
    """An item that will not make its time, and what it waits for."""

    item: ForecastItemOut
    ready_at: datetime | None
    late_seconds: int
    waited_for: str
    rule: str
    sentence: str


class ForecastOut(Value):
    """What the coming days bring."""

    summary: str
    starts_at: datetime
    ends_at: datetime
    items: int
    first_late: LateItemOut | None
    late: list[LateItemOut]
    published_by_day: Annotated[dict[str, int], BeforeValidator(_by_name)]
    days: list[BudgetDayOut]
    hours: list[PoolHourOut]


class KeptForecastOut(Value):
    """The last forecast with its age: made for this answer where little is planned, else in the background."""

    made_at: datetime | None = Field(description="null: it is being made for the first time; ask again")
    is_kept: bool = Field(description="whether the background makes it")
    late: int = Field(description="how many will not make their time; the forecast names the first 50")
    forecast: ForecastOut | None


class ActivityShortOut(Schema):
    """One audit entry in short: who did what to which row, through which door, and why."""

    id: int
    at: datetime
    verb: str
    trigger: Trigger
    actor: str
    reason: str
    subject_type: str
    subject_id: str
    subject: str

    @staticmethod
    def resolve_at(entry: Activity) -> datetime:
        """Return when it was written."""
        return entry.timestamp

    @staticmethod
    def resolve_actor(entry: Activity) -> str:
        """Return who acted."""
        return entry.actor_label

    @staticmethod
    def resolve_subject_type(entry: Activity) -> str:
        """Return the kind of row."""
        return entry.content_type.model

    @staticmethod
    def resolve_subject_id(entry: Activity) -> str:
        """Return the row's id."""
        return entry.object_pk

    @staticmethod
    def resolve_subject(entry: Activity) -> str:
        """Return how the row called itself."""
        return entry.object_repr


class ActivityOut(ActivityShortOut):
    """One audit entry: who did what to which row, through which door, and why; with the values before and after."""

    before: Any
    after: Any
    members: dict[str, Any] | None
    correlation_id: str | None

    @staticmethod
    def resolve_before(entry: Activity, context: Mapping[str, Any] | None = None) -> Any:
        """Return the values before; edits of the configuration keep them with the changes."""
        return addresses.shown(entry.before if entry.before is not None else _side(entry, 0), context)

    @staticmethod
    def resolve_after(entry: Activity, context: Mapping[str, Any] | None = None) -> Any:
        """Return the values after."""
        return addresses.shown(entry.after if entry.after is not None else _side(entry, 1), context)

    @staticmethod
    def resolve_members(entry: Activity) -> dict[str, Any] | None:
        """Return the rows that a bulk action changed."""
        return (entry.additional_data or {}).get("members")

    @staticmethod
    def resolve_correlation_id(entry: Activity) -> str | None:
        """Return the id that ties a whole action together."""
        return entry.cid


def _side(entry: Activity, index: int) -> dict[str, Any] | None:
    changes = entry.changes
    if not isinstance(changes, dict) or not changes:
        return None
    return {
        name: pair[index]
        for name, pair in changes.items()
        if isinstance(pair, list | tuple) and len(pair) == 2
    }


class RemedyOut(Value):
    """What a person does about a need: a page of the console, by its name, or the button of it that `verb` names."""

    label: str
    page: str
    key: str
    query: str
    verb: str


class NeedOut(Value):
    """What needs a person: problems of one cause as one, with the reason of its place and the remedy."""

    severity: str
    code: str
    cause: str
    count: int
    sentence: str
    why: str
    deadline: datetime | None
    since: datetime | None
    subject: str
    subject_type: str
    subject_id: int | str | None
    slug: str
    names: list[str]
    remedy: RemedyOut | None


class VerdictOut(Value):
    """Whether all is well, in one line; `level` is good, warn or bad."""

    is_well: bool
    level: str
    sentence: str


class NeedsOut(Value):
    """All that needs a person, the most urgent first."""

    verdict: VerdictOut
    needs: list[NeedOut]


class ChannelCountsOut(Value):
    """How many channels there are, and how they are."""

    total: int
    active: int
    paused: int
    failing: int
    degraded: int


class WaveBriefOut(Value):
    """A wave in short; its members are told by `/api/waves/ID/report`."""

    wave: WaveOut
    actions: list[str]
    size: int
    counts: dict[str, int]
    first_at: datetime | None
    skew_seconds: float | None


class ChannelShortOut(Schema):
    """A channel of the overview; all of them, with their checks, are told by `monitor-channels`."""

    id: int
    slug: str
    name: str
    state: str
    health: str
    reason: str
    open_schedules: int
    published_24h: int
    next_publish_at: datetime | None

    @staticmethod
    def resolve_id(report: Any) -> int:
        """Return the channel's id."""
        return report.channel.pk

    @staticmethod
    def resolve_slug(report: Any) -> str:
        """Return the channel's short name."""
        return report.channel.slug

    @staticmethod
    def resolve_name(report: Any) -> str:
        """Return the channel's name."""
        return report.channel.name


class JobShortOut(Schema):
    """A job of the overview; all of it is told by `/api/jobs/ID`."""

    id: int
    kind: JobKind | str = Field(description="another word: of a version of Headend before or after this one")
    state: JobState
    channel_slug: str | None
    video_id: int | None
    schedule_id: int | None
    progress: float
    progress_note: str
    error_code: str
    error_message: str
    started_at: datetime | None
    finished_at: datetime | None

    @staticmethod
    def resolve_channel_slug(job: Any) -> str | None:
        """Return the channel's short name."""
        return job.channel.slug if job.channel else None


class SourceShortOut(Schema):
    """A source of the overview; all of it is told by `/api/sources/ID`."""

    id: int
    name: str
    state: SourceState
    rights_basis: str
    last_scraped_at: datetime | None
    last_error: str
    consecutive_failures: int


class VideoShortOut(Schema):
    """A video of the overview; all of it is told by `/api/videos/ID`."""

    id: int
    title: str
    state: VideoState
    source_id: int | None
    created_at: datetime


class DashboardOut(Value):
    """What the overview shows, each part cut; `version` changes when any of it does.

    At most 20 needs (`needs`, all of them), 10 single problems, 24 channels (`monitor-channels`), 12 publications, 12 jobs,
    8 sources and videos, 15 entries. Pools tell no leases here, and statistics no channels.
    """

    version: str
    status: StatusOut
    verdict: VerdictOut
    needs: list[NeedOut]
    needs_left: int
    channel_counts: ChannelCountsOut
    channels: list[ChannelShortOut]
    waves: list[WaveBriefOut]
    upcoming: list[ScheduleOut]
    running_jobs: list[JobShortOut]
    recent_jobs: list[JobShortOut]
    problems: list[Facts]
    sources: list[SourceShortOut]
    videos: dict[str, int]
    recent_videos: list[VideoShortOut]
    pools: list[PoolOut]
    activity: list[ActivityShortOut]
    statistics: StatisticsOut
    first_steps: list[Facts]
