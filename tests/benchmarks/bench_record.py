"""Measure what it costs that the record is kept from being changed: a wave with and without, the sealer, the check.

    DATABASE_URL=postgres://… python tests/benchmarks/bench_record.py [--entries 100000]

Makes a scratch database beside the named one and removes it. Prints figures; asserts nothing. A wave is committed nine
times with the triggers up and nine times without, by turns. Figures with machine and date are kept in
docs/performance.md.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
from django.conf import settings
from django.db import connection
from django.test.utils import setup_databases, teardown_databases
from django.utils import timezone

import tests.benchmarks.bench_engine as engine  # sets Django up
from orchestration.core import append_only, sealing
from orchestration.core.audit import Acting, this_process_acts_as
from orchestration.models import Activity, SealBlock
from orchestration.monitoring.record_check import verify
from tests import factories

TURNS = 9


@contextmanager
def timed(name: str, items: int) -> Iterator[None]:
    """Print how long a block took."""
    began = time.perf_counter()
    yield
    took = time.perf_counter() - began
    print(f"{name:<66} {took:8.3f} s  {items / took:10,.0f}/s", flush=True)


def one_wave() -> float:
    """Return the seconds that a wave of 100 x 100 takes into empty calendars."""
    engine.fresh()
    ids, where = engine.videos(100), engine.channels(100)
    began = time.perf_counter()
    engine.SERVICE.schedule_wave_publication(
        video_ids=ids,
        channel_ids=where,
        scheduled_at=timezone.now() + timedelta(days=30),
        acknowledge_policy=True,
    )
    return time.perf_counter() - began


def bench_wave() -> None:
    """Commit the same wave with the guards of the record and without them, by turns."""
    one_wave()
    kept, bare = [], []
    for _ in range(TURNS):
        kept.append(one_wave())
        with connection.cursor() as cursor:
            for guard in append_only.guards(connection.vendor):
                cursor.execute(f'DROP TRIGGER "{guard.name}" ON "{guard.table}"')
        bare.append(one_wave())
        append_only.install()
    for name, of in (("fastest", min), ("median", statistics.median)):
        print(
            f"wave of 100 x 100, {name} of {TURNS}: {of(kept):.3f} s with, {of(bare):.3f} s without: "
            f"{of(kept) / of(bare):.2f}",
            flush=True,
        )
    with timed(f"sealing what the wave wrote, {Activity.objects.count()} entries", Activity.objects.count()):
        sealing.seal()


def bench_seal(entries: int) -> None:
    """Seal and verify many entries, and let the sealer come with nothing to do."""
    engine.fresh()
    channel = factories.ChannelFactory()
    made = [factories.ActivityFactory.build(subject=channel) for _ in range(1000)]
    for _ in range(entries // 1000):
        for entry in made:
            entry.pk = None
        Activity.objects.bulk_create(made)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with timed(f"sealing {entries:,} entries", entries):
        sealing.seal(most_blocks=10_000)
    with timed(f"the sealer without work, {entries:,} entries within its reach", 1):
        sealing.seal()
    later = timezone.now() + timedelta(hours=2)
    Activity.objects.create(**{**_like(made[0]), "timestamp": later})
    sealing.seal(now=later)
    with timed("the sealer without work, none within its reach", 1):
        sealing.seal(now=later)
    with timed(f"verify_audit over {SealBlock.objects.count():,} blocks", entries):
        assert verify().is_whole


def _like(entry: Activity) -> dict[str, object]:
    skipped = {"id", "timestamp"}
    return {
        field.attname: getattr(entry, field.attname)
        for field in entry._meta.concrete_fields
        if field.attname not in skipped
    }


def main() -> None:
    """Run all in a scratch database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    options = parser.parse_args()
    if connection.vendor != "postgresql":
        parser.error("the figures are PostgreSQL's: set DATABASE_URL=postgres://user@host:5432/name")
    settings.LOGGING_CONFIG = None
    kept = setup_databases(verbosity=0, interactive=False)
    try:
        bench_wave()
        if options.entries:
            bench_seal(options.entries)
    finally:
        connection.close()
        teardown_databases(kept, verbosity=0)


if __name__ == "__main__":
    this_process_acts_as(Acting("a benchmark"))
    main()
