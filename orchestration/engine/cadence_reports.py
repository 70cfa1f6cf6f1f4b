"""Show how often the clock's entries come, and change it by the rules that they have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django_celery_beat.models import PeriodicTask

from orchestration.engine import cadences
from orchestration.errors import InvalidRequest, NotFound


@dataclass(frozen=True, slots=True)
class CadenceShown:
    """One of the clock's entries: what it does, how often it comes, and how often it may."""

    name: str
    does: str
    seconds: int
    default_seconds: int
    fastest: int
    slowest: int
    not_off: str
    last_run_at: datetime | None

    @property
    def is_default(self) -> bool:
        """Return whether it comes as often as it does by itself."""
        return self.seconds == self.default_seconds


def shown() -> list[CadenceShown]:
    """List the clock's entries, those that beat has not made yet too."""
    rows = {
        row.name: row
        for row in PeriodicTask.objects.filter(name__in=cadences.BY_NAME).select_related("interval")
    }
    return [_shown(cadence, rows.get(cadence.name)) for cadence in cadences.CADENCES]


def set_seconds(name: str, seconds: int | None, reason: str = "") -> CadenceShown:
    """Let an entry come every so many seconds; None: by default. Raises: NotFound; InvalidRequest, with the reason."""
    cadence = cadences.BY_NAME.get(name)
    row = PeriodicTask.objects.filter(name=name).select_related("interval").first()
    if cadence is None or row is None:
        raise NotFound(
            f"There is no entry {name[:80]!r} of the clock; beat makes them when it starts.", field="name"
        )
    try:
        cadences.change(row, cadence.default_seconds if seconds is None else seconds, reason)
    except ValueError as error:
        raise InvalidRequest(str(error), field="seconds") from error
    return _shown(cadence, row)


def _shown(cadence: cadences.Cadence, row: PeriodicTask | None) -> CadenceShown:
    seconds = cadences.seconds_of(row) if row else None
    return CadenceShown(
        name=cadence.name,
        does=cadence.does,
        seconds=int(seconds or cadence.default_seconds),
        default_seconds=cadence.default_seconds,
        fastest=cadence.fastest,
        slowest=cadence.slowest,
        not_off=cadence.not_off,
        last_run_at=row.last_run_at if row else None,
    )
