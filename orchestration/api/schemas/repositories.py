"""Repositories, as the API shows them and what it takes."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from orchestration.api.schemas.register import ChannelBrief
from orchestration.api.schemas.requests import Because
from orchestration.fields import Value


class AcknowledgePublic(Because):
    """Why a public repository is right for this channel; needed unless it is taken back."""

    withdraw: bool = Field(False, strict=True, description="take back an acknowledgement")


class ResolveDrift(Because):
    """Whose version counts."""

    way: Literal["overwrite", "import"] = Field(
        description="overwrite: ours is written again; import: theirs is right"
    )


class DriftOut(Value):
    """One difference, with its three values: as we recorded it, as we want it, as it is there now."""

    what: Literal["file", "secret", "environment", "branch"]
    name: str
    recorded: str = Field(
        description="a file's blob id, when a secret was stored, who may use the environment"
    )
    wanted: str
    there: str = Field(description="empty: it is gone")


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
    drift: list[DriftOut] = Field(description="what somebody changed by hand, as the last look found it")
    drift_found_at: datetime | None
    kept: list[str] = Field(description="files that a person told us to keep as they are there")
    public_acknowledged_at: datetime | None = Field(
        description="when somebody acknowledged that it is public; null: nobody did"
    )
    public_acknowledged_by: str
    public_acknowledged_reason: str
