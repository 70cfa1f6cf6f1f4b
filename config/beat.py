"""Keep the clock's entries in the database: made once, the operator's afterwards."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django_celery_beat.models import IntervalSchedule, PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler

logger = logging.getLogger(__name__)

_SET_TO = re.compile(r"Set to (\d+) s by the settings\.$")


@dataclass(frozen=True)
class Cadence:
    """What one of our entries does, and the longest pause with which Headend still keeps its promises, in seconds."""

    does: str
    longest_seconds: int
    without_it: str


CADENCES: Mapping[str, Cadence] = {
    "tick": Cadence(
        "Looks what is due, decides what is late, rescues what was lost.",
        60,
        "nothing is staged or published",
    ),
    "watch runs": Cadence(
        "Looks at open GitHub runs.", 300, "the end of a run is heard of by webhooks alone"
    ),
    "scrape sources": Cadence("Has the sources read whose turn it is.", 3600, "no source is read by itself"),
    "check channels": Cadence(
        "Looks at each channel's health.", 3600, "a revoked consent is noticed too late"
    ),
    "collect statistics": Cadence("Collects YouTube's numbers.", 86_400, "statistics stand still"),
}
"""Our entries by name; those of CELERY_BEAT_SCHEDULE."""


def seconds_of(task: PeriodicTask) -> float | None:
    """Return the pause between two runs of an entry that runs by interval, in seconds; None for crontabs and others."""
    if task.interval is None:
        return None
    return task.interval.schedule.run_every.total_seconds()


def why_not(name: str, *, enabled: bool, seconds: float | None) -> str:
    """Return why one of our entries cannot be kept like this; empty if it can, or if it is not ours."""
    ours = CADENCES.get(name)
    if ours is None:
        return ""
    if not enabled:
        return f"“{name}” must stay enabled: without it {ours.without_it}. To have nothing done, pause the system."
    if seconds is None:
        return f"“{name}” runs by an interval: at least every {ours.longest_seconds} seconds."
    if seconds > ours.longest_seconds:
        return f"“{name}” must run at least every {ours.longest_seconds} seconds: else {ours.without_it} in time."
    return ""


class Scheduler(DatabaseScheduler):
    """Make our entries where they are missing; what an operator changed in the admin survives each start.

    django-celery-beat's own scheduler writes the settings' figures over the rows at each start. Here a row follows a
    changed setting only as long as it has the cadence that the settings gave it, which its description tells.
    """

    def update_from_dict(self, mapping: Mapping[str, Mapping[str, Any]]) -> None:
        """Bring our entries into the database, and into this scheduler's memory where they are enabled."""
        ours = {name: entry for name, entry in mapping.items() if name in CADENCES}
        super().update_from_dict({name: entry for name, entry in mapping.items() if name not in ours})
        for name, entry in ours.items():
            task = keep(name, **entry)
            if task.enabled:
                self.schedule[name] = self.Entry(task, app=self.app)


def keep(
    name: str, *, task: str, schedule: float, kwargs: Mapping[str, Any], options: Mapping[str, Any]
) -> PeriodicTask:
    """Return the row of one of our entries, made or brought up to date; `schedule` is in seconds.

    What it runs is ours and is written anew; how often, and whether, is the operator's once they changed it.
    """
    seconds = int(schedule)
    fields = {"task": task, "kwargs": json.dumps(kwargs), "expire_seconds": options["expire_seconds"]}
    with transaction.atomic():
        row, is_new = PeriodicTask.objects.select_for_update().get_or_create(
            name=name,
            defaults={**fields, "interval": _every(seconds), "description": _described(name, seconds)},
        )
        if is_new:
            return row
        given = _SET_TO.search(row.description)
        follows = row.interval is not None and (given is None or seconds_of(row) == int(given[1]))
        # A row from before there was such a description was the settings' at each start.
        wanted = {**fields, "description": _described(name, seconds)}
        if follows:
            wanted["interval"] = _every(seconds)
        elif given is not None:
            wanted["description"] = row.description
            logger.info(
                "%s keeps the cadence that was set in the admin, not the settings' %s s", name, seconds
            )
        changed = [field for field, value in wanted.items() if getattr(row, field) != value]
        for field in changed:
            setattr(row, field, wanted[field])
        if changed:
            row.save()
    return row


def _every(seconds: int) -> IntervalSchedule:
    row = IntervalSchedule.objects.filter(every=seconds, period=IntervalSchedule.SECONDS).first()
    return row or IntervalSchedule.objects.create(every=seconds, period=IntervalSchedule.SECONDS)


def _described(name: str, seconds: int) -> str:
    return f"{CADENCES[name].does} Set to {seconds} s by the settings."
