"""Profiles, approvals and rights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestration.models import (
        Approval,
        Rendition,
        Schedule,
        Source,
    )
    from orchestration.words.resolving import Resolved


@dataclass(frozen=True, slots=True)
class ProfileShown:
    """A way in which videos are prepared, and how many channels, sources and files have it."""

    key: str
    name: str
    built_in: bool
    is_default: bool
    max_height: int
    max_fps: int
    colour: str
    crf: int
    preset: str
    audio_kbits: int
    loudness: str
    channels: int
    sources: int
    files: int


@dataclass(frozen=True, slots=True)
class PendingReview:
    """A publication that waits for an approval: what it would say, the seal of that, who wants it, and the last word.

    `rendition` is the file that the seal holds; None while its profile's file is not made.
    """

    schedule: Schedule
    words: Resolved
    seal: str
    wanted_by: str
    last: Approval | None
    rendition: Rendition | None = None


@dataclass(frozen=True, slots=True)
class ApprovalChange:
    """Whether approvals are needed, how many armed publications were disarmed by that, and for how many it came too late."""

    needed: bool
    disarmed: int
    too_late: int

    @property
    def sentence(self) -> str:
        """Return what became of it."""
        if not self.needed:
            return "No approval is needed any more."
        said = ["Publications wait for an approval."]
        if self.disarmed:
            said.append(f"{self.disarmed} armed on YouTube were disarmed.")
        if self.too_late:
            said.append(f"{self.too_late} could not be stopped any more.")
        return " ".join(said)


@dataclass(frozen=True, slots=True)
class RightsChange:
    """A source with its new rights, how many armed publications of it were held, and how many were too near to be."""

    source: Source
    held: int
    too_late: int

    @property
    def sentence(self) -> str:
        """Return what became of what was armed on YouTube; empty where nothing was."""
        said = []
        if self.held:
            said.append(
                "1 armed publication was taken back and is held."
                if self.held == 1
                else f"{self.held} armed publications were taken back and are held."
            )
        if self.too_late:
            said.append(f"{self.too_late} could not be stopped any more: recall what went public.")
        return " ".join(said)
