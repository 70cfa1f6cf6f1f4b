"""Decide which files of a video are kept no longer: its original, and what was prepared of it. Values in, an answer out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

FOREVER = "forever"
PUBLISHED = "published"
MOST_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Rule:
    """For how long files are kept: for good, until they were published, or for so many days after they were last of use."""

    days: int | None = None
    after_publication: bool = False

    @classmethod
    def read(cls, text: str) -> Rule:
        """Return the rule of a setting: `forever`, `published`, or a number of days. Raises: ValueError."""
        if text == FOREVER:
            return cls()
        if text == PUBLISHED:
            return cls(after_publication=True)
        if text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_DAYS:
            return cls(days=int(text))
        raise ValueError(
            f"{text!r} is no rule: it is {FOREVER}, {PUBLISHED}, or a number of days from 1 to {MOST_DAYS}."
        )

    def is_over(self, last_used_at: datetime | None, published_at: datetime | None, now: datetime) -> bool:
        """Return whether what was made or published last at these instants is kept no longer."""
        if self.after_publication:
            return published_at is not None and published_at <= now
        if self.days is None:
            return False
        used = max((at for at in (last_used_at, published_at) if at is not None), default=None)
        return used is not None and used <= now - timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one video: what lies on the disk, what needs it, and whether it can be had again."""

    is_ready: bool
    is_needed: bool
    """A plan that is open or needs review, a job under way, or an upload that may have to be replaced."""
    can_be_fetched: bool
    has_original: bool
    has_prepared: bool
    ready_at: datetime | None
    published_at: datetime | None


def deletable(facts: Facts, originals: Rule, prepared: Rule, now: datetime) -> tuple[bool, bool]:
    """Return whether the original, and whether the prepared files, are to be deleted now.

    Never what is needed, and never what cannot be had again: an original without an address to fetch it from stays, and
    so do prepared files that could not be made again.
    """
    if facts.is_needed or not facts.is_ready:
        return False, False
    dates = facts.ready_at, facts.published_at, now
    original = facts.has_original and facts.can_be_fetched and originals.is_over(*dates)
    again = facts.can_be_fetched or facts.has_original
    return original, facts.has_prepared and again and prepared.is_over(*dates)
