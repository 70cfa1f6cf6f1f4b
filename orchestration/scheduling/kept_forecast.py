"""Keep forecasts ready where much is planned: the background makes them anew, and a page shows the last one with its age.

A forecast reads everything that is open and runs it through the planner: seconds for fifty thousand publications. Where
little is planned it is made on the spot.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.utils import timezone
from pydantic import TypeAdapter

from orchestration.core import change_counts
from orchestration.core.wakeups import wake_reports
from orchestration.models import KeptReport, Schedule
from orchestration.planning.answers import Forecast
from orchestration.scheduling import forecast

MADE_ON_THE_SPOT = 1_000
"""Open publications up to which a forecast takes less time than it is worth keeping for."""
SHOWN_LATE = 50
PREFIX = "forecast:"
USUAL_DAYS = 7
MADE_FROM = ("plans", "channels", "pools")
"""The topics whose changes make a forecast old; the clock does, too."""
FRESH = timedelta(minutes=1)
OLD = timedelta(minutes=15)
REST = 20
"""How many times as long as it took nothing is made anew: a twentieth of a core at most."""
FORGOTTEN = timedelta(days=1)

_FORECAST = TypeAdapter(Forecast)


@dataclass(frozen=True, slots=True)
class KeptForecast:
    """A forecast with its age; without one it is being made for the first time."""

    forecast: Forecast | None
    late: int = 0
    """How many will not make their time; the forecast names the first of them."""
    made_at: datetime | None = None
    is_kept: bool = False


def kept(days: int) -> KeptForecast:
    """Return the forecast of these days: made now if that is quick, else as the background made it last.

    Raises: InvalidRequest.
    """
    forecast.check_days(days)
    now = timezone.now()
    if not _is_much():
        made = forecast.forecast(days)
        return KeptForecast(replace(made, late=made.late[:SHOWN_LATE]), len(made.late), now)
    row = KeptReport.objects.filter(key=f"{PREFIX}{days}").first()
    if row is None or _when(row.document, "asked_at") < now - FORGOTTEN / 4:
        _ask(days, row, now)
    if row is None or "forecast" not in row.document:
        return KeptForecast(None, is_kept=True)
    told = _FORECAST.validate_python(row.document["forecast"])
    return KeptForecast(told, row.document["late"], row.computed_at, is_kept=True)


def make_due(now: datetime) -> int:
    """Make anew what was asked for lately and has grown old; called by the clock. Returns how many were made."""
    if not _is_much():
        return 0
    KeptReport.objects.get_or_create(
        key=f"{PREFIX}{USUAL_DAYS}",
        defaults={"document": {"asked_at": now.isoformat()}, "computed_at": now, "took_seconds": 0},
    )
    version = change_counts.total(change_counts.counts(), MADE_FROM)
    made = 0
    for row in KeptReport.objects.filter(key__startswith=PREFIX):
        days = int(row.key.removeprefix(PREFIX))
        if days != USUAL_DAYS and _when(row.document, "asked_at") < now - FORGOTTEN:
            row.delete()
        elif _is_due(row, version, now):
            _make(row, days, version)
            made += 1
    return made


def _is_much() -> bool:
    return Schedule.objects.open().order_by()[: MADE_ON_THE_SPOT + 1].count() > MADE_ON_THE_SPOT


def _when(document: Mapping[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(document[name])


def _ask(days: int, row: KeptReport | None, now: datetime) -> None:
    """Note that somebody looks at it, so that the background keeps it up."""
    document = (row.document if row else {}) | {"asked_at": now.isoformat()}
    KeptReport.objects.update_or_create(
        key=f"{PREFIX}{days}",
        defaults={"document": document},
        create_defaults={"document": document, "computed_at": now, "took_seconds": 0},
    )
    if row is None:
        wake_reports()


def _is_due(row: KeptReport, version: int, now: datetime) -> bool:
    if "forecast" not in row.document:
        return True
    age = now - row.computed_at
    if age < max(FRESH, timedelta(seconds=REST * row.took_seconds)):
        return False
    return row.document["version"] != version or age >= OLD


def _make(row: KeptReport, days: int, version: int) -> None:
    began, at = monotonic(), timezone.now()
    made = forecast.forecast(days)
    shown = replace(made, late=made.late[:SHOWN_LATE])
    document = {
        "asked_at": row.document["asked_at"],
        "version": version,
        "late": len(made.late),
        "forecast": _FORECAST.dump_python(shown, mode="json"),
    }
    KeptReport.objects.filter(pk=row.pk).update(
        document=document, computed_at=at, took_seconds=monotonic() - began
    )
