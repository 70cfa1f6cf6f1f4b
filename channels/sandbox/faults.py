"""Make the sandbox fail on request, before or after a call's effect.

A fault names the requests it applies to and what happens to them, a number of times::

    sandbox.faults.add(Match(method="POST", path=r"/dispatches$"), "status_after", status=502)
    POST /sandbox/faults  {"match": {"method": "POST", "path": "/dispatches$"}, "kind": "status_after", "times": 1}

`path` is a regular expression searched in ``path?query``. Kinds:

* ``status_before``: answer `status` without doing anything; ``status_after``: do it, then answer `status`
* ``timeout_before`` and ``timeout_after``: without or with the effect, hold for `hold_seconds`, then drop the connection
* ``slow``: wait `delay_seconds`, then answer as usual
* ``truncated``: do it, send half of the answer, then end the connection
* ``html_before`` and ``html_after``: without or with the effect, answer `status` with a page, as a proxy in between does
* ``echo``: refuse with `status` and repeat the request's headers and body in the message, as a debugging proxy does
* ``cut``: drop the connection when `after_bytes` of the request's body have been read
* ``quota``: the answer of an exhausted daily budget; ``rate_limit``: the answer of "too many requests", with
  `retry_after_seconds` in its Retry-After header (0 leaves the header out)
"""

from __future__ import annotations

import re
import threading
from dataclasses import asdict, dataclass, field
from typing import Any

from channels.sandbox.wire import Request, Response

KINDS = (
    "status_before",
    "status_after",
    "timeout_before",
    "timeout_after",
    "slow",
    "cut",
    "truncated",
    "html_before",
    "html_after",
    "echo",
    "quota",
    "rate_limit",
)


@dataclass(frozen=True, slots=True)
class Match:
    """Return which requests a fault applies to; nothing given means every one outside /sandbox/."""

    method: str | None = None
    path: str = ""

    def applies(self, request: Request) -> bool:
        if self.method and self.method.upper() != request.method:
            return False
        whole = f"{request.path}?{request.query_string}" if request.query_string else request.path
        return re.search(self.path, whole) is not None


@dataclass(slots=True)
class Fault:
    """One fault, with how often it will still happen (`times`, None = until removed)."""

    id: int
    match: Match
    kind: str
    times: int | None = 1
    status: int = 502
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hold_seconds: float = 30.0
    delay_seconds: float = 1.0
    after_bytes: int = 0
    retry_after_seconds: int = 60
    hits: int = 0

    @property
    def after_effect(self) -> bool:
        return self.kind.endswith("_after")

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Faults:
    """Hold the faults that are set, in the order in which they were added."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._last_id = 0

    def add(self, match: Match | dict[str, Any] | str, kind: str, **options: Any) -> Fault:
        """Set a fault. `match` may be a `Match`, its dictionary, or just a path expression.

        Raises ValueError when the kind, an option or the expression is wrong.
        """
        if isinstance(match, str):
            match = Match(path=match)
        elif isinstance(match, dict):
            match = Match(**match)
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
        re.compile(match.path)
        with self._lock:
            self._last_id += 1
            fault = Fault(self._last_id, match, kind, **options)
            self._faults.append(fault)
            return fault

    def take(self, request: Request) -> Fault | None:
        """Return the first fault that applies to this request and count it."""
        if request.path.startswith("/sandbox/"):
            return None
        with self._lock:
            for fault in self._faults:
                if (fault.times is None or fault.times > 0) and fault.match.applies(request):
                    fault.hits += 1
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    def remove(self, number: int) -> bool:
        """Remove one fault; returns whether it was there."""
        with self._lock:
            before = len(self._faults)
            self._faults = [fault for fault in self._faults if fault.id != number]
            return len(self._faults) < before

    def clear(self) -> None:
        with self._lock:
            self._faults.clear()

    def as_list(self) -> list[dict[str, Any]]:
        with self._lock:
            return [fault.as_dict() for fault in self._faults]


def answer_of(fault: Fault, request: Request) -> Response:
    """Return what is answered for a fault of kind status, html, quota or rate_limit."""
    youtube = request.path.startswith(("/youtube/", "/upload/"))
    if fault.kind == "quota":
        return _with(
            fault, _youtube(403, "quotaExceeded", "The request cannot be completed: quota exceeded.")
        )
    if fault.kind == "rate_limit":
        wait = {"Retry-After": str(fault.retry_after_seconds)} if fault.retry_after_seconds else {}
        if youtube:
            answer = _youtube(429, "rateLimitExceeded", "Resource has been exhausted (e.g. check quota).")
        else:
            message = (
                "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
            )
            answer = Response.json({"message": message, "documentation_url": GITHUB_LIMITS_PAGE}, 403)
        answer.headers.update(wait)
        return _with(fault, answer)
    if fault.kind == "echo":
        return _with(fault, _echo(fault, request, youtube))
    if fault.kind.startswith("html"):
        return _with(fault, Response.html(PAGE_OF_A_PROXY, fault.status))
    if fault.body is not None:
        body = fault.body
        answer = (
            Response.text(body, fault.status) if isinstance(body, str) else Response.json(body, fault.status)
        )
    elif youtube:
        answer = _youtube(fault.status, "backendError", "Backend Error")
    else:
        answer = Response.json({"message": "Server Error"}, fault.status)
    return _with(fault, answer)


GITHUB_LIMITS_PAGE = (
    "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits"
)

PAGE_OF_A_PROXY = (
    "<!DOCTYPE html>\n<html><head><title>Error</title></head><body>The page cannot be shown</body></html>\n"
)


def _echo(fault: Fault, request: Request, youtube: bool) -> Response:
    headers = " ".join(f"{name}: {value}" for name, value in request.headers.items())
    text = f"You sent {request.path}?{request.query_string} {headers} {request.read()[:2000].decode('utf-8', 'replace')}"
    if youtube:
        return _youtube(fault.status, "badRequest", text)
    if request.path.startswith("/oauth/"):
        return Response.json({"error": "invalid_client", "error_description": text}, fault.status)
    return Response.json({"message": text}, fault.status)


def _youtube(status: int, reason: str, message: str) -> Response:
    error = {"message": message, "domain": "youtube", "reason": reason}
    return Response.json({"error": {"code": status, "message": message, "errors": [error]}}, status)


def _with(fault: Fault, answer: Response) -> Response:
    answer.headers.update(fault.headers)
    return answer
