"""Measure what an installation that has nothing to do takes: processor time and memory of all processes of `manage.py up`.

    .venv/bin/python tests/drills/idle.py --seconds 300 --channels 10

Starts one of its own with so many channels, lets it come to rest, and then takes the processor time that its processes
used and the memory that they hold (RSS counts shared pages once for each process, PSS shares them out), twice: does it grow?
"""

import argparse
import os
import shutil
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.drills.chaos_parts.world import Options, World, descendants, until

TICKS = os.sysconf("SC_CLK_TCK")


def processes(root: int) -> list[int]:
    """Return the processes of an installation."""
    return [root, *descendants(root)]


def spent_seconds(pids: list[int]) -> float:
    """Return the processor time that processes, and those of theirs that have ended, used so far."""
    total = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(fields[place]) for place in (11, 12, 13, 14))
    return total / TICKS


def held_megabytes(pids: list[int]) -> tuple[float, float]:
    """Return RSS and PSS of processes, in MB."""
    sums = {"Rss": 0, "Pss": 0}
    for pid in pids:
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            name, _, rest = line.partition(":")
            if name in sums:
                sums[name] += int(rest.split()[0])
    return sums["Rss"] / 1024, sums["Pss"] / 1024


def main() -> int:
    """Measure, and say so."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120, help="for each of the two measurements")
    parser.add_argument("--rest", type=float, default=60, help="seconds before them")
    parser.add_argument("--channels", type=int, default=10)
    options = parser.parse_args()
    world = World(Options("sqlite", "embedded", options.channels, 0, 900))
    shutil.rmtree(world.failpoints)  # as in service: no drill reads anything
    try:
        world.begin()
        world.order("make", channels=options.channels, github=0)
        world.forget_scene()
        world.environment = lambda *, drilled=True, of=world.environment: of(drilled=False)  # type: ignore[method-assign]
        world.start()
        until(world.is_ready, 60, "it is ready")
        time.sleep(options.rest)
        for part in ("first", "second"):
            pids = processes(world.running["up"].pid)
            before, began = spent_seconds(pids), time.monotonic()
            time.sleep(options.seconds)
            used, rss_pss = spent_seconds(pids) - before, held_megabytes(pids)
            share = 100 * used / (time.monotonic() - began)
            print(
                f"{part}: {len(pids)} processes, {share:.1f} % of a core,",
                f"RSS {rss_pss[0]:.0f} MB, PSS {rss_pss[1]:.0f} MB",
                flush=True,
            )
    finally:
        world.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())
