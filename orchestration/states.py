"""Name the states of what happens, the sets that guards share, and the arrows between them.

No queries here; readable in a minute. `TRANSITIONS` are the arrows that exist at all, whoever takes them
(`transitions.transition`). `VERBS` are what a person may do: verb -> (states from, states to). The guards
(`core.verbs`), the buttons of the pages, the API's `actions` lists and the parametrised tests read that one table.
"""

from django.db import models

from channels.verbs import Verb, verb


class SystemStatus(models.TextChoices):
    """The global switch. `draining` is stop on its way: what runs finishes, then `stopped`."""

    STOPPED = "stopped"
    RUNNING = "running"
    PAUSED = "paused"
    DRAINING = "draining"


class RightsBasis(models.TextChoices):
    """Why a source's videos may be published; empty means they may not."""

    NONE = "", "none: nothing of this source is published"
    OWNED = "owned", "owned by us"
    LICENSED = "licensed", "licensed to us"
    PUBLIC_DOMAIN = "public_domain", "public domain"
    CREATIVE_COMMONS = "creative_commons", "Creative Commons"


class SourceKind(models.TextChoices):
    """By which way the videos of a source come in."""

    ADDRESS = "address", "a page, file or feed that is read"
    UPLOADS = "uploads", "files that people upload"
    FOLDER = "folder", "a folder that is watched"
    STORAGE = "storage", "object storage"


class AttachmentKind(models.TextChoices):
    """What a file that goes with a video is."""

    PICTURE = "picture"
    SUBTITLES = "subtitles"


class Verdict(models.TextChoices):
    """What was last said of a publication that waits for an approval."""

    APPROVED = "approved"
    REFUSED = "refused"
    TAKEN_BACK = "taken_back", "taken back"


class SourceState(models.TextChoices):
    """Whether a source is being read."""

    ACTIVE = "active"
    PAUSED = "paused"


class VideoState(models.TextChoices):
    """A video from its discovery to a file that can be uploaded."""

    FOUND = "found"
    SCRAPING = "scraping"
    SCRAPED = "scraped"
    PROCESSING = "processing"
    READY = "ready"
    FAILED = "failed"
    DUPLICATE = "duplicate", "duplicate of another video's content"
    WITHDRAWN = "withdrawn"


class UploadState(models.TextChoices):
    """A file that somebody sends: while it comes, once it is whole, and what became of it."""

    OPEN = "open", "coming in"
    RECEIVED = "received", "whole; it is being looked at"
    TAKEN = "taken", "in the library"
    FAILED = "failed"
    ABANDONED = "abandoned"


class Timing(models.TextChoices):
    """How the members of a wave lie in time."""

    SIMULTANEOUS = "simultaneous"
    STAGGERED = "staggered"
    INDEPENDENT = "independent"


class OnConflict(models.TextChoices):
    """What is done about a conflict."""

    SHIFT = "shift"
    PREEMPT = "preempt"
    SKIP = "skip"
    REJECT = "reject"


class WaveState(models.TextChoices):
    """A wave from its commitment to its end; `completed` says that no member is open any more."""

    SCHEDULED = "scheduled"
    PAUSED = "paused"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    RECALLING = "recalling"
    RECALLED = "recalled"


class DistributionState(models.TextChoices):
    """The decision that a video goes to a channel, and how it ended."""

    ASSIGNED = "assigned"
    STAGED = "staged", "staged (uploaded, private)"
    PUBLISHED = "published"
    RECALLED = "recalled", "recalled (private again)"
    CANCELLED = "cancelled"
    FAILED = "failed"
    NEEDS_REVIEW = "needs_review", "needs review"


class ScheduleState(models.TextChoices):
    """When a distribution is to be public, from plan to end.

    *Armed* is no state of it: a `staged` one is armed while `Schedule.armed_for` is set (YouTube was told the time and
    publishes it by itself), which its publish job confirms by reading it back.
    """

    PLANNED = "planned"
    STAGING = "staging"
    STAGED = "staged"
    PUBLISHING = "publishing"
    PUBLISHED = "published"
    HELD = "held"
    MISSED = "missed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"
    FAILED = "failed"
    NEEDS_REVIEW = "needs_review", "needs review"


