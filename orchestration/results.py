"""What the service answers: typed values that API, pages and CLI render each in their way."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypedDict

from orchestration.planning.difference_values import NOTHING_ASKED, Differences
from orchestration.planning.rule_differences import of_lines

if TYPE_CHECKING:
    from channels.models import Channel
    from orchestration.models import (
        Activity,
        ApiToken,
        Approval,
        Call,
        Conflict,
        Distribution,
        Job,
        Rendition,
        Schedule,
        Source,
        StandingRule,
        Video,
        Wave,
    )
    from orchestration.planning.answers import Explanation
    from orchestration.planning.types import Plan
    from orchestration.words.resolving import Resolved


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
class ProfileShown:
    """A way in which videos are prepared, and how many channels, sources and files have it."""

    key: str
    name: str
    built_in: bool
    is_default: bool
    max_height: int
    max_fps: int
    colour: str
    crf: int
    preset: str
    audio_kbits: int
    loudness: str
    channels: int
    sources: int
    files: int


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
class TriggerResult:
    """The job that was started and the method: `github_actions` or `local_pipeline`."""

    job: Job
    method: str
    message: str
    distribution: Distribution | None = None


@dataclass(frozen=True, slots=True)
class PendingReview:
    """A publication that waits for an approval: what it would say, the seal of that, who wants it, and the last word.

    `rendition` is the file that the seal holds; None while its profile's file is not made.
    """

    schedule: Schedule
    words: Resolved
    seal: str
    wanted_by: str
    last: Approval | None
    rendition: Rendition | None = None


@dataclass(frozen=True, slots=True)
class ApprovalChange:
    """Whether approvals are needed, how many armed publications were disarmed by that, and for how many it came too late."""

    needed: bool
    disarmed: int
    too_late: int

    @property
    def sentence(self) -> str:
        """Return what became of it."""
        if not self.needed:
            return "No approval is needed any more."
        said = ["Publications wait for an approval."]
        if self.disarmed:
            said.append(f"{self.disarmed} armed on YouTube were disarmed.")
        if self.too_late:
            said.append(f"{self.too_late} could not be stopped any more.")
        return " ".join(said)


@dataclass(frozen=True, slots=True)
class RightsChange:
    """A source with its new rights, how many armed publications of it were held, and how many were too near to be."""

    source: Source
    held: int
    too_late: int

    @property
    def sentence(self) -> str:
        """Return what became of what was armed on YouTube; empty where nothing was."""
        said = []
        if self.held:
            said.append(
                "1 armed publication was taken back and is held."
                if self.held == 1
                else f"{self.held} armed publications were taken back and are held."
            )
        if self.too_late:
            said.append(f"{self.too_late} could not be stopped any more: recall what went public.")
        return " ".join(said)


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
class BudgetDay:
    """One Pacific day of a budget: what schedules have reserved (`planned`), and what its ledger has taken, by state.

    A unit stands in one column at a time; `unknown` are calls that may have taken effect, and stay spent.
    """

    day: date
    planned: int
    reserved: int
    charged: int
    settled: int
    unknown: int
    capacity: int

    @property
    def taken(self) -> int:
        """Return all that is not free any more."""
        return self.planned + self.reserved + self.charged + self.settled + self.unknown

    @property
    def free(self) -> int:
        """Return what may still be planned on the day."""
        return max(self.capacity - self.taken, 0)


@dataclass(frozen=True, slots=True)
class CleanItem:
    """A video of which files are deleted, or would be."""

    video_id: int
    title: str
    original: bool
    prepared: bool
    freed_bytes: int


@dataclass(frozen=True, slots=True)
class CleanResult:
    """What was deleted by the rules of retention, or would be now."""

    items: list[CleanItem]
    freed_bytes: int
    dry_run: bool


@dataclass(frozen=True, slots=True)
class DiskReport:
    """The disk of MEDIA_ROOT: what lies there, how fast it grows, what its rules would free."""

    total_bytes: int
    free_bytes: int
    floor_bytes: int
    originals_bytes: int
    prepared_bytes: int
    uploads_bytes: int
    grows_bytes_a_day: int
    days_left: int | None
    keep_originals: str
    keep_prepared: str
    deletable_bytes: int
    deletable_videos: int


@dataclass(frozen=True, slots=True)
class PoolReport:
    """One shared resource now: who holds it, who waits, what was spent today (Pacific)."""

    name: str
    label: str
    kind: str
    capacity: int
    used: int
    paused: bool
    waiting: int
    day: date | None
    resets_at: datetime | None
    leases: list[dict[str, Any]]
    id: int = 0
    days: tuple[BudgetDay, ...] = ()


@dataclass(frozen=True, slots=True)
class StatisticsReport:
    """Raw numbers of YouTube beside our own operations' counts; the two are never mixed into one figure."""

    channels: list[dict[str, Any]]
    top_videos: list[dict[str, Any]]
    published_by_day: list[dict[str, Any]]
    outcomes: dict[str, int]
    median_lateness_seconds: float | None


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


