"""Hold what scraping finds: one item is one video offered somewhere, with what its source says of it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote

from orchestration.text import unturned

from .urls import canonical_url

TITLE_LENGTH = 500
DESCRIPTION_LENGTH = 10_000
TAG_LENGTH = 100
MAX_TAGS = 50
MAX_ID_LENGTH = 255
HEADLINE_CHARACTERS = 80
_ADDRESS = re.compile(r"(\w+:/|www\.)\S+")
_NAMELESS = re.compile(
    r"(video|movie|film|clip|media|file|index|master|main|playlist|manifest|stream|output|download|get|watch|play|default"
    r"|latest|untitled|episode|img|mov|vid|dsc|gopr|gx|mvi|dji|screen.?recording|[0-9a-f]{8,})*[\W\d_]*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class FoundItem:
    """Describe one video where it was found; what its source does not say is None.

    `title` is empty where the source gives none: an address is never a title, since it may hold a token. `external_id` is
    what the source itself tells its episodes apart by; empty where it has nothing of the kind.
    """

    url: str
    canonical_url: str
    title: str
    description: str = ""
    duration_seconds: float | None = None
    published_at: datetime | None = None
    external_id: str = ""
    width: int | None = None
    height: int | None = None
    language: str | None = None
    view_count: int | None = None
    tags: tuple[str, ...] = ()

    @classmethod
    def make(cls, url: str, **facts: Any) -> FoundItem:
        """Build an item from what a site says, cleaned so that it can be stored and shown.

        Raises: UnsafeUrl when the address is not an http(s) one.
        """
        title = one_line(facts.pop("title", None))[:TITLE_LENGTH]
        title = "" if _ADDRESS.fullmatch(title) else title
        description = clean_text(facts.pop("description", None))[:DESCRIPTION_LENGTH]
        tags = [one_line(tag)[:TAG_LENGTH] for tag in facts.pop("tags", None) or ()]
        return cls(
            url=url,
            canonical_url=canonical_url(url),
            title=title,
            description=description,
            external_id=_id_of(facts.pop("external_id", None)),
            duration_seconds=positive_number(facts.pop("duration_seconds", None)),
            width=positive_whole(facts.pop("width", None)),
            height=positive_whole(facts.pop("height", None)),
            view_count=whole(facts.pop("view_count", None)),
            language=one_line(facts.pop("language", None))[:35] or None,
            tags=tuple(dict.fromkeys(tag for tag in tags if tag))[:MAX_TAGS],
            **facts,
        )


@dataclass(frozen=True, slots=True)
class DownloadedFile:
    """Name a file that has arrived whole, with its size and its content hash."""

    path: Path
    size_bytes: int
    sha256: str
    item: FoundItem


def headline(text: str) -> str:
    """Return the first words of a description as a title; empty where it has none but an address."""
    line = next(filter(None, (one_line(_ADDRESS.sub("", part)) for part in text.split("\n"))), "")
    line = re.split(r"(?<=[.!?])\s", line, maxsplit=1)[0]
    if len(re.findall(r"[^\W\d_]", line)) < 3:
        return ""
    if len(line) <= HEADLINE_CHARACTERS:
        return line.rstrip(".")
    return line[:HEADLINE_CHARACTERS].rpartition(" ")[0].rstrip(",;:–- ") + "…" if " " in line else ""


def title_of_name(name: str) -> str:
    """Return a file's name as a title, if somebody has named it: not "1", "video" or "a7b3c9d0e1"."""
    stem = PurePosixPath(unquote(name)).stem.replace("_", " ")
    words = one_line(stem if " " in stem else stem.replace("-", " "))
    if _NAMELESS.fullmatch(words) or re.fullmatch(r"[0-9a-fA-F-]{8,}", name.rpartition(".")[0] or name):
        return ""
    letters = re.findall(r"[^\W\d_]", words)
    digits = re.findall(r"\d", words)
    return words if len(letters) >= 3 and len(digits) <= len(letters) else ""


def _id_of(value: object) -> str:
    """Return an id as it is stored; one that is too long by its hash, since two cut ones could be the same."""
    text = one_line(value)
    if len(text) <= MAX_ID_LENGTH:
        return text
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def clean_text(value: object) -> str:
    """Return text without the control characters that a database or a page would choke on."""
    text = "" if value is None else str(value)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", "", text).strip()


def one_line(value: object) -> str:
    """Return clean text on one line."""
    return " ".join(unturned(clean_text(value)).split())


def positive_number(value: object) -> float | None:
    """Return a finite number above zero, or None."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if 0 < number < 10**9 else None


def whole(value: object) -> int | None:
    """Return a whole number that is not negative, or None."""
    try:
        number = int(float(value))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if 0 <= number < 2**63 else None


def positive_whole(value: object) -> int | None:
    """Return a whole number above zero that a database column can hold, or None."""
    number = whole(value)
    return number if number and number < 2**31 else None


def aware(moment: datetime) -> datetime:
    """Return an instant in UTC; a time without a zone is read as UTC."""
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
