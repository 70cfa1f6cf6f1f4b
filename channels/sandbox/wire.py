"""Requests, responses and the table of routes that the sandbox's services fill.

A handler looks like this, and may raise `Problem` to answer early::

    @route("GET", "/github/repos/{owner}/{repo}")
    def repository(sandbox: Sandbox, request: Request) -> Response:
        return Response.json({"name": request.params["repo"]})

``{name}`` matches one path segment (decoded), ``{name:path}`` matches the rest of the path with its slashes.
"""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import parse_qs, unquote

BLOCK_BYTES = 64 * 1024


class BodyCut(ConnectionError):
    """Raised while reading a request's body when the connection broke, or a fault says that it did.

    A handler that keeps what it has read so far (a resumable upload) catches it, stores, and raises it again.
    """


class Body:
    """Read a request's body once, in blocks, whether it is counted or chunked."""

    def __init__(
        self, stream: BinaryIO, length: int, chunked: bool, before_read: Callable[[], None] | None = None
    ) -> None:
        self._stream = stream
        self._left = length
        self._chunked = chunked
        self._before_read = before_read
        self._finished = not chunked and length == 0
        self._taken = 0
        self.cut_after_bytes: int | None = None

    @property
    def finished(self) -> bool:
        return self._finished

    def blocks(self, size: int = BLOCK_BYTES) -> Iterator[bytes]:
        """Yield the body piece by piece. Raises `BodyCut` when it ends before its announced length."""
        while not self._finished:
            block = self._next_block(size)
            if not block:
                return
            if self.cut_after_bytes is not None and self._taken + len(block) > self.cut_after_bytes:
                keep = max(0, self.cut_after_bytes - self._taken)
                self._taken += len(block)
                if keep:
                    yield block[:keep]
                raise BodyCut("the connection was cut by a fault")
            self._taken += len(block)
            yield block

    def read(self) -> bytes:
        return b"".join(self.blocks())

    def discard(self) -> None:
        for _ in self.blocks():
            pass

    def _next_block(self, size: int) -> bytes:
        if self._before_read:
            self._before_read()
            self._before_read = None
        try:
            if self._chunked and self._left == 0:
                self._left = int(self._stream.readline(1024).split(b";")[0].strip() or b"0", 16)
                if self._left == 0:
                    while self._stream.readline(1024).strip():
                        pass
                    self._finished = True
                    return b""
            block = self._stream.read(min(size, self._left))
        except (OSError, ValueError) as error:
            raise BodyCut(str(error)) from error
        if not block:
            raise BodyCut("the client went away")
        self._left -= len(block)
        if self._left == 0:
            if self._chunked:
                self._stream.readline(8)
            else:
                self._finished = True
        return block


@dataclass(slots=True)
class Request:
    """One HTTP request as a handler sees it."""

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str]  # looked up without regard to case
    body: Body
    params: dict[str, str] = field(default_factory=dict)
    _raw: bytes | None = None

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters; of a repeated one, the last."""
        return {k: v[-1] for k, v in parse_qs(self.query_string, keep_blank_values=True).items()}

    @property
    def query_lists(self) -> dict[str, list[str]]:
        return parse_qs(self.query_string, keep_blank_values=True)

    def read(self) -> bytes:
        """Return the whole body; may be called again. Use `body.blocks()` for a big one."""
        if self._raw is None:
            self._raw = self.body.read()
        return self._raw

    def json(self) -> Any:
        """Return the body parsed as JSON. Raises `Problem` 400 when it is not JSON."""
        raw = self.read()
        if not raw:
            return None
        try:
            return json.loads(raw)
        except ValueError:
            raise Problem(Response.json({"message": "Problems parsing JSON"}, status=400)) from None

    def form(self) -> dict[str, str]:
        """Return the body parsed as an urlencoded form."""
        parsed = parse_qs(self.read().decode("utf-8", "replace"), keep_blank_values=True)
        return {k: v[-1] for k, v in parsed.items()}


@dataclass(slots=True)
class Response:
    """One HTTP answer; `body` is bytes, or a file (part) that is streamed."""

    status: int = 200
    body: bytes | Path = b""
    headers: dict[str, str] = field(default_factory=dict)
    file_offset: int = 0
    file_bytes: int | None = None

    @classmethod
    def json(cls, value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        body = json.dumps(value).encode()
        return cls(status, body, {"Content-Type": "application/json; charset=utf-8", **(headers or {})})

    @classmethod
    def text(cls, value: str, status: int = 200, content_type: str = "text/plain; charset=utf-8") -> Response:
        return cls(status, value.encode(), {"Content-Type": content_type})

    @classmethod
    def html(cls, value: str, status: int = 200) -> Response:
        return cls.text(value, status, "text/html; charset=utf-8")

    @classmethod
    def file(cls, request: Request, path: Path, content_type: str | None = None) -> Response:
        """Answer with a file, or with the single byte range that the request asks for."""
        total = path.stat().st_size
        kind = content_type or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        headers = {"Content-Type": kind, "Accept-Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d*)-(\d*)", request.headers.get("Range") or "")
        if not asked or asked.group(1) == asked.group(2) == "":
            return cls(200, path, headers, 0, total)
        if asked.group(1) == "":
            first, last = max(0, total - int(asked.group(2))), total - 1
        else:
            first = int(asked.group(1))
            last = min(int(asked.group(2)), total - 1) if asked.group(2) else total - 1
        if first >= total or first > last:
            return cls(416, b"", {"Content-Range": f"bytes */{total}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{total}"
        return cls(206, path, headers, first, last - first + 1)


class Problem(Exception):
    """Answer a request at once with `response`."""

    def __init__(self, response: Response) -> None:
        super().__init__(f"HTTP {response.status}")
        self.response = response


Handler = Callable[[Any, Request], Response]
"""Takes the running `server.Sandbox`, which imports this module and is therefore not named here, and the request."""
Hook = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    handler: Handler


ROUTES: list[Route] = []
START_HOOKS: list[Hook] = []
STOP_HOOKS: list[Hook] = []


def route(method: str, pattern: str) -> Callable[[Handler], Handler]:
    """Register a handler for a method and a path. A GET handler also answers HEAD, without its body."""
    expression = ""
    for part in re.split(r"(\{[a-z_]+(?::path)?\})", pattern):
        if part.startswith("{"):
            name, _, kind = part[1:-1].partition(":")
            expression += f"(?P<{name}>{'.+' if kind else '[^/]+'})"
        else:
            expression += re.escape(part)

    def register(handler: Handler) -> Handler:
        ROUTES.append(Route(method, re.compile(expression), handler))
        return handler

    return register


def on_start(hook: Hook) -> Hook:
    """Run `hook(sandbox)` when a sandbox has begun to listen (resume what a stop interrupted)."""
    START_HOOKS.append(hook)
    return hook


def on_stop(hook: Hook) -> Hook:
    """Run `hook(sandbox)` when a sandbox stops, before its state is saved for the last time."""
    STOP_HOOKS.append(hook)
    return hook


def find_route(method: str, path: str) -> tuple[Handler | None, dict[str, str], bool]:
    """Return the handler and its path parameters; the third value says whether the path exists at all."""
    known = False
    wanted = "GET" if method == "HEAD" else method
    for entry in ROUTES:
        match = entry.pattern.fullmatch(path)
        if match:
            known = True
            if entry.method == wanted:
                return entry.handler, {k: unquote(v) for k, v in match.groupdict().items()}, True
    return None, {}, known
