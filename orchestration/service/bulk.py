"""One verb for many rows, shown first and then done; and taking an action back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from channels.limits import limited_to
from orchestration import lists
from orchestration.core import reach
from orchestration.core.permissions import NEEDS, action
from orchestration.engine import bulk, undoing
from orchestration.engine.bulk import BulkResult
from orchestration.engine.undoing import UndoResult
from orchestration.errors import NotPermitted
from orchestration.service.base import Door

SHARED = "Part of it lies outside your groups of channels, and a wave is changed as a whole"


class Bulk(Door):
    """One verb for many rows, shown first and then done; and taking an action back."""

    @action("schedule")
    def preview_bulk(
        self,
        *,
        kind: str,
        verb: str,
        ids: Sequence[int] | None = None,
        filters: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> BulkResult:
        """Show what a verb would do to many rows, and what is refused and why; nothing is written."""
        self._require_verb(kind, verb)
        wanted, against = self._ids(kind, ids, filters)
        return bulk.run(kind, verb, wanted, values=values, dry_run=True, against=against)

    @action("schedule")
    def do_bulk(
        self,
        *,
        kind: str,
        verb: str,
        ids: Sequence[int] | None = None,
        filters: Mapping[str, Any] | None = None,
        values: Mapping[str, Any] | None = None,
        reason: str = "",
    ) -> BulkResult:
        """Do a verb to many rows, named or all that fit the filters of their list; what is refused keeps none from it.

        One entry names all that were changed, and all share one correlation id, by which `undo` takes it back.
        """
        self._require_verb(kind, verb)
        wanted, against = self._ids(kind, ids, filters)
        return bulk.run(kind, verb, wanted, reason=reason, values=values, against=against)

    @action("schedule")
    def undo(self, *, correlation_id: str, reason: str = "") -> UndoResult:
        """Take back what an action did, as far as it can be. Raises: NotFound; IllegalTransition, with the fact."""
        for method in sorted(undoing.methods_of(correlation_id)):
            self.actor.require(NEEDS[method], "taking this back")
        return undoing.undo(correlation_id, reason)

    @action("read")
    def can_undo(self, *, correlation_id: str) -> bool:
        """Return whether an action did anything for which there is an inverse that this actor may do."""
        return (
            self.actor.limit is None
            and undoing.can_be_undone(correlation_id)
            and all(self.actor.may(method) for method in undoing.methods_of(correlation_id))
        )

    def _require_verb(self, kind: str, verb: str) -> None:
        """Ask for many rows what is asked for one; what is no verb, the table of verbs refuses by name."""
        method = bulk.method_of(kind, verb)
        if method is not None:
            self.actor.require(NEEDS[method], method)

    def _ids(
        self, kind: str, ids: Sequence[int] | None, filters: Mapping[str, Any] | None
    ) -> tuple[Sequence[int], Mapping[int, str]]:
        """Return the rows that are meant, and what stands against some of them: who is limited changes no shared wave."""
        limit = self.actor.limit
        if limit is not None and kind not in bulk.OF_CHANNELS:
            raise NotPermitted(f"{self.actor.label} is limited to groups of channels; a {kind} is of all.")
        if ids is None:
            with limited_to(limit):
                ids = list(lists.ids_that_fit(kind, filters or {}))
        if limit is None:
            return ids, {}
        shared = reach.shared(limit, ids) if kind == "wave" else set()
        own = [pk for pk in ids if pk not in shared]
        reach.require(limit, bulk.KINDS[kind].rows().model, own, self.actor.label, "ids")
        return ids, dict.fromkeys(shared, SHARED)
