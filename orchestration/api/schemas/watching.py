"""Pictures and subtitles, as the API shows them and takes them."""

from datetime import datetime

from ninja import Schema
from pydantic import Field

from orchestration.api.schemas.requests import Because
from orchestration.fields import BodyId
from orchestration.states import AttachmentKind


class AttachmentOut(Schema):
    """A picture or subtitles that go with a video; `notes` say what was noticed when it was checked."""

    id: int
    video_id: int
    kind: AttachmentKind
    language: str
    name: str
    size_bytes: int
    content_hash: str
    notes: list[str]
    created_at: datetime


class ChosenPicture(Because):
    """Which picture of a video its words name; null takes the choice back."""

    attachment_id: BodyId | None


class FrameAt(Because):
    """The moment of a frame, in seconds from the film's start."""

    at_seconds: float = Field(ge=0, le=10_000_000)
