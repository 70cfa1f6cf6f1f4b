"""What a drill does to its world, at random from a seed. Each fault ends by itself; `clear` ends what is under way."""

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence

from orchestration.core.failpoints import NAMES
from tests.drills.chaos_parts.world import World, call

CALLS = (
    ("POST", r"/upload/youtube/v3/videos"),
    ("PUT", r"/upload/youtube/v3/videos"),
    ("PUT", r"/upload/youtube/v3/videos"),
    ("PUT", r"/youtube/youtube/v3/videos"),
    ("PUT", r"/youtube/youtube/v3/videos"),
    ("GET", r"/youtube/youtube/v3/videos"),
    ("GET", r"/youtube/youtube/v3/playlistItems"),
    ("GET", r"/youtube/youtube/v3/channels"),
    ("POST", r"/oauth/token"),
    ("POST", r"/dispatches$"),
    ("GET", r"/github/repos/[^/]+/[^/]+$"),
    ("GET", r"/github/.*/runs"),
)
"""The calls of the protocol, those that change something more often."""
WEIGHTS = {
    "sandbox": 50,
    "kill": 18,
    "failpoint": 14,
    "cut_connections": 4,
    "database": 5,
    "stop": 4,
    "outage": 3,
    "list_lag": 3,
    "slow_processing": 2,
    "flush": 3,
    "clock": 2,
    "disk": 2,
    "restart_database": 4,
    "pooler": 3,
    "broker_cut": 3,
    "link": 8,
}
ONLY_WITH = {
    "restart_database": "cluster",
    "pooler": "bouncer",
    "broker_cut": "rabbitmq",
    "link": "namespace",
}
"""What is done only where the drill has such a server of its own."""
NOT_TRIED = "an exhausted daily quota and a channel's upload cap (they end hours later), processing that fails for good"


