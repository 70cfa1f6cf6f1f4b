"""Know how every channel is: report what was last observed, look again, write health only here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Count, F, Max, Min, Q, QuerySet
from django.utils import timezone

from channels.models import Channel
from channels.states import ChannelState, Executor
from orchestration.core import audit, lookup
from orchestration.models import Distribution, Job, Schedule
from orchestration.monitoring import checks
from orchestration.queue import blockers
from orchestration.queue import jobs as queue
from orchestration.queue.lease import JobLease
from orchestration.results.channels import ChannelReport, HealthCheck, MonitorResult
from orchestration.states import (
    OPEN_SCHEDULES,
    JobKind,
    JobState,
    ScheduleState,
)

ROUTINE_SECONDS = 300
"""How old a channel's health may get before the clock has it looked at again."""
CREDENTIAL_FRESH = timedelta(hours=1)
MAX_AT_GITHUB = 60
"""Channels with a repository that one round of routine checks looks at; two calls each, twelve rounds an hour."""
ROUTINE_UNITS_A_DAY = 1_000
"""YouTube units that routine checks of all channels together may use a day; with many channels each is asked less often."""


def report(
    channel_ids: Sequence[int] | None = None, *, skip: int = 0, most: int | None = None
) -> MonitorResult:
    """Show the last known health of channels, all by default, in a few queries whatever their number.

    By name; with `skip` and `most` only a part of them. Raises: InvalidRequest, NotFound, naming `channel_ids`.
    """
    if channel_ids is not None or most is None:
        chosen = _chosen(channel_ids)
        total, chosen = len(chosen), chosen[skip : None if most is None else skip + most]
    else:
        rows = _all_channels()
        total, chosen = rows.count(), list(rows[skip : skip + most])
    return MonitorResult(channels=channel_reports(chosen), total=total)


def check(channel_ids: Sequence[int] | None = None) -> MonitorResult:
    """Have channels looked at now, all that are not disabled by default; allowed in every state of the system.

    Raises: InvalidRequest, NotFound, naming `channel_ids`.
    """
    channels = _chosen(channel_ids)
    if channel_ids is None:
        channels = [channel for channel in channels if channel.state != ChannelState.DISABLED]
    jobs = [queue.enqueue_check(channel, asked=True) for channel in channels]
    return MonitorResult(channels=channel_reports(channels), jobs=jobs, total=len(channels))


def due_checks(now: datetime, *, most: int = 500) -> list[Job]:
    """Put a check into the queue for each channel that was not looked at lately, the longest ago first.

    Of channels with a repository only so many a round that GitHub's 5,000 calls an hour stay free for dispatches.
    """
    waiting = Job.objects.open().filter(kind=JobKind.CHECK, channel__isnull=False).values("channel_id")
    due = (
        Channel.objects.enabled()
        .filter(
            Q(health_checked_at=None)
            | Q(health_checked_at__lte=now - timedelta(seconds=ROUTINE_SECONDS * 0.9))
        )
        .exclude(pk__in=waiting)
        .order_by(F("health_checked_at").asc(nulls_first=True), "id")
    )
    jobs, at_github = [], 0
    for channel in due[:most]:
        at_github += channel.executor == Executor.GITHUB
        if channel.executor != Executor.GITHUB or at_github <= MAX_AT_GITHUB:
            jobs.append(queue.enqueue_check(channel, asked=False))
    return jobs


def run_check(job: Job, lease: JobLease) -> dict[str, Any]:
    """Look at a channel and write its health; called by a worker, outside any transaction.

    Raises: LeaseLost, JobCancelled.
    """
    now = timezone.now()
    channel = Channel.objects.get(pk=job.channel_id)
    fresh_for = timedelta(0) if job.asked else _fresh_for()
    lease.progress(0.1, "asking Google about the credential")
    found = [checks.of_credential(channel, job, now, fresh_for=fresh_for)]
    if found[0].ok and job.asked:
        blockers.clear_of(channel, blockers.OF_CREDENTIAL - {"permission_missing"}, found[0].sentence)
    found += checks.of_consent(channel, now)
    lease.progress(0.5, "looking at the repository")
    found += [*checks.of_repository(channel), *checks.of_delivery(channel)]
    found += checks.of_drift(channel, fresh_for=fresh_for)
    lease.progress(0.9, "counting outcomes")
    found += [checks.of_slots(channel), *checks.of_calendar(channel, now)]
    found += [checks.of_outcomes(channel, now), checks.of_overdue(channel, now)]
    health, reason = write_health(channel, found, now)
    return {"health": health, "reason": reason, "checks": [asdict(look) for look in found]}


def _fresh_for() -> timedelta:
    """Return for how long Google's last word on a credential is good enough for a routine check."""
    channels = Channel.objects.enabled().count()
    return max(CREDENTIAL_FRESH, timedelta(days=1) * channels / ROUTINE_UNITS_A_DAY)


