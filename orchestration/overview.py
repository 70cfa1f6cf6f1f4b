"""Gather everything the overview shows, in a number of queries that does not grow with the number of channels."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, Count, Q, When
from django.utils import timezone

from channels.models import Channel
from channels.states import ChannelHealth, ChannelState
from orchestration.core import readings
from orchestration.engine import control
from orchestration.models import Activity, Distribution, Job, Schedule, Source, Video, Wave
from orchestration.monitoring import first_steps, health, pool_reports, statistics
from orchestration.monitoring.needs import MOST_NEEDS, needs_of, system_off, verdict
from orchestration.monitoring.problems import Known
from orchestration.monitoring.problems import problems as list_problems
from orchestration.results.board import (
    ChannelCounts,
    Dashboard,
    Needs,
    Overview,
    OverviewMore,
    StatisticsReport,
)
from orchestration.scheduling import waves
from orchestration.states import (
    FINISHED_JOBS,
    OPEN_WAVES,
    ROUTINE_JOBS,
    JobState,
    SystemStatus,
    VideoState,
)

MAX_FOLDED = 1_000
"""So many problems of a kind are folded by their cause."""
MAX_PROBLEMS = 10
NEAR = timedelta(hours=2)
MAX_CHANNELS = 24
MAX_SOURCES = 8
MAX_LEASES = 5
MAX_WAVES = 6
MAX_UPCOMING = 12
MAX_JOBS = 12
MAX_VIDEOS = 8
MAX_ACTIVITY = 15
STATISTICS_DAYS = 7
RECENT = timedelta(hours=24)


def dashboard(now: datetime | None = None, *, rest: bool = True) -> Dashboard:
    """Return everything the overview shows; `version` is the same as long as nothing of it changed.

    Without the `rest` only what a person has to know first; the other parts are empty then.
    """
    now = now or timezone.now()
    with readings.reading() as noted:
        parts = {**_fields(head(now)), **_fields(more(now) if rest else NO_REST)}
    return Dashboard(version=f"{noted.total:x}", **parts)


NO_REST = OverviewMore([], [], [], [], {}, [], [], [], StatisticsReport([], [], [], {}, None))


def _fields(values: Overview | OverviewMore) -> dict[str, Any]:
    return {part.name: getattr(values, part.name) for part in fields(values)}


def head(now: datetime | None = None, *, most_needs: int | None = MOST_NEEDS) -> Overview:
    """Return what a person has to know first, in at most fifteen statements where nothing is wrong."""
    now = now or timezone.now()
    status = control.report(now)
    upcoming = _upcoming(now)
    next_at = upcoming[0].publish_at if upcoming else None
    known = Known(status.state, status.overdue_schedules, status.components, next_at)
    problems = list_problems(known, now, most=MAX_FOLDED)
    if status.state != SystemStatus.RUNNING and next_at and not status.overdue_schedules:
        problems.append(system_off(status.state, next_at, status.changed_by))
    needs = needs_of(problems)
    return Overview(
        status=status,
        verdict=verdict(needs, state=status.state, next_up=_said(upcoming[0]) if upcoming else ""),
        needs=needs[:most_needs],
        needs_left=len(needs) - len(needs[:most_needs]),
        problems=problems[:MAX_PROBLEMS],
        upcoming=upcoming,
        waves=waves.briefs(_waves(now)),
        channel_counts=readings.kept("overview: channels counted", _channel_counts),
        first_steps=_first_steps(),
    )


def all_needs(now: datetime | None = None) -> Needs:
    """Return all that needs a person, the most urgent first."""
    found = head(now, most_needs=None)
    return Needs(found.verdict, found.needs)


def _said(row: Schedule) -> str:
    return f"{row.distribution.video} on {row.channel.name}, {row.publish_at:%Y-%m-%d %H:%M} UTC"


def more(now: datetime | None = None) -> OverviewMore:
    """Return the rest of the overview, each part cut to what is looked at first."""
    now = now or timezone.now()
    running, recent = _jobs()
    return OverviewMore(
        channels=health.channel_reports(readings.kept("overview: channels", _channels_to_look_at), now),
        running_jobs=running,
        recent_jobs=recent,
        sources=readings.kept("overview: sources", _sources),
        videos=readings.kept("overview: videos counted", _video_counts),
        recent_videos=readings.kept("overview: videos", _recent_videos),
        pools=[replace(pool, leases=pool.leases[:MAX_LEASES]) for pool in pool_reports.report(now)],
        activity=_activity(),
        statistics=statistics.report(STATISTICS_DAYS, now, of_channels=False),
    )


# ---------------------------------------------------------------------------------------------------------------- parts


def _waves(now: datetime) -> list[Wave]:
    """Return the waves that are under way, then those of the last day, the newest first."""
    rows = Wave.objects.with_reach().filter(Q(state__in=OPEN_WAVES) | Q(state_changed_at__gte=now - RECENT))
    found = sorted(
        rows.order_by("-created_at")[: MAX_WAVES * 2], key=lambda wave: wave.state not in OPEN_WAVES
    )
    return found[:MAX_WAVES]


def _upcoming(now: datetime) -> list[Schedule]:
    rows = Schedule.objects.open().select_related("distribution__video", "channel", "wave")
    rows = rows.order_by("publish_at", "id")
    # No index has all open ones by their moment: where much is planned, what is near is enough.
    near = list(rows.filter(publish_at__lt=now + NEAR)[:MAX_UPCOMING])
    return near if len(near) == MAX_UPCOMING else list(rows[:MAX_UPCOMING])


def _channels_to_look_at() -> list[Channel]:
    """Return the channels that are worst, then by name."""
    worst = Case(
        When(health=ChannelHealth.FAILING, then=0), When(health=ChannelHealth.DEGRADED, then=1), default=2
    )
    rows = Channel.objects.enabled().select_related("credential")
    return list(rows.order_by(worst, "name", "id")[:MAX_CHANNELS])


def _channel_counts() -> ChannelCounts:
    used = ~Q(state=ChannelState.DISABLED)
    return ChannelCounts(
        **Channel.objects.aggregate(
            total=Count("*"),
            active=Count("pk", filter=Q(state=ChannelState.ACTIVE)),
            paused=Count("pk", filter=Q(state=ChannelState.PAUSED)),
            failing=Count("pk", filter=used & Q(health=ChannelHealth.FAILING)),
            degraded=Count("pk", filter=used & Q(health=ChannelHealth.DEGRADED)),
        )
    )


def _jobs() -> tuple[list[Job], list[Job]]:
    """Return what runs, the longest first, and what ended last, without what is done all the time and went well."""
    running = Job.objects.filter(state=JobState.RUNNING).order_by("started_at", "id")
    ended = Job.objects.filter(state__in=FINISHED_JOBS, finished_at__isnull=False)
    ended = ended.exclude(kind__in=ROUTINE_JOBS, state=JobState.SUCCEEDED).order_by("-finished_at", "-id")
    either = Q(pk__in=running.values("pk")[:MAX_JOBS]) | Q(pk__in=ended.values("pk")[:MAX_JOBS])
    rows = Job.objects.filter(either).select_related("channel", "video", "source", "schedule").order_by("id")
    found = list(rows)
    running_now = [job for job in found if job.state == JobState.RUNNING]
    over = [job for job in found if job.finished_at is not None and job.state in FINISHED_JOBS]
    return (
        sorted(running_now, key=lambda job: (job.started_at is None, job.started_at)),
        sorted(over, key=lambda job: (job.finished_at, job.pk), reverse=True),
    )


def _sources() -> list[Source]:
    """Return the sources that could not be read first, then by name."""
    return list(Source.objects.order_by("-consecutive_failures", "name")[:MAX_SOURCES])


def _video_counts() -> dict[str, int]:
    """Count the videos by state, states without any included."""
    counted = dict(Video.objects.order_by().values_list("state").annotate(many=Count("*")))
    return {state: counted.get(state, 0) for state in VideoState.values}


def _recent_videos() -> list[Video]:
    return list(Video.objects.select_related("source").order_by("-id")[:MAX_VIDEOS])


def _activity() -> list[Activity]:
    """Return the latest entries; those about jobs are left out, since jobs have a place of their own."""
    rows = Activity.objects.exclude(verb__startswith="job").select_related("content_type")
    return list(rows.order_by("-timestamp", "-id")[:MAX_ACTIVITY])


# ---------------------------------------------------------------------------------------------------------- first steps


def _first_steps() -> list[dict[str, Any]]:
    """Return what a new installation has to do, until the first video is public; empty from then on."""
    if Distribution.objects.published().exists():
        return []
    return [
        {
            "title": step.title,
            "sentence": step.sentence,
            "url_name": f"dashboard:{step.page}",
            "done": step.is_done,
        }
        for step in first_steps.set_up().steps
        if not step.is_optional
    ]
