"""The bodies that the API takes. Whatever is not named here is refused; instants need an offset."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from orchestration.api.schemas.selection import Ids, NamesChannels, each_once
from orchestration.fields import (
    EXAMPLE_INSTANT,
    Body,
    BodyId,
    Count,
    Instant,
    Passage,
    Priority,
    Reason,
    Says,
    Text,
    WallDate,
    WallTime,
)
from orchestration.planning.distribution import MAX_HORIZON_DAYS
from orchestration.states import DistributionState, OnConflict, RightsBasis, ScheduleState, Timing


class Because(Body):
    """A reason, if one wants to give it."""

    reason: Reason = ""


class Decision(Because):
    """A verb that is meant for a row as it was seen; with `version`, an older or newer row refuses it (409)."""

    version: int | None = Field(
        default=None,
        strict=True,
        ge=0,
        description="the `version` of the row as you saw it; refused if it has changed",
    )


class Pause(Decision):
    """Pause: what is armed on YouTube goes public all the same, unless `disarm` takes it back."""

    disarm: bool = Field(
        False,
        strict=True,
        description="take back what YouTube would make public by itself; also while paused",
    )


class Stop(Pause):
    """Stop: drain, or with `now` ask what runs to cancel."""

    now: bool = Field(False, strict=True, description="ask what runs to cancel instead of letting it finish")


class Failover(Because):
    """Whether our workers stage what GitHub Actions will not stage in time."""

    on: bool = Field(strict=True, description="true: they do; false: it waits for GitHub")


Fingerprint = Annotated[
    Text,
    Field(max_length=64, description="of the plan that was shown: another one is refused (plan_outdated)"),
]


class CoordinatePublication(NamesChannels):
    """One video on several channels."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "video_id": 7,
                    "channel_ids": [1, 2, 3],
                    "timing": "staggered",
                    "scheduled_at": EXAMPLE_INSTANT,
                    "stagger_seconds": 900,
                    "dry_run": True,
                }
            ]
        }
    )

    video_id: BodyId
    timing: Timing = Timing.SIMULTANEOUS
    scheduled_at: Instant | None = Field(None, description="empty: as soon as it can be")
    stagger_seconds: Count = 0
    priority: Priority | None = None
    on_conflict: OnConflict = OnConflict.SHIFT
    acknowledge_policy: bool = Field(
        False,
        strict=True,
        description="you know that the same video goes to many channels, or takes up what was cancelled there",
    )
    dry_run: bool = Field(False, strict=True, description="show the plan, write nothing")
    fingerprint: Fingerprint = ""

    def arguments(self) -> dict[str, Any]:
        """Return what `coordinate_publication` takes."""
        return self.model_dump(exclude={"channels"}) | {"channel_ids": self.chosen() or []}


class Override(Body):
    """A time of its own for one member of a wave."""

    video_id: BodyId
    channel_id: BodyId
    publish_at: Instant


def _one_time_each(overrides: list[Override]) -> list[Override]:
    """Refuse two times for the same member, of which one would be lost silently."""
    seen: set[tuple[int, int]] = set()
    for item in overrides:
        if (item.video_id, item.channel_id) in seen:
            raise ValueError(f"names video {item.video_id} on channel {item.channel_id} more than once")
        seen.add((item.video_id, item.channel_id))
    return overrides


class WaveConfig(Body):
    """How the members of a wave lie in time, and what is done about conflicts."""

    timing: Timing = Timing.SIMULTANEOUS
    scheduled_at: Instant | None = Field(None, description="empty: as soon as it can be")
    delay_seconds: Count = Field(0, description="staggered: between one channel and the next")
    priority: Priority | None = None
    on_conflict: OnConflict = OnConflict.SHIFT
    overrides: Annotated[list[Override], AfterValidator(_one_time_each)] = Field(
        default_factory=list, max_length=10_000
    )
    acknowledge_policy: bool = Field(
        False,
        strict=True,
        description="you know that the same video goes to many channels, or takes up what was cancelled there",
    )