class JobKind(models.TextChoices):
    """What one execution does."""

    SCRAPE = "scrape", "scrape a source or an item"
    PROCESS = "process", "prepare the file"
    STAGE = "stage", "upload private"
    PUBLISH = "publish", "make public"
    RECALL = "recall", "make private again"
    DISARM = "disarm", "take its time off YouTube"
    SYNC = "sync", "write configuration"
    COLLECT = "collect", "collect statistics"
    CHECK = "check", "check a channel"
    LOOK = "look", "look at uploads"
    TAKE = "take", "take an uploaded file in"
    EDIT = "edit", "change words on YouTube"


class BlockerScope(models.TextChoices):
    """For what a condition holds that work waits for."""

    INSTALLATION = "installation"
    CHANNEL = "channel"
    SOURCE = "source"


class JobState(models.TextChoices):
    """One execution. `waiting` has failed in a way that calls for another try at `run_at`."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting", "waiting for another try"
    SUCCEEDED = "succeeded"
    FAILED = "failed", "failed (expected: the remote said no)"
    ERRORED = "errored", "errored (a fault of ours)"
    CANCELLED = "cancelled"
    NEEDS_REVIEW = "needs_review", "needs review (outcome unknown)"


class RunState(models.TextChoices):
    """What we know of a GitHub Actions run; GitHub's own words stay in `remote_status` and `conclusion`."""

    DISPATCHING = "dispatching", "dispatching (intent stored, call not answered)"
    DISPATCHED = "dispatched"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    NEEDS_REVIEW = "needs_review", "needs review (not found)"


class RunProof(models.TextChoices):
    """How a GitHub run shows that it is the one that was dispatched."""

    OIDC = "oidc", "GitHub's OIDC token"
    SECRET = "secret", "one-use secret of its job sheet"
    NONE = "none", "none: it cannot reach Headend"


class PoolKind(models.TextChoices):
    """What a pool counts."""

    SLOTS = "slots", "slots (at once)"
    RATE = "rate", "rate (a window of seconds)"
    BUDGET = "budget", "budget (a Pacific day)"


class PoolState(models.TextChoices):
    """Whether anything new is taken from a pool; stored as `paused`."""

    OPEN = "open"
    PAUSED = "paused"


class TokenState(models.TextChoices):
    """Whether a bearer token opens anything; stored as `revoked_at` and `expires_at`."""

    OPEN = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


class ProposalState(models.TextChoices):
    """How far a change has come that an assistant proposes; stored as who decided it, and what became of it."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"
    REFUSED = "refused"
    EXPIRED = "expired"
    DONE = "done"
    FAILED = "failed"


class AccountState(models.TextChoices):
    """Whether a person can log in; stored as Django's `is_active`."""

    ACTIVE = "active"
    DEACTIVATED = "deactivated"


class LeaseState(models.TextChoices):
    """Whether somebody has a part of a pool; stored as `released_at`."""

    HELD = "held"
    RELEASED = "released"


class BudgetEntryState(models.TextChoices):
    """A line of a budget's ledger; `unknown` is charged for good, since the outcome of the call is not known."""

    RESERVED = "reserved"
    CHARGED = "charged"
    SETTLED = "settled"
    RELEASED = "released"
    UNKNOWN = "unknown"


class ConflictKind(models.TextChoices):
    """What collided."""

    DUPLICATE = "duplicate"
    TIMING = "timing"
    RESOURCE = "resource"
    CHANNEL = "channel"
    RIGHTS = "rights"
    POLICY = "policy"


class ConflictState(models.TextChoices):
    """Whether anybody still has to do something about a conflict."""

    OPEN = "open"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"


