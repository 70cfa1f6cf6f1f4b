"""What every part of the service has: who asks, by which way, and under which correlation id."""

from __future__ import annotations

from orchestration.core.audit import new_correlation_id
from orchestration.core.permissions import Actor
from orchestration.states import Trigger


class Door:
    """Know who asks; each of the parts adds the methods of one subject."""

    def __init__(
        self, *, actor: Actor | None = None, trigger: str = Trigger.SYSTEM, correlation_id: str | None = None
    ) -> None:
        self.actor = actor or Actor.system()
        self.trigger = trigger
        self.correlation_id = correlation_id or new_correlation_id()
