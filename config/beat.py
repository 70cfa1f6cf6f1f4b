"""Beat's scheduler: django-celery-beat's, without its habit of overwriting rows from the settings at each start.

And without its silence after the clock was set back: it reckons by the wall clock when a call is due, so a step of five
minutes back would let it call nothing for five minutes.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from time import monotonic
from typing import Any, Self, cast

from celery.beat import SchedulingError
from celery.schedules import schedstate
from django.db import Error, close_old_connections
from django.utils import timezone
from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from orchestration.core import change_counts
from orchestration.engine import cadences

SHORTEST_LIFE_SECONDS = 60
"""No message of ours is dropped earlier: its age is counted by two machines' clocks."""


ASK_SECONDS = 1.0
"""Between two looks at whether an operator has changed a row."""
OF_ROWS = ("system", change_counts.REST)
"""The topics under which changes of beat's rows, and of the intervals that they name, are counted."""


class CadenceEntry(ModelEntry):
    """A row as beat sees it; a call of ours that was not taken before the next one is dropped, so that no backlog builds."""

    last_run_at: datetime

    def __init__(self, model: PeriodicTask, app: Any = None) -> None:
        """Read the row."""
        super().__init__(model, app=app)
        self.last_run_at = min(self.last_run_at, timezone.now())
        self.options["headers"].pop(cadences.DEFAULT_GIVEN, None)
        if model.interval_id is not None:
            # The library's own clock goes by way of two zones, ten times for each call.
            self.schedule.nowfun = timezone.now
        if model.name in cadences.BY_NAME:
            self.options["expires"] = max(cadences.seconds_of(model) or 0, SHORTEST_LIFE_SECONDS)

    def __next__(self) -> Self:
        """Return the entry of the next call, reckoned from the full second: so several are called at one wake-up."""
        following: Self = super().__next__()
        following.last_run_at = following.model.last_run_at = following.last_run_at.replace(microsecond=0)
        return following

    def is_due(self) -> schedstate:
        """Return whether it is to be called now, and the seconds until the next look; the engine's own know no more."""
        if self.model.name not in cadences.BY_NAME or self.model.interval_id is None:
            return cast(schedstate, super().is_due())
        every = self.schedule.run_every.total_seconds()
        left = every - (timezone.now() - self.last_run_at).total_seconds()
        return schedstate(left <= 0, every if left <= 0 else left)

    def save(self) -> None:
        """Note the last call, and nothing else: the library writes the whole row, over what an operator saves meanwhile."""
        PeriodicTask.objects.filter(pk=self.model.pk, enabled=True).update(
            last_run_at=self.model.last_run_at, total_run_count=self.model.total_run_count
        )


def _of_rows(counts: Mapping[str, int]) -> int:
    return change_counts.total(counts, OF_ROWS)


class CadenceScheduler(DatabaseScheduler):
    """Read all entries from the database, after the engine's own were made or mended there."""

    Entry = CadenceEntry
    _ticked_at: datetime | None = None
    _asked_at: float | None = None
    _counts: Mapping[str, int] | None = None
    _heap_invalidated: bool = False

    def __init__(self, *given: Any, **named: Any) -> None:
        """Begin with nothing known."""
        self._found: dict[str, tuple[int, bool]] = {}
        super().__init__(*given, **named)

    def tick(self, *given: Any, **named: Any) -> float:
        """Call what is due; begin anew where the clock shows less than at the last look, and where nothing is left to call.

        The latter was seen once, in a drill, after a database that was restarted: for five minutes, until the library's
        own full look. Why is not known; that no call of the engine's is left is never right.
        """
        now = timezone.now()
        if self._ticked_at is not None and now < self._ticked_at and self._schedule is not None:
            for entry in self._schedule.values():
                entry.last_run_at = min(entry.last_run_at, now)
            self._heap = None
        if self._heap == [] or self._schedule == {}:
            self._heap, self._initial_read = None, True
        self._ticked_at = now
        return super().tick(*given, **named)

    def schedules_equal(self, *_given: Any, **_named: Any) -> bool:
        """Return whether no row has changed: the library compares every field of every entry at each look instead."""
        is_same = not self._heap_invalidated
        self._heap_invalidated = False
        return is_same

    def apply_entry(self, entry: CadenceEntry, producer: Any = None) -> None:
        """Call an entry, unless it is known that its task would find nothing: to ask costs a twentieth of a call."""
        if self._may_find(entry.name):
            super().apply_entry(entry, producer)

    def _may_find(self, name: str) -> bool:
        cadence = cadences.BY_NAME.get(name)
        if cadence is None or not cadence.reads or self._counts is None:
            return True
        count = self._counts.get(cadence.reads, 0)
        known = self._found.get(name)
        if known is None or known[0] != count:
            try:
                known = self._found[name] = count, cadence.may_find()
            except Error:  # who cannot ask, calls
                return True
        return known[1]

    def apply_async(self, *given: Any, **named: Any) -> Any:
        """Send a call; one that fails takes its connection along, for beat would keep that one, broken, for ever."""
        try:
            return super().apply_async(*given, **named)
        except SchedulingError:
            self.__dict__.pop("producer", None)
            lost = self.__dict__.pop("connection", None)
            if lost is not None:
                with suppress(Exception):
                    lost.release()
            raise

    def schedule_changed(self) -> bool:
        """Return whether a row has changed; asked once a second at most, where the library asks twice for each call.

        One statement tells how often each topic has changed; only where one that holds these rows has is the rest asked.
        """
        now = monotonic()
        if self._asked_at is not None and now - self._asked_at < ASK_SECONDS:
            return False
        self._asked_at = now
        before = self._counts
        try:
            close_old_connections()
            self._counts = change_counts.counts()
        except Error:
            self._counts = None
        if before is None or self._counts is None or _of_rows(before) != _of_rows(self._counts):
            return bool(super().schedule_changed())
        return False

    def setup_schedule(self) -> None:
        """Make or mend the engine's entries. Celery's own, which cleans up results, is left out: none are kept."""
        cadences.keep()
