"""Give every row that has a lifecycle the same three columns."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils import timezone

from channels.verbs import Verb, offered


class Stateful(models.Model):
    """A row whose `state` changes along the arrows of `TRANSITIONS` only, by a guarded write that is recorded.

    `version` is raised by every write of the state, so that a stale holder's compare-and-swap fails.
    """

    TRANSITIONS: ClassVar[dict[str, frozenset[str]]] = {}
    VERBS: ClassVar[Mapping[str, Verb]] = {}

    if TYPE_CHECKING:
        state: models.CharField[str, str]

    version = models.PositiveIntegerField(default=0, editable=False)
    state_changed_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        abstract = True

    def can_become(self, state: str) -> bool:
        """Return whether the arrow from the present state to `state` exists."""
        return state in self.TRANSITIONS.get(self.state, frozenset())

    @property
    def actions(self) -> tuple[str, ...]:
        """Return the verbs that may be asked of it now: those of its state, less what stands against them."""
        return tuple(name for name in offered(self.VERBS, self.state) if not self.why_not(name))

    def why_not(self, name: str) -> str:
        """Return why a verb is refused now; empty where it is taken.

        What lies beyond the state is added by the models: guards and `actions` both ask here.
        """
        if self.state in self.VERBS[name].states:
            return ""
        hint = self.hint(name)
        return f"{self._named()} is {self.state}; {hint or f'{name} is not possible then'}."

    def hint(self, name: str) -> str:
        """Return what could be done instead of a verb that the present state refuses; empty if nothing comes to mind."""
        return ""

    def _named(self) -> str:
        name = str(self._meta.verbose_name)
        return f"{name[:1].upper()}{name[1:]} {self.pk}"