class RolloutState(models.TextChoices):
    """A sync in cohorts: `halted` since one channel failed, until a person lets it go on or stops it."""

    RUNNING = "running"
    HALTED = "halted"
    COMPLETED = "completed"
    STOPPED = "stopped"


class RolloutOutcome(models.TextChoices):
    """How a channel's sync in a rollout ended; empty: it has not."""

    DONE = "done"
    FAILED = "failed"


class Trigger(models.TextChoices):
    """By which way an action came in."""

    BUTTON = "button"
    API = "api"
    ASSISTANT = "assistant", "assistant (a program that proposes)"
    CLI = "cli"
    ADMIN = "admin"
    BEAT = "beat", "beat (the clock)"
    WORKER = "worker"
    WEBHOOK = "webhook"
    RUN = "run", "run (a GitHub Actions run called back)"
    SYSTEM = "system"


# ---------------------------------------------------------------------------------------------------------------- sets

DISPATCHING_SYSTEM = frozenset({SystemStatus.RUNNING})
"""In these nothing holds new work back."""

OPEN_SCHEDULES = frozenset(
    {
        ScheduleState.PLANNED,
        ScheduleState.STAGING,
        ScheduleState.STAGED,
        ScheduleState.PUBLISHING,
        ScheduleState.HELD,
    }
)
OCCUPYING_SCHEDULES = OPEN_SCHEDULES | {ScheduleState.PUBLISHED, ScheduleState.NEEDS_REVIEW}
"""These take room in a channel's calendar."""
CLOSED_SCHEDULES = frozenset(ScheduleState.values) - OPEN_SCHEDULES

OPEN_JOBS = frozenset({JobState.QUEUED, JobState.RUNNING, JobState.WAITING})
CLAIMABLE_JOBS = frozenset({JobState.QUEUED, JobState.WAITING})
FINISHED_JOBS = frozenset(JobState.values) - OPEN_JOBS
WORK_KINDS = (JobKind.SCRAPE, JobKind.TAKE, JobKind.PROCESS, JobKind.STAGE, JobKind.PUBLISH)
"""The steps of a video's way to the public, in their order; what looks, checks and collects is none."""
TAKING_BACK = frozenset({JobKind.RECALL, JobKind.DISARM})
"""These make a video private: the one that is public, the other one that YouTube is to publish at its time."""
ROUTINE_JOBS = frozenset({JobKind.COLLECT, JobKind.CHECK, JobKind.LOOK})
"""These are done by themselves all the time; one that went well is of no interest."""

OPEN_RUNS = frozenset({RunState.DISPATCHING, RunState.DISPATCHED, RunState.RUNNING})
OPEN_ROLLOUTS = frozenset({RolloutState.RUNNING, RolloutState.HALTED})
OPEN_WAVES = frozenset({WaveState.SCHEDULED, WaveState.PAUSED, WaveState.RECALLING})
ENDED_WAVES = frozenset({WaveState.CANCELLED, WaveState.RECALLING, WaveState.RECALLED})
"""A person has called these off: nothing of them goes out any more."""
TAKEN_DISTRIBUTIONS = frozenset(
    {
        DistributionState.ASSIGNED,
        DistributionState.STAGED,
        DistributionState.PUBLISHED,
        DistributionState.RECALLED,
        DistributionState.NEEDS_REVIEW,
    }
)
"""With one of these the video goes, or went, to the channel: another placement would be a duplicate."""
USABLE_VIDEOS = frozenset(
    {VideoState.FOUND, VideoState.SCRAPING, VideoState.SCRAPED, VideoState.PROCESSING, VideoState.READY}
)

# --------------------------------------------------------------------------------------------------------- transitions

SYSTEM_TRANSITIONS: dict[str, frozenset[str]] = {
    # To paused from everywhere, when the database turns out to be a copy of another installation's.
    SystemStatus.STOPPED: frozenset({SystemStatus.RUNNING, SystemStatus.PAUSED}),
    SystemStatus.RUNNING: frozenset({SystemStatus.PAUSED, SystemStatus.DRAINING, SystemStatus.STOPPED}),
    SystemStatus.PAUSED: frozenset({SystemStatus.RUNNING, SystemStatus.DRAINING, SystemStatus.STOPPED}),
    SystemStatus.DRAINING: frozenset({SystemStatus.STOPPED, SystemStatus.RUNNING, SystemStatus.PAUSED}),
}

