"""Plans, waves, distributions, schedules and conflicts, as the API shows them."""

from datetime import date, datetime
from typing import Any

from ninja import Schema

from orchestration.fields import Value, WallDateTime
from orchestration.models import Conflict, Distribution, Schedule, Wave
from orchestration.states import (
    ConflictKind,
    ConflictState,
    DistributionState,
    OnConflict,
    ScheduleState,
    Timing,
    WaveState,
)


class PlacementOut(Value):
    """One video on one channel at one instant."""

    video_id: int
    channel_id: int
    at: datetime
    local_wall: WallDateTime
    zone: str
    priority: int
    method: str
    reason: str
    slot_id: int | None
    stage_at: datetime | None
    stage_on: date | None
    wanted: datetime | None


class PartyOut(Value):
    """The other side of a conflict."""

    schedule_id: int | None
    video_id: int | None
    channel_id: int | None
    at: datetime | None
    priority: int | None
    label: str
    wave_id: int | None


class AlternativeOut(Value):
    """What else could be done, and its cost."""

    kind: str
    at: datetime | None
    minutes_later: int
    units: int
    sentence: str


class PlannedConflictOut(Value):
    """What collided, by which rule, who yields and how it ends; `channel_ids`, where it is one fact of several channels."""

    kind: str
    rule: str
    video_id: int | None
    channel_id: int | None
    channel_ids: list[int]
    at: datetime | None
    message: str
    other: PartyOut | None
    yielded: str
    resolution: str
    moved_to: datetime | None
    alternatives: list[AlternativeOut]


class DisplacementOut(Value):
    """An existing schedule that gives way."""

    schedule_id: int | None
    channel_id: int
    from_at: datetime
    to_at: datetime | None
    reason: str


class DayLoadOut(Value):
    """One Pacific day of a budget under this plan."""

    pool: str
    day: date
    planned: int
    taken: int
    capacity: int


class CauseOut(Value):
    """What stands in the way: the rule, and whose publication it is, where it is one."""

    rule: str
    text: str
    channel_id: int | None
    at: datetime | None
    schedule_id: int | None
    label: str


class DifferenceOut(Value):
    """One way in which a plan differs from the wish: `later`, `left_out`, `gives_way` or `at_risk`."""

    kind: str
    count: int
    seconds: int
    causes: list[CauseOut]
    sentence: str


class WayOut(Value):
    """What could be asked for instead: another `on_conflict`, another `moment`, `without` channels, or an `own_time`."""

    kind: str
    label: str
    on_conflict: str
    at: datetime | None
    video_id: int | None
    channel_ids: list[int]


class DifferencesOut(Value):
    """How a plan differs from the wish, in a sentence and item by item."""

    is_as_asked: bool
    asked: int
    met: int
    largest_shift_seconds: int
    sentence: str
    short: str
    items: list[DifferenceOut]
    ways: list[WayOut]


class PlanOut(Value):
    """What would happen, and what stood in the way."""

    summary: str
    refused: bool
    fingerprint: str
    first_at: datetime | None
    last_at: datetime | None
    days_needed: int
    difference: DifferencesOut
    placements: list[PlacementOut]
    conflicts: list[PlannedConflictOut]
    displacements: list[DisplacementOut]
    days: list[DayLoadOut]


class WaveOut(Schema):
    """One coordinated publication of videos over channels."""

    id: int
    name: str
    timing: Timing
    scheduled_at: datetime | None
    delay_seconds: int
    priority: int
    on_conflict: OnConflict
    state: WaveState
    state_changed_at: datetime
    summary: str
    correlation_id: str
    created_by: str
    created_at: datetime
    version: int
    actions: list[str]

    @staticmethod
    def resolve_actions(wave: Wave) -> tuple[str, ...]:
        """Return the verbs that are legal in the present state."""
        return wave.actions


class WaveResultOut(Value):
    """A plan and, unless it was a dry run, the wave that was made of it."""

    dry_run: bool
    wave: WaveOut | None
    plan: PlanOut


class EarliestOut(Value):
    """The first time at which all fits and nothing has to move; null if none was found, with the plan as it would be."""

    at: datetime | None
    plan: PlanOut


class DistributionOut(Schema):
    """The decision that a video goes to a channel, and how it ended."""

    id: int
    video_id: int
    video_title: str
    channel_id: int
    channel_slug: str
    wave_id: int | None
    method: Distribution.Method
    reason: str
    state: DistributionState
    state_changed_at: datetime
    youtube_video_id: str | None
    staged_at: datetime | None
    published_at: datetime | None
    verified_at: datetime | None
    error_code: str
    error_message: str
    created_at: datetime
    actions: list[str] = []

    @staticmethod
    def resolve_video_title(row: Distribution) -> str:
        """Return the video's title, or its address while it has none."""
        return str(row.video)

    @staticmethod
    def resolve_channel_slug(row: Distribution) -> str:
        """Return the channel's short name."""
        return row.channel.slug


class OnYouTubeOut(Schema):
    """A video's visibility: as recorded here, as we last set it, or as YouTube last showed it."""

    privacy_status: str | None = None
    publish_at: datetime | None = None
    title: str | None = None
    at: datetime | None = None
    is_gone: bool = False
    upload_status: str | None = None
    processing_status: str | None = None
    failure_reason: str | None = None
    rejection_reason: str | None = None


