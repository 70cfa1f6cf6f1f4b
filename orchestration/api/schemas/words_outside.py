"""What YouTube has of a publication's words, as the API shows and takes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from orchestration.api.schemas.requests import Because
from orchestration.api.schemas.words import Document
from orchestration.fields import Value
from orchestration.states import JobState


class FieldOutsideOut(Value):
    """One field in its values: what we last set, what YouTube showed, what is wanted."""

    field: str
    last_set: Any
    seen: Any
    wanted: Any
    is_wanted: bool = Field(description="whether `wanted` is still to be brought to YouTube")
    is_changed_elsewhere: bool = Field(
        description="whether somebody changed it there, and nobody settled that"
    )


class ExtraOutsideOut(Value):
    """A picture, playlist or subtitles."""

    key: str
    label: str
    state: Literal["set", "waiting", "given_up"]
    code: str = Field(description="why it is not there; empty where nothing failed")
    message: str
    next_at: str | None = Field(description="when it is tried again")


class WordsOutsideOut(Value):
    """What YouTube has of a publication's words, and what is still to be brought there."""

    distribution_id: int
    youtube_video_id: str
    seen_at: str | None
    fields: list[FieldOutsideOut]
    extras: list[ExtraOutsideOut]
    job_id: int | None = Field(description="the last edit's job")
    job_state: JobState | Literal[""]
    job_message: str
    may_edit: bool
    is_changed_elsewhere: bool


class WordsOutsideEditOut(Value):
    """What an edit changes on YouTube, and what it costs."""

    distribution_id: int
    fields: list[FieldOutsideOut]
    extras: list[str] = Field(description="what goes with it that is still to be brought there")
    units: int = Field(description="of the day's YouTube units")
    units_free: int = Field(description="of this day, without what is kept for publishing")
    fits_now: bool
    resets_at: datetime = Field(description="when the next Pacific day begins")
    waits_for: str = Field(description="why it would not be made at once; empty if it would")
    notes: list[str]
    dry_run: bool
    job_id: int | None


class EditWordsOutside(Because):
    """Other words for what is staged or public."""

    words: Document
    dry_run: bool = Field(False, strict=True)


class SettleWords(Because):
    """What holds of words that somebody changed on YouTube."""

    way: Literal["take_theirs", "put_ours_back"] = Field(
        description="`take_theirs`: what YouTube shows holds; `put_ours_back`: ours is written again"
    )
