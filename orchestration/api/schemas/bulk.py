"""One verb for many rows, as the API takes it and tells what became of it."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from orchestration.api.schemas.selection import Ids
from orchestration.engine.bulk import KINDS
from orchestration.fields import Body, BodyId, Reason, Text, Value, Word

Kinds = ", ".join(f"{kind} ({', '.join(how.verbs)})" for kind, how in KINDS.items())


class BulkAsked(Body):
    """Rows of one list, named or all that fit its filters, and what is done to them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "schedule",
                    "verb": "hold",
                    "filters": {"channels": ["group:news"], "state": ["open"]},
                },
                {"kind": "schedule", "verb": "move", "ids": [7, 8], "minutes": 30},
                {"kind": "channel", "verb": "add_labels", "ids": [1, 2], "labels": ["de"]},
            ]
        }
    )

    kind: Word = Field(description=f"which rows, and what can be done to them: {Kinds}")
    verb: Word
    ids: Ids | None = Field(None, description="these; without it all that fit `filters`")
    filters: dict[str, Any] | None = Field(None, description="filters of that list, as its address has them")
    minutes: int | None = Field(None, strict=True, description="of move: by so many, negative for earlier")
    group_id: BodyId | None = Field(None, description="of add_to_group and remove_from_group")
    labels: Annotated[list[Word], Field(max_length=20)] = Field(
        [], description="of add_labels and remove_labels"
    )

    def arguments(self) -> dict[str, Any]:
        """Return what the service takes."""
        ids = [] if self.ids is None and self.filters is None else self.ids
        return {
            "kind": self.kind,
            "verb": self.verb,
            "ids": ids,
            "filters": self.filters,
            "values": {"minutes": self.minutes, "group_id": self.group_id, "labels": self.labels},
        }


class BulkDone(BulkAsked):
    """The same, to be done."""

    reason: Reason = ""


class BulkRefusalOut(Value):
    """Why some rows are left as they are."""

    cause: Text
    count: int
    ids: list[int]
    names: list[str] = Field(description="the first twenty")


class BulkResultOut(Value):
    """What a verb does, or would do, to many rows."""

    kind: str
    verb: str
    dry_run: bool
    total: int = Field(description="how many were named")
    done: list[int] = Field(description="ids of those that are, or would be, changed")
    names: list[str] = Field(description="the first twenty of them")
    sentences: list[str] = Field(description="where the first twenty would go, for a verb that gives times")
    refused: list[BulkRefusalOut] = Field(description="by cause, those with the most first")
    left: int = Field(description="how many are beyond what is taken at once")
    correlation_id: str = Field(description="of what was done; `undo` takes it; empty for a preview")


class Undo(Body):
    """An action that is to be taken back."""

    correlation_id: Word = Field(description="of the action: X-Correlation-Id, or as the activity has it")
    reason: Reason = ""


class UndoOut(Value):
    """What was taken back, and what could not be."""

    correlation_id: str = Field(description="of the undoing, which can be undone itself")
    of: str
    done: list[str]
    refused: list[str] = Field(description="with the fact that stands against each")
