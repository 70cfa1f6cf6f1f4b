"""Say what this installation is made of and how each part is: versions, processes, database, broker, backups."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Min
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django_celery_beat.models import PeriodicTask

from orchestration.core import heartbeats, high_water, installation, media_tool
from orchestration.core.broker_check import why_silent
from orchestration.core.heartbeats import PING, SILENT_AFTER_SECONDS, woken_by
from orchestration.models import Heartbeat, Job
from orchestration.monitoring import background, log_files, record_standing
from orchestration.monitoring.background import BackgroundRun
from orchestration.monitoring.log_files import LogFile
from orchestration.states import CLAIMABLE_JOBS, JobState

MOST_BACKUPS = 50
COMPONENTS = {
    "web": "answers browsers and the API",
    "beat": "calls the tick and the other entries of the clock",
    "worker:control": "ticks, and the short calls that publish",
    "worker:work": "fetches, prepares and uploads",
}


@dataclass(frozen=True, slots=True)
class ProcessShown:
    """One kind of process: what it does, since when it runs, when it showed itself last, and what waits for it."""

    name: str
    does: str
    is_alive: bool
    since: datetime | None
    seen_at: datetime | None
    running: int
    waiting: int
    oldest_waiting_since: datetime | None


@dataclass(frozen=True, slots=True)
class BackupShown:
    """One backup in the data folder."""

    name: str
    made_at: datetime | None
    newest_entry_at: datetime | None
    database_bytes: int
    parts: int
    version: str
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing to know, with what stands against it where something does."""

    name: str
    value: str
    warning: str = ""


@dataclass(frozen=True, slots=True)
class InstallationReport:
    """What this installation is made of, and how it is."""

    versions: list[Fact]
    processes: list[ProcessShown]
    broker: Fact
    database: list[Fact]
    doors: list[Fact]
    marks: list[Fact]
    record: list[Fact]
    backups: list[BackupShown]
    backup: BackgroundRun
    invariants: BackgroundRun
    verification: BackgroundRun
    pruning: BackgroundRun
    logs: list[LogFile]
    last_tick_at: datetime | None


def report() -> InstallationReport:
    """Return how the installation is, at this moment."""
    runs = background.last_of(*background.TASKS)
    hearts = {row.component: row for row in Heartbeat.objects.exclude(component__startswith=PING)}
    return InstallationReport(
        versions=_versions(),
        processes=_processes(hearts, timezone.now()),
        broker=_broker(),
        database=_database(),
        doors=_doors(),
        marks=_marks(),
        record=[Fact(*fact) for fact in record_standing.facts()],
        backups=backups(),
        backup=runs[background.BACKUP],
        invariants=runs[background.INVARIANTS],
        verification=runs[background.VERIFICATION],
        pruning=runs[background.PRUNING],
        logs=log_files.listed(),
        last_tick_at=_last_tick_at(hearts.get("beat")),
    )


def _last_tick_at(beat: Heartbeat | None) -> datetime | None:
    """Return when the clock last ticked: the tick shows life by itself, beat writes its table every few minutes."""
    shown = beat.beat_at if beat is not None else None
    written = PeriodicTask.objects.filter(name="tick").values_list("last_run_at", flat=True).first()
    return max((at for at in (shown, written) if at is not None), default=None)


def _versions() -> list[Fact]:
    tool = media_tool.describe()
    return [
        Fact("Headend", settings.HEADEND_VERSION),
        Fact("Python", platform.python_version()),
        Fact("Django", django.get_version()),
        Fact("Celery", metadata.version("celery")),
        Fact("Database", _database_version()),
        Fact("ffmpeg", tool.text, tool.warning),
        Fact("yt-dlp", metadata.version("yt-dlp")),
        Fact("Machine", f"{platform.system()} {platform.release()}, {os.cpu_count()} processors"),
    ]


def _database_version() -> str:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            return f"PostgreSQL {cursor.fetchone()[0]}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT sqlite_version()")
        return f"SQLite {cursor.fetchone()[0]}"


def _processes(rows: Mapping[str, Heartbeat], now: datetime) -> list[ProcessShown]:
    ages = {name: max(0.0, (now - row.beat_at).total_seconds()) for name, row in rows.items()}
    waiting = {
        row["fast"]: row
        for row in Job.objects.filter(state__in=CLAIMABLE_JOBS, run_at__lte=now)
        .order_by()
        .values("fast")
        .annotate(many=Count("*"), oldest=Min("run_at"))
    }
    running = dict(
        Job.objects.filter(state=JobState.RUNNING)
        .order_by()
        .values("fast")
        .annotate(many=Count("*"))
        .values_list("fast", "many")
    )
    found = [ProcessShown("web", COMPONENTS["web"], True, heartbeats.PROCESS_SINCE, now, 0, 0, None)]
    names = ["beat", "worker:control", "worker:work", *(set(rows) - set(COMPONENTS))]
    for name in names:
        row = rows.get(name)
        most = SILENT_AFTER_SECONDS if name == "beat" else woken_by(ages)
        lane = {"worker:control": True, "worker:work": False}.get(name)
        queue: Mapping[str, Any] = waiting.get(lane, {}) if lane is not None else {}
        found.append(
            ProcessShown(
                name=name,
                does=COMPONENTS.get(name, ""),
                is_alive=name in ages and ages[name] <= most,
                since=row.since if row else None,
                seen_at=row.beat_at if row else None,
                running=running.get(lane, 0) if lane is not None else 0,
                waiting=queue.get("many", 0),
                oldest_waiting_since=queue.get("oldest"),
            )
        )
    return found