SOURCE_TRANSITIONS: dict[str, frozenset[str]] = {
    SourceState.ACTIVE: frozenset({SourceState.PAUSED}),
    SourceState.PAUSED: frozenset({SourceState.ACTIVE}),
}

VIDEO_TRANSITIONS: dict[str, frozenset[str]] = {
    VideoState.FOUND: frozenset({VideoState.SCRAPING, VideoState.WITHDRAWN, VideoState.FAILED}),
    VideoState.SCRAPING: frozenset(
        {VideoState.SCRAPED, VideoState.FAILED, VideoState.FOUND, VideoState.DUPLICATE, VideoState.WITHDRAWN}
    ),
    VideoState.SCRAPED: frozenset({VideoState.PROCESSING, VideoState.FAILED, VideoState.WITHDRAWN}),
    VideoState.PROCESSING: frozenset(
        {VideoState.READY, VideoState.FAILED, VideoState.SCRAPED, VideoState.WITHDRAWN}
    ),
    # To found, where its files were deleted to make room and a plan needs them again.
    VideoState.READY: frozenset({VideoState.WITHDRAWN, VideoState.SCRAPED, VideoState.FOUND}),
    VideoState.FAILED: frozenset({VideoState.FOUND, VideoState.SCRAPED, VideoState.WITHDRAWN}),
    VideoState.DUPLICATE: frozenset({VideoState.WITHDRAWN}),
    VideoState.WITHDRAWN: frozenset({VideoState.FOUND}),
}

UPLOAD_TRANSITIONS: dict[str, frozenset[str]] = {
    UploadState.OPEN: frozenset({UploadState.RECEIVED, UploadState.ABANDONED}),
    UploadState.RECEIVED: frozenset({UploadState.TAKEN, UploadState.FAILED, UploadState.ABANDONED}),
    UploadState.TAKEN: frozenset(),
    UploadState.FAILED: frozenset({UploadState.RECEIVED, UploadState.ABANDONED}),
    UploadState.ABANDONED: frozenset(),
}

WAVE_TRANSITIONS: dict[str, frozenset[str]] = {
    WaveState.SCHEDULED: frozenset(
        {WaveState.PAUSED, WaveState.COMPLETED, WaveState.CANCELLED, WaveState.RECALLING}
    ),
    WaveState.PAUSED: frozenset(
        {WaveState.SCHEDULED, WaveState.CANCELLED, WaveState.RECALLING, WaveState.COMPLETED}
    ),
    WaveState.COMPLETED: frozenset({WaveState.RECALLING}),
    WaveState.CANCELLED: frozenset({WaveState.RECALLING}),
    WaveState.RECALLING: frozenset({WaveState.RECALLED}),
    WaveState.RECALLED: frozenset(),
}

DISTRIBUTION_TRANSITIONS: dict[str, frozenset[str]] = {
    DistributionState.ASSIGNED: frozenset(
        {
            DistributionState.STAGED,
            DistributionState.CANCELLED,
            DistributionState.FAILED,
            DistributionState.NEEDS_REVIEW,
        }
    ),
    DistributionState.STAGED: frozenset(
        {
            DistributionState.ASSIGNED,  # its upload failed, and is replaced
            DistributionState.PUBLISHED,
            DistributionState.CANCELLED,
            DistributionState.FAILED,
            DistributionState.NEEDS_REVIEW,
        }
    ),
    DistributionState.PUBLISHED: frozenset({DistributionState.RECALLED, DistributionState.NEEDS_REVIEW}),
    DistributionState.RECALLED: frozenset(),
    # To needs_review, when what was armed on YouTube could not be disarmed: it may go public all the same.
    DistributionState.CANCELLED: frozenset(
        {DistributionState.ASSIGNED, DistributionState.STAGED, DistributionState.NEEDS_REVIEW}
    ),
    DistributionState.FAILED: frozenset(
        {DistributionState.ASSIGNED, DistributionState.STAGED, DistributionState.NEEDS_REVIEW}
    ),
    DistributionState.NEEDS_REVIEW: frozenset(
        {
            DistributionState.ASSIGNED,
            DistributionState.STAGED,
            DistributionState.PUBLISHED,
            DistributionState.CANCELLED,
            DistributionState.FAILED,
            DistributionState.RECALLED,
        }
    ),
}

