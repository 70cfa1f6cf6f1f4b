"""Offer one verb for many rows below a list: those that are ticked, or all that fit its filters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import FilterSchema

from channels.models import ChannelGroup
from dashboard.templatetags.headend_buttons import BUTTONS
from orchestration.core.permissions import Actor
from orchestration.engine import bulk

LABELS = {
    "add_to_group": "Put into the group",
    "remove_from_group": "Take out of the group",
    "add_labels": "Put on the labels",
    "remove_labels": "Take off the labels",
    "move": "Move by minutes",
}
NAMES = {
    "channel": "channel",
    "schedule": "publication",
    "job": "job",
    "wave": "wave",
    "source": "source",
    "conflict": "conflict",
}
PAGES = {
    "channel": "channels",
    "schedule": "schedule",
    "job": "jobs",
    "wave": "waves",
    "source": "sources",
    "conflict": "conflicts",
}


@dataclass(frozen=True, slots=True)
class Bar:
    """What the bar below a list offers."""

    kind: str
    name: str
    total: int
    filters: str
    verbs: list[tuple[str, str]]
    needs: frozenset[str]

    def groups(self) -> list[ChannelGroup]:
        """Return the groups that channels can be put into."""
        return list(ChannelGroup.objects.only("pk", "name"))


def label_of(verb: str) -> str:
    """Return how a verb is called on a button."""
    return LABELS.get(verb) or BUTTONS.get(verb, (verb.replace("_", " ").capitalize(), "", ""))[0]


def bar(request: HttpRequest, kind: str, filters: FilterSchema, total: int, **more: Any) -> Bar | None:
    """Return the bar of a list with what whoever looks may do, if anything; `more` are further filters of the page."""
    actor = Actor.of_user(request.user)
    verbs = {
        verb: how
        for verb, how in bulk.KINDS[kind].verbs.items()
        if actor.may(str(bulk.method_of(kind, verb)))
    }
    if not verbs:
        return None
    given = filters.model_dump(mode="json", exclude_none=True, exclude_defaults=True)
    given |= {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in more.items()
    }
    return Bar(
        kind,
        NAMES[kind],
        total,
        json.dumps(given, sort_keys=True),
        [(verb, label_of(verb)) for verb in verbs],
        frozenset(name for how in verbs.values() for name in how.needs),
    )


def filters_of_text(text: str) -> Mapping[str, Any]:
    """Return the filters that the bar was sent with; what is none of its own names no filter."""
    try:
        found = json.loads(text[:20_000] or "{}")
    except ValueError:
        return {"filters": text[:60]}
    return found if isinstance(found, dict) else {"filters": text[:60]}
