"""Choose what a reading takes of a source: the newest, then all that came since, and never less than what came."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from orchestration import media
from orchestration.media.identity import address_key
from orchestration.models import Source
from orchestration.pipeline.episodes import Found

EVERYTHING = datetime(1, 1, 1, tzinfo=UTC)
"""Since when things are taken of a source that had no more than its limit when it was first read."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is written down of a reading, how many new items wait for the next ones, and what those go on from."""

    found: Found
    waiting: int
    reading: dict[str, Any]


def relevant(items: Iterable[media.FoundItem], source: Source) -> list[media.FoundItem]:
    """Return what a reading has to look at of all that was found: not what lay there before the first one."""
    since = since_of(source)
    return [
        item
        for number, item in enumerate(items)
        if number <= source.item_limit
        or since is None
        or item.published_at is None
        or item.published_at > since
    ]


def choose(found: Found, source: Source, validators: dict[str, str]) -> Choice:
    """Choose of what was found (the newest first) at most `item_limit` new items, and say how many more there are.

    The first reading takes the newest `item_limit` and remembers the date of the next one: what is newer than that is
    taken by all later readings, however much comes at once. Older than that is what lay there before, which is left.
    What has no date is told by its place: before what is known, or after what was the last.
    """
    limit, before = source.item_limit, source.reading
    since = since_of(source)
    last = before.get("last", "")
    places = [number for number, (_, video) in enumerate(found) if video is not None]
    known_until = places[-1] if places and since is not None else -1
    keys = [(item.external_id or address_key(item.canonical_url))[:64] for item, _ in found]
    old_end = keys.index(last) if last and last in keys else len(found)
    wanted = []
    for number, (item, video) in enumerate(found):
        if video is not None:
            continue
        is_newest = number < limit
        is_since = since is not None and (
            since == EVERYTHING
            or (
                item.published_at > since
                if item.published_at is not None
                else number < known_until or number > old_end
            )
        )
        if is_newest or is_since:
            wanted.append(number)
    taken = set(wanted[:limit])
    waiting = len(wanted) - len(taken)
    if since is None:
        beyond = [item.published_at for item, _ in found[limit:] if item.published_at is not None]
        if len(found) <= limit:
            since = EVERYTHING
        elif beyond:
            since = max(beyond)
        else:
            since = datetime.max.replace(tzinfo=UTC)
    return Choice(
        found=[
            (item, video)
            for number, (item, video) in enumerate(found)
            if video is not None or number in taken
        ],
        waiting=waiting,
        reading={
            "since": since.isoformat(),
            "last": keys[-1] if keys else last,
            # With something left to take, an answer that nothing has changed would be the wrong one.
            "validators": validators if not waiting else {},
            "of": of(source),
        },
    )


def of(source: Source) -> str:
    """Return what a reading's validators hold for: another address or limit asks for the whole again."""
    opened = source.access_set_at.isoformat() if source.access_set_at else ""
    return f"{source.item_limit} {opened} {source.url}"


def validators_of(source: Source) -> dict[str, str]:
    """Return the headers by which a source is asked whether it has changed."""
    kept = source.reading.get("validators")
    return dict(kept) if isinstance(kept, dict) and source.reading.get("of") == of(source) else {}


def since_of(source: Source) -> datetime | None:
    """Return the instant after which everything of a source is taken; None before its first reading."""
    written = source.reading.get("since")
    return datetime.fromisoformat(written) if written else None
