"""Measure the statistics at 1,000 channels with 30 days of publications, work and YouTube's numbers, on PostgreSQL.

    DATABASE_URL=postgres://… python tests/benchmarks/bench_statistics.py [--channels 1000] [--a-day 3] [--rounds 15]

Makes a scratch database beside the named one (as a test run does) and removes it. Prints figures; asserts nothing, since
the machines are shared and noisy. Figures with machine and date are kept in docs/performance.md.
"""

import argparse
import atexit
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
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

from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, setup_databases, teardown_databases
from django.utils import timezone

from channels.models import Channel, ChannelGroup, ChannelStatistics
from orchestration.models import (
    BudgetEntry,
    Distribution,
    Job,
    Lease,
    Pool,
    Schedule,
    Source,
    Video,
    VideoStatistics,
)
from orchestration.queue import pools
from orchestration.service import CentralOrchestrationService

DAYS = 30
PAGES = ("", "work/", "youtube/")
QUERIES = ("?days=7", "?days=30", "?days=1", "?days=30&group=half", "?days=30&channel=c5")


def fill(channels: int, a_day: int) -> None:
    """Write channels, their publications with jobs and leases, and hourly numbers as 100 collections an hour give them."""
    chance, now = random.Random(9), timezone.now()
    pools.ensure_defaults()
    kept = {pool.name: pool for pool in Pool.objects.all()}
    names = Channel.objects.bulk_create(
        Channel(slug=f"c{i}", name=f"Channel {i}", timezone="Europe/Berlin") for i in range(channels)
    )
    half = ChannelGroup.objects.create(slug="half", name="Half")
    half.channels.set(names[::2])
    source = Source.objects.create(name="bench", url="https://bench.example/feed", rights_basis="owned")
    films = Video.objects.bulk_create(
        (
            Video(
                source=source,
                url=f"https://b.example/{i}",
                canonical_url=f"https://b.example/{i}",
                title=f"Film {i}",
                state="ready",
            )
            for i in range(a_day * DAYS)
        ),
        batch_size=5000,
    )
    moments = [
        (channel, film, now - timedelta(days=place / a_day, minutes=chance.random() * 300))
        for channel in names
        for place, film in enumerate(films)
    ]
    distributions = Distribution.objects.bulk_create(
        (
            Distribution(
                video=film,
                channel=channel,
                method="wave",
                state="published",
                staged_at=at - timedelta(minutes=90),
                published_at=at,
                marker="m",
            )
            for channel, film, at in moments
        ),
        batch_size=5000,
    )
    schedules = Schedule.objects.bulk_create(
        (
            Schedule(
                distribution=row,
                channel=row.channel,
                publish_at=at,
                local_wall=f"{at:%Y-%m-%dT%H:%M:%S}",
                zone="Europe/Berlin",
                stage_at=at,
                state="published" if chance.random() < 0.98 else "missed",
                lateness_seconds=chance.expovariate(0.5),
            )
            for row, (_, _, at) in zip(distributions, moments, strict=True)
        ),
        batch_size=5000,
    )
    jobs = Job.objects.bulk_create(
        (
            Job(
                kind=kind,
                dedupe_key="x",
                channel=row.channel,
                schedule=row,
                distribution=row.distribution,
                state="succeeded" if chance.random() < 0.97 else "failed",
                error_code="quota",
                run_at=row.publish_at,
                started_at=row.publish_at + timedelta(seconds=chance.expovariate(0.2)),
                finished_at=row.publish_at + timedelta(seconds=40 + chance.expovariate(0.02)),
                correlation_id="x",
            )
            for row in schedules
            for kind in ("stage", "publish")
        ),
        batch_size=5000,
    )
    Job.objects.bulk_create(
        (
            Job(
                kind="check",
                dedupe_key="x",
                channel=names[0],
                state="succeeded",
                correlation_id="x",
                finished_at=now - timedelta(seconds=9 * i),
            )
            for i in range(200_000)
        ),
        batch_size=5000,
    )
    Lease.objects.bulk_create(
        (
            Lease(
                pool=kept["upload"],
                job=job,
                holder="w",
                acquired_at=job.started_at,
                released_at=job.finished_at,
                expires_at=job.finished_at,
            )
            for job in jobs
            if job.kind == "stage"
        ),
        batch_size=5000,
    )
    BudgetEntry.objects.bulk_create(
        (
            BudgetEntry(
                pool=kept["youtube_units"],
                day=job.finished_at.date(),
                units=51,
                call="videos.insert",
                state="settled",
            )
            for job in jobs
            if job.kind == "stage"
        ),
        batch_size=5000,
    )
    hours = 24 * DAYS
    ChannelStatistics.objects.bulk_create(
        (
            ChannelStatistics(
                channel=names[(hour * 100 + i) % channels],
                collected_at=now - timedelta(hours=hours - hour),
                subscriber_count=1000 + hour,
                view_count=50_000 + hour * 7,
                video_count=90,
                is_latest=hour >= hours - -(-channels // 100),
            )
            for hour in range(hours)
            for i in range(min(100, channels))
        ),
        batch_size=5000,
    )
    VideoStatistics.objects.bulk_create(
        (
            VideoStatistics(
                distribution=row,
                collected_at=now - timedelta(hours=10 * back),
                view_count=chance.randrange(10**6),
                like_count=5,
                comment_count=1,
                is_latest=back == 0,
            )
            for row in distributions
            for back in range(10)
        ),
        batch_size=10_000,
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def main() -> None:
    """Fill a scratch database and time pages and the service."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--channels", type=int, default=1000)
    parser.add_argument("--a-day", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    made = setup_databases(verbosity=0, interactive=False)
    try:
        begun = time.perf_counter()
        fill(options.channels, options.a_day)
        print(f"filled in {time.perf_counter() - begun:.0f} s")
        user = get_user_model().objects.create_superuser("bench", password="x")
        client = Client()
        client.force_login(user)
        service = CentralOrchestrationService()
        print("page                                   wall p50   own p50   statements   kB")
        for page in PAGES:
            for query in QUERIES:
                address = f"/statistics/{page}{query}"
                client.get(address)
                with CaptureQueriesContext(connection) as caught:
                    size = len(client.get(address).content)
                walls, owns = [], []
                for _ in range(options.rounds):
                    wall, own = time.perf_counter(), time.process_time()
                    assert client.get(address).status_code == 200
                    walls.append(time.perf_counter() - wall)
                    owns.append(time.process_time() - own)
                print(
                    f"{address:38} {statistics.median(walls) * 1000:6.0f} ms {statistics.median(owns) * 1000:6.0f} ms"
                    f" {len(caught):8} {size / 1000:9.0f}"
                )
                if os.environ.get("SHOW_SQL"):
                    for one in caught:
                        print("    ", one["time"], one["sql"][:200])
        del service
    finally:
        teardown_databases(made, verbosity=0)


if __name__ == "__main__":
    main()
