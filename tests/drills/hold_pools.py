"""Let eight processes take and give back one pool's slots, ten thousand times each, and see that none is ever over.

    DATABASE_URL=postgres://… .venv/bin/python tests/drills/hold_pools.py [--processes 8] [--rounds 10000]

Makes a scratch database beside the named one (as a test run does) and removes it. What is held is counted after each taking,
by whoever took. Ends with exit code 1 if the capacity was ever passed, or a lease is left. The tests do the same with fewer
rounds (`tests/orchestration/test_races.py`).
"""

import argparse
import atexit
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
if "HEADEND_DATA_DIR" not in os.environ:
    os.environ["HEADEND_DATA_DIR"] = tempfile.mkdtemp(prefix="headend-drill-")
    atexit.register(shutil.rmtree, os.environ["HEADEND_DATA_DIR"], ignore_errors=True)
os.environ.setdefault("CELERY_BROKER_URL", "memory://")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.db import connection, connections, transaction
from django.db.models import Sum
from django.test.utils import setup_databases, teardown_databases
from django.utils import timezone

from orchestration.core.audit import Acting, this_process_acts_as
from orchestration.models import Job, Lease, Pool
from orchestration.queue import pools
from orchestration.states import JobKind, JobState

POOL, CAPACITY = "process", 2


def hold(number: int, job_id: int, rounds: int) -> tuple[int, int, int]:
    """Take and give back for one job; return its number, how often it got a slot, and the most that was held then."""
    connections.close_all()  # the parent's, which a fork copies
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")  # locks are what is tried here, not the disk
    job, pool = Job.objects.get(pk=job_id), Pool.objects.get(name=POOL)
    got = most = 0
    for _ in range(rounds):
        with transaction.atomic():
            room = pools.locked_room(timezone.now(), fast=False)
            taken, _ = room.take([job], limit=1)
            room.write(holder=f"process-{number}", lease_seconds=60)
        if taken:
            got += 1
            held = Lease.objects.filter(pool=pool, released_at=None).aggregate(n=Sum("units"))["n"]
            most = max(most, held or 0)
            pools.give_back(job, reason="done", spent=True, now=timezone.now())
    connections.close_all()
    return number, got, most


def drill(processes: int, rounds: int) -> bool:
    """Run all of them at once; say what came of it."""
    pools.ensure_defaults()
    Pool.objects.filter(name=POOL).update(capacity=CAPACITY)
    until = timezone.now() + timedelta(days=1)
    ids = [
        Job.objects.create(
            kind=JobKind.PROCESS,
            state=JobState.RUNNING,
            dedupe_key=f"drill:{n}",
            holder="w",
            lease_expires_at=until,
        ).pk
        for n in range(processes)
    ]
    connections.close_all()
    started = time.monotonic()
    with multiprocessing.get_context("fork").Pool(processes) as workers:
        ended = workers.starmap(hold, [(n, pk, rounds) for n, pk in enumerate(ids)])
    seconds = time.monotonic() - started
    got, most = sum(taken for _, taken, _ in ended), max(seen for _, _, seen in ended)
    left, made = Lease.objects.filter(released_at=None).count(), Lease.objects.count()
    good = most <= CAPACITY and not left and made == got > 0
    print(
        f"{'ok' if good else 'FAILED'}: {processes} processes x {rounds} rounds in {seconds:.0f} s, {got} slots taken and "
        f"{made - left} given back, at most {most} of {CAPACITY} held, {left} left"
    )
    return good


def main() -> int:
    """Make the scratch database, run the drill, remove it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=10_000)
    options = parser.parse_args()
    made = setup_databases(verbosity=0, interactive=False)
    try:
        return 0 if drill(options.processes, options.rounds) else 1
    finally:
        connections.close_all()
        teardown_databases(made, verbosity=0)


if __name__ == "__main__":
    this_process_acts_as(Acting("a drill"))
    sys.exit(main())
