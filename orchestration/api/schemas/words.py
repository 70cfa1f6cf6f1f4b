"""What publications say, as the API shows and takes it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, TypeAlias

from pydantic import Field, StrictBool, StrictInt, StrictStr

from orchestration.api.schemas.requests import Because
from orchestration.fields import Body, BodyId, FileText, Text, Value
from orchestration.states import DistributionState
from orchestration.words.answers import Subject
from orchestration.words.fields import LayerName

WordsValue: TypeAlias = (
    StrictStr | StrictBool | StrictInt | list[StrictStr] | list[StrictInt] | dict[str, StrictStr] | None
)
Document = Annotated[
    dict[str, WordsValue],
    Field(description="a value for each field that is said; docs/words.md has the fields", max_length=60),
]


class RemarkOut(Value):
    """A problem forbids publishing; a note says what was done to a source's text."""

    field: str
    code: str
    message: str


class ResolvedOut(Value):
    """What a publication says, and which layers made each field, the strongest first."""

    title: str
    description: str = Field(description="without Headend's marker")
    tags: list[str]
    category_id: str
    language: str
    playlists: list[str]
    licence: str
    embeddable: bool
    made_for_kids: bool
    synthetic_media: bool
    paid_promotion: bool
    notify_subscribers: bool
    picture: int | None = Field(description="id of the picture; null: the video's still")
    subtitles: list[int]
    fields: dict[str, str] = Field(description="own fields")
    video_title: str = Field(description="what {title} is")
    origins: dict[str, list[LayerName]]
    problems: list[RemarkOut]
    notes: list[RemarkOut]


class PublicationWordsOut(Value):
    """One publication with its words."""

    distribution_id: int
    schedule_id: int | None
    video_id: int
    video: str
    channel_id: int
    channel: str
    wave_id: int | None
    wave: str
    publish_at: datetime | None
    zone: str
    state: DistributionState
    own: dict[str, Any] = Field(description="what this publication alone says")
    version: str = Field(description="of `own`")
    words: ResolvedOut
    locked: str = Field(description="why it cannot be edited; empty if it can")


class SubjectWordsOut(Value):
    """What a channel, video, wave or publication says itself, and some of its publications."""

    subject: Subject
    id: int
    label: str
    own: dict[str, Any]
    version: str
    publications: list[PublicationWordsOut]
    total: int = Field(description="how many publications it has")


class WordsPreviewOut(Value):
    """How publications would look by a change that was not made; with `faults` they look as they do now."""

    publications: list[PublicationWordsOut]
    faults: dict[str, str] = Field(description="a sentence for each field that cannot be said so")


class WordsChangeOut(Value):
    """What one subject said and says of the fields that change; null where it says nothing."""

    subject: Subject
    id: int
    label: str
    before: dict[str, Any]
    after: dict[str, Any]


class BrokenWordsOut(Value):
    """A publication that could not go out by its new words."""

    distribution_id: int
    video: str
    channel: str
    field: str
    code: str
    message: str


class TitleChangeOut(Value):
    """How one publication's title changes."""

    distribution_id: int
    video: str
    channel: str
    before: str
    after: str


class WordsResultOut(Value):
    """What edits changed, or would change."""

    changes: list[WordsChangeOut]
    unchanged: int
    touched: int = Field(description="publications still to be uploaded that read these words")
    uploaded: int = Field(description="publications that keep what they have on YouTube")
    broken: list[BrokenWordsOut]
    titles: list[TitleChangeOut] = Field(description="at most 200")
    dry_run: bool
    ignored_columns: list[str]
    calls: int = Field(description="publications on YouTube that are edited there")
    units: int = Field(description="that these calls take")
    units_free: int = Field(description="that are free today beside the reserve")
    notes: list[str] = Field(description="what cannot be done on YouTube")


class ExportedOut(Value):
    """How many rows were written, and where to."""

    rows: int
    file: str


class PreviewWords(Body):
    """A change of one subject's words, to be looked at."""

    subject: Subject
    id: BodyId
    words: Document
    few: int = Field(5, strict=True, ge=1, le=200, description="so many publications at most")


class WordsEditIn(Body):
    """What one subject is to say: a value for each field that changes, null to say nothing there."""

    subject: Subject
    id: BodyId
    words: Document
    version: Text | None = Field(
        None, max_length=12, description="the `version` of its words as you saw them"
    )


class _Writing(Because):
    dry_run: bool = Field(False, strict=True, description="show what would change, write nothing")
    accept_problems: bool = Field(
        False, strict=True, description="also where publications could not go out by their new words"
    )


class EditWords(_Writing):
    """Edits that are made together or not at all."""

    edits: list[WordsEditIn] = Field(min_length=1, max_length=10_000)


class ImportWords(_Writing):
    """A table as `GET /api/words/table` gives it, changed."""

    csv: FileText = Field(max_length=20_000_000, description="its text")
