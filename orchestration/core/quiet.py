"""Know by one statement that a look which found nothing would find nothing now, so that idling costs next to nothing.

A look that comes every few seconds asks many questions, and where nothing happens it gets the same answers each time. What
it reads is counted (`change_counts`); as long as those counts stand, and until the next moment at which time alone makes
something due, the answers are the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from orchestration.core import change_counts


@dataclass(frozen=True, slots=True)
class _Rest:
    count: int
    since: datetime
    until: datetime


class Quiet:
    """What this process knows of a look: at which count of these topics it found nothing, and until when that holds.

    Another process knows nothing of it, and looks for itself. A clock that was set back ends a rest.
    """

    def __init__(self, *topics: str) -> None:
        self._topics = topics
        self._rest: _Rest | None = None

    def holds(self, now: datetime) -> bool:
        """Return whether a look would find nothing; one statement, and none where the look before found something."""
        rest = self._rest
        return rest is not None and rest.since <= now < rest.until and self.count() == rest.count

    def count(self) -> int:
        """Return how often what the look reads has changed; ask before a look, so that the next one sees what it missed."""
        return change_counts.total_now(self._topics)

    def begin(self, count: int, since: datetime, until: datetime) -> None:
        """Remember that a look which began at `since`, at this count, found nothing, and finds nothing before `until`."""
        self._rest = _Rest(count, since, until)

    def forget(self) -> None:
        """Have the next look made."""
        self._rest = None
