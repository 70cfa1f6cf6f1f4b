"""Say which field a refusal is about in the words of the pages, not in those of the API."""

from __future__ import annotations

import re

from orchestration.errors import OrchestrationError

LABELS = {
    "acknowledge_policy": "same video on many channels",
    "all_as": "all of them",
    "channel_id": "channel",
    "channel_ids": "channels",
    "choices": "what happens to each",
    "confirmed_ids": "what was confirmed",
    "delay_seconds": "delay",
    "horizon_days": "days ahead",
    "on_conflict": "on conflict",
    "overrides": "own times",
    "publish_at": "time",
    "rights_basis": "rights basis",
    "rights_note": "what the rights rest on",
    "rule_id": "rule",
    "scheduled_at": "time",
    "source_id": "source",
    "source_url": "address",
    "stagger_seconds": "delay",
    "video_id": "video",
    "video_ids": "videos",
    "wave_id": "wave",
    "youtube_video_id": "YouTube video id",
}
UNSAID = frozenset({"seen", "version", "reason", "file", "text", "id"})
"""Fields that no one fills in, or whose refusals name themselves."""
_NAME = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")


def label_of(field: str) -> str:
    """Return what the pages call a field of the API; a part of one (`overrides.3.publish_at`) by its last name."""
    last = next((part for part in reversed(re.split(r"[.\[\]]+", field)) if part and not part.isdigit()), "")
    return "" if last in UNSAID else LABELS.get(last, last.replace("_", " "))


def refusal_words(error: OrchestrationError) -> str:
    """Return a refusal as a page says it: the names of fields in words, and the field's label where it is not named."""
    text = _NAME.sub(lambda name: LABELS.get(name[0], name[0]), error.message)
    text = text[:1].upper() + text[1:] if _NAME.match(error.message) else text
    label = label_of(error.field) if error.field else ""
    return f"{label[:1].upper()}{label[1:]}: {text}" if label and label.lower() not in text.lower() else text
