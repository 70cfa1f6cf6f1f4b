"""Beat's scheduler: django-celery-beat's, without its habit of overwriting rows from the settings at each start."""

from typing import Any

from django_celery_beat.models import PeriodicTask
from django_celery_beat.schedulers import DatabaseScheduler, ModelEntry

from orchestration.engine import cadences

SHORTEST_LIFE_SECONDS = 60
"""No message of ours is dropped earlier: its age is counted by two machines' clocks."""


class CadenceEntry(ModelEntry):
    """A row as beat sees it; a call of ours that was not taken before the next one is dropped, so that no backlog builds."""

    def __init__(self, model: PeriodicTask, app: Any = None) -> None:
        """Read the row."""
        super().__init__(model, app=app)
        self.options["headers"].pop(cadences.DEFAULT_GIVEN, None)
        if model.name in cadences.BY_NAME:
            self.options["expires"] = max(cadences.seconds_of(model) or 0, SHORTEST_LIFE_SECONDS)

    def save(self) -> None:
        """Note the last call, and nothing else: the library writes the whole row, over what an operator saves meanwhile."""
        PeriodicTask.objects.filter(pk=self.model.pk, enabled=True).update(
            last_run_at=self.model.last_run_at, total_run_count=self.model.total_run_count
        )


class CadenceScheduler(DatabaseScheduler):
    """Read all entries from the database, after the engine's own were made or mended there."""

    Entry = CadenceEntry

    def setup_schedule(self) -> None:
        """Make or mend the engine's entries. Celery's own, which cleans up results, is left out: none are kept."""
        cadences.keep()
