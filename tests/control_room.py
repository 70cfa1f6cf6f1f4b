"""A small HTTP server that stands where Headend's callback addresses are: permit, media, progress, result."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

TOKEN = "one-use-7f3a"  # of the sheet
OWN = "run-secret-b81c"  # what comes with the permit


class ControlRoom:
    """Answer a run's calls and remember them. `statuses` gives, per path, the answers to come; then 200.

    `answers` gives, per path, the body.
    """

    def __init__(self, media: bytes = b"\x00\x00\x00\x18ftypmp42" + b"v" * 300_000) -> None:
        self.media = media
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.unauthorised = 0
        self.public = False  # whether the media are given without a token
        self.statuses: dict[str, list[int]] = {}
        self.answers: dict[str, dict[str, Any]] = {}
        self._lock = threading.Lock()
        self._server = _bind(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def sheet(self, correlation_id: str = "hd-1", **changes: Any) -> dict[str, Any]:
        """Return a complete job sheet that leads here."""
        sheet = {
            "correlation_id": correlation_id,
            "permit_url": f"{self.url}/permit",
            "result_url": f"{self.url}/result",
            "progress_url": f"{self.url}/progress",
            "one_use_secret": TOKEN,
            "media_url": f"{self.url}/media",
            "media_sha256": hashlib.sha256(self.media).hexdigest(),
            "metadata": {
                "title": "Harbour at dawn",
                "description": "Ships.",
                "tags": ["harbour"],
                "category_id": "22",
                "language": "en",
                "made_for_kids": False,
                "marker": f"headend:{correlation_id}",
            },
        }
        return {name: value for name, value in (sheet | changes).items() if value is not None}

    def received(self, path: str) -> list[dict[str, Any]]:
        with self._lock:
            return [body for called, body in self.calls if called == path]

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, token: str | None, body: bytes) -> tuple[int, bytes]:
        with self._lock:
            if token != f"Bearer {TOKEN if path == '/permit' else OWN}" and not (
                self.public and path == "/media"
            ):
                self.unauthorised += 1
                return 401, b"{}"
            self.calls.append((path, json.loads(body or b"{}")))
            coming = self.statuses.get(path) or [200]
            status = coming.pop(0) if len(coming) > 1 else coming[0]
            if path == "/media" and status == 200:
                return status, self.media
            if path == "/permit" and status == 200:
                return status, json.dumps({"permitted": True, "token": OWN}).encode()
            return status, json.dumps(self.answers.get(path, {})).encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    room: ControlRoom


def _bind(room: ControlRoom) -> _Server:
    for port in range(20000, 32000, 7):
        try:
            server = _Server(("127.0.0.1", port), _Handler)
        except OSError:
            continue
        server.room = room
        return server
    raise OSError("no free port")


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, answer = self.server.room.answer(self.path, self.headers.get("Authorization"), body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        pass