_ENDS = frozenset(
    {
        ScheduleState.HELD,
        ScheduleState.MISSED,
        ScheduleState.SKIPPED,
        ScheduleState.CANCELLED,
        ScheduleState.FAILED,
        ScheduleState.NEEDS_REVIEW,
    }
)
_REOPENED = frozenset({ScheduleState.PLANNED, ScheduleState.STAGED, ScheduleState.CANCELLED})
_DOUBTED = frozenset({ScheduleState.NEEDS_REVIEW})  # what was armed could not be disarmed

SCHEDULE_TRANSITIONS: dict[str, frozenset[str]] = {
    ScheduleState.PLANNED: _ENDS | {ScheduleState.STAGING, ScheduleState.STAGED},
    ScheduleState.STAGING: _ENDS | {ScheduleState.STAGED, ScheduleState.PLANNED},
    ScheduleState.STAGED: _ENDS | {ScheduleState.PUBLISHING, ScheduleState.PUBLISHED, ScheduleState.PLANNED},
    ScheduleState.PUBLISHING: frozenset(
        {ScheduleState.PUBLISHED, ScheduleState.FAILED, ScheduleState.NEEDS_REVIEW, ScheduleState.STAGED}
    ),
    ScheduleState.PUBLISHED: frozenset({ScheduleState.NEEDS_REVIEW}),
    ScheduleState.HELD: _REOPENED | _DOUBTED | {ScheduleState.MISSED, ScheduleState.SKIPPED},
    ScheduleState.MISSED: _REOPENED | _DOUBTED,
    ScheduleState.SKIPPED: _REOPENED | _DOUBTED,
    ScheduleState.CANCELLED: _DOUBTED | {ScheduleState.PLANNED, ScheduleState.STAGED},
    ScheduleState.FAILED: _REOPENED | _DOUBTED,
    ScheduleState.NEEDS_REVIEW: _REOPENED
    | {ScheduleState.PUBLISHED, ScheduleState.FAILED, ScheduleState.HELD},
}

JOB_TRANSITIONS: dict[str, frozenset[str]] = {
    JobState.QUEUED: frozenset({JobState.RUNNING, JobState.CANCELLED, JobState.FAILED}),
    JobState.RUNNING: frozenset(
        {
            JobState.SUCCEEDED,
            JobState.FAILED,
            JobState.ERRORED,
            JobState.CANCELLED,
            JobState.WAITING,
            JobState.NEEDS_REVIEW,
        }
    ),
    JobState.WAITING: frozenset({JobState.RUNNING, JobState.CANCELLED, JobState.FAILED}),
    JobState.SUCCEEDED: frozenset(),
    JobState.FAILED: frozenset({JobState.QUEUED}),
    JobState.ERRORED: frozenset({JobState.QUEUED}),
    JobState.CANCELLED: frozenset({JobState.QUEUED}),
    JobState.NEEDS_REVIEW: frozenset(
        {JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.QUEUED}
    ),
}

