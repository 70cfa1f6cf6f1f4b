"""What the service answers about words: documents, previews of publications, and what an edit would change."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from orchestration.words.resolving import Resolved


class Subject(StrEnum):
    """Whose words are edited; a publication is named by its distribution."""

    CHANNEL = "channel"
    VIDEO = "video"
    WAVE = "wave"
    PUBLICATION = "publication"


@dataclass(frozen=True, slots=True)
class WordsEdit:
    """What one subject is to say from now on: a value for each field that changes, None to say nothing there.

    `fields.NAME` means one own field alone. With `version`, words that were changed since it was read refuse the edit.
    """

    subject: str
    id: int
    words: Mapping[str, Any]
    version: str | None = None


@dataclass(frozen=True, slots=True)
class WordsFault:
    """Why one edit of many cannot be made. `index` counts the edits from 0."""

    index: int
    subject: str
    id: int
    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class WordsChange:
    """What one subject said, and says, of the fields that change; None where it says nothing."""

    subject: str
    id: int
    label: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PublicationWords:
    """One publication with its words. `own` is what it alone says, `version` of that, `locked` why it cannot be edited.

    `has_still` says whether there is a picture of its video.
    """

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
    state: str
    own: Mapping[str, Any]
    version: str
    words: Resolved
    locked: str = ""
    has_still: bool = False


@dataclass(frozen=True, slots=True)
class SubjectWords:
    """What a channel, video, wave or publication says itself, and how some of its publications look by it."""

    subject: str
    id: int
    label: str
    own: Mapping[str, Any]
    version: str
    publications: Sequence[PublicationWords] = ()
    total: int = 0
    """How many publications it has; `publications` are some of those still to come, then others."""


@dataclass(frozen=True, slots=True)
class WordsPreview:
    """How publications would look by a change, or look now where it has `faults` (a sentence for each field)."""

    publications: Sequence[PublicationWords]
    faults: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ChannelWordsPreview:
    """How one video would look on a channel by a change of its words, or looks now where it has `faults`.

    Without any ready video `video_id` is None, and a film that there is not stands in for one.
    """

    video_id: int | None
    video: str
    words: Resolved
    faults: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class BrokenWords:
    """A publication whose words an edit would break, and how."""

    distribution_id: int
    video: str
    channel: str
    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class TitleChange:
    """How the title of one publication changes by an edit."""

    distribution_id: int
    video: str
    channel: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class WordsResult:
    """What an edit changed, or would change.

    `touched` publications are still to be uploaded and read these words; `uploaded` ones keep what they have on YouTube.
    """

    changes: Sequence[WordsChange]
    unchanged: int
    touched: int
    uploaded: int
    broken: Sequence[BrokenWords] = ()
    titles: Sequence[TitleChange] = ()
    dry_run: bool = False
    ignored_columns: Sequence[str] = ()
    calls: int = 0
    """How many publications on YouTube are edited there, by `units` in all; `units_free` are those left today."""
    units: int = 0
    units_free: int = 0
    notes: Sequence[str] = ()


def version_of(document: Mapping[str, Any]) -> str:
    """Return a short fingerprint of a document: the same words have the same."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()[:12]