def _broker() -> Fact:
    """Say what carries messages, and whether it takes them."""
    url = settings.CELERY_BROKER_URL
    kind = urlsplit(url).scheme.partition("+")[0]
    name = {"filesystem": "files in the data folder", "memory": "in memory, for tests"}.get(kind, kind)
    name += " in the data folder" if url.startswith("redis+socket") else ""
    silent = why_silent()
    return (
        Fact("Broker", name, f"It does not answer ({silent}).")
        if silent
        else Fact("Broker", f"{name}, answers")
    )


def _database() -> list[Fact]:
    mark = high_water.read()
    standing = high_water.stand(mark)
    behind = installation.why_not_up_to_date(mark, standing)
    missing = _missing_migrations()
    return [
        Fact("Size", f"{_size_bytes():,} bytes"),
        Fact(
            "Migrations",
            f"{missing} missing" if missing else "all applied",
            "Run manage.py migrate." if missing else "",
        ),
        Fact(
            "High-water mark",
            f"{mark.writes:,} outward writes, noted {mark.written_at:%Y-%m-%d %H:%M} UTC"
            if mark
            else "none yet",
            behind,
        ),
    ]


def _size_bytes() -> int:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_database_size(current_database())")
            return int(cursor.fetchone()[0])
    with connection.cursor() as cursor:
        cursor.execute("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")
        return int(cursor.fetchone()[0])


_complete: list[bool] = []


def _missing_migrations() -> int:
    """Return how many migrations are missing; once none is, none is missing while this process lives."""
    if _complete:
        return 0
    executor = MigrationExecutor(connection)
    count = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    if not count:
        _complete.append(True)
    return count


def _doors() -> list[Fact]:
    """Say what leads in and out; of a secret only whether it is set."""
    public = settings.HEADEND_PUBLIC_URL
    if settings.GITHUB_APP_ID:
        github = f"an App (id {settings.GITHUB_APP_ID})"
    else:
        github = "a token" if settings.GITHUB_TOKEN else "not set up"
    google = bool(settings.GOOGLE_CLIENT_ID and settings.GOOGLE_CLIENT_SECRET)
    return [
        Fact(
            "Public address",
            public or "none",
            "" if public else "GitHub's runs and webhooks cannot reach Headend; set HEADEND_PUBLIC_URL.",
        ),
        Fact("GitHub", github),
        Fact(
            "GitHub's webhook",
            "has its secret"
            if settings.GITHUB_WEBHOOK_SECRET
            else "not set up: runs are looked at by polling",
        ),
        Fact(
            "Google",
            f"a client ({settings.GOOGLE_CLIENT_ID[:24]}…)" if google else "not set up",
            "" if google else "Channels cannot be connected; set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET.",
        ),
        Fact("Watchdog", "set" if settings.HEADEND_HEARTBEAT_URL else "none by setting"),
    ]


def _marks() -> list[Fact]:
    """Say what this installation is, and what of it is not meant for real channels."""
    facts = [
        Fact("Installation", f"{settings.HEADEND_INSTALLATION_ID[:8]}…"),
        Fact("Data folder", str(settings.HEADEND_DATA_DIR)),
        Fact("Kind", "a demo, on its sandbox" if settings.HEADEND_DEMO else settings.HEADEND_ENV),
    ]
    if settings.HEADEND_FAILPOINTS:
        facts.append(Fact("Failpoints", "set", "Processes break off on purpose: HEADEND_FAILPOINTS is set."))
    if settings.DEBUG:
        facts.append(Fact("Debugging", "on", "Error pages show settings to visitors: HEADEND_DEBUG is on."))
    return facts


def backups() -> list[BackupShown]:
    """List the backups of the data folder, the newest first; others may lie where this process cannot look."""
    try:
        folders = sorted(
            (
                path
                for path in (Path(settings.HEADEND_DATA_DIR) / "backups").glob("headend-*")
                if path.is_dir()
            ),
            reverse=True,
        )
    except OSError:
        return []
    return [_backup(path) for path in folders[:MOST_BACKUPS]]


def _backup(path: Path) -> BackupShown:
    try:
        said = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
        database = next((name for name in said["parts"] if name.startswith("database.")), "")
        return BackupShown(
            name=path.name,
            made_at=parse_datetime(said["created_at"]),
            newest_entry_at=parse_datetime(said["newest_entry_at"] or ""),
            database_bytes=(path / Path(database).name).stat().st_size if database else 0,
            parts=len(said["parts"]),
            version=str(said["version"]),
            is_whole=bool(database),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return BackupShown(path.name, None, None, 0, 0, "", False)


def age_of_newest_backup(now: datetime) -> timedelta | None:
    """Return how old the newest whole backup of the data folder is; None where there is none."""
    made = [row.made_at for row in backups() if row.is_whole and row.made_at]
    return now - max(made) if made else None
