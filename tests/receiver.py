"""A service that takes notifications: a real HTTP server on the loopback, which keeps what it was sent."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

SECRET = "sesame-8f3a"


@dataclass
class Receiver:
    """What came in, and how the next ones are answered."""

    port: int = 0
    status: int = 200
    taken: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0
    raw: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    """Headers and body of each call, taken or not."""
    says: dict[str, str] = field(default_factory=dict)
    """Headers of the answers."""
    body: bytes = b"{}"
    asked: threading.Event = field(default_factory=threading.Event)
    hold: threading.Event | None = None
    """Answers wait for it, where there is one."""

    @property
    def url(self) -> str:
        """Return the address of the webhook, with a password in it."""
        return f"json://hook:{SECRET}@127.0.0.1:{self.port}/in"

    def ntfy(self, topic: str = "headend") -> str:
        """Return the address of a topic, as of a self-hosted ntfy."""
        return f"ntfy://:{SECRET}@127.0.0.1:{self.port}/{topic}"

    def ping(self, path: str = "ping/4711") -> str:
        """Return an address of the kind that is called by GET."""
        return f"http://127.0.0.1:{self.port}/{path}"

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.taken]

    @property
    def paths(self) -> list[str]:
        return [message["path"] for message in self.taken]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Run a service that takes what it is sent."""
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            content = self.rfile.read(length).decode()
            state.raw.append((dict(self.headers), content.encode()))
            state.asked.set()
            if state.hold is not None:
                state.hold.wait(60)
            if state.status >= 300:
                state.refused += 1
            else:
                try:
                    body = json.loads(content)
                except ValueError:
                    body = {"message": content, "title": self.headers.get("X-Title", "")}
                body.setdefault("title", "")
                state.taken.append({**body, "path": self.path, "method": self.command})
            with contextlib.suppress(OSError):  # who asked may have been killed meanwhile
                self.reply()

        def reply(self) -> None:
            self.send_response(state.status)
            if 300 <= state.status < 400:
                self.send_header("Location", f"http://127.0.0.1:{state.port}/elsewhere")
            for name, value in state.says.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(state.body)

        do_GET = do_POST = do_PUT = answer

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield state
    server.shutdown()
    server.server_close()
    thread.join()
