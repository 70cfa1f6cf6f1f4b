"""Keep what goes over the wire between Headend and a sandbox, whole, to hold it against the official descriptions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from channels.sandbox.faults import Fault
from channels.sandbox.server import Sandbox
from channels.sandbox.wire import Request, Response
from tests.contracts import official
from tests.contracts.official import Violation

YOUTUBE = re.compile(r"\w+ /youtube/youtube/|POST /youtube/upload/")
"""Calls of its API; the pieces of an upload are not described."""


@dataclass(frozen=True)
class Exchange:
    """One call and its answer; bodies are what their JSON says, None where they are not JSON."""

    method: str
    path: str
    query: str
    sent: Any
    status: int
    answered: Any


class RecordingSandbox(Sandbox):
    """A sandbox that keeps every exchange, faults left out: they are meant to be wrong."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.exchanges: list[Exchange] = []

    def record(self, request: Request, answer: Response | None, fault: Fault | None) -> None:
        super().record(request, answer, fault)
        if answer is None or fault is not None or request.method == "HEAD" or _is_by_a_test(request):
            return
        answered = _json(answer.body) if isinstance(answer.body, bytes) else None
        sent = _json(request._raw or b"")
        self.exchanges.append(
            Exchange(request.method, request.path, request.query_string, sent, answer.status, answered)
        )

    def violations(self) -> Iterator[Violation]:
        """Yield what of all that was kept is not as GitHub and Google describe it."""
        for one in list(self.exchanges):
            if one.path.startswith("/github/"):
                description, path = official.github(), one.path.removeprefix("/github")
            elif YOUTUBE.match(f"{one.method} {one.path}"):
                description, path = official.youtube(), one.path.removeprefix("/youtube")
            else:
                continue
            yield from description.of_request(one.method, path, one.query, one.sent)
            yield from description.of_answer(one.method, path, one.status, one.answered)


def _is_by_a_test(request: Request) -> bool:
    """Return whether a test itself calls, to see what the sandbox does with what is wrong."""
    return (request.headers.get("User-Agent") or "").startswith("python-requests")


def _json(body: bytes) -> Any:
    if body[:1] not in (b"{", b"["):
        return None
    try:
        return json.loads(body)
    except ValueError:
        return None
