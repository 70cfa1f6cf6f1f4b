"""Give every row that has a lifecycle the same three columns."""

from typing import ClassVar

from django.db import models
from django.utils import timezone


class Stateful(models.Model):
    """A row whose `state` changes only through `orchestration.transitions.transition`.

    `version` is raised by every write of the state, so that a stale holder's compare-and-swap fails.
    """

    TRANSITIONS: ClassVar[dict[str, frozenset[str]]] = {}

    version = models.PositiveIntegerField(default=0, editable=False)
    state_changed_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True

    def can_become(self, state: str) -> bool:
        """Return whether the arrow from the present state to `state` exists."""
        return state in self.TRANSITIONS.get(self.state, frozenset())
