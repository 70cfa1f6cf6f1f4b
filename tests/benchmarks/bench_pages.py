"""Measure every page and the large calls of the API at 1,000 channels, 100,000 schedules and 100,000 distributions.

    DATABASE_URL=postgres://… python tests/benchmarks/bench_pages.py [--keep] [--rounds 15] [--only /,/pools/]

Makes a database of its own beside the named one (`<name>_pages`), fills it in bulk and removes it, unless it is to be
kept: the next run finds it filled. Prints milliseconds (p50 and p95, on the clock and of this process's processor),
statements and kilobytes, beside a floor: one set-based statement that counts what an overview says. Asserts nothing, since
the machines are shared; how many statements a page makes, and how large it is, is tested (tests/dashboard/test_pages.py).
"""

import argparse
import atexit
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
if "HEADEND_DATA_DIR" not in os.environ:
    os.environ["HEADEND_DATA_DIR"] = tempfile.mkdtemp(prefix="headend-bench-")
    atexit.register(shutil.rmtree, os.environ["HEADEND_DATA_DIR"], ignore_errors=True)
os.environ["HEADEND_LOG_FILE"] = "no"
os.environ.setdefault("CELERY_BROKER_URL", "memory://")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
if os.environ.get("DATABASE_URL"):
    os.environ["DATABASE_URL"] += "_pages"

import django

django.setup()

import psycopg
from django.conf import settings
from django.contrib.auth.models import User
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from channels.models import Channel, ChannelStatistics, Credential, PostingSlot
from dashboard.urls import urlpatterns
from orchestration.core.audit import Acting, this_process_acts_as
from orchestration.core.bulk_insert import insert_set
from orchestration.core.heartbeats import beat
from orchestration.models import Activity, Distribution, Job, Schedule, Source, SystemState, Video, Wave
from orchestration.planning.slots import zone_of
from orchestration.queue import pools
from tests.factories import default_renditions

CHANNELS, VIDEOS, WAVES = 1_000, 3_000, 100
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "UTC")
CALLS = (
    "/api/orchestration/dashboard",
    "/api/orchestration/monitor-channels",
    "/api/orchestration/status",
    "/api/orchestration/forecast?days=7",
    "/api/channels",
    "/api/schedules?limit=200",
    "/api/schedules?limit=200&page=400",
    "/api/pools",
    "/api/statistics",
)
FLOOR = """
SELECT state, count(*), count(*) FILTER (WHERE publish_at < now() + interval '1 hour'), min(publish_at)
FROM orchestration_schedule WHERE state NOT IN ('published', 'cancelled', 'skipped') GROUP BY state
"""


def make_database() -> None:
    """Make the database if it is not there."""
    name = connection.settings_dict["NAME"]
    address = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + "/postgres"
    with psycopg.connect(address, autocommit=True) as admin:
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
            admin.execute(f'CREATE DATABASE "{name}"')


