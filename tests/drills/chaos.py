"""Publish in earnest while everything fails, and count at the sandbox what went public twice, early, late or never.

    .venv/bin/python tests/drills/chaos.py --engine sqlite                      # two minutes, embedded broker
    .venv/bin/python tests/drills/chaos.py --engine postgres --broker redis --publications 1000 --seconds 1800 --faults 400

Real processes: with the embedded broker `manage.py up`, with Redis the four of way B (docs/deployment.md), started again two
seconds after their death. First publications without a fault (--baseline), then with faults at random from --seed: processes
killed and stopped, connections and database sessions cut, the broker flushed, the disk full, the clock stepped by five
minutes, failpoints, every fault that the sandbox knows, and (--restores) the database put back from a backup made before.

The sandbox keeps the ledger, in a process that nobody kills. Exit code 1 where something was public twice or early, was
uploaded twice, ended silently, or did not end. What ended with a person, and how late, is printed and judges nothing.
"""

import argparse
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from channels.sandbox.ledger import Count, count, read_lines, share_of
from tests.drills.chaos_parts.faults import NOT_TRIED, WEIGHTS, Faults, inject
from tests.drills.chaos_parts.world import Options, World, until

BEGAN = time.monotonic()


def say(line: str) -> None:
    print(f"{time.monotonic() - BEGAN:7.1f} {line}", flush=True)


def moments(number: int, begin: datetime, seconds: float) -> list[str]:
    """Spread moments evenly, in whole seconds."""
    step = seconds / max(number, 1)
    return [(begin + timedelta(seconds=round(step * each))).isoformat() for each in range(number)]


