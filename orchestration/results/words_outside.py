"""Words as YouTube has them, beside ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class FieldOutsideNow:
    """One field of a publication's words on YouTube in its three values; None where nothing is known, or wanted."""

    field: str
    last_set: Any
    seen: Any
    wanted: Any
    is_wanted: bool
    is_changed_elsewhere: bool


@dataclass(frozen=True, slots=True)
class ExtraOutside:
    """A picture, a playlist or subtitles of a publication: `set`, `waiting` or `given_up`, and what YouTube said of it."""

    key: str
    label: str
    state: str
    code: str
    message: str
    next_at: str | None


@dataclass(frozen=True, slots=True)
class WordsOutside:
    """What YouTube has of a publication's words, what we set there, and what is still to be brought there."""

    distribution_id: int
    youtube_video_id: str
    seen_at: str | None
    fields: list[FieldOutsideNow]
    extras: list[ExtraOutside]
    job_id: int | None
    job_state: str
    job_message: str
    may_edit: bool

    @property
    def is_changed_elsewhere(self) -> bool:
        """Return whether somebody changed words on YouTube, and nobody has said yet what holds."""
        return any(field.is_changed_elsewhere for field in self.fields)

    @property
    def has_faults(self) -> bool:
        """Return whether YouTube did not take something, so that it can be tried again by hand."""
        return any(extra.code for extra in self.extras) or self.job_state in {"failed", "errored"}


@dataclass(frozen=True, slots=True)
class WordsOutsideEdit:
    """What an edit of words changes on YouTube, and its units; `units_free` are those of the day beside the reserve."""

    distribution_id: int
    fields: list[FieldOutsideNow]
    extras: list[str]
    units: int
    units_free: int
    fits_now: bool
    resets_at: datetime
    waits_for: str
    notes: list[str]
    dry_run: bool
    job_id: int | None = None
