"""Start and end child processes so that none is ever left behind."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import BinaryIO, cast

from config import private
from config.supervisor import forks

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

RESTART_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
STEADY_SECONDS = 60.0


def die_with_parent(expected_parent: int | None = None) -> None:
    """Ask Linux to kill this process when its parent dies; elsewhere the sweeper alone does that.

    The parent may have died before the request was made, hence the look at who it is now.
    """
    if _libc is not None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if expected_parent is not None and os.getppid() != expected_parent:
        os._exit(1)


class Sweeper:
    """A small process that kills the children's process groups when this one dies, however it dies.

    PR_SET_PDEATHSIG reaches the children only; ffmpeg and pool processes are their children.
    """

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-E", "-s", str(Path(__file__).with_name("sweeper.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={"PATH": os.environ.get("PATH", "")},
        )
        self._input = cast(BinaryIO, self._process.stdin)  # a pipe
        # A fork that held the pipe would keep its end from the sweeper.
        os.register_at_fork(after_in_child=self._input.close)

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    def watch(self, group: int) -> None:
        """Kill this process group when the supervisor dies."""
        self._say(f"+{group}")

    def unwatch(self, group: int) -> None:
        """Leave this process group alone; it has ended."""
        self._say(f"-{group}")

    def close(self) -> None:
        """End the sweeper; it kills what is still watched."""
        with contextlib.suppress(OSError):
            self._input.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=2)

    def _say(self, line: str) -> None:
        # Without a sweeper Headend runs on; it is the second of two safety nets.
        with contextlib.suppress(OSError):
            self._input.write(f"{line}\n".encode())
            self._input.flush()


@dataclass(slots=True)
class Child:
    """One supervised process: how it is started, and what became of it."""

    name: str
    arguments: list[str]
    log_path: Path
    environment: Mapping[str, str]
    folder: Path
    shares: bool = False
    """Whether it is `python -m` something and may be a fork of this process, which then has loaded it (`forks.load`)."""
    process: subprocess.Popen[bytes] | forks.Forked | None = None
    started_at: float = 0.0
    start_again_at: float | None = None
    failures: int = field(default=0)

    @property
    def pid(self) -> int | None:
        """Return the process id while it runs."""
        return self.process.pid if self.process else None

    def start(self, sweeper: Sweeper) -> None:
        """Start the process in a session of its own, so that the terminal's Ctrl-C does not reach it."""
        parent = os.getpid()
        private.folder(self.log_path.parent)
        with self.log_path.open("ab") as log:
            self.process = _spawn(self, log, parent)
        sweeper.watch(self.process.pid)
        self.started_at = monotonic()
        self.start_again_at = None

    def signal(self, number: int) -> None:
        """Send a signal to the process if it still runs."""
        if self.process and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.send_signal(number)

    def bury(self, sweeper: Sweeper) -> str | None:
        """Return how the process ended, after killing what it left behind; None while it runs."""
        if self.process is None:
            return None
        code = self.process.poll()
        if code is None:
            return None
        kill_group(self.process.pid)
        sweeper.unwatch(self.process.pid)
        self.process = None
        return describe_end(code)

    def kill(self) -> None:
        """Kill the process and everything it started, and wait until it is gone."""
        if self.process is None:
            return
        kill_group(self.process.pid)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=2)

    def plan_restart(self) -> float:
        """Decide when to start again, and return the seconds until then: longer after each quick failure."""
        if monotonic() - self.started_at >= STEADY_SECONDS:
            self.failures = 0
        delay = RESTART_SECONDS[min(self.failures, len(RESTART_SECONDS) - 1)]
        self.failures += 1
        self.start_again_at = monotonic() + delay
        return delay


def _spawn(child: Child, log: BinaryIO, parent: int) -> subprocess.Popen[bytes] | forks.Forked:
    if child.shares:
        _, _, module, *arguments = child.arguments
        return forks.fork(
            child.name, module, arguments, log, child.folder, at_first=lambda: die_with_parent(parent)
        )
    return subprocess.Popen(
        child.arguments,
        cwd=child.folder,
        env=dict(child.environment),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        # Safe, for the supervisor has one thread; and the death signal is tied to the thread that forks.
        preexec_fn=lambda: die_with_parent(parent),
    )


def kill_group(group: int) -> None:
    """Kill every process of the group; nothing happens if there is none."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def describe_end(code: int) -> str:
    """Return in words how a process ended."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