RUN_TRANSITIONS: dict[str, frozenset[str]] = {
    RunState.DISPATCHING: frozenset(
        {
            RunState.DISPATCHED,
            RunState.RUNNING,
            RunState.SUCCEEDED,
            RunState.FAILED,
            RunState.CANCELLED,
            RunState.NEEDS_REVIEW,
        }
    ),
    RunState.DISPATCHED: frozenset(
        {RunState.RUNNING, RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.NEEDS_REVIEW}
    ),
    RunState.RUNNING: frozenset(
        {RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.NEEDS_REVIEW}
    ),
    RunState.SUCCEEDED: frozenset(),
    RunState.FAILED: frozenset(),
    RunState.CANCELLED: frozenset(),
    RunState.NEEDS_REVIEW: frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED}),
}

CONFLICT_TRANSITIONS: dict[str, frozenset[str]] = {
    ConflictState.OPEN: frozenset({ConflictState.RESOLVED, ConflictState.DISMISSED}),
    ConflictState.RESOLVED: frozenset(),
    ConflictState.DISMISSED: frozenset({ConflictState.OPEN}),
}

ROLLOUT_TRANSITIONS: dict[str, frozenset[str]] = {
    RolloutState.RUNNING: frozenset({RolloutState.HALTED, RolloutState.COMPLETED, RolloutState.STOPPED}),
    RolloutState.HALTED: frozenset({RolloutState.RUNNING, RolloutState.STOPPED}),
    RolloutState.COMPLETED: frozenset(),
    RolloutState.STOPPED: frozenset(),
}

# --------------------------------------------------------------------------------------------------------------- verbs