def drop_database() -> None:
    """Remove the database again."""
    name = connection.settings_dict["NAME"]
    connection.close()
    with psycopg.connect(
        os.environ["DATABASE_URL"].rsplit("/", 1)[0] + "/postgres", autocommit=True
    ) as admin:
        admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def fill() -> None:
    """Write the data set: half of the schedules published over the last 50 hours, half planned over the next 50."""
    now = timezone.now().replace(second=0, microsecond=0)
    pools.ensure_defaults()
    SystemState.objects.update_or_create(pk=1, defaults={"state": "running"})
    channels = Channel.objects.bulk_create(
        Channel(
            slug=f"c{i}",
            name=f"Channel {i}",
            timezone=ZONES[i % 4],
            health="healthy",
            health_checked_at=now,
            health_checks=[{"check": "credential", "ok": True, "sentence": "The credential is valid."}],
        )
        for i in range(CHANNELS)
    )
    Credential.objects.bulk_create(Credential(channel=row, client_id="x", state="valid") for row in channels)
    PostingSlot.objects.bulk_create(
        PostingSlot(channel=row, weekday=day, local_time=f"{8 + 5 * turn:02d}:{row.pk % 60:02d}")
        for row in channels
        for day in range(7)
        for turn in range(3)
    )
    ChannelStatistics.objects.bulk_create(
        ChannelStatistics(channel=row, collected_at=now, subscriber_count=1, view_count=2, video_count=3)
        for row in channels
    )
    source = Source.objects.create(name="Bench", url="https://bench.example/feed", rights_basis="owned")
    videos = Video.objects.bulk_create(
        Video(
            source=source,
            url=f"https://bench.example/{i}",
            canonical_url=f"https://bench.example/{i}",
            title=f"Video {i} about topic {i % 17}",
            content_hash=f"{i:064x}",
            duration_seconds=60 + i % 600,
            state="ready",
            ready_at=now,
        )
        for i in range(VIDEOS)
    )
    default_renditions(videos)
    waves = Wave.objects.bulk_create(
        Wave(
            name=f"Wave {k}",
            timing="independent",
            state="completed" if k < WAVES // 2 else "scheduled",
            state_changed_at=now - timedelta(hours=WAVES // 2 - k) if k < WAVES // 2 else now,
            scheduled_at=now + timedelta(hours=k - WAVES // 2),
            correlation_id=f"wave-{k}",
        )
        for k in range(WAVES)
    )
    share = VIDEOS // WAVES
    for published in (True, False):
        pairs = [
            (k, i)
            for k in range(0 if published else WAVES // 2, WAVES // 2 if published else WAVES)
            for i in range(CHANNELS)
        ]
        at = [now + timedelta(hours=k - WAVES // 2, minutes=(i * 7) % 55 + 5) for k, i in pairs]
        template = Distribution(
            method="wave", state="published" if published else "assigned", reason="its wave"
        )
        varying = {
            "video_id": [videos[k * share + i % share].pk for k, i in pairs],
            "channel_id": [channels[i].pk for _, i in pairs],
            "wave_id": [waves[k].pk for k, _ in pairs],
            "marker": [f"m{k}-{i}" for k, i in pairs],
        }
        if published:
            varying |= {
                "youtube_video_id": [f"yt{k:02d}{i:05d}" for k, i in pairs],
                "published_at": at,
                "verified_at": at,
            }
        made = insert_set(template, varying, returning=["marker"])
        pk_of = {marker: pk for pk, marker in made}
        insert_set(
            Schedule(
                state="published" if published else "planned",
                lateness_seconds=1.0 if published else None,
            ),
            {
                "distribution_id": [pk_of[f"m{k}-{i}"] for k, i in pairs],
                "channel_id": varying["channel_id"],
                "wave_id": varying["wave_id"],
                "publish_at": at,
                "zone": [channels[i].timezone for _, i in pairs],
                "local_wall": [
                    moment.astimezone(zone_of(channels[i].timezone)).strftime("%Y-%m-%dT%H:%M:%S")
                    for moment, (_, i) in zip(at, pairs, strict=True)
                ],
                "stage_at": [moment - timedelta(minutes=30) for moment in at],
            },
        )
    Job.objects.create(
        kind="check", channel=channels[0], state="succeeded", finished_at=now, correlation_id="x"
    )
    insert_set(
        Activity(
            action=1,
            verb="channel_paused",
            changes={},
            content_type_id=1,
            object_repr="x",
            before={},
            after={},
            actor_label="a benchmark",
        ),
        {"object_pk": [str(i) for i in range(2_000)], "cid": [f"c{i}" for i in range(2_000)]},
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def addresses() -> list[str]:
    """Return every page that can be opened with the rows there are, and the calls."""
    job = Job.objects.get()
    samples = {
        "slug": Channel.objects.order_by("pk")[5].slug,
        "job": job.pk,
        "wave": Wave.objects.order_by("-pk")[0].pk,
        "video": Video.objects.order_by("pk")[0].pk,
        "source": Source.objects.get().pk,
        "publication": Schedule.objects.order_by("-pk")[0].pk,
    }
    found = []
    for pattern in urlpatterns:
        if not getattr(pattern.callback, "is_page", False):
            continue
        name, names = pattern.name, pattern.pattern.converters
        given = (
            {"slug": samples["slug"]}
            if "slug" in names
            else {"pk": samples.get(name)}
            if "pk" in names
            else {}
        )
        try:
            found.append(reverse(f"dashboard:{name}", kwargs=given))
        except NoReverseMatch:
            continue
    more = ["/schedule/?span=168", "/schedule/?span=336", "/waves/new/?video_id=1", "/jobs/?state=open"]
    return [*found, *more, *CALLS]


def measure(ask: Callable[[], int], rounds: int) -> tuple[float, float, float]:
    """Return p50 and p95 on the clock and p50 of the processor, in milliseconds, warm."""
    walls, works = [], []
    for _ in range(3):
        ask()
    for _ in range(rounds):
        began, worked = time.perf_counter(), time.process_time()
        ask()
        walls.append((time.perf_counter() - began) * 1000)
        works.append((time.process_time() - worked) * 1000)
    walls.sort()
    return statistics.median(walls), walls[int(len(walls) * 0.95)], statistics.median(works)


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    if connection.vendor != "postgresql":
        sys.exit("DATABASE_URL has to name a PostgreSQL database.")
    settings.ALLOWED_HOSTS = ["testserver"]
    make_database()
    call_command("migrate", verbosity=0)
    if not Schedule.objects.exists():
        began = time.perf_counter()
        fill()
        print(f"filled in {time.perf_counter() - began:.1f} s")
    beat("beat")
    user, _ = User.objects.get_or_create(
        username="bench", defaults={"is_staff": True, "is_superuser": True, "password": "!"}
    )
    client = Client(raise_request_exception=True)
    client.force_login(user)

    def floor() -> int:
        with connection.cursor() as cursor:
            cursor.execute(FLOOR)
            return len(cursor.fetchall())

    print(f"{'address':44} {'p50':>8} {'p95':>8} {'CPU p50':>8} {'statements':>10} {'kB':>7}")
    p50, p95, cpu = measure(floor, options.rounds)
    print(f"{'(floor: one set-based statement)':44} {p50:8.1f} {p95:8.1f} {cpu:8.1f} {1:10}")
    only = [one for one in options.only.split(",") if one]
    for address in only or addresses():
        with CaptureQueriesContext(connection) as made:
            try:
                answer = client.get(address)
            except Exception as error:
                print(f"{address:44} breaks: {type(error).__name__} {error}")
                continue
        statements, slowest = len(made), sorted(made, key=lambda one: -float(one["time"]))[:6]
        if answer.status_code != 200:
            print(f"{address:44} answers {answer.status_code}")
            continue
        p50, p95, cpu = measure(lambda address=address: client.get(address).status_code, options.rounds)
        print(
            f"{address:44} {p50:8.1f} {p95:8.1f} {cpu:8.1f} {statements:10} {len(answer.content) / 1000:7.0f}",
            flush=True,
        )
        if only:
            for query in slowest:
                print("    ", query["time"], query["sql"][:260])
    poll(client, options.rounds * 20)
    if not options.keep:
        drop_database()


def poll(client: Client, rounds: int) -> None:
    """Ask with a ticket for what has not changed, straight at the WSGI application."""
    client.get("/jobs/")
    html = client.get("/jobs/").content.decode()
    address = html[html.index('<div id="live"') :].split('hx-get="')[1].split('"')[0].replace("&amp;", "&")
    path, _, query = address.partition("?")
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": BytesIO(),
        "wsgi.url_scheme": "http",
        "HTTP_COOKIE": f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}",
    }
    application, told = WSGIHandler(), []

    def ask() -> int:
        answer = application(dict(environ), lambda status, headers, error=None: told.append(status))
        answer.close()
        return 0

    p50, p95, cpu = measure(ask, rounds)
    unchanged = sum(status.startswith("204") for status in told)
    print(
        f"{'(poll, nothing changed)':44} {p50:8.1f} {p95:8.1f} {cpu:8.2f} {1:10}       0  ({unchanged} of {len(told)} 204)"
    )


if __name__ == "__main__":
    this_process_acts_as(Acting("a benchmark"))
    main()
