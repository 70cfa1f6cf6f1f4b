"""Serve the sandbox: one HTTP server on loopback for GitHub, YouTube, the token endpoint and the video site.

Services register their handlers through `channels.sandbox.wire`; this module owns sockets, faults, the record of
requests, and starting and stopping.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import random
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from channels.sandbox import wire
from channels.sandbox.faults import Fault, Faults, answer_of
from channels.sandbox.ledger import Ledger
from channels.sandbox.store import Store
from channels.sandbox.wire import Body, BodyCut, Problem, Request, Response

log = logging.getLogger("headend.sandbox")

SERVICES = (
    "control",
    "github",
    "github_apps",
    "github_actions",
    "github_environments",
    "github_git",
    "github_hooks",
    "github_oidc",
    "github_web",
    "youtube",
    "site",
)
PORTS = range(20000, 32000)  # below Linux's ephemeral range, so that no client socket sits on them
KEPT_REQUESTS = 5000


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request that the sandbox received, in the order of arrival."""

    number: int
    at: str
    method: str
    path: str
    query: str
    body: str | None  # JSON bodies only, and the first 8,000 characters of them
    status: int | None  # None: the connection was dropped without an answer
    fault: str | None


class Sandbox:
    """Run the sandbox in this process.

    `port` 0 takes a free one. Without `data_dir` everything is forgotten at `stop`. `run_queue_seconds` is how long
    a dispatched GitHub run stays queued. `list_lag_seconds` is how much later a run shows up in lists. `trust_scripts`
    lets runs execute a stage.py that differs from the template's. `ledger` is the file that what happens is written to
    (see `channels.sandbox.ledger`); without it, one in the data folder.
    """

    def __init__(
        self,
        port: int = 0,
        data_dir: Path | None = None,
        *,
        ledger: Path | None = None,
        run_queue_seconds: float = 0.2,
        list_lag_seconds: float = 0.0,
        trust_scripts: bool = False,
    ) -> None:
        load_services()
        self._server = _listen(port, self)  # first: a taken port leaves nothing behind
        self.store = Store(data_dir)
        self.ledger = Ledger(self.store, ledger)
        self.faults = Faults()
        self.stopping = threading.Event()
        self.run_queue_seconds = run_queue_seconds
        self.list_lag_seconds = list_lag_seconds
        self.trust_scripts = trust_scripts
        # What services remember only while running; guarded by store.lock.
        self.scratch: dict[Any, Any] = {}
        self._recorded: list[Recorded] = []
        self._recorded_number = 0
        self._threads: set[threading.Thread] = set()
        self._lock = threading.Lock()
        self._serving: threading.Thread | None = None

    # -- addresses -----------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def github_url(self) -> str:
        return f"{self.url}/github"

    @property
    def oidc_url(self) -> str:
        return f"{self.url}/oidc"

    @property
    def youtube_url(self) -> str:
        return f"{self.url}/youtube"

    @property
    def token_url(self) -> str:
        return f"{self.url}/oauth/token"

    @property
    def site_url(self) -> str:
        return f"{self.url}/site"

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Begin to answer, and take up again what an earlier stop interrupted."""
        self._serving = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="sandbox", daemon=True
        )
        self._serving.start()
        for hook in wire.START_HOOKS:
            hook(self)
        self.store.save()
        return self

    def stop(self) -> None:
        """Stop at once: held connections are dropped, background work is told to end, state is saved."""
        if self.stopping.is_set():
            return
        self.stopping.set()
        if self._serving:
            self._server.shutdown()
        self._server.drop_connections()
        self._server.server_close()
        for hook in wire.STOP_HOOKS:
            hook(self)
        with self._lock:
            threads = list(self._threads)
        deadline = time.monotonic() + 0.8
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self.ledger.close()
        self.store.close()

    def drop_connections(self) -> None:
        """Cut every open connection."""
        self._server.drop_connections()

    def spawn(self, work: Callable[..., None], *args: Any) -> None:
        """Do work in the background. It must look at `stopping` and end soon after that is set."""

        def guarded() -> None:
            try:
                work(*args)
            except Exception:
                log.exception("background work of the sandbox failed")
            finally:
                with self._lock:
                    self._threads.discard(thread)

        thread = threading.Thread(target=guarded, name=f"sandbox-{work.__name__}", daemon=True)
        with self._lock:
            self._threads.add(thread)
        thread.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    # -- the record ----------------------------------------------------------------------------------------------

    def requests(self, method: str | None = None, path: str = "") -> list[Recorded]:
        """Return the recorded requests, optionally of one method and with a path that contains `path`."""
        with self._lock:
            return [r for r in self._recorded if (not method or r.method == method) and path in r.path]

    def clear_requests(self) -> None:
        with self._lock:
            self._recorded.clear()

    def record(self, request: Request, answer: Response | None, fault: Fault | None) -> None:
        """Write a request down, with the status of its answer. Bodies sent to the token endpoint are left out."""
        body = None
        raw = request._raw or b""
        if raw[:1] in (b"{", b"[") and not request.path.startswith("/oauth/"):
            body = raw[:8000].decode("utf-8", "replace")
        at = self.store.now().isoformat()
        with self._lock:
            self._recorded_number += 1
            entry = Recorded(
                self._recorded_number,
                at,
                request.method,
                request.path,
                request.query_string,
                body,
                answer.status if answer else None,
                fault.kind if fault else None,
            )
            self._recorded.append(entry)
            del self._recorded[:-KEPT_REQUESTS]
        if request.method not in ("GET", "HEAD") and not request.path.startswith("/sandbox/"):
            self.ledger.write(
                "call", method=entry.method, path=entry.path, status=entry.status, fault=entry.fault
            )


def load_services() -> None:
    """Import the services, so that their routes are registered."""
    for name in SERVICES:
        if importlib.util.find_spec(f"channels.sandbox.{name}"):
            importlib.import_module(f"channels.sandbox.{name}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def drop_connections(self) -> None:
        with self._open_lock:
            sockets = list(self._open)
        for connection in sockets:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not self.sandbox.stopping.is_set():
            log.debug("a connection of the sandbox broke")


def _listen(port: int, sandbox: Sandbox) -> _Server:
    if port:
        return _Server(("127.0.0.1", port), sandbox)
    for candidate in random.sample(PORTS, 100):
        try:
            return _Server(("127.0.0.1", candidate), sandbox)
        except OSError:
            continue
    raise OSError(f"no free port between {PORTS.start} and {PORTS.stop}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "HeadendSandbox"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET

    def _serve(self) -> None:
        sandbox = self.server.sandbox
        parts = urlsplit(self.path)
        body = Body(
            self.rfile,
            int(self.headers.get("Content-Length") or 0),
            "chunked" in (self.headers.get("Transfer-Encoding") or "").lower(),
            # BaseHTTPRequestHandler answers "100 Continue" itself, before this method is called.
        )
        request = Request(self.command, parts.path, parts.query, self.headers, body)
        # A page on the web that resolves its own name to 127.0.0.1 must not reach the sandbox.
        if (self.headers.get("Host") or "").rpartition(":")[0] not in ("127.0.0.1", "localhost"):
            self.close_connection = True
            self._send(request, Response.text("the sandbox answers only to 127.0.0.1 and localhost", 421))
            return
        fault = sandbox.faults.take(request)
        try:
            answer = self._answer(request, fault)
        except BodyCut:
            answer = None
        sandbox.ledger.take_notes()
        sandbox.store.save()
        # Written down before the answer goes out, so that whoever has an answer also finds the request.
        sandbox.record(request, answer, fault)
        if answer is not None and fault is not None and fault.kind == "truncated":
            self._send_half(request, answer)
            return
        if answer is not None:
            self._send(request, answer)
            return
        if fault and fault.kind.startswith("timeout"):
            sandbox.stopping.wait(fault.hold_seconds)
        self._drop()

    def _answer(self, request: Request, fault: Fault | None) -> Response | None:
        """Return the answer, or None to drop the connection."""
        sandbox = self.server.sandbox
        if fault is None or fault.kind == "truncated":
            return self._handle(request)
        if fault.kind == "slow":
            sandbox.stopping.wait(fault.delay_seconds)
            return self._handle(request)
        if fault.kind == "cut":
            request.body.cut_after_bytes = fault.after_bytes
            self._handle(request)
            return None
        # Read the body to its end even when nothing is done with it: a client that is still sending would see a
        # reset connection instead of the answer.
        if fault.after_effect:
            self._handle(request)
        elif not request.body.finished:
            if int(self.headers.get("Content-Length") or 0) < 1_000_000:
                request.read()
            request.body.discard()
        return None if fault.kind.startswith("timeout") else answer_of(fault, request)

    def _handle(self, request: Request) -> Response:
        sandbox = self.server.sandbox
        handler, params, known = wire.find_route(request.method, request.path)
        if handler is None:
            return Response.json({"message": "Not Found"}, 405 if known else 404)
        request.params = params
        try:
            return handler(sandbox, request)
        except Problem as problem:
            return problem.response
        except (BodyCut, BrokenPipeError, ConnectionResetError):
            raise BodyCut("the client went away") from None
        except Exception:
            log.exception("the sandbox failed at %s %s", request.method, request.path)
            return Response.json({"message": "the sandbox itself failed; see its log"}, 500)

    def _send(self, request: Request, answer: Response) -> None:
        try:
            if not request.body.finished:
                request.body.discard()
        except BodyCut:
            self._drop()
            return
        size = answer.file_bytes if isinstance(answer.body, Path) else len(answer.body)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(size))
        empty = request.method == "HEAD" or answer.status in (204, 304)
        try:
            if isinstance(answer.body, Path):
                self.end_headers()
                if not empty:
                    self._send_file(answer)
                return
            if not empty:
                self._headers_buffer.append(b"\r\n" + answer.body)
                self.flush_headers()
            else:
                self.end_headers()
        except OSError:
            self.close_connection = True

    def _send_half(self, request: Request, answer: Response) -> None:
        """Announce the whole answer, send half of its body (of an empty one half of the head), and end the connection."""
        with contextlib.suppress(BodyCut, OSError):
            if not request.body.finished:
                request.body.discard()
            if isinstance(answer.body, Path):
                size = answer.file_bytes or 0
                with answer.body.open("rb") as file:
                    file.seek(answer.file_offset)
                    half = file.read(min(size // 2, wire.BLOCK_BYTES))
            else:
                size, half = len(answer.body), answer.body[: len(answer.body) // 2]
            head = [f"HTTP/1.1 {answer.status} Half"]
            head += [f"{name}: {value}" for name, value in {**answer.headers, "Content-Length": size}.items()]
            text = "\r\n".join(head)
            self.wfile.write(f"{text}\r\n\r\n".encode() + half if half else text[: len(text) // 2].encode())
            self.wfile.flush()
        self._drop()

    def _send_file(self, answer: Response) -> None:
        left = answer.file_bytes or 0
        with answer.body.open("rb") as file:
            file.seek(answer.file_offset)
            while left and not self.server.sandbox.stopping.is_set():
                block = file.read(min(wire.BLOCK_BYTES, left))
                if not block:
                    break
                self.wfile.write(block)
                left -= len(block)
        if left:
            self.close_connection = True

    def _drop(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Write the Date header by the sandbox's own clock."""
        return super().date_time_string(
            self.server.sandbox.store.now().timestamp() if timestamp is None else timestamp
        )

    def log_message(self, format: str, *args: Any) -> None:
        log.debug(format, *args)
