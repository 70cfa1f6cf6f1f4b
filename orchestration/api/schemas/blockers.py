"""What work waits for, and what is done to all of one cause, as the API shows it and what it takes."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import Field

from orchestration.api.schemas.requests import Because
from orchestration.api.schemas.selection import NamesChannels
from orchestration.fields import BodyId, Text, Value
from orchestration.states import BlockerScope

Cause = Annotated[
    Text, Field(min_length=1, max_length=60, description="an error code, as jobs and blockers show it")
]


class BlockerOut(Value):
    """A condition that work waits for: what it is, what ends it, how much waits, when it is asked about next."""

    id: int
    code: str
    title: str
    scope: BlockerScope
    subject: str = Field(description="what it holds for, by name")
    channel_id: int | None
    source_id: int | None
    detail: str = Field(description="which one, for example which budget")
    sentence: str
    remedy: str = Field(description="what ends it")
    link: str = Field(description="where that is explained")
    since: datetime
    until: datetime | None = Field(description="when it ends by itself, where that is known")
    waiting: int = Field(description="how many jobs wait for it")
    next_probe_at: datetime | None = Field(description="when it is asked about next; null: it has ended")
    probed_at: datetime | None
    probes: int
    last_answer: str = Field(description="what the last probe was told")


class CauseCountOut(Value):
    """How many jobs ended badly by one error code and were not done by a later one."""

    code: str
    failed: int
    last_at: datetime | None


class CauseMemberOut(Value):
    """One of those that a cause held back or ended, and what becomes of it."""

    id: int
    kind: Literal["job", "schedule"]
    name: str
    done: bool = Field(description="false: it is refused, and the sentence says why")
    sentence: str


class CauseResultOut(Value):
    """What was done, or in a dry run would be, to all of one cause."""

    verb: Literal["retry", "release", "move"]
    cause: str
    dry_run: bool
    members: list[CauseMemberOut]
    left: int = Field(description="how many more there are; at most 200 are taken at once")


class ByCause(NamesChannels, Because):
    """All of one cause, on all channels or on some."""

    cause: Cause
    channel_ids: list[BodyId] | None = Field(
        default=None, max_length=1000, description="only on these channels; empty: on all"
    )
    dry_run: bool = Field(False, strict=True, description="tell what would become of each, write nothing")

    def arguments(self) -> dict[str, Any]:
        """Return what the service takes."""
        return self.model_dump(exclude={"channels"}) | {"channel_ids": self.chosen(enabled=False) or []}


class RetryByCause(ByCause):
    """Once more; a failed publication whose time is over or taken by now needs another one."""

    next_free: bool = Field(
        False, strict=True, description="take the next free time where the old one is over or taken"
    )


class MoveByCause(ByCause):
    """To its channel's next free slot."""

    after: datetime | None = Field(
        default=None, description="from which instant slots are taken; now by default"
    )