class DistributionDetail(DistributionOut):
    """A distribution with each rule that was looked at, and with what is known of its video on YouTube."""

    explanation: list[Any] | dict[str, Any]
    recorded: OnYouTubeOut
    last_set: OnYouTubeOut
    last_seen: OnYouTubeOut
    is_changed_elsewhere: bool

    @staticmethod
    def resolve_recorded(row: Distribution) -> dict[str, Any]:
        """Return what is to become of it, by our records."""
        return row.recorded

    @staticmethod
    def resolve_last_set(row: Distribution) -> dict[str, Any]:
        """Return what we last set on YouTube, as far as its answer is known."""
        return {**row.last_set, "title": row.title_set or None}


class ScheduleOut(Schema):
    """When a distribution is to be public: the instant, and the wall clock and zone it was meant in."""

    id: int
    distribution_id: int
    video_id: int
    video_title: str
    channel_id: int
    channel_slug: str
    wave_id: int | None
    publish_at: datetime
    local_wall: str
    zone: str
    stage_at: datetime
    priority: int
    state: ScheduleState
    state_changed_at: datetime
    overridden: bool
    armed_for: datetime | None
    bumped_at: datetime | None
    misfire_action: str
    lateness_seconds: float | None
    reason: str
    youtube_video_id: str | None
    published_at: datetime | None
    created_at: datetime
    version: int
    actions: list[str]

    @staticmethod
    def resolve_video_id(row: Schedule) -> int:
        """Return the video that is meant."""
        return row.distribution.video_id

    @staticmethod
    def resolve_video_title(row: Schedule) -> str:
        """Return the video's title, or its address while it has none."""
        return str(row.distribution.video)

    @staticmethod
    def resolve_channel_slug(row: Schedule) -> str:
        """Return the channel's short name."""
        return row.channel.slug

    @staticmethod
    def resolve_youtube_video_id(row: Schedule) -> str | None:
        """Return the recorded video on YouTube."""
        return row.distribution.youtube_video_id

    @staticmethod
    def resolve_published_at(row: Schedule) -> datetime | None:
        """Return when it became public, as YouTube gives it."""
        return row.distribution.published_at

    @staticmethod
    def resolve_actions(row: Schedule) -> tuple[str, ...]:
        """Return the verbs that are legal in the present state."""
        return row.actions


class DelayOut(Value):
    """What took time, with its seconds."""

    code: str
    sentence: str
    seconds: int
    from_at: datetime | None
    to_at: datetime | None


class PublicationWhyOut(Value):
    """Why a publication is late or not public.

    `outcome` is `public_on_time`, `public_late`, `to_come`, `overdue`, or the state that keeps it. `wished_at` is the moment
    that was asked for first, `planned_at` the one that counts. Delays may overlap.
    """

    schedule_id: int
    outcome: str
    sentence: str
    wished_at: datetime
    planned_at: datetime
    public_at: datetime | None
    late_seconds: int
    moved_seconds: int
    delays: list[DelayOut]
    why_not: list[str]


class ConflictOut(Schema):
    """What collided, by which rule, who yielded and how it was resolved."""

    id: int
    kind: ConflictKind
    rule: str
    message: str
    state: ConflictState
    state_changed_at: datetime
    resolution: str
    yielded: str
    wave_id: int | None
    video_id: int | None
    channel_id: int | None
    schedule_id: int | None
    other_schedule_id: int | None
    wanted_at: datetime | None
    moved_to: datetime | None
    alternatives: list[Any]
    correlation_id: str
    created_at: datetime
    version: int
    actions: list[str]

    @staticmethod
    def resolve_actions(row: Conflict) -> tuple[str, ...]:
        """Return what may be done: an open conflict is applied or dismissed."""
        return row.actions


class WaveMemberOut(Value):
    """One member of a wave and how far it is."""

    schedule: ScheduleOut
    readiness: str
    waits_for: str


class WaveReportOut(Value):
    """A wave with its members; `skew_seconds` is last minus first publication as YouTube gave them."""

    wave: WaveOut
    actions: list[str]
    counts: dict[str, int]
    skew_seconds: float | None
    members: list[WaveMemberOut]
    conflicts: list[ConflictOut]


class RecallPreviewOut(Value):
    """The publications that a recall would make private again, and those it would only cancel."""

    wave: WaveOut
    public: list[DistributionOut]
    cancelled: list[ScheduleOut]


class ResumeWayOut(Value):
    """Another way for one overdue publication, and when it would be public."""

    choice: str
    at: datetime | None
    sentence: str


class OverdueItemOut(Value):
    """What resume would do to one schedule that is past its moment, and the other ways that can be chosen."""

    schedule: ScheduleOut
    action: str
    new_at: datetime | None
    lateness_seconds: float
    sentence: str
    ways: list[ResumeWayOut]


class ResumePreviewOut(Value):
    """What is overdue, and how fast it would be released."""

    per_minute: int
    items: list[OverdueItemOut]


class RuleResultOut(Value):
    """One rule, what it looked at, what it wants, and yes or no."""

    rule: str
    value: Any
    threshold: Any
    ok: bool
    sentence: str


class ExplanationOut(Value):
    """Why a video may, or may not, go to a channel."""

    video_id: int
    channel_id: int
    ok: bool
    sentence: str
    rules: list[RuleResultOut]
    scores: dict[str, float]


class DecisionOut(Value):
    """Yes or no for one video and one channel."""

    video_id: int
    channel_id: int
    chosen: bool
    publish_at: datetime | None
    reason: str
    explanation: ExplanationOut | None


class DistributeResultOut(Value):
    """What the rules decided."""

    dry_run: bool
    summary: str
    difference: DifferencesOut
    created: list[DistributionOut]
    decisions: list[DecisionOut]
