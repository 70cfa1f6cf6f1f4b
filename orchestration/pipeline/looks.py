"""Say what a look for an upload found: it, nothing, nothing yet, or nothing at all; only *absent* leads to an upload."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils import timezone

from channels.gateways.errors import RemoteError
from orchestration.queue.lease import WaitUntil
from orchestration.queue.pools import BudgetExhausted

SETTLE = timedelta(seconds=120)
"""How long after the last byte YouTube's list of uploads may not show a video: an empty list says nothing before."""


class Outcome(StrEnum):
    """What came of a look."""

    FOUND = "found"
    ABSENT = "absent"
    TOO_EARLY = "too_early"
    COULD_NOT_LOOK = "could_not_look"


@dataclass(frozen=True, slots=True)
class Look:
    """What a look for an upload found. `again_at` is when one that was too early counts; `error` why there was none."""

    outcome: Outcome
    youtube_video_id: str = ""
    again_at: datetime | None = None
    error: RemoteError | BudgetExhausted | None = None

    def settled(self) -> str | None:
        """Return the id of what was found, or None for what is absent for certain.

        Raises: WaitUntil, if it was too early to tell; what kept us from looking.
        """
        if self.error is not None:
            raise self.error
        if self.again_at is not None:
            raise WaitUntil(self.again_at, "YouTube may not list the upload yet; it is looked for again")
        return self.youtube_video_id or None


def look(find: Callable[[], str | None], last_sent_at: datetime | None) -> Look:
    """Look by `find` for an upload whose last byte may have been sent at `last_sent_at`; None says that none was."""
    try:
        found = find()
    except (RemoteError, BudgetExhausted) as error:
        return Look(Outcome.COULD_NOT_LOOK, error=error)
    if found:
        return Look(Outcome.FOUND, found)
    if last_sent_at is not None and timezone.now() < last_sent_at + SETTLE:
        return Look(Outcome.TOO_EARLY, again_at=last_sent_at + SETTLE)
    return Look(Outcome.ABSENT)
