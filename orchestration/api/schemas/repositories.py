"""Repositories, as the API shows them and what it takes."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from orchestration.api.schemas.register import ChannelBrief
from orchestration.api.schemas.requests import Because
from orchestration.api.schemas.work import JobOut
from orchestration.fields import Text, Value


class AcknowledgePublic(Because):
    """Why a public repository is right for this channel; needed unless it is taken back."""

    withdraw: bool = Field(False, strict=True, description="take back an acknowledgement")


class ResolveDrift(Because):
    """Whose version counts."""

    way: Literal["overwrite", "import"] = Field(
        description="overwrite: ours is written again; import: theirs is right"
    )


class Provision(Because):
    """Which repository a channel gets."""

    repository: Text = Field("", max_length=140, description="owner/name; empty: the one that it has")
    create: bool = Field(False, strict=True, description="create it, private, where it does not exist")
    dry_run: bool = Field(False, strict=True, description="show what would be written, write nothing")


class FileChangeOut(Value):
    """A file that would be written, as a unified difference to what is there."""

    path: str
    diff: str


class SettingChangeOut(Value):
    """A setting, of the channel or of the repository, as it is and as it would be."""

    name: str
    now: str
    wanted: str


class ProvisionOut(Value):
    """What giving a channel a repository writes."""

    channel: ChannelBrief
    repository: str
    exists: bool
    private: bool
    branch: str
    problems: list[str] = Field(description="what stands against it; then it is refused")
    files: list[FileChangeOut]
    secrets: list[str] = Field(description="the names of the secrets that are written")
    settings: list[SettingChangeOut]
    dry_run: bool
    job: JobOut | None = Field(description="the sync that writes it; null for a dry run")


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
