"""Say what each of GitHub's words for a run means for us: its status while it is open, its conclusion when it is over.

The words are those of GitHub's OpenAPI description (a test compares them). One that is not here was added since: as a
status it counts as at work, as a conclusion as a failure that another run may mend, and the run says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from channels.gateways.errors import Again, RunNeedsApproval, WorkflowUnfit
from orchestration.states import RunState

Phase = Literal["not begun", "needs approval", "at work", "over"]


@dataclass(frozen=True, slots=True)
class Status:
    """What an open run's status means: its phase, how far its job is (0 to 1), and both in words."""

    phase: Phase
    progress: float
    note: str


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What follows from how a run ended without its work: its state, whether another run may help, and in words why.

    `code` is what the job is given; where `again` is "blocked" it names the condition.
    """

    state: RunState
    again: Again
    code: str
    note: str


STATUSES: Mapping[str, Status] = MappingProxyType(
    {
        "requested": Status("not begun", 0.1, "asked for, not queued yet"),
        "queued": Status("not begun", 0.1, "queued at GitHub: it waits for a runner"),
        "pending": Status("not begun", 0.1, "waits at GitHub for another run of its repository to end"),
        "waiting": Status("needs approval", 0.1, "waits at GitHub for a person to approve it"),
        "in_progress": Status("at work", 0.5, "running at GitHub"),
        "completed": Status("over", 0.9, "over at GitHub; its work is looked for"),
    }
)

CONCLUSIONS: Mapping[str, Conclusion] = MappingProxyType(
    {
        "success": Conclusion(RunState.SUCCEEDED, "unknown", "run_success", "every step passed"),
        "failure": Conclusion(RunState.FAILED, "again", "run_failure", "a step failed"),
        "cancelled": Conclusion(RunState.CANCELLED, "never", "run_cancelled", "somebody cancelled it"),
        "skipped": Conclusion(RunState.FAILED, "again", "run_skipped", "none of its jobs ran"),
        "timed_out": Conclusion(RunState.FAILED, "again", "run_timed_out", "it took longer than it may"),
        "neutral": Conclusion(RunState.FAILED, "again", "run_neutral", "it ended without a verdict"),
        "stale": Conclusion(RunState.FAILED, "again", "run_stale", "GitHub gave it up after 14 days"),
        "action_required": Conclusion(
            RunState.FAILED, "blocked", RunNeedsApproval.code, "a person must approve runs of this workflow"
        ),
        "startup_failure": Conclusion(
            RunState.FAILED,
            "blocked",
            WorkflowUnfit.code,
            "GitHub could not start it: its workflow file is wrong, or Actions are not allowed",
        ),
    }
)


def status_of(word: str) -> Status:
    """Return what a status means; one that is not known is taken for work."""
    unknown = Status(
        "at work", 0.5, f"GitHub says {word}, which Headend does not know and takes to be running"
    )
    return STATUSES.get(word, unknown)


def conclusion_of(word: str) -> Conclusion:
    """Return what a conclusion means; one that is not known is taken for a failure that another run may mend."""
    note = f"Headend does not know the word {word} and takes it for a failure"
    return CONCLUSIONS.get(word, Conclusion(RunState.FAILED, "again", f"run_{word}"[:60], note))


def in_words(status: str, conclusion: str) -> str:
    """Say what GitHub last told of a run; empty as long as it told nothing."""
    if conclusion:
        return conclusion_of(conclusion).note
    return status_of(status).note if status else ""
