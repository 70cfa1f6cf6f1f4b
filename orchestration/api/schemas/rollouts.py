"""Rollouts of configurations as the API shows them."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from orchestration.fields import Value
from orchestration.states import RolloutState


class CohortOut(Value):
    """How far one cohort of a rollout is."""

    number: int = Field(description="0 is the canary")
    state: Literal["later", "under way", "failed", "done"]
    channels: int
    done: int
    failed: int


class RolloutMemberOut(Value):
    """A channel of a rollout, and how its sync ended."""

    channel_id: int
    channel: str = Field(description="its name")
    cohort: int
    job_id: int | None = Field(
        description="of its sync; null: not its turn yet, or nothing had to be written"
    )
    outcome: Literal["", "done", "failed"] = Field(description="empty: not ended")
    fact: str = Field(description="why it failed")


class RolloutListed(Value):
    """A sync of many channels in cohorts, one after the other."""

    id: int
    state: RolloutState
    canary_id: int | None
    cohort_size: int
    cohort: int = Field(description="number of the cohort that is under way")
    started_by: str
    created_at: datetime
    ended_at: datetime | None
    halted_why: str = Field(description="which channels failed by what; empty unless it halted")
    actions: list[str]
    cohorts: list[CohortOut]


class RolloutOut(RolloutListed):
    """One rollout with its channels."""

    members: list[RolloutMemberOut]