class ScheduleWave(NamesChannels):
    """Videos over channels as one wave, written whole or not at all."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Launch day",
                    "video_ids": [7, 8],
                    "channel_ids": [1, 2, 3],
                    "wave_config": {"timing": "simultaneous", "scheduled_at": EXAMPLE_INSTANT},
                    "dry_run": True,
                }
            ]
        }
    )

    name: Annotated[Text, Field(max_length=120)] = ""
    video_ids: Ids
    wave_config: WaveConfig
    dry_run: bool = Field(False, strict=True, description="show the plan, write nothing")
    fingerprint: Fingerprint = ""

    def arguments(self) -> dict[str, Any]:
        """Return what `schedule_wave_publication` takes."""
        return (
            self.model_dump(exclude={"wave_config", "channels"})
            | {"channel_ids": self.chosen() or []}
            | self.wave_config.model_dump(exclude={"overrides"})
            | {
                "overrides": {(o.video_id, o.channel_id): o.publish_at for o in self.wave_config.overrides}
                or None
            }
        )


class TriggerPipeline(Body):
    """Run a channel's pipeline now, for a known video or for an address."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"channel_id": 1, "video_id": 7}]})

    channel_id: BodyId
    video_id: BodyId | None = None
    source_url: Annotated[Text, Field(min_length=1, max_length=1000)] | None = None
    skip_upload: bool = Field(False, strict=True, description="prepare the file only")


class ChannelSelection(NamesChannels):
    """Some channels; without `channel_ids` and `channels` all."""


class SyncConfigs(ChannelSelection):
    """Write configurations to the repositories of some channels, or of all."""

    dry_run: bool = Field(False, strict=True, description="say what would change, write nothing")
    canary_id: BodyId | None = Field(
        None, description="begin a rollout: this channel first, the others when it went well"
    )
    cohort_size: int | None = Field(
        None,
        strict=True,
        ge=1,
        le=10_000,
        description="begin a rollout: so many channels at once, the next when these went well",
    )


class DistributeVideos(NamesChannels):
    """Give ready videos to active channels by the channels' filters."""

    video_ids: Ids | None = None
    horizon_days: int = Field(14, strict=True, ge=1, le=MAX_HORIZON_DAYS)
    dry_run: bool = Field(False, strict=True, description="say yes and no for each pair, write nothing")


class MoveWave(Decision):
    """Another time for a wave's first open member; the others keep their distance to it."""

    scheduled_at: Instant


class RecallWave(Decision):
    """The distributions that the preview listed, so that nothing else is recalled."""

    confirmed_ids: Annotated[
        list[BodyId], AfterValidator(each_once), Says(uniqueItems=True), Field(max_length=10_000)
    ]


class MoveSchedule(Decision):
    """Another time for one publication."""

    publish_at: Instant


class ReopenSchedule(Decision):
    """Take up again what is over: at its old time, or at another one."""

    publish_at: Instant | None = Field(
        default=None, description="empty: at its old time, if that is ahead and free"
    )


class ReleaseSchedule(Decision):
    """Let go on what is held: at its own time, or at another one."""

    publish_at: Instant | None = Field(
        default=None, description="empty: at its own time, or by the misfire policy if that has passed"
    )


class ReviewSchedule(Decision):
    """What a person found after looking at YouTube."""

    outcome: Literal[
        ScheduleState.PUBLISHED,
        ScheduleState.STAGED,
        ScheduleState.PLANNED,
        ScheduleState.FAILED,
        ScheduleState.CANCELLED,
    ]
    youtube_video_id: Annotated[Text, Field(max_length=32)] = ""


class SettleChange(Decision):
    """What holds of a video that somebody changed on YouTube; `version` is the publication's (the schedule's)."""

    way: Literal["take_theirs", "put_ours_back"] = Field(
        description="`take_theirs`: what YouTube shows is recorded; `put_ours_back`: ours is set again"
    )


ResumeChoice = Literal["policy", "publish_now", "next_slot", "hold", "skip"]


class OverdueChoice(Body):
    """What is to become of one overdue publication."""

    schedule_id: BodyId
    choice: ResumeChoice


class Resume(Decision):
    """Go on, and do with what is overdue what is chosen here; the others follow `all_as`."""

    choices: list[OverdueChoice] = Field(
        default=[], max_length=1000, description="by publication; `preview-resume` lists the ways"
    )
    all_as: ResumeChoice = Field("policy", description="for all others; policy: as their channels say")

    def chosen(self) -> dict[int, str]:
        """Return the choices by publication."""
        return {item.schedule_id: item.choice for item in self.choices}


