"""Check the JSON documents that a channel carries: its filters and its configuration."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Any

from django.core.exceptions import ValidationError
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic import ValidationError as PydanticError

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class FilterDocument(BaseModel):
    """What a channel takes. A limit that is not given does not filter; an unknown value fails a given limit."""

    model_config = ConfigDict(extra="forbid")

    min_width: int | None = Field(None, ge=1, description="pixels")
    min_height: int | None = Field(None, ge=1, description="pixels")
    min_duration_seconds: float | None = Field(None, ge=0)
    max_duration_seconds: float | None = Field(None, gt=0)
    min_views: int | None = Field(None, ge=0, description="views at the source, where known")
    exclude_watermarked: bool = False
    languages: list[Word] = Field(default_factory=list, description="BCP 47 tags, for example en or pt-BR")
    keywords_in: list[Word] = Field(default_factory=list, description="one of them must occur")
    keywords_out: list[Word] = Field(default_factory=list, description="none of them may occur")
    source_ids: list[int] = Field(default_factory=list, description="sources allowed; empty means all")


SECTIONS: Mapping[str, tuple[str, ...]] = {
    "channel": ("name", "timezone", "language", "priority"),
    "publishing": (
        "min_gap_minutes",
        "daily_cap",
        "misfire_policy",
        "misfire_grace_minutes",
        "lead_time_minutes",
    ),
    "metadata": (
        "title_template",
        "description_template",
        "tags",
        "category_id",
        "made_for_kids",
        "notify_subscribers",
    ),
}
"""What of a configuration document can be taken back into the channel, beside its filters, slots and blackouts."""


def validate_filters(value: Any) -> None:
    """Refuse a filter document that names an unknown field or a value out of range, naming the field."""
    try:
        FilterDocument.model_validate(value)
    except PydanticError as error:
        raise ValidationError(
            [
                f"{'.'.join(str(part) for part in item['loc']) or 'filters'}: {item['msg']}"
                for item in error.errors()
            ]
        ) from error


def checksum(document: dict[str, Any]) -> str:
    """Return the SHA-256 of a document in canonical JSON (sorted keys, no spaces)."""
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
