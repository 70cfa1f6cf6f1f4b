"""Keep the children running, restart those that crash, and stop all of them in order."""

import signal
from collections.abc import Callable
from pathlib import Path
from time import monotonic, sleep

from config.supervisor.log_files import Warnings, keep_small
from config.supervisor.plan import STOP_ORDER
from config.supervisor.processes import Child, Sweeper

LOOK_SECONDS = 0.2
KEEP_SMALL_SECONDS = 60.0


class Supervisor:
    """The parent of all processes of one installation."""

    def __init__(self, data_dir: Path, children: list[Child], say: Callable[[str], None]) -> None:
        self.children = {child.name: child for child in children}
        # Not an Event: its lock may be held by the very code that a signal interrupts, which would wait for itself.
        self.stopping = False
        self._say = say
        self._sweeper = Sweeper()
        self._warnings = Warnings(data_dir / "logs" / "headend.log")
        self._log_paths = [child.log_path for child in children]
        self._keep_small_at = 0.0
        self._impatient = False

    def heed_signals(self) -> None:
        """Stop on Ctrl-C, SIGTERM and SIGHUP; a second one kills at once."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, *_: object) -> None:
        self._impatient = self.stopping
        self.stopping = True

    def wait(self, seconds: float) -> bool:
        """Wait a little, and say whether to stop."""
        sleep(seconds)
        return self.stopping

    def start(self, name: str) -> None:
        """Start one child."""
        self.children[name].start(self._sweeper)

    def start_all(self) -> None:
        """Start every child that does not run yet, in order."""
        for child in self.children.values():
            if child.process is None and not self.stopping:
                child.start(self._sweeper)

    def look_after(self) -> None:
        """Look once: bury what has died, start it again when its time has come, pass on warnings."""
        for child in self.children.values():
            if ending := child.bury(self._sweeper):
                delay = child.plan_restart()
                self._say(f"{child.name} {ending}; it is started again in {delay:g} s (see {child.log_path})")
            if child.start_again_at is not None and monotonic() >= child.start_again_at:
                child.start(self._sweeper)
                self._say(f"{child.name} started again (process {child.pid})")
        for line in self._warnings.new_lines():
            self._say(line)
        if monotonic() >= self._keep_small_at:
            keep_small(self._log_paths)
            self._keep_small_at = monotonic() + KEEP_SMALL_SECONDS

    def run(self, until: Callable[[], bool] = lambda: False) -> None:
        """Look after the children until told to stop, or until the condition holds."""
        while not self.stopping and not until():
            self.look_after()
            sleep(LOOK_SECONDS)

    def run_once(self, child: Child) -> str | None:
        """Run a command to its end beside the children, and return how it ended; None if told to stop first."""
        child.start(self._sweeper)
        ending: str | None = None
        while not self.stopping:
            if ending := child.bury(self._sweeper):
                return ending
            self.look_after()
            sleep(LOOK_SECONDS)
        child.kill()
        child.bury(self._sweeper)
        return None

    def stop_all(self) -> None:
        """End all children in order: ask first, and kill what has not ended in its time."""
        self.stopping = True
        for names, patience_seconds in STOP_ORDER:
            group = [child for name in names if (child := self.children.get(name)) and child.process]
            for child in group:
                child.signal(signal.SIGTERM)
            deadline = monotonic() + patience_seconds
            while group and monotonic() < deadline and not self._impatient:
                group = [child for child in group if not child.bury(self._sweeper)]
                sleep(0.02)
            for child in group:
                self._say(f"{child.name} did not end in time and is killed; its jobs are picked up again")
                child.kill()
                child.bury(self._sweeper)
        self._sweeper.close()
