"""The plan as a file, and calendar addresses, as the API takes and shows them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from orchestration.api.schemas.plan import DifferencesOut
from orchestration.fields import Body, BodyId, FileText, Value


class PlanFileBody(Body):
    """A plan's CSV, whole."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"text": "video,channel,publish_at\n8,aurora,2026-12-01 18:00\n"}],
        }
    )

    text: Annotated[FileText, Field(min_length=1, max_length=2_000_000, description="CSV with a head")]
    acknowledge_policy: bool = Field(
        False, strict=True, description="you know that the same video goes to many channels"
    )


class PlanFileLineOut(Value):
    """What one line does, and why it is refused where it is."""

    line: int
    what: Literal["new", "moved", "unchanged", "refused"]
    sentence: str
    schedule_id: int | None = Field(description="of a preview's new lines: what it would have been")
    video_id: int | None
    channel_id: int | None
    at: datetime | None


class PlanFileOut(Value):
    """What a file does, line by line."""

    lines: list[PlanFileLineOut]
    summary: str
    difference: DifferencesOut
    dry_run: bool


class WhoseCalendar(Body):
    """Whose calendar it is."""

    user_id: BodyId | None = Field(None, description="null means the caller's own; another's needs admin")


class CalendarAddressOut(Value):
    """A calendar's address; it is shown this once."""

    path: str = Field(description="below the public address; ?channel=SLUG narrows it to channels")
