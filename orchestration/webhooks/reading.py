"""Let others read the stream: page by page, or as it grows (server-sent events).

A stream holds a thread of the web server, so few are open at once, and each ends after some minutes; whoever reads comes
back with the id of the last event it has (`Last-Event-ID`), and misses nothing.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection

from channels.limits import limited_to
from orchestration.core.permissions import Actor
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.webhooks import stream
from orchestration.webhooks.event_types import check_patterns

MOST_EVENTS = 500
LASTS_SECONDS = 300.0
BEATS_SECONDS = 15.0
LOOKS_SECONDS = 1.0
COMES_BACK_MS = 2000
EACH = 2
"""How many streams one caller may hold open in a process of the web server."""
_open: Counter[str] = Counter()
_lock = threading.Lock()


class TooManyStreams(OrchestrationError):
    """A caller, or all together, hold as many streams open as may be."""

    code = "too_many_streams"
    status = 503
    again = "again"


def events(
    *, after: str = "", since: datetime | None = None, types: Sequence[str] = (), limit: int = 100
) -> stream.Page:
    """Return the next events. Raises: InvalidRequest, naming `after`, `since`, `types` or `limit`; EventGone."""
    if after and since is not None:
        raise InvalidRequest("Give `after` or `since`, not both.", field="since")
    if not 1 <= limit <= MOST_EVENTS:
        raise InvalidRequest(f"A page holds from 1 to {MOST_EVENTS} events, not {limit}.", field="limit")
    wanted = check_patterns(list(types), field="types")
    place = stream.place_of(after) if after else stream.place_since(since) if since else stream.Place()
    found = stream.page(place, limit, wanted)
    return found if found.next else replace(found, next=after or last_id())


def last_id() -> str:
    """Return the id of the last event of the stream; empty if it has none."""
    place = stream.end()
    before = stream.after(stream.Place(place.block, place.entry - 1), 1)
    return before[0][1] if before else ""


def take(who: str) -> None:
    """Count an open stream. Raises: TooManyStreams."""
    most = settings.HEADEND_EVENT_STREAMS
    with _lock:
        if _open[who] >= EACH or sum(_open.values()) >= most:
            held = f"{who} holds {_open[who]} streams open" if _open[who] >= EACH else "All streams are taken"
            raise TooManyStreams(
                f"{held}; {EACH} for each caller and {most} in all may be open. Poll instead, or come back later."
            )
        _open[who] += 1


def give_back(who: str) -> None:
    """Count an open stream no longer."""
    with _lock:
        _open[who] -= 1
        if _open[who] <= 0:
            del _open[who]


class Stream:
    """The events after one as server-sent events, for some minutes; it is counted from its making until it is closed."""

    def __init__(
        self, who: Actor, after: str, types: Sequence[str], still: Callable[[], Actor | None]
    ) -> None:
        self._who, self._still = who, still
        self._types = check_patterns(list(types), field="types")
        self._at = stream.place_of(after, field="Last-Event-ID") if after else stream.end()
        self._is_open = True
        take(who.label)
        self._lines = self._tell()

    def __iter__(self) -> Iterator[bytes]:
        return self._lines

    def close(self) -> None:
        """Let another take the place; called by whoever serves it, however it ended."""
        if self._is_open:
            self._is_open = False
            self._lines.close()
            give_back(self._who.label)

    def _tell(self) -> Generator[bytes, None, None]:
        ends = time.monotonic() + LASTS_SECONDS
        beats = time.monotonic() + BEATS_SECONDS
        yield f"retry: {COMES_BACK_MS}\n\n".encode()
        try:
            while time.monotonic() < ends:
                with limited_to(self._who.limit):
                    found = stream.page(self._at, 100, self._types)
                for event in found.events:
                    yield _told(event)
                if found.next:
                    self._at = found.place
                    if not found.events or found.events[-1]["data"]["id"] != found.next:
                        yield f"id: {found.next}\n\n".encode()  # what was passed over is not looked at again
                if found.more:
                    continue
                if time.monotonic() >= beats:
                    beats = time.monotonic() + BEATS_SECONDS
                    who = self._still()
                    if who is None:
                        return
                    self._who = who
                    yield b": still here\n\n"
                connection.close_if_unusable_or_obsolete()
                time.sleep(LOOKS_SECONDS)
        except OrchestrationError:
            return  # the token was revoked: whoever comes back is told so
        finally:
            connection.close()


def _told(event: dict[str, Any]) -> bytes:
    data = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return f"id: {event['data']['id']}\nevent: {event['type']}\ndata: {data}\n\n".encode()
