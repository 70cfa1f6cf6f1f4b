"""Say what an event tells: ids, who, what it was before and is after. An entry holds no secret, so neither does this."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType

from channels.limits import current, path_of
from orchestration.models import Activity, Distribution, Job, Schedule
from orchestration.webhooks.event_types import TEST

MOST_MEMBERS = 1000
_PUBLICATION = {
    "schedule": (Schedule, "pk"),
    "job": (Job, "schedule_id"),
    "distribution": (Distribution, "schedule"),
}


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the record, as it is told outside."""

    id: str
    entry: Activity
    type: str


def documents(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Return what is sent of each event, in a few queries for all."""
    channels = _channels([event.entry for event in events])
    publications = _publications([event.entry for event in events])
    return [
        {
            "type": event.type,
            "timestamp": _instant(event.entry.timestamp),
            "data": {
                "id": event.id,
                "entry_id": event.entry.pk,
                "subject": {
                    "type": event.entry.content_type.model,
                    "id": event.entry.object_pk,
                    "name": event.entry.object_repr,
                },
                "channel_id": channels.get(_key(event.entry)),
                "publication_id": publications.get(_key(event.entry)),
                "actor": {"name": event.entry.actor_label, "trigger": event.entry.trigger},
                "reason": event.entry.reason,
                "correlation_id": event.entry.cid or "",
                **_change(event.entry),
                "members": _members(event.entry),
            },
        }
        for event in events
    ]


def of_test(event_id: str, name: str, sent_at: datetime) -> dict[str, Any]:
    """Return what a test of an endpoint sends."""
    return {
        "type": TEST,
        "timestamp": _instant(sent_at),
        "data": {"id": event_id, "endpoint": name, "message": "This is a test. Nothing has happened."},
    }


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _key(entry: Activity) -> tuple[int, str]:
    return entry.content_type_id, entry.object_pk


def _by_type(entries: Sequence[Activity]) -> dict[ContentType, set[str]]:
    found: dict[ContentType, set[str]] = defaultdict(set)
    for entry in entries:
        if entry.object_id is not None:
            found[entry.content_type].add(entry.object_pk)
    return found


def _channels(entries: Sequence[Activity]) -> dict[tuple[int, str], int | None]:
    """Return the channel of each subject that belongs to one and still stands."""
    found: dict[tuple[int, str], int | None] = {}
    for kind, ids in _by_type(entries).items():
        model = kind.model_class()
        path = None if model is None else path_of(model)
        if model is not None and path is not None:
            rows = model._base_manager.filter(pk__in=ids).values_list("pk", path)
            found |= {(kind.pk, str(pk)): channel for pk, channel in rows}
    return found


def _publications(entries: Sequence[Activity]) -> dict[tuple[int, str], int | None]:
    found: dict[tuple[int, str], int | None] = {}
    for kind, ids in _by_type(entries).items():
        if kind.model in _PUBLICATION and kind.app_label == "orchestration":
            model, path = _PUBLICATION[kind.model]
            rows = model._base_manager.filter(pk__in=ids).values_list("pk", path)
            found |= {(kind.pk, str(pk)): publication for pk, publication in rows}
    return found


def _change(entry: Activity) -> dict[str, Any]:
    """Return what it was before and after; what django-auditlog wrote has it field by field."""
    if entry.before is not None or entry.after is not None or not isinstance(entry.changes, dict):
        return {"before": entry.before, "after": entry.after}
    pairs = {name: pair for name, pair in entry.changes.items() if isinstance(pair, list) and len(pair) == 2}
    return {
        "before": {name: pair[0] for name, pair in pairs.items()},
        "after": {name: pair[1] for name, pair in pairs.items()},
    }


def _members(entry: Activity) -> dict[str, Any]:
    """Return which rows an action on many changed: the first ids of each kind, and how many; to the limited none."""
    members = (
        (entry.additional_data or {}).get("members") if isinstance(entry.additional_data, dict) else None
    )
    if not members or current() is not None:
        return {}
    return {kind: {"ids": ids[:MOST_MEMBERS], "total": len(ids)} for kind, ids in members.items()}
