"""Read the record as one stream of events, in the order of its seals.

An entry's id says nothing about when it was committed: a later one may be seen first. The sealer puts each committed entry
into a block, once, and blocks follow each other without a gap (`orchestration.core.sealing`). So what comes after a place
(block, entry) is all that is new, whoever asks and however often: nothing is written a second time, and nothing is missed.

An event's id is its place and the beginning of its digest: after a restored backup the same place may hold another event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Min, Q

from orchestration.core.sealing import LATEST_COMMIT, last_block
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.models import Activity, Seal
from orchestration.webhooks import payloads
from orchestration.webhooks.event_types import matches, type_of

AT_ONCE = 500
MOST_LOOKED_AT = 5000
"""A page looks at no more entries than that, however few of them are wanted."""
_ID = re.compile(r"(\d{1,18})-(\d{1,18})-([0-9a-f]{8})")


class EventGone(OrchestrationError):
    """The stream does not hold the event that is to be gone on from: it was pruned, or a backup was restored."""

    code = "event_gone"
    status = 410


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where in the stream: after the entry of a block."""

    block: int = 0
    entry: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """Events in their order, as documents; `next` is where to go on, whether or not any was wanted."""

    events: list[dict[str, Any]]
    next: str
    more: bool
    place: Place


def end() -> Place:
    """Return where the stream ends now."""
    block = last_block()
    return Place(block.number, block.last_entry) if block else Place()


def after(place: Place, most: int = AT_ONCE) -> list[tuple[Place, str]]:
    """Return the places after one, in order, each with its event's id."""
    rows = (
        Seal.objects.filter(block__gte=place.block)
        .exclude(Q(block=place.block) & Q(entry__lte=place.entry))
        .order_by("block", "entry")
        .values_list("block", "entry", "digest")[:most]
    )
    return [(Place(block, entry), f"{block}-{entry}-{digest[:8]}") for block, entry, digest in rows]


def events_of(places: Sequence[tuple[Place, str]], patterns: Sequence[str] = ()) -> Iterator[payloads.Event]:
    """Return the events at these places that are wanted, and that whoever asks may see."""
    rows = Activity.objects.select_related("content_type").in_bulk([place.entry for place, _ in places])
    for place, event_id in places:
        entry = rows.get(place.entry)
        if entry is not None:
            name = type_of(entry.verb, entry.content_type.model)
            if matches(list(patterns), name):
                yield payloads.Event(event_id, entry, name)


def place_of(event_id: str, *, field: str = "after") -> Place:
    """Return the place of an event. Raises: InvalidRequest; EventGone, if the stream does not hold it."""
    found = _ID.fullmatch(event_id.strip())
    if found is None:
        raise InvalidRequest(f"{event_id[:60]!r} is no event's id.", field=field)
    place = Place(int(found[1]), int(found[2]))
    seal = Seal.objects.filter(entry=place.entry, block=place.block).first()
    if seal is None or not seal.digest.startswith(found[3]):
        raise EventGone(
            f"The stream does not hold the event {event_id}: what follows it is kept no longer, or a backup was "
            "restored. Begin anew.",
            field=field,
        )
    return place


def place_since(since: datetime) -> Place:
    """Return the place from which on everything lies that happened at or after an instant."""
    late = Activity.objects.filter(timestamp__gte=since, timestamp__lt=since + LATEST_COMMIT).values("pk")
    block = Seal.objects.filter(entry__in=late).aggregate(first=Min("block"))["first"]
    if block is None:
        later = Activity.objects.filter(timestamp__gte=since).order_by("timestamp").values("pk")[:1]
        block = Seal.objects.filter(entry__in=later).aggregate(first=Min("block"))["first"]
    return end() if block is None else Place(block, 0)


def page(place: Place, most: int, patterns: Sequence[str] = ()) -> Page:
    """Return the next events that are wanted, at most so many; whoever is limited sees those within."""
    told: list[payloads.Event] = []
    looked_at, reached, more = 0, "", True
    while more and len(told) < most and looked_at < MOST_LOOKED_AT:
        places = after(place, AT_ONCE)
        more = len(places) == AT_ONCE
        looked_at += len(places)
        found = list(events_of(places, patterns))
        if len(told) + len(found) > most:
            found = found[: most - len(told)]
            cut = found[-1].id
            places = places[: next(n for n, (_, event_id) in enumerate(places, 1) if event_id == cut)]
            more = True
        told += found
        if places:
            place, reached = places[-1]
    return Page(payloads.documents(told), reached, more, place)
