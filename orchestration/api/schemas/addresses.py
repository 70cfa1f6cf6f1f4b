"""Show addresses as whoever asks may see them: what opens a file stands in some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestration.core.permissions import Actor
from orchestration.media.urls import without_secrets_in


def shown(value: Any, context: Mapping[str, Any] | None) -> Any:
    """Return a value of an answer; the addresses in it without their secrets, unless the caller may operate."""
    actor = getattr((context or {}).get("request"), "auth", None)
    return value if isinstance(actor, Actor) and actor.may("change_source") else without_secrets_in(value)
