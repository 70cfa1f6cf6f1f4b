"""One verb for many rows, shown first and then done; and taking an action back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestration import lists
from orchestration.core.permissions import action
from orchestration.engine import bulk, undoing
from orchestration.engine.bulk import BulkResult
from orchestration.engine.undoing import UndoResult
from orchestration.service.base import Door


class Bulk(Door):
    """One verb for many rows, shown first and then done; and taking an action back."""

    @action("operate")
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
        return bulk.run(kind, verb, self._ids(kind, ids, filters), values=values, dry_run=True)

    @action("operate")
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
        return bulk.run(kind, verb, self._ids(kind, ids, filters), reason=reason, values=values)

    @action("operate")
    def undo(self, *, correlation_id: str, reason: str = "") -> UndoResult:
        """Take back what an action did, as far as it can be. Raises: NotFound; IllegalTransition, with the fact."""
        return undoing.undo(correlation_id, reason)

    @action("read")
    def can_undo(self, *, correlation_id: str) -> bool:
        """Return whether an action did anything for which there is an inverse."""
        return undoing.can_be_undone(correlation_id)

    def _ids(self, kind: str, ids: Sequence[int] | None, filters: Mapping[str, Any] | None) -> Sequence[int]:
        return ids if ids is not None else lists.ids_that_fit(kind, filters or {})
