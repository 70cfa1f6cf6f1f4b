"""The disk, as the API shows it."""

from ninja import Schema
from pydantic import Field

from orchestration.fields import Body, Reason, Text


class CleanDisk(Body):
    """Whether only to tell."""

    dry_run: bool = Field(False, strict=True)


class SourceRetention(Body):
    """For how long a source's files are kept: `forever`, `published`, or days; empty: as the installation keeps them."""

    keep_originals: Text = ""
    keep_prepared: Text = ""
    reason: Reason = ""
    version: int | None = Field(None, strict=True)


class CleanItemOut(Schema):
    """A video of which files are deleted, or would be."""

    video_id: int
    title: str
    original: bool
    prepared: bool
    freed_bytes: int


class CleanOut(Schema):
    """What was deleted, or would be."""

    items: list[CleanItemOut]
    freed_bytes: int
    dry_run: bool


class DiskOut(Schema):
    """What lies on the disk of the media folder. `days_left` is null where nothing grows."""

    total_bytes: int
    free_bytes: int
    floor_bytes: int
    originals_bytes: int
    prepared_bytes: int
    uploads_bytes: int
    grows_bytes_a_day: int
    days_left: int | None
    keep_originals: str
    keep_prepared: str
    deletable_bytes: int
    deletable_videos: int
