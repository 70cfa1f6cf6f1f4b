"""Let whoever asks hear of each request to the outside: what was asked of whom, and what came back; never what was in it.

The observer is set for a stretch of work (`observing`), by the floor above. It hears method, host, path without its query,
status, the remote's own id of the request and how long it took: no query, no header, no body.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.utils import timezone

REQUEST_IDS = ("x-github-request-id", "x-request-id", "x-amz-request-id")
"""Not YouTube's `x-guploader-uploadid`: whoever knows it may go on with the upload."""
LONGEST_PATH = 300


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it went; `status` is None where no answer came, and `error` says what came instead."""

    at: datetime
    method: str
    host: str
    path: str
    status: int | None
    request_id: str
    seconds: float
    error: str


@dataclass(slots=True)
class Answer:
    """What came back; filled in by whoever makes the request."""

    status: int | None = None
    request_id: str = ""

    def take(self, status: Any, headers: Mapping[str, Any] | None = None) -> None:
        """Keep the status, and of the headers the remote's id of the request."""
        self.status = int(status)
        said = {str(name).lower(): str(value) for name, value in (headers or {}).items()}
        self.request_id = next((said[name] for name in REQUEST_IDS if said.get(name)), "")[:120]


Observer = Callable[[Request], None]
_observer: ContextVar[Observer | None] = ContextVar("observer", default=None)


@contextmanager
def observing(observer: Observer) -> Iterator[None]:
    """Let `observer` hear of the requests that are made inside."""
    token = _observer.set(observer)
    try:
        yield
    finally:
        _observer.reset(token)


@contextmanager
def request(method: str, url: str) -> Iterator[Answer]:
    """Stand around one request; the answer is told by `take`, an exception goes on and is named by its type."""
    observer, answer = _observer.get(), Answer()
    if observer is None:
        yield answer
        return
    at, started, error = timezone.now(), time.monotonic(), ""
    try:
        yield answer
    except BaseException as problem:
        error = type(problem).__name__
        raise
    finally:
        parts = urlsplit(url)
        path = parts.path[:LONGEST_PATH]
        seconds = time.monotonic() - started
        observer(
            Request(
                at,
                method.upper()[:10],
                parts.hostname or "",
                path,
                answer.status,
                answer.request_id,
                seconds,
                error,
            )
        )
