"""How pools, budgets and the disk are used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    pass


@dataclass(frozen=True, slots=True)
class BudgetDay:
    """One Pacific day of a budget: what schedules have reserved (`planned`), and what its ledger has taken, by state.

    A unit stands in one column at a time; `unknown` are calls that may have taken effect, and stay spent.
    """

    day: date
    planned: int
    reserved: int
    charged: int
    settled: int
    unknown: int
    capacity: int

    @property
    def taken(self) -> int:
        """Return all that is not free any more."""
        return self.planned + self.reserved + self.charged + self.settled + self.unknown

    @property
    def free(self) -> int:
        """Return what may still be planned on the day."""
        return max(self.capacity - self.taken, 0)


@dataclass(frozen=True, slots=True)
class CleanItem:
    """A video of which files are deleted, or would be."""

    video_id: int
    title: str
    original: bool
    prepared: bool
    freed_bytes: int


@dataclass(frozen=True, slots=True)
class CleanResult:
    """What was deleted by the rules of retention, or would be now."""

    items: list[CleanItem]
    freed_bytes: int
    dry_run: bool


@dataclass(frozen=True, slots=True)
class DiskReport:
    """The disk of MEDIA_ROOT: what lies there, how fast it grows, what its rules would free."""

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


@dataclass(frozen=True, slots=True)
class PoolReport:
    """One shared resource now: who holds it, who waits, what was spent today (Pacific)."""

    name: str
    label: str
    kind: str
    capacity: int
    used: int
    paused: bool
    waiting: int
    day: date | None
    resets_at: datetime | None
    leases: list[dict[str, Any]]
    id: int = 0
    days: tuple[BudgetDay, ...] = ()