@dataclass(frozen=True, slots=True)
class Remedy:
    """What a person does about a need: a page of the console (its name and key, with a query), or a button of it.

    `verb` is the action of a button; empty for a link.
    """

    label: str
    page: str
    key: str = ""
    query: str = ""
    verb: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """What needs a person: problems of one cause as one, why it stands where it stands, and what to do about it."""

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
    subject_id: Any
    slug: str
    names: tuple[str, ...]
    remedy: Remedy | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether all is well, in one line; `level` is good, warn or bad."""

    is_well: bool
    level: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ChannelCounts:
    """How many channels there are, and how they are."""

    total: int
    active: int
    paused: int
    failing: int
    degraded: int


@dataclass(frozen=True, slots=True)
class Needs:
    """All that needs a person, the most urgent first, and the one line about it."""

    verdict: Verdict
    needs: list[Need]


@dataclass(frozen=True, slots=True)
class Overview:
    """What a person has to know first: whether all is well, what needs them, what comes next."""

    status: SystemReport
    verdict: Verdict
    needs: list[Need]
    needs_left: int
    problems: list[dict[str, Any]]
    upcoming: list[Schedule]
    waves: list[WaveBrief]
    channel_counts: ChannelCounts
    first_steps: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class OverviewMore:
    """The rest of the overview: channels, work, pools, sources and videos, activity, the last days. All of it is cut."""

    channels: list[ChannelReport]
    running_jobs: list[Job]
    recent_jobs: list[Job]
    sources: list[Source]
    videos: dict[str, int]
    recent_videos: list[Video]
    pools: list[PoolReport]
    activity: list[Activity]
    statistics: StatisticsReport


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Everything the overview shows, each part cut; `version` changes when any of it does."""

    version: str
    status: SystemReport
    verdict: Verdict
    needs: list[Need]
    needs_left: int
    problems: list[dict[str, Any]]
    upcoming: list[Schedule]
    waves: list[WaveBrief]
    channel_counts: ChannelCounts
    first_steps: list[dict[str, Any]]
    channels: list[ChannelReport]
    running_jobs: list[Job]
    recent_jobs: list[Job]
    sources: list[Source]
    videos: dict[str, int]
    recent_videos: list[Video]
    pools: list[PoolReport]
    activity: list[Activity]
    statistics: StatisticsReport


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


@dataclass(frozen=True, slots=True)
class FieldOutsideNow:
    """One field of a publication's words on YouTube in its three values; None where nothing is known, or wanted."""

    field: str
    last_set: Any
    seen: Any
    wanted: Any
    is_wanted: bool
    is_changed_elsewhere: bool


@dataclass(frozen=True, slots=True)
class ExtraOutside:
    """A picture, a playlist or subtitles of a publication: `set`, `waiting` or `given_up`, and what YouTube said of it."""

    key: str
    label: str
    state: str
    code: str
    message: str
    next_at: str | None


@dataclass(frozen=True, slots=True)
class WordsOutside:
    """What YouTube has of a publication's words, what we set there, and what is still to be brought there."""

    distribution_id: int
    youtube_video_id: str
    seen_at: str | None
    fields: list[FieldOutsideNow]
    extras: list[ExtraOutside]
    job_id: int | None
    job_state: str
    job_message: str
    may_edit: bool

    @property
    def is_changed_elsewhere(self) -> bool:
        """Return whether somebody changed words on YouTube, and nobody has said yet what holds."""
        return any(field.is_changed_elsewhere for field in self.fields)

    @property
    def has_faults(self) -> bool:
        """Return whether YouTube did not take something, so that it can be tried again by hand."""
        return any(extra.code for extra in self.extras) or self.job_state in {"failed", "errored"}


@dataclass(frozen=True, slots=True)
class WordsOutsideEdit:
    """What an edit of words changes on YouTube, and its units; `units_free` are those of the day beside the reserve."""

    distribution_id: int
    fields: list[FieldOutsideNow]
    extras: list[str]
    units: int
    units_free: int
    fits_now: bool
    resets_at: datetime
    waits_for: str
    notes: list[str]
    dry_run: bool
    job_id: int | None = None


# --------------------------------------------------------------------------------------------------- who may do what


@dataclass(frozen=True, slots=True)
class UserShown:
    """One person who may log in, or could: what they may do, and whether anybody has shut them out."""

    id: int
    username: str
    full_name: str
    email: str
    level: str
    state: str
    is_you: bool
    has_password: bool
    joined_at: datetime
    last_login_at: datetime | None
    timezone: str
    has_calendar: bool
    tokens: int
    actions: tuple[str, ...]
    why_kept: str
    """Why they cannot be deactivated or given less; empty if they can."""
    sessions: int | None = None
    """How many browsers they are logged in with; None where it was not counted."""


@dataclass(frozen=True, slots=True)
class LockoutShown:
    """A name that is refused from one address for a while, because its password was wrong too often."""

    username: str
    address: str
    failures: int
    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class PasswordLink:
    """The way to set a password without knowing the old one, once; shown to whoever asked for it, this once."""

    username: str
    path: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Me:
    """Who asks, and how they want to see things."""

    label: str
    user_id: int | None
    level: str
    timezone: str
    has_calendar: bool
    sessions: int


@dataclass(frozen=True, slots=True)
class TokenMade:
    """A token that was just made, with its text: the only time that it is known."""

    token: ApiToken
    text: str
