"""Measure planning, staging and claiming against PostgreSQL, as ratios to a raw floor of the same run.

    DATABASE_URL=postgres://… python tests/benchmarks/bench_engine.py [--only wave,distribute,stage,claim,forecast]

Makes a scratch database beside the named one (as a test run does) and removes it. Prints figures; asserts nothing, since
the machines are shared and noisy. "ours" is the processor time of this process; the rest is PostgreSQL and waiting.
Figures with machine and date are kept in docs/performance.md.
"""

import argparse
import atexit
import gc
import os
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
if "HEADEND_DATA_DIR" not in os.environ:
    os.environ["HEADEND_DATA_DIR"] = tempfile.mkdtemp(prefix="headend-bench-")
    atexit.register(shutil.rmtree, os.environ["HEADEND_DATA_DIR"], ignore_errors=True)
os.environ.setdefault("CELERY_BROKER_URL", "memory://")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.test.utils import CaptureQueriesContext, setup_databases, teardown_databases
from django.utils import timezone

from channels.models import Channel, Credential, PostingSlot
from orchestration.core import append_only
from orchestration.core.audit import Acting, this_process_acts_as
from orchestration.engine import tick
from orchestration.models import (
    BudgetEntry,
    Distribution,
    Job,
    Lease,
    Pool,
    Schedule,
    Source,
    SystemState,
    Video,
    Wave,
)
from orchestration.queue import jobs as queue
from orchestration.queue import pools
from orchestration.scheduling import forecast
from orchestration.service import CentralOrchestrationService
from orchestration.states import JobState
from tests.factories import default_renditions

SERVICE = CentralOrchestrationService()


def fresh() -> None:
    """Empty the tables, raise the budgets, and let the system run."""
    with connection.cursor() as cursor:
        names = ", ".join(
            f'"{model._meta.db_table}"'
            for model in (
                BudgetEntry,
                Lease,
                Job,
                Schedule,
                Distribution,
                Wave,
                Video,
                Source,
                Channel,
                Credential,
                PostingSlot,
            )
        )
        record = ", ".join(f'"{model._meta.db_table}"' for model in append_only.KEPT)
        with append_only.may_take_away():
            cursor.execute(f"TRUNCATE {names}, {record}, orchestration_conflict CASCADE")
    pools.ensure_defaults()
    Pool.objects.update(capacity=1_000_000)
    SystemState.objects.update_or_create(pk=1, defaults={"state": "running"})


def channels(count: int, *, slots_a_day: int = 0) -> list[int]:
    """Make channels that post at any time, five minutes apart at least."""
    rows = Channel.objects.bulk_create(
        Channel(
            slug=f"c{i}", name=f"Channel {i}", min_gap_minutes=5, daily_cap=10_000, timezone="Europe/Berlin"
        )
        for i in range(count)
    )
    Credential.objects.bulk_create(Credential(channel=row, client_id="x", state="valid") for row in rows)
    PostingSlot.objects.bulk_create(
        PostingSlot(channel=row, weekday=day, local_time=f"{2 + hour * 2 % 22:02d}:{(row.pk * 7) % 60:02d}")
        for row in rows
        for day in range(7)
        for hour in range(slots_a_day)
    )
    return [row.pk for row in rows]


def videos(count: int) -> list[int]:
    """Make ready videos of one source."""
    source = Source(name="bench", url="https://bench.example/feed", rights_basis="owned")
    source.save()
    now = timezone.now()
    rows = Video.objects.bulk_create(
        Video(
            source=source,
            url=f"https://bench.example/{i}",
            canonical_url=f"https://bench.example/{i}",
            title=f"Video {i} about topic {i % 17}",
            content_hash=f"{i:064x}",
            duration_seconds=60 + i % 600,
            width=1920,
            height=1080,
            state="ready",
            ready_at=now,
            language="en",
        )
        for i in range(count)
    )
    default_renditions(rows)
    return [row.pk for row in rows]


@contextmanager
def measured(name: str, items: int, floor: float | None = None):
    """Time a block and count its statements; print it against the floor. What others left behind is cleared first."""
    gc.collect()
    with CaptureQueriesContext(connection) as queries:
        began, worked = time.perf_counter(), time.process_time()
        yield
        took, worked = time.perf_counter() - began, time.process_time() - worked
    ratio = f", {took / floor:.1f} x floor" if floor else ""
    print(
        f"{name:<58} {took:8.3f} s  {items / took:10,.0f}/s  {len(queries):4d} statements{ratio}"
        f"  (ours {worked:.3f} s)",
        flush=True,
    )


