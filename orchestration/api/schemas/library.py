"""Sources and videos, as the API shows them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from ninja import Schema
from pydantic import ConfigDict, Field

from orchestration.api.schemas import addresses
from orchestration.api.schemas.profiles import RenditionOut
from orchestration.api.schemas.requests import Decision
from orchestration.fields import Body, Priority, Secret, Text
from orchestration.models import Source, Video
from orchestration.states import RightsBasis, SourceKind, SourceState, VideoState


class NewSourceAccess(Decision):
    """What opens a source: a login, cookies or headers, given whole in place of what was. Write only."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"username": "headend", "password": "…", "hosts": ["cdn.example.org"]},
                {"headers": ["Authorization: Bearer …"]},
            ]
        }
    )

    username: Annotated[Secret, Field(max_length=300)] = ""
    password: Annotated[Secret, Field(max_length=8192)] = ""
    cookies: Annotated[
        Secret,
        Field(
            max_length=262_144, description="`a=1; b=2` as a browser sends them, or a Netscape cookie file"
        ),
    ] = ""
    headers: Annotated[
        list[Annotated[Secret, Field(max_length=9000)]],
        Field(max_length=20, description="each `Name: value`"),
    ] = []
    hosts: Annotated[
        list[Annotated[Text, Field(max_length=300)]],
        Field(
            max_length=20,
            description="further hosts that it may be sent to; https where no scheme is written",
        ),
    ] = []


class NewFolder(Body):
    """A folder to be watched, with the right to publish what is put there."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"path": "/srv/films", "rights_basis": "owned", "language": "de"}]}
    )

    path: Annotated[
        Text,
        Field(
            max_length=900, description="empty: `inbox` in the data folder; else below HEADEND_INBOX_FOLDERS"
        ),
    ] = ""
    name: Annotated[Text, Field(max_length=120)] = ""
    rights_basis: RightsBasis = RightsBasis.NONE
    rights_note: Annotated[Text, Field(max_length=500)] = ""
    language: Annotated[Text, Field(max_length=20, description="of films and subtitles that do not say")] = ""
    keep_files: bool = Field(True, strict=True, description="let a film also lie in `taken` afterwards")


class SourceChange(Decision):
    """What a source is to be; what is left out stays."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"scrape_interval_minutes": 30, "priority": 7}]}
    )

    name: Annotated[Text, Field(min_length=1, max_length=120)] | None = None
    url: Annotated[Text, Field(min_length=1, max_length=1000)] | None = None
    priority: Priority | None = None
    language: Annotated[Text, Field(max_length=20)] | None = None
    scrape_interval_minutes: int | None = Field(None, strict=True, ge=1, le=527_040)
    item_limit: int | None = Field(None, strict=True, ge=1, le=500, description="newest items looked at")


class StorageKeys(Decision):
    """Other keys of an object storage. Write only."""

    access_key: Annotated[Secret, Field(max_length=300)] = ""
    secret_key: Annotated[Secret, Field(max_length=300)] = ""


class NewStorage(Body):
    """What lies under a prefix of a bucket, by the S3 protocol. The keys are sealed and never shown again."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "endpoint": "https://s3.eu-central-1.amazonaws.com",
                    "bucket": "films",
                    "region": "eu-central-1",
                    "prefix": "ready/",
                    "access_key": "…",
                    "secret_key": "…",
                    "rights_basis": "owned",
                }
            ]
        }
    )

    endpoint: Annotated[Text, Field(min_length=1, max_length=300)]
    bucket: Annotated[Text, Field(min_length=1, max_length=63)]
    region: Annotated[Text, Field(max_length=60)] = ""
    prefix: Annotated[Text, Field(max_length=500)] = ""
    access_key: Annotated[
        Secret, Field(max_length=300, description="empty, like the other: a public bucket")
    ] = ""
    secret_key: Annotated[Secret, Field(max_length=300)] = ""
    name: Annotated[Text, Field(max_length=120)] = ""
    rights_basis: RightsBasis = RightsBasis.NONE
    rights_note: Annotated[Text, Field(max_length=500)] = ""
    language: Annotated[Text, Field(max_length=20, description="of films that do not say")] = ""


class SourceAccessOut(Schema):
    """What opens a source, without its secrets: the origins in `hosts` are sent it, and no others."""

    login: bool
    cookies: int
    headers: list[str]
    hosts: list[str]


class SourceOut(Schema):
    """A page, direct file or feed that is read for videos, or another way by which they come in."""

    id: int
    name: str
    kind: SourceKind
    url: str
    place: dict[str, str | bool] = Field(
        description="where a watched folder or object storage lies; else empty"
    )
    access: SourceAccessOut | None
    access_set_at: datetime | None
    rights_basis: RightsBasis
    rights_note: str
    keep_originals: str
    keep_prepared: str
    priority: int
    language: str
    profile: str = Field(description="how its videos are prepared; empty: by the default profile")
    scrape_interval_minutes: int
    item_limit: int
    needs_approval_since: datetime | None
    state: SourceState
    state_changed_at: datetime
    next_scrape_at: datetime | None
    last_scraped_at: datetime | None
    last_found: int
    waiting_items: int = Field(
        description="new items that the next readings take: more came than `item_limit`"
    )
    unchanged_readings: int = Field(
        description="readings in a row to which the source said 304, not modified"
    )
    repairs: list[str] = Field(description="what had to be repaired of the last feed, one sentence each")
    last_error: str
    consecutive_failures: int
    created_at: datetime
    version: int
    actions: list[str]

    @staticmethod
    def resolve_url(source: Source, context: Mapping[str, Any] | None = None) -> str:
        """Return its address; without what it may hold in secrets for whoever may only read."""
        return str(addresses.shown(source.url, context))

    @staticmethod
    def resolve_access(source: Source) -> dict | None:
        """Return what opens it, as it may be shown."""
        return source.access_shown or None

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
    def resolve_url(video: Video, context: Mapping[str, Any] | None = None) -> str:
        """Return its address; without what it may hold in secrets for whoever may only read."""
        return str(addresses.shown(video.url, context))

    @staticmethod
    def resolve_rights_basis(video: Video) -> str:
        """Return the basis on which it may be published, from its source."""
        return video.rights_basis


class VideoDetail(VideoOut):
    """A video with its prepared files, one for each way in which its plans need it."""

    renditions: list[RenditionOut]