class Retry(Decision):
    """Once more; a failed publication whose time is over or taken by now needs another one."""

    next_free: bool = Field(
        False, strict=True, description="take the next free time where the old one is over or taken"
    )


class ReviewJob(Decision):
    """What a person found after looking at YouTube or GitHub; `recalled` and `published` are for a recall."""

    outcome: Literal[
        ScheduleState.PUBLISHED,
        ScheduleState.STAGED,
        ScheduleState.PLANNED,
        ScheduleState.FAILED,
        ScheduleState.CANCELLED,
        DistributionState.RECALLED,
    ]
    youtube_video_id: Annotated[Text, Field(max_length=32)] = ""


class ApplyAlternative(Body):
    """Which of the conflict's alternatives to take; the first is 0."""

    index: int = Field(strict=True, ge=0, le=1000)
    version: int | None = Field(
        default=None,
        strict=True,
        ge=0,
        description="the conflict's `version` as you saw it; refused if it has changed",
    )


class NewSlot(Body):
    """A weekly wall-clock time in the channel's zone; Monday is 0."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"channel_id": 1, "weekday": 4, "local_time": "18:00"}]}
    )

    channel_id: BodyId
    weekday: int = Field(strict=True, ge=0, le=6)
    local_time: WallTime
    enabled: bool = Field(True, strict=True)


class NewBlackout(Body):
    """A stretch of wall-clock time in the channel's zone, both dates included; without times, whole days."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"channel_id": 1, "first_date": "2026-12-24", "last_date": "2026-12-26"}]
        }
    )

    channel_id: BodyId
    first_date: WallDate
    last_date: WallDate
    from_time: WallTime | None = Field(None, description="of the first date")
    until_time: WallTime | None = Field(None, description="of the last date, not included")
    reason: Text = Field("", max_length=200)


class NewSource(Body):
    """A page, direct file or feed, with the right to publish what is found there."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "url": "https://media.example.org/feed.xml",
                    "name": "Archive",
                    "rights_basis": "owned",
                    "rights_note": "our own archive",
                }
            ]
        }
    )

    url: Annotated[Text, Field(min_length=1, max_length=1000)]
    name: Annotated[Text, Field(max_length=120)] = ""
    rights_basis: RightsBasis = RightsBasis.NONE
    rights_note: Annotated[Text, Field(max_length=500)] = ""


class SourceRights(Decision):
    """Why a source's videos may be published; empty: they may not. Without `rights_note` the note stays."""

    rights_basis: RightsBasis
    rights_note: Annotated[Text, Field(max_length=500)] | None = None


class RunIdentity(Body):
    """Which run of GitHub Actions is calling."""

    run_id: BodyId
    run_attempt: int = Field(strict=True, ge=1, le=1000)


class RunClaim(RunIdentity):
    """Which run asks for its permit."""

    claim: Text = Field(
        default="",
        max_length=200,
        description="a random text that only the process which asks knows: with it, an answer that was lost can be asked "
        "for again; without it, or with another, a proof opens nothing a second time",
    )


class RunError(Body):
    """What went wrong in the run."""

    code: Annotated[Text, Field(max_length=60)] = ""
    message: Annotated[Passage, Field(max_length=2000)] = ""
    again_at: Instant | None = Field(
        None, description="when a spent budget is refilled, or a limit ends; the job waits until then"
    )
    bucket: Literal["", "youtube_uploads", "youtube_units", "channel_uploads"] = Field(
        "", description="which budget is spent, where one is"
    )


class RunResult(RunIdentity):
    """What became of the run's job."""

    outcome: Literal["staged", "failed"]
    youtube_video_id: Annotated[Text, Field(max_length=32)] = ""
    error: RunError | None = None


# Without a body a request means these.
NO_REASON = Because()
AS_SEEN = Decision()
AS_SCHEDULED = ReopenSchedule()
AS_HELD = ReleaseSchedule()
AS_IT_WAS = Retry()
JUST_PAUSE = Pause()
BY_POLICY = Resume()
DRAIN = Stop()
ALL_CHANNELS = ChannelSelection()
ALL_VIDEOS = DistributeVideos()
SYNC_ALL = SyncConfigs()
