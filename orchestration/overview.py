"""Gather everything the overview shows, in a number of queries that does not grow with the number of channels."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone

from channels.models import Channel, PostingSlot
from channels.states import OPENING_CREDENTIALS, ChannelState
from orchestration.core import readings
from orchestration.engine import control
from orchestration.models import Activity, Job, Schedule, Source, Video, Wave
from orchestration.monitoring import health, pool_reports, statistics
from orchestration.monitoring.problems import Known, problems
from orchestration.results import ChannelReport, Dashboard, SystemReport, WaveReport
from orchestration.scheduling import waves
from orchestration.states import (
    FINISHED_JOBS,
    OPEN_WAVES,
    JobState,
    SystemStatus,
    VideoState,
)

MAX_WAVES = 6
MAX_UPCOMING = 12
MAX_JOBS = 12
MAX_VIDEOS = 8
MAX_ACTIVITY = 15
STATISTICS_DAYS = 7
RECENT = timedelta(hours=24)


def dashboard(now: datetime | None = None) -> Dashboard:
    """Return everything the overview shows; `version` is the same as long as nothing of it changed."""
    now = now or timezone.now()
    with readings.reading() as noted:
        parts = _parts(now)
    return Dashboard(version=f"{noted.total:x}", **parts)


# ---------------------------------------------------------------------------------------------------------------- parts


def _parts(now: datetime) -> dict[str, Any]:
    status = control.report(now)
    channels = health.report().channels
    shared = pool_reports.report(now)
    sources = list(Source.objects.order_by("name"))
    videos = _video_counts()
    return {
        "status": status,
        "channels": channels,
        "waves": _waves(now),
        "upcoming": _upcoming(),
        "running_jobs": _running_jobs(),
        "recent_jobs": _recent_jobs(),
        "problems": problems(
            Known(
                status=status.state,
                overdue=status.overdue_schedules,
                components=status.components,
                channels=[report.channel for report in channels],
                sources=sources,
                pools=shared,
            ),
            now,
        ),
        "sources": sources,
        "videos": videos,
        "recent_videos": _recent_videos(),
        "pools": shared,
        "activity": _activity(),
        "statistics": statistics.report(STATISTICS_DAYS, now),
        "first_steps": _first_steps(channels, sources, videos, status),
    }


def _waves(now: datetime) -> list[WaveReport]:
    """Return the waves that are under way, then those of the last day, the newest first."""
    rows = Wave.objects.filter(Q(state__in=OPEN_WAVES) | Q(state_changed_at__gte=now - RECENT))
    found = sorted(
        rows.order_by("-created_at")[: MAX_WAVES * 2], key=lambda wave: wave.state not in OPEN_WAVES
    )
    return waves.reports(found[:MAX_WAVES]) if found else []


def _upcoming() -> list[Schedule]:
    rows = Schedule.objects.open().select_related("distribution__video", "channel", "wave")
    return list(rows.order_by("publish_at", "id")[:MAX_UPCOMING])


def _jobs() -> Any:
    return Job.objects.select_related("channel", "video", "source", "schedule")


def _running_jobs() -> list[Job]:
    return list(_jobs().filter(state=JobState.RUNNING).order_by("started_at", "id")[:MAX_JOBS])


def _recent_jobs() -> list[Job]:
    ended = _jobs().filter(state__in=FINISHED_JOBS, finished_at__isnull=False)
    return list(ended.order_by("-finished_at", "-id")[:MAX_JOBS])


def _video_counts() -> dict[str, int]:
    """Count the videos by state, states without any included."""
    counted = dict(Video.objects.order_by().values_list("state").annotate(Count("pk")))
    return {state: counted.get(state, 0) for state in VideoState.values}


def _recent_videos() -> list[Video]:
    return list(Video.objects.select_related("source").order_by("-created_at", "-id")[:MAX_VIDEOS])


def _activity() -> list[Activity]:
    """Return the latest entries; those about jobs are left out, since jobs have a place of their own."""
    rows = Activity.objects.exclude(verb__startswith="job").select_related("content_type")
    return list(rows.order_by("-timestamp", "-id")[:MAX_ACTIVITY])


# ---------------------------------------------------------------------------------------------------------- first steps


def _first_steps(
    reports: Sequence[ChannelReport], sources: Sequence[Source], videos: dict[str, int], status: SystemReport
) -> list[dict[str, Any]]:
    """Return what a new installation has to do, until the first video is public; empty from then on."""
    if any(report.last_published_at for report in reports):
        return []
    used = [report.channel for report in reports if report.state != ChannelState.DISABLED]
    connected = [channel for channel in used if _is_connected(channel)]
    posting = (
        bool(used) and PostingSlot.objects.filter(enabled=True, channel__in=[c.pk for c in used]).exists()
    )
    return [
        _step(
            "Register a channel",
            "In four fields: its name, its time zone, and who stages its videos, GitHub or this machine.",
            "dashboard:channel_new",
            bool(used),
        ),
        _step(
            "Connect it to YouTube",
            "Let Google grant Headend access to the channel; the refresh token is kept encrypted.",
            "dashboard:channels",
            bool(connected),
        ),
        _step(
            "Give it posting slots",
            "Say at which times of the week, in the channel's own zone, it publishes.",
            "dashboard:channels",
            posting,
        ),
        _step(
            "Add a source",
            "A page, a feed or a file with videos, and the rights on which you publish them.",
            "dashboard:sources",
            any(source.rights_basis for source in sources),
        ),
        _step(
            "Start the system",
            "Nothing is fetched, prepared or published before that.",
            "dashboard:overview",
            status.state == SystemStatus.RUNNING,
        ),
        _step(
            "Publish a video",
            "Once one is ready, send it to your channels as a wave, or let the rules distribute it.",
            "dashboard:waves" if videos.get(VideoState.READY) else "dashboard:videos",
            False,
        ),
    ]


def _step(title: str, sentence: str, url_name: str, done: bool) -> dict[str, Any]:
    return {"title": title, "sentence": sentence, "url_name": url_name, "done": done}


def _is_connected(channel: Channel) -> bool:
    credential = getattr(channel, "credential", None)
    return credential is not None and credential.state in OPENING_CREDENTIALS