class Faults:
    """Inject faults one after the other, and count them by kind."""

    def __init__(
        self, world: World, random_source: random.Random, longest_stop: float, kinds: Sequence[str]
    ) -> None:
        self.world, self.random, self.longest_stop, self.kinds = world, random_source, longest_stop, kinds
        self.count: Counter[str] = Counter()
        self._over = threading.Event()

    def one(self, kind: str = "") -> str:
        """Inject one fault; returns its kind."""
        here = [
            each for each in self.kinds if getattr(self.world, ONLY_WITH.get(each, "sandbox")) is not None
        ]
        kind = kind or self.random.choices(here, [WEIGHTS[each] for each in here])[0]
        told = getattr(self, f"_{kind}")()
        self.count[told] += 1
        return told

    def clear(self) -> None:
        """End everything that is still under way, so that only Headend is left with what came of it."""
        self._over.set()
        # All of them: who was stopped at a failpoint waits for a helper, which may have been killed meanwhile.
        for _, pid in self.world.victims():
            _send(pid, signal.SIGCONT)
        for file in self.world.failpoints.iterdir():
            file.unlink(missing_ok=True)
        self.world.clock.write_text("0")
        call(f"{self.world.sandbox}/sandbox/faults", method="DELETE")
        self._settings(list_lag_seconds=0, processing_seconds=1.0)
        if self.world.namespace is not None:
            self.world.namespace.mend()

    # -- processes ---------------------------------------------------------------------------------------------------

    def _kill(self) -> str:
        name, pid = self.random.choice(self.world.victims())
        _send(pid, signal.SIGKILL)
        return f"SIGKILL {name}"

    def _stop(self) -> str:
        name, pid = self.random.choice(self.world.victims())
        _send(pid, signal.SIGSTOP)
        self._later(self.random.uniform(3, self.longest_stop), lambda: _send(pid, signal.SIGCONT))
        return f"SIGSTOP {name}"

    def _failpoint(self) -> str:
        name = self.random.choice(NAMES)
        action = self.random.choices(("kill", "lost", "raise", "full", "stop"), (5, 4, 2, 1, 1))[0]
        seconds = f":{self.random.uniform(3, self.longest_stop):.0f}" if action == "stop" else ""
        (self.world.failpoints / name).write_text(action + seconds)
        return f"failpoint {action}"

    # -- what it stands on -------------------------------------------------------------------------------------------

    def _database(self) -> str:
        if self.world.options.engine == "postgres":
            self.world.cut_database(self.random.uniform(0.2, 1))
            return "database sessions ended"
        seconds = self.random.uniform(2, 15)
        self._later(0, lambda: self.world.hold_database(seconds))
        return "database locked"

    def _restart_database(self) -> str:
        mode = self.random.choice(("fast", "immediate"))
        self.world.cluster.restart(mode)
        return f"database restarted, {mode}"

    def _pooler(self) -> str:
        self.world.bouncer.restart()
        return "PgBouncer killed"

    def _link(self) -> str:
        self.world.namespace.cut()
        self._later(self.random.uniform(3, self.longest_stop), self.world.namespace.mend)
        return "link to the other machine cut"

    def _broker_cut(self) -> str:
        self._later(0, self.world.rabbitmq.cut)
        return "broker's connections closed"

    def _flush(self) -> str:
        self.world.flush_broker()
        return "broker flushed"

    def _disk(self) -> str:
        if not self.world.on_tmpfs:
            (self.world.failpoints / "upload.recorded").write_text("full")
            return "failpoint full"
        seconds = self.random.uniform(2, 8)
        self._later(0, lambda: self.world.fill_disk(seconds))
        return "disk full"

    def _clock(self) -> str:
        step = self.random.choice((-300, 300))
        self.world.clock.write_text(str(step))
        self._later(self.random.uniform(10, 40), lambda: self.world.clock.write_text("0"))
        return f"clock {step:+d} s"

    # -- the sandbox -------------------------------------------------------------------------------------------------

    def _sandbox(self) -> str:
        method, path = self.random.choice(CALLS)
        kind = self.random.choice(
            (
                "status_before", "status_after", "timeout_before", "timeout_after", "slow", "cut",
                "truncated", "html_before", "html_after", "rate_limit",
            )
        )  # fmt: skip
        fault = {
            "match": {"method": method, "path": path},
            "kind": kind,
            "times": self.random.randint(1, 4),
            "status": self.random.choice((500, 502, 503)),
            "hold_seconds": self.random.uniform(1, 6),
            "delay_seconds": self.random.uniform(1, 6),
            "after_bytes": self.random.choice((0, 300, 5_000, 400_000)),
            "retry_after_seconds": self.random.randint(1, 5),
        }
        call(f"{self.world.sandbox}/sandbox/faults", fault)
        return f"sandbox {kind}"

    def _outage(self) -> str:
        where = self.random.choice(("/youtube/", "/github/", "/oauth/", ""))
        kind = self.random.choice(("status_before", "timeout_before", "html_before"))
        fault = {"match": {"path": where}, "kind": kind, "times": None, "status": 503, "hold_seconds": 2}
        made = call(f"{self.world.sandbox}/sandbox/faults", fault) or {}
        self._later(
            self.random.uniform(5, 40),
            lambda: call(f"{self.world.sandbox}/sandbox/faults/{made.get('id')}", method="DELETE"),
        )
        return f"outage of {where or 'everything'}"

    def _cut_connections(self) -> str:
        call(f"{self.world.sandbox}/sandbox/drop-connections", {})
        return "connections cut"

    def _list_lag(self) -> str:
        self._settings(list_lag_seconds=self.random.uniform(5, 45))
        self._later(self.random.uniform(10, 60), lambda: self._settings(list_lag_seconds=0))
        return "list of uploads lags"

    def _slow_processing(self) -> str:
        self._settings(processing_seconds=self.random.uniform(5, 30))
        self._later(self.random.uniform(10, 60), lambda: self._settings(processing_seconds=1.0))
        return "processing is slow"

    def _settings(self, **values: float) -> None:
        call(f"{self.world.sandbox}/sandbox/youtube/settings", values)

    # -- later -------------------------------------------------------------------------------------------------------

    def _later(self, seconds: float, work: Callable[[], object]) -> None:
        """Do something after a while, at the latest when the faults are over."""

        def wait_and_work() -> None:
            self._over.wait(seconds)
            with contextlib.suppress(Exception):
                work()

        threading.Thread(target=wait_and_work, daemon=True).start()


def _send(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def inject(faults: Faults, number: int, seconds: float, say: Callable[[str], None]) -> None:
    """Spread faults over a time."""
    began = time.monotonic()
    for done in range(number):
        due = began + seconds * (done + faults.random.random()) / number
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            told = faults.one()
        except Exception as error:  # the server it needed may be away just now
            told = f"could not be injected: {error}"
        say(f"{done + 1:4d} {told}")
