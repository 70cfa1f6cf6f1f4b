"""Uploads, as the API takes and shows them."""

from datetime import datetime
from uuid import UUID

from ninja import Schema
from pydantic import Field

from orchestration.fields import Body, Text
from orchestration.models import Upload
from orchestration.pipeline.uploads import expires_at
from orchestration.states import RightsBasis, UploadState


class NewUploadSource(Body):
    """A source of uploads: a name, and why all that is sent to it may be published."""

    name: Text = Field(max_length=120)
    rights_basis: RightsBasis = RightsBasis.NONE
    rights_note: Text = Field("", max_length=500)


class UploadOut(Schema):
    """A file that somebody sends, and what became of it."""

    key: UUID
    name: str
    title: str
    owner: str
    source_id: int
    size_bytes: int
    received_bytes: int
    sha256: str
    fingerprint: str
    state: UploadState
    state_changed_at: datetime
    video_id: int | None
    is_new: bool | None
    job_id: int | None
    error_code: str
    error_message: str
    created_at: datetime
    last_received_at: datetime
    expires_at: datetime | None
    version: int
    actions: list[str]

    @staticmethod
    def resolve_expires_at(upload: Upload) -> datetime | None:
        """Return when what has come is thrown away, unless more comes before; null of what is over."""
        return expires_at(upload) if upload.state in (UploadState.OPEN, UploadState.FAILED) else None

    @staticmethod
    def resolve_actions(upload: Upload) -> tuple[str, ...]:
        """Return the verbs that are legal in the present state."""
        return upload.actions
