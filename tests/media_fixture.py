"""Make small videos once a run, and a video site on loopback that misbehaves on request."""

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

_SOURCES = {
    "whole": ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=3", "-f", "lavfi", "-i", "sine=440:d=3"],
    "mute": ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=2"],
    "silent": [
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=320x180:r=25:d=2",
        "-f",
        "lavfi",
        "-t",
        "2",
        "-i",
        "anullsrc",
    ],
    "odd": ["-f", "lavfi", "-i", "testsrc2=s=321x181:r=25:d=2", "-f", "lavfi", "-i", "sine=440:d=2"],
    "tall": ["-f", "lavfi", "-i", "testsrc2=s=180x320:r=25:d=2", "-f", "lavfi", "-i", "sine=440:d=2"],
}


@pytest.fixture(scope="session")
def videos(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Small videos by what is special about them; each a path."""
    from orchestration.media import ffmpeg_tool

    folder = tmp_path_factory.mktemp("videos")
    ffmpeg = ffmpeg_tool().path

    def run(*arguments: object) -> None:
        subprocess.run([ffmpeg, "-v", "error", "-y", *map(str, arguments)], check=True, timeout=60)

    made = {}
    for name, source in _SOURCES.items():
        pixels = "yuv444p" if name == "odd" else "yuv420p"
        made[name] = folder / f"{name}.mp4"
        run(
            *source,
            *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", pixels, "-c:a", "aac"),
            *("-movflags", "+faststart", made[name]),
        )
    made["turned"] = folder / "turned.mp4"
    run("-display_rotation", "90", "-i", made["whole"], "-c", "copy", made["turned"])
    for name, transfer in (("pq", "smpte2084"), ("hlg", "arib-std-b67")):
        made[name] = folder / f"{name}.mp4"
        tags = f"setparams=color_trc={transfer}:color_primaries=bt2020:colorspace=bt2020nc:range=tv"
        run(
            *("-i", made["whole"], "-vf", f"format=yuv420p10le,{tags}", "-c:a", "copy"),
            *("-c:v", "libx264", "-preset", "ultrafast", made[name]),
        )
    made["matroska"] = folder / "whole.mkv"
    run("-i", made["whole"], "-c", "copy", made["matroska"])
    made["sound"] = folder / "sound.m4a"
    run("-i", made["whole"], "-vn", "-c", "copy", made["sound"])
    made["stream"] = folder / "hls" / "index.m3u8"
    made["stream"].parent.mkdir()
    run(
        *("-i", made["whole"], "-c:a", "copy", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25"),
        *("-hls_time", "1", "-hls_playlist_type", "vod", made["stream"]),
    )
    made["empty"] = folder / "empty.mp4"
    made["empty"].write_bytes(b"")
    return SimpleNamespace(**made)


@dataclass
class MediaSite:
    """A web server whose pages are set by the test: path -> answer."""

    base: str
    port: int
    server: ThreadingHTTPServer
    answers: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)

    def url(self, path: str) -> str:
        return self.base + path

    def page(self, path: str, text: str, kind: str = "text/html; charset=utf-8", status: int = 200) -> str:
        self.answers[path] = lambda handler: _send(handler, status, {"Content-Type": kind}, text.encode())
        return self.url(path)

    def file(
        self,
        path: str,
        content: bytes,
        kind: str = "video/mp4",
        *,
        etag: str | None = '"one"',
        break_after_bytes: int | None = None,
        breaks: int = 0,
        announce: bool = True,
    ) -> str:
        """Offer a file with ranges; the first `breaks` transfers end after `break_after_bytes`."""
        left = {"breaks": breaks}

        def answer(handler: BaseHTTPRequestHandler) -> None:
            begin, status = 0, 200
            headers = {"Content-Type": kind, "Accept-Ranges": "bytes"}
            if etag:
                headers["ETag"] = etag
            wanted = handler.headers.get("Range")
            if wanted and etag and handler.headers.get("If-Range") in (None, etag):
                begin, status = int(wanted.removeprefix("bytes=").partition("-")[0]), 206
                headers["Content-Range"] = f"bytes {begin}-{len(content) - 1}/{len(content)}"
            body = content[begin:]
            if left["breaks"] and break_after_bytes is not None and handler.command == "GET":
                left["breaks"] -= 1
                _send(handler, status, headers, body, send_only=break_after_bytes)
                return
            _send(handler, status, headers, body, announce=announce)

        self.answers[path] = answer
        return self.url(path)

    def redirect(self, path: str, target: str) -> str:
        self.answers[path] = lambda handler: _send(handler, 302, {"Location": target}, b"")
        return self.url(path)

    def silence(self, path: str, first: bytes = b"", kind: str = "video/mp4") -> str:
        """Announce a large file, send its first bytes, and then nothing until the client goes."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Type", kind)
            handler.send_header("Content-Length", "40000000")
            handler.end_headers()
            handler.wfile.write(first)
            handler.connection.settimeout(30)
            handler.connection.recv(1)

        self.answers[path] = answer
        return self.url(path)


def _send(
    handler: BaseHTTPRequestHandler,
    status: int,
    headers: dict[str, str],
    body: bytes,
    *,
    send_only: int | None = None,
    announce: bool = True,
) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    if announce:
        handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body[:send_only])


@pytest.fixture
def media_site() -> Iterator[MediaSite]:
    """A video site on a free port of loopback, outside the ephemeral range."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.requests.append((self.path, self.headers.get("Range")))
            answer = site.answers.get(self.path.partition("?")[0])
            try:
                if answer is None:
                    _send(self, 404, {"Content-Type": "text/plain"}, b"no such page")
                else:
                    answer(self)
            except (ConnectionError, TimeoutError):
                pass

        do_HEAD = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = _server(Handler)
    port = server.server_address[1]
    site = MediaSite(base=f"http://127.0.0.1:{port}", port=port, server=server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield site
    server.shutdown()
    server.server_close()
    thread.join(5)


class _QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that hang up: here they do so on purpose."""


def _server(handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    start = 24000 + (time.monotonic_ns() // 1000) % 6000
    for port in range(start, 32000):
        try:
            return _QuietServer(("127.0.0.1", port), handler)
        except OSError:
            continue
    raise RuntimeError("no free port between 24000 and 32000")


@pytest.fixture
def dead_port() -> Iterator[int]:
    """A port on which nothing listens, and nobody else can: it is held, and refuses every connection."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def nothing_there(dead_port: int) -> str:
    """The address of a server that is not running."""
    return f"http://127.0.0.1:{dead_port}/video.mp4"
