"""Start processes of ours as forks of one that has loaded everything, so that they share its memory.

Each Python process that loads Headend takes 130 to 160 MB for code that is the same in all of them. A fork shares those
pages with the process that it came from until one of them writes to a page. Linux only: elsewhere a process that was forked
and goes on without another program may not call what the system's own libraries offer.
"""

import ctypes
import gc
import logging
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from time import monotonic, sleep
from typing import BinaryIO, NoReturn

CAN_FORK = sys.platform == "linux"
HEEDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SHARED = (
    "celery.bin.celery",
    "celery.bin.beat",
    "celery.bin.worker",
    "celery.apps.beat",
    "celery.apps.worker",
    "celery.concurrency.prefork",
    "celery.concurrency.thread",
    "granian.cli",
    "granian.server",
    "kombu.transport.redis",
    "config.beat",
    "config.celery",
    "config.urls",
    "config.wsgi",
    "orchestration.tasks",
    "orchestration.engine.worker",
    "orchestration.media.measure",
    "orchestration.media.scrape",
)
"""What web, workers and beat load in any case; each loads what it needs beyond that itself."""
_PR_SET_NAME = 15
_LONGEST_NAME = 15
_ASK_SECONDS = 0.02


def load() -> None:
    """Load what the forks share, and keep the collector off it: it would write to every page that it looks at."""
    for name in SHARED:
        import_module(name)
    gc.collect()
    gc.freeze()


class Forked:
    """A process that was forked, with what `subprocess.Popen` has of one that was started."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return how it ended, as `Popen.poll` does: a signal as its negative number; None while it runs."""
        if self.returncode is None:
            found, status = os.waitpid(self.pid, os.WNOHANG)
            if found:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait until it has ended, and return how. Raises: subprocess.TimeoutExpired, after so many seconds."""
        deadline = monotonic() + timeout
        while (code := self.poll()) is None:
            if monotonic() >= deadline:
                raise subprocess.TimeoutExpired([str(self.pid)], timeout)
            sleep(_ASK_SECONDS)
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)


def fork(
    name: str,
    module: str,
    arguments: Sequence[str],
    log: BinaryIO,
    folder: Path,
    at_first: Callable[[], None],
) -> Forked:
    """Run a module in a fork of this process, as `python -m` does, in a session of its own; its output goes to `log`.

    `at_first` is called in the fork. The system shows the process as headend-NAME (`ps -C`, `pgrep`, `top`); its command
    line is that of this one.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    # A signal between the fork and the new handlers would be told to the parent's, and be lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, HEEDED)
    try:
        pid = os.fork()
        if not pid:
            _be(name, module, arguments, log, folder, at_first)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEEDED)
    return Forked(pid)


def _be(
    name: str,
    module: str,
    arguments: Sequence[str],
    log: BinaryIO,
    folder: Path,
    at_first: Callable[[], None],
) -> NoReturn:
    """Become the module; nothing that stands on the parent's stack may be gone back to."""
    code = 1
    try:
        at_first()
        os.setsid()
        _show_as(f"headend-{name}")
        _take_over_streams(log)
        os.chdir(folder)
        for number in HEEDED:
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEEDED)
        _forget_who_we_were()
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            print(ended.code, file=sys.stderr)
    except KeyboardInterrupt:
        code = 128 + signal.SIGINT
    except BaseException:
        logging.getLogger("headend").exception("%s ended", name)
    finally:
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _show_as(name: str) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_NAME, name.encode()[:_LONGEST_NAME], 0, 0, 0)


def _take_over_streams(log: BinaryIO) -> None:
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, write_through=True)  # type: ignore[union-attr]


def _forget_who_we_were() -> None:
    """Let nothing that the parent knew of itself pass for this process: its connections, its actor, when it began."""
    from django.db import connections
    from django.utils import timezone

    from orchestration.core import audit, heartbeats

    connections.close_all()  # there are none; one that was left would be the parent's, too
    audit.this_process_acts_as(None)
    heartbeats.PROCESS_SINCE = timezone.now()