def copy_floor(count: int) -> float:
    """Return the seconds that a raw COPY of `count` rows into two bare tables takes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMP TABLE floor_a (id bigint primary key, a bigint, b timestamptz, c text, d int)"
        )
        began = time.perf_counter()
        now = timezone.now()
        for _ in range(2):
            cursor.execute("TRUNCATE floor_a")
            with cursor.copy("COPY floor_a FROM STDIN") as copy:
                for i in range(count):
                    copy.write_row((i, i, now, "planned", 5))
        took = time.perf_counter() - began
        cursor.execute("DROP TABLE floor_a")
    print(f"{'raw COPY of two tables of ' + format(count, ','):<58} {took:8.3f} s", flush=True)
    return took


def wave(video_ids: list[int], channel_ids: list[int], *, start, name: str, floor: float | None) -> None:
    """Plan, check and commit one wave."""
    with measured(name, len(video_ids) * len(channel_ids), floor):
        SERVICE.schedule_wave_publication(
            video_ids=video_ids, channel_ids=channel_ids, scheduled_at=start, acknowledge_policy=True
        )


def bench_wave() -> None:
    """Commit waves into empty and full calendars."""
    floor = copy_floor(10_000)
    start = timezone.now() + timedelta(days=30)
    fresh()  # once unmeasured: modules are imported, content types and statements prepared
    SERVICE.schedule_wave_publication(video_ids=videos(1), channel_ids=channels(5), scheduled_at=start)
    for size in (10, 100):
        fresh()
        ids, where = videos(size), channels(100)
        wave(
            ids,
            where,
            start=start,
            name=f"wave of {size} x 100 into empty calendars",
            floor=floor if size == 100 else None,
        )
    fresh()
    where, all_videos = channels(100), videos(1100)
    print("filling calendars with 100,000 schedules", flush=True)
    for part in range(10):
        SERVICE.schedule_wave_publication(
            video_ids=all_videos[part * 100 : part * 100 + 100],
            channel_ids=where,
            scheduled_at=timezone.now() + timedelta(days=30 + part),
            acknowledge_policy=True,
        )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    latencies: list[float] = []
    stop = threading.Event()
    other = threading.Thread(target=_other_requests, args=(stop, latencies))
    other.start()
    wave(
        all_videos[1000:],
        where,
        start=timezone.now() + timedelta(days=45),
        name="wave of 100 x 100 beside 100,000 schedules",
        floor=floor,
    )
    stop.set()
    other.join()
    p99 = sorted(latencies)[int(len(latencies) * 0.99)] if latencies else float("nan")
    print(
        f"{'  status requests meanwhile: median, p99':<58} {statistics.median(latencies):8.3f} s {p99:8.3f} s"
    )


def _other_requests(stop: threading.Event, latencies: list[float]) -> None:
    try:
        while not stop.is_set():
            began = time.perf_counter()
            SERVICE.get_status()
            latencies.append(time.perf_counter() - began)
            time.sleep(0.01)
    finally:
        connection.close()


def bench_growth() -> None:
    """Show the time per schedule as the number of schedules grows."""
    for size in (10, 100, 1000):
        fresh()
        ids, where = videos(size), channels(100)
        wave(
            ids,
            where,
            start=timezone.now() + timedelta(days=30),
            name=f"growth: {size * 100:,} schedules",
            floor=None,
        )


def bench_distribute() -> None:
    """Weigh 1,000 ready videos against 100 channels."""
    fresh()
    videos(1000)
    channels(100, slots_a_day=5)
    with measured("distribute 1,000 videos x 100 channels (pairs)", 100_000):
        result = SERVICE.distribute_videos(horizon_days=14)
    print(f"    {result.summary}")
    with measured("  the same again (adds nothing)", 100_000):
        again = SERVICE.distribute_videos(horizon_days=14)
    print(f"    {len(again.created)} added")


def _raw_claim_floor(count: int) -> float:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE floor_jobs (id bigint primary key, state text, holder text)")
        cursor.execute("INSERT INTO floor_jobs SELECT g, 'queued', '' FROM generate_series(1, %s) g", [count])
        began = time.perf_counter()
        for _ in range(count // 100):
            with transaction.atomic():
                cursor.execute(
                    "UPDATE floor_jobs SET state='running', holder='me' WHERE id IN (SELECT id FROM floor_jobs "
                    "WHERE state='queued' ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED) RETURNING id"
                )
                ids = [row[0] for row in cursor.fetchall()]
            cursor.execute("UPDATE floor_jobs SET state='done' WHERE id = ANY(%s)", [ids])
        took = time.perf_counter() - began
        cursor.execute("DROP TABLE floor_jobs")
    print(
        f"{'raw claim + complete of ' + format(count, ','):<58} {took:8.3f} s  {count / took:10,.0f}/s",
        flush=True,
    )
    return took


def _due(count: int) -> None:
    fresh()
    ids, where = videos(count // 100), channels(100)
    SERVICE.schedule_wave_publication(
        video_ids=ids,
        channel_ids=where,
        scheduled_at=timezone.now() + timedelta(hours=1),
        acknowledge_policy=True,
    )
    Schedule.objects.update(stage_at=timezone.now() - timedelta(seconds=5))


def bench_stage() -> None:
    """Turn 1,000 due schedules into jobs."""
    floor = _raw_claim_floor(1000)
    _due(1000)
    with measured("stage 1,000 due schedules into jobs", 1000, floor):
        tick.stage_due(timezone.now())
    print(f"    {Job.objects.count()} jobs")


def bench_claim() -> None:
    """Claim jobs under pools and budgets, in batches."""
    floor = _raw_claim_floor(2000)
    _due(2000)
    tick.stage_due(timezone.now(), most=5000)
    left = Job.objects.filter(state=JobState.QUEUED).count()
    with measured(f"claim {left:,} jobs under pools and budgets, with audit", left, floor):
        while queue.claim(fast=False, limit=100):  # of a lane, as workers do
            pass
    print(f"    {Job.objects.filter(state=JobState.RUNNING).count()} running, {Lease.objects.count()} leases")


def bench_forecast() -> None:
    """Forecast seven days of 1,000 channels with ten publications a day each."""
    fresh()
    where, now = channels(1000), timezone.now()
    source_videos = videos(70)
    Distribution.objects.bulk_create(
        (
            Distribution(video_id=video, channel_id=channel, method="wave")
            for video in source_videos
            for channel in where
        ),
        batch_size=5000,
    )
    rows = Distribution.objects.order_by("pk").values_list("pk", "channel_id", "video_id")
    first = source_videos[0]
    Schedule.objects.bulk_create(
        (
            Schedule(
                distribution_id=pk,
                channel_id=channel,
                publish_at=now + timedelta(hours=2.4 * (video - first) + 1, seconds=channel % 3600),
                local_wall="2026-01-01T00:00:00",
                zone="UTC",
                stage_at=now,
            )
            for pk, channel, video in rows
        ),
        batch_size=5000,
    )
    Schedule.objects.update(stage_at=F("publish_at") - timedelta(hours=2))
    with measured("forecast 7 days, 1,000 channels, 10 a day", 70_000):
        result = forecast.forecast(7)
    print(f"    {result.summary}")


BENCHES: dict[str, Callable[[], None]] = {
    "wave": bench_wave,
    "growth": bench_growth,
    "distribute": bench_distribute,
    "stage": bench_stage,
    "claim": bench_claim,
    "forecast": bench_forecast,
}


def main() -> None:
    """Run the chosen benchmarks in a scratch database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(BENCHES))
    chosen = parser.parse_args().only.split(",")
    if connection.vendor != "postgresql":
        parser.error("the figures are PostgreSQL's: set DATABASE_URL=postgres://user@host:5432/name")
    if unknown := set(chosen) - set(BENCHES):
        parser.error(f"--only takes {', '.join(BENCHES)}; not {', '.join(sorted(unknown))}")
    settings.LOGGING_CONFIG = None
    kept = setup_databases(verbosity=0, interactive=False)
    try:
        for name in chosen:
            print(f"-- {name}", flush=True)
            BENCHES[name]()
    finally:
        connection.close()
        teardown_databases(kept, verbosity=0)


if __name__ == "__main__":
    this_process_acts_as(Acting("a benchmark"))
    main()
