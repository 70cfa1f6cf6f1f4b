"""What holds for every job of a kind: its lane, how long it is tried, what it draws from, what its unclear end calls for.

To add a kind: a member of `JobKind`, a row here, a runner in `engine.worker`, and what its end means in `pipeline.outcomes`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

from channels.states import Executor
from orchestration.queue.pool_names import DISPATCH, PROCESS, SCRAPE, UPLOAD, UPLOADS
from orchestration.states import JobKind

LONGEST_PAUSE = 900
"""In seconds, between two tries of a job."""
SHORTEST_PAUSE = 4
"""In seconds, before the second try of a job; each further pause is twice as long."""
READ_BACK_PATIENCE = timedelta(hours=24)
"""For how long a publish job is tried that is to read back first, after a restored backup."""


@dataclass(frozen=True, slots=True)
class Need:
    """What one job takes: units of a pool."""

    pool: str
    units: int = 1


@dataclass(frozen=True, slots=True)
class Execution:
    """How one executor does a kind of job."""

    fast: bool = False
    """A short network call, kept apart from the slow work."""
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What holds for every job of a kind, whoever enqueues it."""

    local: Execution
    patience: timedelta
    """How long it is tried after its first failure, where no publication waits for it whose misfire policy would end it."""
    github: Execution | None = None
    """By a run of GitHub Actions, where that is possible."""
    priority: int = 5
    """Where whoever enqueues it names none."""
    is_safe: bool = False
    """It only looks, or takes back: it runs in every system state and on paused channels."""
    is_reviewed: bool = False
    """Its calls change what lies on YouTube: an outcome that stays unknown needs a person, not another call."""
    draws_on_reserve: bool = True
    """It may use what a budget keeps for publishing."""
    longest_pause: int = LONGEST_PAUSE
    """In seconds, between two tries."""
    obeys_retry_after: bool = True
    """It waits as long as the remote asks for; else it comes back by its own pauses."""
    can_be_blocked: bool = True
    """It waits for a condition to end (a `Blocker`); else such an end is its answer."""

    def by(self, executor: str) -> Execution:
        """Return how an executor does it."""
        return self.github if executor == Executor.GITHUB and self.github else self.local


POLICIES: Mapping[str, Policy] = MappingProxyType(
    {
        JobKind.SCRAPE: Policy(local=Execution(needs=(Need(SCRAPE),)), patience=timedelta(hours=2)),
        JobKind.PROCESS: Policy(local=Execution(needs=(Need(PROCESS),)), patience=timedelta(hours=12)),
        JobKind.TAKE: Policy(local=Execution(), patience=timedelta(hours=12)),
        JobKind.STAGE: Policy(
            local=Execution(needs=(Need(UPLOAD), Need(UPLOADS))),
            github=Execution(fast=True, needs=(Need(DISPATCH), Need(UPLOADS))),
            patience=timedelta(hours=24),
            is_reviewed=True,
        ),
        # Its patience counts only for what no misfire policy ends: a flip that was begun, and what is armed.
        JobKind.PUBLISH: Policy(local=Execution(fast=True), patience=timedelta(hours=6), is_reviewed=True),
        JobKind.RECALL: Policy(
            local=Execution(fast=True),
            patience=timedelta(hours=4),
            priority=10,
            is_safe=True,
            is_reviewed=True,
        ),
        # Its pauses stay short: what it takes back may go public at any minute, and giving up, or waiting as long as a
        # remote likes, lets it.
        JobKind.DISARM: Policy(
            local=Execution(fast=True),
            patience=timedelta(hours=2),
            priority=10,
            is_safe=True,
            is_reviewed=True,
            longest_pause=30,
            obeys_retry_after=False,
        ),
        JobKind.SYNC: Policy(local=Execution(fast=True), patience=timedelta(hours=2)),
        JobKind.COLLECT: Policy(
            local=Execution(fast=True),
            patience=timedelta(hours=2),
            priority=2,
            draws_on_reserve=False,
            can_be_blocked=False,
        ),
        JobKind.CHECK: Policy(
            local=Execution(fast=True),
            patience=timedelta(minutes=5),
            priority=3,
            is_safe=True,
            draws_on_reserve=False,
            can_be_blocked=False,
        ),
        # A call that is lost is looked after by the next try, so what is unclear needs no person; what a publication needs
        # on its day is not spent on words.
        JobKind.EDIT: Policy(
            local=Execution(fast=True),
            patience=timedelta(hours=24),
            priority=4,
            draws_on_reserve=False,
        ),
        JobKind.LOOK: Policy(
            local=Execution(fast=True),
            patience=timedelta(minutes=30),
            priority=3,
            is_safe=True,
            draws_on_reserve=False,
            can_be_blocked=False,
        ),
    }
)
SAFE_KINDS = frozenset(kind for kind, policy in POLICIES.items() if policy.is_safe)


def executions() -> Iterator[tuple[str, str, Execution]]:
    """Yield how each executor does each kind that it can do."""
    for kind, policy in POLICIES.items():
        yield kind, Executor.LOCAL, policy.local
        if policy.github is not None:
            yield kind, Executor.GITHUB, policy.github


def pools_of(fast: bool | None) -> frozenset[str]:
    """Return the names of the pools that jobs of a lane may need; of both lanes, where none is given."""
    chosen = (way for _, _, way in executions() if fast is None or way.fast == fast)
    return frozenset(need.pool for way in chosen for need in way.needs)
