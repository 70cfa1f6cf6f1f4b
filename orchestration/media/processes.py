"""Run ffmpeg as a child that cannot outlive us: watched, cancellable, polite to the machine.

The child is started in a session of its own, so that the terminal's Ctrl-C reaches only Headend,
which then ends it in an orderly way, with whatever the child has started. On Linux the kernel kills
it when our process dies, by PR_SET_PDEATHSIG (prctl(2)); that is tied to the thread that started the
child, which here waits for it to the end.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from .errors import Cancelled, StorageFull, TranscodeFailed

LOOK_EVERY_SECONDS = 0.2
STALLED_AFTER_SECONDS = 600.0
TAIL_BYTES = 16 * 1024
NICE = 10

_PR_SET_PDEATHSIG = 1
# Loaded here and not between fork and exec, where taking a lock could hang a threaded process.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def run_ffmpeg(
    ffmpeg: str,
    arguments: list[str],
    *,
    cancelled: Callable[[], bool],
    on_position: Callable[[float], None] | None = None,
) -> str:
    """Run ffmpeg to its end and return the end of what it said.

    `on_position` gets the position in the output in seconds, whenever ffmpeg tells it. `cancelled` is
    asked in the caller's thread, a few times a second.

    Raises: Cancelled; StorageFull; TranscodeFailed, also when nothing moved for ten minutes.
    """
    command = [ffmpeg, "-hide_banner", "-nostdin", "-nostats", "-y", "-progress", "pipe:1", *arguments]
    with _child(command) as child:
        tail = _watch(child, cancelled, on_position)
        code = child.wait()
    said = tail.decode("utf-8", errors="replace")
    if code != 0:
        raise _failure(code, said)
    return said


@contextlib.contextmanager
def _child(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_before_exec(os.getpid()) if os.name == "posix" else None,
    )
    try:
        yield child
    finally:
        # Whatever left the block early (cancel, an error of the caller's): the child goes with it.
        if child.poll() is None:
            _kill(child)
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()


def _before_exec(parent_id: int) -> Callable[[], None]:
    def prepare() -> None:
        with contextlib.suppress(OSError):
            os.nice(NICE)
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() != parent_id:  # it died before the kernel was told
                os._exit(1)

    return prepare


def _kill(child: subprocess.Popen[bytes]) -> None:
    try:
        if os.name == "posix":
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
    except ProcessLookupError:
        pass
    child.wait()


def _watch(
    child: subprocess.Popen[bytes],
    cancelled: Callable[[], bool],
    on_position: Callable[[float], None] | None,
) -> bytes:
    """Read both of the child's outputs until they end; returns the last of what it said on stderr."""
    tail, line = b"", b""
    look_at = moved_at = time.monotonic()
    position = -1.0
    with selectors.DefaultSelector() as selector:
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select(LOOK_EVERY_SECONDS):
                data = os.read(key.fd, 65536)
                if not data:
                    selector.unregister(key.fileobj)
                elif key.fileobj is child.stderr:
                    tail = (tail + data)[-TAIL_BYTES:]
                else:
                    *lines, line = (line + data).split(b"\n")
                    positions = [seconds for text in lines if (seconds := _position(text)) is not None]
                    if positions and positions[-1] > position:
                        position, moved_at = positions[-1], time.monotonic()
                        if on_position is not None:
                            on_position(position)
            now = time.monotonic()
            if now >= look_at:
                look_at = now + LOOK_EVERY_SECONDS
                if cancelled():
                    raise Cancelled("Cancelled while ffmpeg was working.")
                if now - moved_at > STALLED_AFTER_SECONDS:
                    raise TranscodeFailed(
                        "ffmpeg made no progress for ten minutes.",
                        detail=tail.decode("utf-8", "replace"),
                        again="again",
                    )
    return tail


def _position(line: bytes) -> float | None:
    """Read the position in seconds out of one line of `-progress`; before the first frame it is N/A."""
    name, _, value = line.strip().partition(b"=")
    if name != b"out_time_us":
        return None
    try:
        return int(value) / 1_000_000
    except ValueError:
        return None


def _failure(code: int, said: str) -> Exception:
    last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "it said nothing")
    if "No space left on device" in said:
        return StorageFull("The disk is full: ffmpeg could not write its result.")
    if code < 0:
        # A signal is the machine's doing (memory, a shutdown), not the file's.
        return TranscodeFailed(f"ffmpeg was ended by signal {-code}.", detail=said, again="again")
    return TranscodeFailed(f"ffmpeg ended with code {code}: {last}", detail=said)


def local(path: Path) -> str:
    """Write a path so that ffmpeg takes it for a file, whatever characters are in it."""
    return f"file:{path.absolute()}"
