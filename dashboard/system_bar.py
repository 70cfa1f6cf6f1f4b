"""The switch, as every page shows it.

What it tells is counted among all that is open, and every page tells it: pages that are shown within the same moments, while
nothing of it has changed, tell what was counted for the first of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from orchestration.core import readings
from orchestration.core.change_counts import total
from orchestration.results.system import SystemReport
from orchestration.service import CentralOrchestrationService
from orchestration.states import SystemStatus

KEPT_FOR = timedelta(seconds=2)
"""What becomes overdue, and how long ago a component was heard of, is so by the clock, and may be told so much later."""


@dataclass(frozen=True, slots=True)
class SystemBar:
    """The switch, as every page shows it."""

    report: SystemReport

    @property
    def busy(self) -> bool:
        """Return whether anything may change by itself, so that it is worth looking often."""
        return self.report.state != SystemStatus.STOPPED or self.report.running_jobs > 0

    @property
    def note(self) -> str:
        """Return who set the state, and why."""
        report = self.report
        by = f"by {report.changed_by}" if report.changed_by else ""
        return f"{by}: {report.reason}" if report.reason else by


@dataclass(frozen=True, slots=True)
class _Kept:
    bar: SystemBar
    at: datetime
    topics: frozenset[str]
    version: int


_kept: list[_Kept] = []
"""The last one of this process; none, or one."""


def bar_for(door: CentralOrchestrationService) -> tuple[SystemBar, readings.Reading]:
    """Return the switch and what it was made of, which counts apart from what the page reads.

    Whoever is limited to groups of channels is told what is counted for them alone.
    """
    now = timezone.now()
    with readings.reading(apart=True) as noted:
        shared = door.actor.limit is None
        for kept in _kept if shared else ():
            if abs(now - kept.at) < KEPT_FOR and total(noted.counted, kept.topics) == kept.version:
                noted.topics |= kept.topics
                return kept.bar, noted
        bar = SystemBar(door.get_status())
    if shared:
        _kept[:] = [_Kept(bar, now, frozenset(noted.topics), noted.total)]
    return bar, noted


def forget() -> None:
    """Forget what was counted; for tests, whose changes are undone and leave no count behind."""
    _kept.clear()
