"""Ask our own API in this process, as whoever holds a token would over the network: the same checks, limits and answers."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler

from orchestration.api.operations import Operation, query_of
from orchestration.below import within


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and from where; without an address a token that is bound to networks opens nothing."""

    token: str
    address: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What the request came with that proxies set: forwarding headers and the host."""

    def __repr__(self) -> str:
        return f"Caller(address={self.address!r})"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API said."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_refusal(self) -> bool:
        """Return whether it is none of what was asked for: a problem, or a way elsewhere."""
        return self.status >= 300


class Api:
    """Our own API, without a network in between."""

    def __init__(self) -> None:
        self._handler = WSGIHandler()

    def ask(self, caller: Caller, operation: Operation, arguments: Mapping[str, Any]) -> Answer:
        """Ask an operation. Raises: InvalidRequest, if it does not take these arguments."""
        path, query, body = operation.split(arguments)
        return self.send(caller, operation.method, path, query=query, body=body if operation.fields else None)

    def send(
        self,
        caller: Caller,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> Answer:
        """Send one request to an address below `/api/`."""
        sent = b"" if body is None else json.dumps(body).encode()
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method.upper(),
            "SCRIPT_NAME": "",
            "PATH_INFO": within(path),
            "QUERY_STRING": urlencode(query_of(query or {}), doseq=True),
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(sent)),
            "REMOTE_ADDR": caller.address,
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "443",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": _own_host(),
            "HTTP_AUTHORIZATION": f"Bearer {caller.token}",
            "wsgi.url_scheme": "https",
            "wsgi.input": io.BytesIO(sent),
            "wsgi.errors": io.StringIO(),
            **{f"HTTP_{name.upper().replace('-', '_')}": value for name, value in caller.headers.items()},
        }
        response: Any = self._handler(environ, _started)
        try:
            content = b"".join(response.streaming_content if response.streaming else [response.content])
        finally:
            response.close()
        return Answer(response.status_code, _read(content), dict(response.items()))


def _started(status: str, headers: Any, exc_info: Any = None, /) -> Any:
    """Take note of nothing: the answer says its status and headers itself."""


def _read(content: bytes) -> Any:
    if not content:
        return None
    try:
        return json.loads(content)
    except ValueError:
        return {"detail": "The answer is no JSON.", "code": "internal_error"}


def _own_host() -> str:
    """Return a name under which we answer: over standard input and output nobody says one."""
    named = (host.lstrip(".") for host in settings.ALLOWED_HOSTS if host not in ("*", "."))
    return next(named, "localhost")
