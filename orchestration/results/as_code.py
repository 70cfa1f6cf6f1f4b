"""What a configuration file would change, or has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

NEW, CHANGED, REMOVED = "new", "changed", "removed"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field, as it is and as the file has it."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class ThingChange:
    """One thing that the file has otherwise; `line` is where it stands there, 0 for what does not."""

    section: str
    key: str
    what: str
    fields: Sequence[FieldChange]
    line: int


@dataclass(frozen=True, slots=True)
class ConfigurationChange:
    """All that a file changes; `digest` tells it from another difference, `notes` say what it cannot bring."""

    changes: Sequence[ThingChange]
    notes: Sequence[str]
    digest: str
    dry_run: bool

    @property
    def summary(self) -> str:
        """Return it in a few words."""
        counted = [
            (what, sum(1 for each in self.changes if each.what == what)) for what in (NEW, CHANGED, REMOVED)
        ]
        return ", ".join(f"{many} {what}" for what, many in counted if many) or "nothing is changed"