SYSTEM_VERBS: dict[str, Verb] = {
    "start": verb({SystemStatus.STOPPED, SystemStatus.DRAINING}, {SystemStatus.RUNNING}),
    "pause": verb({SystemStatus.RUNNING}, {SystemStatus.PAUSED}),
    "resume": verb({SystemStatus.PAUSED}, {SystemStatus.RUNNING}),
    # While draining it is *stop now*.
    "stop": verb(
        {SystemStatus.RUNNING, SystemStatus.PAUSED, SystemStatus.DRAINING},
        {SystemStatus.DRAINING, SystemStatus.STOPPED},
    ),
}
SOURCE_VERBS: dict[str, Verb] = {
    "scrape": verb({SourceState.ACTIVE}),
    "pause": verb({SourceState.ACTIVE}, {SourceState.PAUSED}),
    "resume": verb({SourceState.PAUSED}, {SourceState.ACTIVE}),
}
UPLOAD_VERBS: dict[str, Verb] = {
    # What is whole is taken in already, or about to be; what failed keeps its file until it is given up, or too old.
    "abandon": verb({UploadState.OPEN, UploadState.FAILED}, {UploadState.ABANDONED}),
}
WAVE_VERBS: dict[str, Verb] = {
    "pause": verb({WaveState.SCHEDULED}, {WaveState.PAUSED}),
    "resume": verb({WaveState.PAUSED}, {WaveState.SCHEDULED}),
    "move": verb({WaveState.SCHEDULED, WaveState.PAUSED}),
    "cancel": verb({WaveState.SCHEDULED, WaveState.PAUSED}, {WaveState.CANCELLED}),
    "recall": verb(
        {WaveState.SCHEDULED, WaveState.PAUSED, WaveState.COMPLETED, WaveState.CANCELLED},
        {WaveState.RECALLING},
    ),
}
_GOES_ON: set[str] = {ScheduleState.PLANNED, ScheduleState.STAGED}
SCHEDULE_VERBS: dict[str, Verb] = {
    "release": verb(
        {ScheduleState.HELD},
        # Its misfire policy decides at once, where its moment has passed.
        {*_GOES_ON, ScheduleState.HELD, ScheduleState.SKIPPED, ScheduleState.MISSED},
    ),
    "reopen": verb(
        {ScheduleState.MISSED, ScheduleState.SKIPPED, ScheduleState.CANCELLED, ScheduleState.FAILED}, _GOES_ON
    ),
    "move": verb(_GOES_ON),
    "hold": verb({ScheduleState.PLANNED, ScheduleState.STAGING, ScheduleState.STAGED}, {ScheduleState.HELD}),
    # What is staged waits for its moment only, and what is held for a person.
    "bump": verb({ScheduleState.PLANNED, ScheduleState.STAGING}),
    # Not what needs review: it may be public, and is settled by what a person sees there.
    "cancel": verb(
        {
            ScheduleState.PLANNED,
            ScheduleState.STAGING,
            ScheduleState.STAGED,
            ScheduleState.HELD,
            ScheduleState.MISSED,
            ScheduleState.SKIPPED,
            ScheduleState.FAILED,
        },
        {ScheduleState.CANCELLED},
    ),
    "review": verb(
        {ScheduleState.NEEDS_REVIEW},
        {*_GOES_ON, ScheduleState.PUBLISHED, ScheduleState.FAILED, ScheduleState.CANCELLED},
    ),
    # Both settle what somebody changed on YouTube.
    "take_theirs": verb(
        {ScheduleState.NEEDS_REVIEW},
        {
            ScheduleState.PUBLISHED,
            ScheduleState.STAGED,
            ScheduleState.HELD,
            ScheduleState.CANCELLED,
            ScheduleState.FAILED,
        },
    ),
    "put_ours_back": verb({ScheduleState.NEEDS_REVIEW}, _GOES_ON),
    # The planner's: it gives way to what is more important, by another time or by being held.
    "displace": verb({*_GOES_ON, ScheduleState.HELD}, {ScheduleState.HELD}, offered=False),
}
JOB_VERBS: dict[str, Verb] = {
    "review": verb({JobState.NEEDS_REVIEW}, {JobState.SUCCEEDED, JobState.FAILED}),
    "retry": verb(
        {JobState.FAILED, JobState.ERRORED, JobState.CANCELLED, JobState.NEEDS_REVIEW}, {JobState.QUEUED}
    ),
    "bump": verb({JobState.QUEUED, JobState.WAITING}),
    # A running one is asked to stop; its end follows.
    "cancel": verb({JobState.QUEUED, JobState.WAITING, JobState.RUNNING}, {JobState.CANCELLED}),
}
CONFLICT_VERBS: dict[str, Verb] = {
    "apply": verb({ConflictState.OPEN}, {ConflictState.RESOLVED}),
    "dismiss": verb({ConflictState.OPEN}, {ConflictState.DISMISSED}),
}
ROLLOUT_VERBS: dict[str, Verb] = {
    "continue": verb({RolloutState.HALTED}, {RolloutState.RUNNING}),
    "stop": verb({RolloutState.RUNNING, RolloutState.HALTED}, {RolloutState.STOPPED}),
}
POOL_VERBS: dict[str, Verb] = {
    "pause": verb({PoolState.OPEN}, {PoolState.PAUSED}),
    "resume": verb({PoolState.PAUSED}, {PoolState.OPEN}),
}
TOKEN_VERBS: dict[str, Verb] = {
    "revoke": verb({TokenState.OPEN, TokenState.EXPIRED}, {TokenState.REVOKED}),
    "rename": verb({TokenState.OPEN, TokenState.EXPIRED}),
    "rotate": verb({TokenState.OPEN}),
}
PROPOSAL_VERBS: dict[str, Verb] = {
    "confirm": verb({ProposalState.WAITING}, {ProposalState.CONFIRMED}),
    "refuse": verb({ProposalState.WAITING, ProposalState.CONFIRMED}, {ProposalState.REFUSED}),
    "commit": verb({ProposalState.CONFIRMED}, {ProposalState.DONE, ProposalState.FAILED}),
}
ACCOUNT_VERBS: dict[str, Verb] = {
    "deactivate": verb({AccountState.ACTIVE}, {AccountState.DEACTIVATED}),
    "reactivate": verb({AccountState.DEACTIVATED}, {AccountState.ACTIVE}),
}
LEASE_VERBS: dict[str, Verb] = {"release": verb({LeaseState.HELD}, {LeaseState.RELEASED})}
CALENDAR_VERBS: tuple[str, ...] = ("change", "delete")
"""Of a posting slot and of a blackout, which have no state."""
