"""What assistants propose, as the API takes and shows it."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from orchestration.fields import Body, Reason, Value, Word
from orchestration.models import ApiToken
from orchestration.states import ProposalState


class NewProposal(Body):
    """A change that a person is to confirm: an operation of this API, with what it takes."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"operation": "schedules_hold", "arguments": {"schedule_id": 7}, "reason": "wrong film"}
            ]
        }
    )

    operation: Annotated[Word, Field(max_length=80, description="its `operationId` in this document")]
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="what stands in its address, its query and its body, by name"
    )
    reason: Reason = ""


class ProposalOut(Value):
    """A change that an assistant proposes."""

    id: int
    token: str = Field(description="the name of the assistant's token")
    operation: str
    title: str
    arguments: dict[str, Any]
    needs: ApiToken.Scope = Field(description="the level that it takes, also to confirm it")
    reason: str
    state: ProposalState
    actions: list[str]
    created_at: datetime
    expires_at: datetime
    confirmed_at: datetime | None
    refused_at: datetime | None
    decided_by: str
    decision_reason: str
    ended_at: datetime | None
    status_code: int | None = Field(description="what this API answered to the change")


class ProposalDetail(ProposalOut):
    """One, with what it would do and what it did."""

    preview: Any = Field(description="what a dry run said; null if the operation has none")
    answer: Any = Field(description="what this API answered to the change; null as long as it is not made")
