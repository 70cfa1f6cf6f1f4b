"""Replay the publications of many channels at speed, or let all be due at one instant, and watch what it does and takes.

    .venv/bin/python tests/drills/replay.py --channels 1000 --publications 3000 --seconds 1200  # a day's, in less
    .venv/bin/python tests/drills/replay.py --channels 1000 --at-once                             # armed: YouTube does it
    .venv/bin/python tests/drills/replay.py --channels 1000 --at-once --arm 0                     # we flip them

Real processes on PostgreSQL and Redis (way B of docs/deployment.md), a sandbox that keeps the ledger, and nothing that goes
wrong. The clock is the machine's: at speed means that more is due in each minute than in service, so each publication goes
the whole way (staged, uploaded, armed or flipped, read back). Memory is taken every half minute, by process (PSS); what it
grew by is told from the first and the last third of the run. At the end all invariants are checked.
"""

import argparse
import statistics
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from channels.sandbox.ledger import count, read_lines, share_of
from tests.drills.chaos import moments
from tests.drills.chaos_parts.world import Options, World, until
from tests.drills.idle import held_megabytes, processes, spent_seconds

SAMPLE_SECONDS = 30
A_DAY = 86_400


class Samples:
    """Memory and processor time by part, taken again and again."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.taken: list[dict[str, float]] = []
        self.spent = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._take, daemon=True)

    def start(self) -> None:
        """Begin, with processor time counted from here."""
        self._before = self._spent()
        self._thread.start()

    def end(self) -> None:
        """Take no more."""
        self._over.set()
        self._thread.join()
        self.spent = self._spent() - self._before

    def _spent(self) -> float:
        return sum(spent_seconds(processes(each.pid)) for each in self._world.running.values())

    def _take(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            sizes = {
                name: held_megabytes(processes(each.pid))[1] for name, each in self._world.running.items()
            }
            self.taken.append(sizes)

    def say(self) -> None:
        """Print for each part what it held in the first and in the last third."""
        third = len(self.taken) // 3
        if not third:
            return
        for name in (*self.taken[0], "all"):
            held = [sum(sizes.values()) if name == "all" else sizes[name] for sizes in self.taken]
            first, last = statistics.median(held[third : 2 * third]), statistics.median(held[-third:])
            print(
                f"  memory of {name:12} begin {held[0]:4.0f}, second third {first:4.0f}, last third {last:4.0f} MB (PSS)"
            )


def order(world: World, do: str, **values: Any) -> dict[str, Any]:
    answer = world.order(do, **values)
    if "error" in answer:
        raise SystemExit(f"{do}: {answer['error']}")
    return answer


def main() -> int:
    """Run it, and say what happened; the exit code is 1 where a promise was broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="postgres")
    parser.add_argument("--broker", choices=["embedded", "redis"], default="redis")
    parser.add_argument("--channels", type=int, default=1000)
    parser.add_argument("--publications", type=int, help="as many as there are channels, if not given")
    parser.add_argument("--seconds", type=float, default=1200, help="over which they are spread")
    parser.add_argument("--at-once", action="store_true", help="all are due in the same second")
    parser.add_argument(
        "--arm", type=int, default=60, help="seconds before its moment that one is armed; 0: not at all"
    )
    parser.add_argument("--lead", type=int, default=90, help="seconds before its moment that one is staged")
    parser.add_argument("--settle", type=float, default=300, help="seconds after the last moment")
    options = parser.parse_args()
    number = options.publications or options.channels
    seconds = 0.0 if options.at_once else options.seconds
    world = World(Options(options.engine, options.broker, options.channels, 0, options.arm))
    samples = Samples(world)
    try:
        world.begin()
        order(world, "make", channels=options.channels, github=0)
        world.start()
        begin = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=options.lead + 30)
        order(
            world, "plan", moments=moments(number, begin, seconds), first=0, lead_seconds=options.lead,
            plan_file=str(world.plan),
        )  # fmt: skip
        samples.start()
        wait = (begin - datetime.now(UTC)).total_seconds() + seconds
        time.sleep(max(0.0, wait))

        def is_over() -> bool:
            now = order(world, "standing")
            return not now["open"] and not now["ahead"] and not now["busy"]

        until(is_over, options.settle, "everything has settled")
        took = (datetime.now(UTC) - begin).total_seconds()
        samples.end()
        ends = order(world, "ends")
        counted = count(read_lines(world.ledger), list(read_lines(world.plan)))
        late = sorted(counted.lateness_seconds.values())
        print(
            f"{number} publications on {options.channels} channels, {world.restarts} restarts, over after {took:.0f} s"
        )
        if seconds:
            pace = number / seconds * A_DAY
            print(f"  a pace of {pace:.0f} a day, {pace / 10_000:.0f} times 10,000")
        p50, p99 = share_of(late, 0.5), share_of(late, 0.99)
        print(f"  public {len(late)}, late p50 {p50:.2f} s, p99 {p99:.2f} s, max {late[-1]:.2f} s")
        print(f"  processor {samples.spent:.0f} s: {1000 * samples.spent / number:.0f} ms for each")
        samples.say()
        print(f"  invariants: {ends['invariants']} checks, {len(ends['broken'])} broken")
        print(f"  not published: {len(ends['not_published'])}")
        for sentence in ends["broken"][:20]:
            print(f"  broken: {sentence}")
        return int(bool(counted.broken or ends["broken"] or len(late) != number))
    finally:
        world.end()


if __name__ == "__main__":
    sys.exit(main())
