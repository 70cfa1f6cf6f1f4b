"""Repositories, as the API shows them and what it takes."""

from datetime import datetime

from pydantic import Field

from orchestration.api.schemas.register import ChannelBrief
from orchestration.api.schemas.requests import Because
from orchestration.fields import Value


class AcknowledgePublic(Because):
    """Why a public repository is right for this channel; needed unless it is taken back."""

    withdraw: bool = Field(False, strict=True, description="take back an acknowledgement")


class RepositoryOut(Value):
    """What is known of a channel's repository, by our record."""

    channel: ChannelBrief
    repository: str = Field(description="owner/name; empty: the channel has none")
    repository_id: int | None = Field(description="GitHub's id, to which everything here belongs")
    branch: str
    environment: str = Field(description="which environment holds the secrets; empty: the repository itself")
    files: dict[str, str] = Field(description="the blob id that was last written at each path")
    secrets: dict[str, str] = Field(description="when each secret was last stored, as GitHub says, by name")
    checked_at: datetime | None = Field(description="when it was last compared with what is there")
    public_acknowledged_at: datetime | None = Field(
        description="when somebody acknowledged that it is public; null: nobody did"
    )
    public_acknowledged_by: str
    public_acknowledged_reason: str
