"""What holds for every job of a kind: its lane, how often it is tried, what it draws from, what its unclear end calls for.

To add a kind: a member of `JobKind`, a row here, a runner in `engine.worker`, and what its end means in `pipeline.outcomes`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from channels.states import Executor
from orchestration.queue.pool_names import DISPATCH, PROCESS, SCRAPE, UPLOAD, UPLOADS
from orchestration.states import JobKind

LONGEST_PAUSE = 900
"""In seconds, between two tries of a job."""


@dataclass(frozen=True, slots=True)
class Need:
    """What one job takes: units of a pool."""

    pool: str
    units: int = 1


@dataclass(frozen=True, slots=True)
class Execution:
    """How one executor does a kind of job."""

    attempts: int
    fast: bool = False
    """A short network call, kept apart from the slow work."""
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What holds for every job of a kind, whoever enqueues it."""

    local: Execution
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
    read_back_attempts: int | None = None
    """How often it is tried where it is to read back first, after a restored backup; with the longest pause, a day."""

    def by(self, executor: str) -> Execution:
        """Return how an executor does it."""
        return self.github if executor == Executor.GITHUB and self.github else self.local


POLICIES: Mapping[str, Policy] = MappingProxyType(
    {
        JobKind.SCRAPE: Policy(local=Execution(5, needs=(Need(SCRAPE),))),
        JobKind.PROCESS: Policy(local=Execution(5, needs=(Need(PROCESS),))),
        JobKind.STAGE: Policy(
            local=Execution(5, needs=(Need(UPLOAD), Need(UPLOADS))),
            github=Execution(3, fast=True, needs=(Need(DISPATCH), Need(UPLOADS))),
            is_reviewed=True,
        ),
        # With the growing pauses that is five hours: in an outage the misfire policy is to decide what becomes of it, and
        # not the number of tries.
        JobKind.PUBLISH: Policy(local=Execution(30, fast=True), is_reviewed=True, read_back_attempts=100),
        JobKind.RECALL: Policy(local=Execution(20, fast=True), priority=10, is_safe=True, is_reviewed=True),
        # Its pauses stay short, so that is about two hours: what it takes back may go public at any minute, and giving up,
        # or waiting as long as a remote likes, lets it.
        JobKind.DISARM: Policy(
            local=Execution(240, fast=True),
            priority=10,
            is_safe=True,
            is_reviewed=True,
            longest_pause=30,
            obeys_retry_after=False,
        ),
        JobKind.SYNC: Policy(local=Execution(5, fast=True)),
        JobKind.COLLECT: Policy(local=Execution(3, fast=True), priority=2, draws_on_reserve=False),
        JobKind.CHECK: Policy(
            local=Execution(2, fast=True), priority=3, is_safe=True, draws_on_reserve=False
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