class Drill:
    """One run: baseline, chaos, settling, counting."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.random = random.Random(options.seed)
        self.world = World(
            Options(
                options.engine,
                options.broker,
                options.channels,
                options.github,
                int(min(900, max(5, options.lead * 0.4))),
                pgbouncer=options.pgbouncer,
                own_cluster=options.restart_database or options.far,
                far=options.far,
                web=options.web,
                workers=options.workers,
                beats=options.beats,
            )
        )
        self.faults = self._faults()
        self.planned = 0
        self.restores = 0
        self.settled = False

    def run(self) -> int:
        """Run it all; returns the exit code."""
        world, options = self.world, self.options
        try:
            world.begin()
            self._ask("make", channels=options.channels, github=options.github)
            world.start()
            say(
                f"{options.engine}, {', '.join(world.names())}; data folder on {'tmpfs' if world.on_tmpfs else 'disk'}"
            )
            until(lambda: self._ask("standing")["busy"] == 0, 120, "the repositories are written")
            if options.baseline:
                self._plan(options.baseline, options.baseline_seconds)
                self._settle(options.baseline_seconds + options.lead + 180)
                say(f"baseline of {options.baseline} is over: {self._ask('standing')['states']}")
            first = self._plan(options.publications, options.seconds)
            time.sleep(max(0.0, (first - datetime.now(UTC)).total_seconds() - options.lead))
            self._chaos()
            self.faults.clear()
            say("faults are over; everything settles")
            self.settled = self._settle(options.settle)
            ends = self._ask("ends")
            world.forget_scene()
            world.stop(killing=False)
            time.sleep(1)
            ends["left behind"] = len(world.left_behind())
            return self._report(ends)
        finally:
            self.faults.clear()
            world.end(keep=options.keep)
            if options.keep:
                say(f"kept: {world.folder}")

    def _ask(self, do: str, **values: Any) -> dict[str, Any]:
        """Order something of the scene, patiently: its database may be away just now."""
        answer: dict[str, Any] = {}
        for _ in range(20):
            answer = self.world.order(do, **values)
            if "error" not in answer:
                return answer
            time.sleep(1)
        raise SystemExit(f"{do}: {answer['error']}")

    def _plan(self, number: int, seconds: float) -> datetime:
        begin = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=self.options.lead + 3)
        wanted = moments(number, begin, seconds)
        self._ask(
            "plan", moments=wanted, first=self.planned, lead_seconds=self.options.lead,
            plan_file=str(self.world.plan),
        )  # fmt: skip
        self.planned += number
        return begin

    def _chaos(self) -> None:
        """Inject the faults; with restores, in so many parts with a restore after each."""
        if self.options.roll:
            self.world.roll(say)
        parts = self.options.restores + 1
        number, seconds = self.options.faults, self.options.seconds
        for part in range(parts):
            backup = None
            mine = number // parts + (number % parts if part == parts - 1 else 0)
            if part < parts - 1:
                inject(self.faults, mine // 2, seconds / parts / 2, say)
                backup = self._back_up()
                inject(self.faults, mine - mine // 2, seconds / parts / 2, say)
                self._restore(backup)
            else:
                inject(self.faults, mine, seconds / parts, say)

    def _back_up(self) -> Path | None:
        for _ in range(5):
            try:
                backup = self.world.back_up()
                say("backed up")
                return backup
            except Exception as error:
                say(f"the backup failed, tried again: {error}")
                time.sleep(3)
        return None

    def _restore(self, backup: Path | None) -> None:
        """Put the old database in the place of the new one, as docs/backup.md says, and resume as a person does."""
        if backup is None:
            return
        world = self.world
        self.faults.clear()
        world.stop()
        world.put_back(backup)
        if self.options.forget_installation:
            (world.data / "keys" / "installation_id").unlink(missing_ok=True)
        self.faults = self._anew()
        world.start()
        was = until(self._is_paused_or_late, 60, "the restored installation has looked at itself")
        say(f"restored; the system is {was}")
        self._ask("resume")
        self.restores += 1

    def _faults(self) -> Faults:
        kinds = self.options.kinds.split(",") if self.options.kinds else list(WEIGHTS)
        return Faults(self.world, self.random, self.options.longest_stop, kinds)

    def _anew(self) -> Faults:
        faults = self._faults()
        faults.count = self.faults.count
        return faults

    def _is_paused_or_late(self) -> str:
        """Return the state of the system, once it has had time to pause itself."""
        self._looked = getattr(self, "_looked", 0) + 1
        state = self._ask("standing")["system"]
        if state == "paused" or self._looked > 20:
            self._looked = 0
            return state
        return ""

    def _settle(self, seconds: float) -> bool:
        """Wait until nothing is open that is due, nothing is ahead and no job of a publication is under way."""

        def is_over() -> bool:
            now = self._ask("standing")
            self._say_now_and_then(now)
            return not now["open"] and not now["ahead"] and not now["busy"]

        try:
            until(is_over, seconds, "everything has settled")
        except TimeoutError:
            say(f"NOT SETTLED after {seconds:.0f} s: {self._ask('standing')}")
            return False
        return True

    def _say_now_and_then(self, now: dict[str, Any]) -> None:
        if time.monotonic() - getattr(self, "_said", 0) > 20:
            self._said = time.monotonic()
            say(f"{now['states']}, jobs {now['jobs']}")

    # -- counting ----------------------------------------------------------------------------------------------------

    def _report(self, ends: dict[str, Any]) -> int:
        plan = list(read_lines(self.world.plan))
        counted = count(read_lines(self.world.ledger), plan)
        baseline = {(line["channel"], line["title"]) for line in plan[: self.options.baseline]}
        not_public = set(counted.never_public)
        by_name = {(each["channel"], each["title"]): each for each in ends["not_published"]}
        lost = [
            key for key in not_public if by_name.get(key, {}).get("state", "published") in OPEN_OR_PUBLISHED
        ]
        person = [each for key, each in by_name.items() if each["state"] not in OPEN_OR_PUBLISHED]
        figures = {
            "engine": self.options.engine,
            "broker": self.options.broker,
            "through PgBouncer": self.options.pgbouncer,
            "workers on another machine": self.options.far,
            "web, workers, beats": (self.options.web, self.options.workers, self.options.beats),
            "seed": self.options.seed,
            "publications": len(plan),
            "of them by GitHub": sum(
                int(line["channel"].rpartition("-")[2]) < self.options.github for line in plan
            ),
            "faults": sum(self.faults.count.values()),
            "restores": self.restores,
            "rolled to a newer version": self.options.roll,
            "process restarts": self.world.restarts,
            "uploads": sum(story.uploads for story in counted.stories.values()),
            "uploaded twice": len(counted.doubled_uploads),
            "public": len(plan) - len(not_public),
            "public twice": len(counted.public_twice),
            "public and taken back": len(counted.touched_public),
            "early": len(counted.early),
            "lost silently": len(lost),
            "ended with a person": len(person),
            "GitHub runs": sum(counted.runs.values()),
            "most permits of one job": max(counted.permits.values(), default=0),
            "invariants": f"{ends['invariants']} checks, {len(ends['broken'])} broken",
            "settled": self.settled,
            "processes left behind": ends["left behind"],
            "lateness fault-free": self._lateness(counted, baseline),
            "lateness beside the chaos": self._lateness(counted, set(counted.lateness_seconds) - baseline),
        }
        print("\nwhat happened")
        for name, value in figures.items():
            print(f"  {name:28} {value}")
        print("\nfaults by kind (not tried: " + NOT_TRIED + ")")
        for kind, times in sorted(self.faults.count.items()):
            print(f"  {times:5d}  {kind}")
        self._say_what_is_wrong(counted, person, lost, ends["broken"])
        if self.options.json:
            whole = {
                **figures,
                "faults by kind": self.faults.count,
                "person": person,
                "broken": ends["broken"],
            }
            Path(self.options.json).write_text(json.dumps(whole, indent=1, default=str) + "\n")
        wrong = counted.broken or counted.touched_public or lost or not self.settled
        print(f"\n{'FAILED' if wrong else 'ok'} ({time.monotonic() - BEGAN:.0f} s)")
        return int(bool(wrong))

    def _lateness(self, counted: Count, keys: set[tuple[str, str]]) -> str:
        values = sorted(counted.lateness_seconds[key] for key in keys if key in counted.lateness_seconds)
        if not values:
            return "-"
        p50, p95 = share_of(values, 0.5), share_of(values, 0.95)
        on_time = sum(value <= 1 for value in values)
        return (
            f"p50 {p50:.1f} s, p95 {p95:.1f} s, max {values[-1]:.1f} s; {on_time} of {len(values)} within 1 s"
        )

    def _say_what_is_wrong(self, counted: Count, person: list[dict], lost: list, broken: list[str]) -> None:
        for name, keys in (
            ("uploaded twice", counted.doubled_uploads),
            ("public twice", counted.public_twice),
            ("public and taken back", counted.touched_public),
            ("early", counted.early),
            ("lost silently", lost),
        ):
            for key in keys[:20]:
                story = counted.stories[key]
                print(
                    f"  {name}: {key} uploads {story.uploads} of {sorted(story.videos)}, public {story.public_flips}"
                )
        why = Counter(f"{each['executor']} {each['state']}: {each['job'][:120]}" for each in person)
        for sentence, times in why.most_common(20):
            print(f"  with a person, {times} x {sentence}")
        for sentence in broken[:20]:
            print(f"  broken: {sentence}")


OPEN_OR_PUBLISHED = ("planned", "staging", "staged", "publishing", "published")


def main() -> int:
    """Run as it was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--engine", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument(
        "--broker",
        choices=["embedded", "redis", "rabbitmq"],
        help="embedded: `up`; else separate processes, and of RabbitMQ a virtual host of the machine's",
    )
    parser.add_argument(
        "--pgbouncer", action="store_true", help="reach PostgreSQL through it, by transaction"
    )
    parser.add_argument(
        "--restart-database", action="store_true", help="use a PostgreSQL of its own, restarted under load"
    )
    parser.add_argument("--web", type=int, default=1, help="so many web servers, behind a balancer")
    parser.add_argument("--workers", type=int, default=1, help="so many workers of each queue")
    parser.add_argument("--beats", type=int, default=1)
    parser.add_argument(
        "--far",
        action="store_true",
        help="workers on another machine: a network namespace, whose link to database and broker is cut; needs root",
    )
    parser.add_argument("--publications", type=int, default=60, help="beside the faults")
    parser.add_argument("--channels", type=int, default=10)
    parser.add_argument("--github", type=int, default=4, help="how many of the channels GitHub stages")
    parser.add_argument("--baseline", type=int, default=10, help="publications before, without a fault")
    parser.add_argument("--baseline-seconds", type=float, default=10)
    parser.add_argument("--seconds", type=float, default=60, help="over which moments and faults are spread")
    parser.add_argument("--faults", type=int, default=30)
    parser.add_argument("--kinds", help=f"only these, between commas, of {', '.join(WEIGHTS)}")
    parser.add_argument("--restores", type=int, default=0)
    parser.add_argument(
        "--roll",
        action="store_true",
        help="first upgrade to a newer version, and restart one part after the other, while it publishes",
    )
    parser.add_argument(
        "--forget-installation", action="store_true", help="restore to another place, not the same"
    )
    parser.add_argument("--lead", type=float, default=30, help="seconds between staging and the moment")
    parser.add_argument("--longest-stop", type=float, default=75, help="of a SIGSTOP; a lease lasts 60 s")
    parser.add_argument(
        "--settle", type=float, default=600, help="seconds that everything may take to settle"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--json", help="file for the figures")
    parser.add_argument("--keep", action="store_true", help="leave the folder with logs and ledger")
    options = parser.parse_args()
    options.broker = options.broker or ("embedded" if options.engine == "sqlite" else "redis")
    if options.far and (options.broker, os.getuid()) != ("redis", 0):
        parser.error("--far needs Redis, and root")
    os.nice(5)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left behind then either
    return Drill(options).run()


if __name__ == "__main__":
    sys.exit(main())