def write_health(channel: Channel, found: Sequence[HealthCheck], now: datetime) -> tuple[str, str]:
    """Store what was observed of a channel; the audit log hears of it only when the health changed."""
    health, reason = checks.judge(found)
    with transaction.atomic():
        locked = Channel.objects.locked().get(pk=channel.pk)
        if locked.health_checked_at and locked.health_checked_at > now:
            return locked.health, locked.health_reason  # a later look was faster
        Channel.objects.filter(pk=channel.pk).update(
            health=health,
            health_reason=reason,
            health_checks=[asdict(look) for look in found],
            health_checked_at=now,
        )
        if locked.health != health:
            audit.record(
                "channel_health_changed",
                channel,
                before={"health": locked.health, "reason": locked.health_reason},
                after={"health": health, "reason": reason},
                reason=reason,
            )
    return health, reason


# --------------------------------------------------------------------------------------------------------------- report


def _all_channels() -> QuerySet[Channel]:
    return Channel.objects.select_related("credential").order_by("name", "id")


def _chosen(channel_ids: Sequence[int] | None) -> list[Channel]:
    channels = _all_channels()
    if channel_ids is None:
        return list(channels)
    wanted = lookup.check_ids(channel_ids, field="channel_ids")
    found = list(channels.filter(pk__in=wanted))
    lookup.check_found(Channel, wanted, [channel.pk for channel in found], field="channel_ids")
    return found


def channel_reports(channels: Sequence[Channel], now: datetime | None = None) -> list[ChannelReport]:
    """Return what is known of these channels: three aggregates for all of them together."""
    now = now or timezone.now()
    since = now - checks.RECENT
    ids = [channel.pk for channel in channels]
    schedules, published, failed = _schedules(ids, since), _published(ids, since), _failed_jobs(ids, since)
    reports = []
    for channel in channels:
        planned = schedules.get(channel.pk, {})
        out = published.get(channel.pk, {})
        jobs = failed.get(channel.pk, {})
        reports.append(
            ChannelReport(
                channel=channel,
                state=channel.state,
                health=channel.health,
                reason=channel.health_reason,
                checked_at=channel.health_checked_at,
                checks=tuple(HealthCheck(**look) for look in channel.health_checks),
                open_schedules=planned.get("open", 0),
                published_24h=out.get("recent", 0),
                failed_24h=planned.get("failed", 0) + jobs.get("failed", 0),
                needs_review=planned.get("review", 0) + jobs.get("review", 0),
                next_publish_at=planned.get("next"),
                last_published_at=out.get("last"),
            )
        )
    return reports


def _by_channel(rows: Any) -> dict[int, Mapping[str, Any]]:
    return {row["channel_id"]: row for row in rows}


def _schedules(ids: Sequence[int], since: datetime) -> dict[int, Mapping[str, Any]]:
    ended = [ScheduleState.FAILED, ScheduleState.MISSED]
    live = OPEN_SCHEDULES - {ScheduleState.HELD}
    rows = Schedule.objects.filter(channel_id__in=ids).filter(
        Q(state__in=[*OPEN_SCHEDULES, ScheduleState.NEEDS_REVIEW])
        | Q(state__in=ended, state_changed_at__gte=since)
    )
    return _by_channel(
        rows.order_by()
        .values("channel_id")
        .annotate(
            open=Count("pk", filter=Q(state__in=OPEN_SCHEDULES)),
            review=Count("pk", filter=Q(state=ScheduleState.NEEDS_REVIEW)),
            failed=Count("pk", filter=Q(state__in=ended)),
            next=Min("publish_at", filter=Q(state__in=live)),
        )
    )


def _published(ids: Sequence[int], since: datetime) -> dict[int, Mapping[str, Any]]:
    # Counted by the channel, not by their keys: the index of a channel's publications then answers alone.
    rows = Distribution.objects.published().filter(channel_id__in=ids, published_at__isnull=False)
    return _by_channel(
        rows.order_by()
        .values("channel_id")
        .annotate(last=Max("published_at"), recent=Count("channel_id", filter=Q(published_at__gte=since)))
    )


def _failed_jobs(ids: Sequence[int], since: datetime) -> dict[int, Mapping[str, Any]]:
    """Count failures outside schedules: a failed schedule counts once, however many of its jobs failed."""
    rows = Job.objects.filter(channel_id__in=ids, schedule__isnull=True).filter(
        Q(state__in=[JobState.FAILED, JobState.ERRORED], finished_at__gte=since)
        | Q(state=JobState.NEEDS_REVIEW)
    )
    return _by_channel(
        rows.order_by()
        .values("channel_id")
        .annotate(
            failed=Count("pk", filter=~Q(state=JobState.NEEDS_REVIEW)),
            review=Count("pk", filter=Q(state=JobState.NEEDS_REVIEW)),
        )
    )
