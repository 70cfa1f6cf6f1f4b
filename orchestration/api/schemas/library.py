"""Sources and videos, as the API shows them."""

from datetime import datetime

from ninja import Schema

from orchestration.models import Source, Video
from orchestration.states import RightsBasis, SourceState, VideoState


class SourceOut(Schema):
    """A page, direct file or feed that is read for videos."""

    id: int
    name: str
    url: str
    rights_basis: RightsBasis
    rights_note: str
    priority: int
    language: str
    scrape_interval_minutes: int
    item_limit: int
    state: SourceState
    state_changed_at: datetime
    next_scrape_at: datetime | None
    last_scraped_at: datetime | None
    last_found: int
    last_error: str
    consecutive_failures: int
    created_at: datetime
    version: int
    actions: list[str]

    @staticmethod
    def resolve_actions(source: Source) -> tuple[str, ...]:
        """Return the verbs that are legal in the present state."""
        return source.actions


class RightsChangeOut(Schema):
    """A source with its new rights, how many armed publications of it were held, and how many were too near to be."""

    source: SourceOut
    held: int
    too_late: int


class VideoOut(Schema):
    """A scraped item and its file; measured values are null until somebody has measured."""

    id: int
    source_id: int | None
    url: str
    title: str
    description: str
    tags: list[str]
    language: str
    rights_basis: RightsBasis
    view_count: int | None
    watermarked: bool | None
    source_published_at: datetime | None
    content_hash: str
    size_bytes: int | None
    duration_seconds: float | None
    width: int | None
    height: int | None
    frames_per_second: float | None
    video_codec: str
    audio_codec: str
    prepared_bytes: int | None
    state: VideoState
    state_changed_at: datetime
    error_code: str
    error_message: str
    duplicate_of_id: int | None
    created_at: datetime
    ready_at: datetime | None
    actions: list[str] = []

    @staticmethod
    def resolve_rights_basis(video: Video) -> str:
        """Return the basis on which it may be published, from its source."""
        return video.rights_basis
