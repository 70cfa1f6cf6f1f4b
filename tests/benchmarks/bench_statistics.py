"""Measure the statistics at 1,000 channels with 30 days of publications, work and YouTube's numbers, on PostgreSQL.

    DATABASE_URL=postgres://… python tests/benchmarks/bench_statistics.py [--channels 1000] [--a-day 3] [--rounds 15]

Makes a scratch database beside the named one (as a test run does) and removes it. Prints figures; asserts nothing, since
the machines are shared and noisy. Figures with machine and date are kept in docs/performance.md.
"""

import argparse
import atexit
import os
import shutil
import statistics
import sys
import tempfile
import time
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
from django.db.models import Model
from django.test import Client
from django.test.utils import setup_databases, teardown_databases
from django.utils import timezone

from channels.models import Channel, ChannelGroup, ChannelStatistics
from orchestration.core.audit import Acting, this_process_acts_as
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

DAYS = 30
PAGES = ("", "work/", "youtube/")
QUERIES = ("?days=7", "?days=30", "?days=1", "?days=30&group=half", "?days=30&channel=c5")


def multiply(template: Model, source: str, **columns: str) -> None:
    """Insert a row for each row of `source`, like the template but for `columns`, which are SQL."""
    fields = [field for field in template._meta.concrete_fields if not field.primary_key]
    values, parameters = [], []
    for field in fields:
        if field.attname in columns:
            values.append(columns[field.attname].replace("%", "%%"))
        elif getattr(field, "auto_now_add", False) or getattr(field, "auto_now", False):
            values.append("now()")
        else:
            values.append("%s")
            parameters.append(field.get_db_prep_save(getattr(template, field.attname), connection))
    names = ", ".join(f'"{field.column}"' for field in fields)
    rows = source.replace("%", "%%")
    sql = f'INSERT INTO "{template._meta.db_table}" ({names}) SELECT {", ".join(values)} FROM {rows}'  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)


def fill(channels: int, a_day: int) -> None:
    """Write channels, their publications with jobs and leases, and hourly numbers as 100 collections an hour give them."""
    pools.ensure_defaults()
    kept = {pool.name: pool.pk for pool in Pool.objects.all()}
    Channel.objects.bulk_create(
        Channel(slug=f"c{i}", name=f"Channel {i}", timezone="Europe/Berlin") for i in range(channels)
    )
    half = ChannelGroup.objects.create(slug="half", name="Half")
    half.channels.set(Channel.objects.order_by("pk")[::2])
    source = Source.objects.create(name="bench", url="https://bench.example/feed", rights_basis="owned")
    films = f"generate_series(1, {a_day * DAYS}) g"
    address = "'https://b.example/' || g"
    multiply(
        Video(source=source, state="ready"),
        films,
        url=address,
        canonical_url=address,
        title="'Film ' || g",
        identity="'i' || g",
    )
    at = f"now() - (v.place * interval '{24 / a_day} hours') - random() * interval '5 hours'"
    multiply(
        Distribution(method="wave", state="published", marker="m"),
        "channels_channel c, (SELECT id, row_number() OVER () - 1 AS place FROM orchestration_video) v",
        video_id="v.id",
        channel_id="c.id",
        published_at=at,
        staged_at="now() - interval '40 days'",
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orchestration_distribution SET staged_at = published_at - interval '90 minutes'"
        )
    multiply(
        Schedule(zone="Europe/Berlin"),
        "orchestration_distribution d",
        distribution_id="d.id",
        channel_id="d.channel_id",
        publish_at="d.published_at",
        stage_at="d.staged_at",
        local_wall="to_char(d.published_at, 'YYYY-MM-DD\"T\"HH24:MI:SS')",
        state="CASE WHEN d.id % 50 = 0 THEN 'missed' ELSE 'published' END",
        lateness_seconds="-2 * ln(1 - random())",
    )
    multiply(
        Job(dedupe_key="x", correlation_id="x", error_code="quota"),
        "orchestration_schedule s CROSS JOIN (VALUES ('stage'), ('publish')) k(kind)",
        kind="k.kind",
        channel_id="s.channel_id",
        schedule_id="s.id",
        distribution_id="s.distribution_id",
        state="CASE WHEN s.id % 33 = 0 THEN 'failed' ELSE 'succeeded' END",
        run_at="s.publish_at",
        started_at="s.publish_at + random() * interval '20 seconds'",
        finished_at="s.publish_at + interval '20 seconds' + random() * interval '90 seconds'",
    )
    multiply(
        Job(dedupe_key="x", correlation_id="x", kind="check", state="succeeded"),
        "generate_series(1, 200000) g",
        finished_at="now() - g * interval '9 seconds'",
    )
    multiply(
        Lease(holder="w", expires_at=timezone.now()),
        "orchestration_job j WHERE j.kind = 'stage'",
        pool_id=str(kept["upload"]),
        job_id="j.id",
        acquired_at="j.started_at",
        released_at="j.finished_at",
    )
    multiply(
        BudgetEntry(units=51, call="videos.insert", state="settled"),
        "orchestration_job j WHERE j.kind = 'stage'",
        pool_id=str(kept["youtube_units"]),
        day="j.finished_at::date",
    )
    rounds = -(-channels // 100)
    multiply(
        ChannelStatistics(video_count=90),
        f"channels_channel c, generate_series(0, {24 * DAYS // rounds - 1}) g",
        channel_id="c.id",
        collected_at=f"now() - g * interval '{rounds} hours' - (c.id % {rounds}) * interval '1 hour'",
        subscriber_count="1000 + c.id - g",
        view_count="90000 - g * 7",
        is_latest="g = 0",
    )
    multiply(
        VideoStatistics(like_count=5, comment_count=1),
        "orchestration_distribution d, generate_series(0, 9) g",
        distribution_id="d.id",
        collected_at="now() - g * interval '10 hours'",
        view_count="d.id * 7 - g",
        is_latest="g = 0",
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
        client = Client(SERVER_NAME="localhost")
        client.force_login(user)
        print("page                                   wall p50   own p50   statements   kB")
        for page in PAGES:
            for query in QUERIES:
                address = f"/statistics/{page}{query}"
                client.get(address)
                connection.force_debug_cursor = True
                size = len(client.get(address).content)
                caught, connection.force_debug_cursor = list(connection.queries_log), False
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
    finally:
        teardown_databases(made, verbosity=0)


if __name__ == "__main__":
    this_process_acts_as(Acting("a benchmark"))
    main()
