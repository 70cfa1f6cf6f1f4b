"""Decide what becomes of publications whose moment has passed, and release them at a bounded rate."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from channels.states import ChannelState
from orchestration import planned, queue, snapshots
from orchestration.models import Job, Schedule
from orchestration.planning import types
from orchestration.planning.calendar import calendars_of
from orchestration.planning.misfire import OverdueItem as PastDue
from orchestration.planning.misfire import decide_misfire, preview_resume
from orchestration.planning.results import MisfireAction, MisfireDecision
from orchestration.results import OverdueItem, ResumePreview
from orchestration.states import JobKind, JobState, ScheduleState, SystemStatus, WaveState
from orchestration.transitions import transition

ON_TIME = timedelta(seconds=60)
"""Up to this lateness an item is simply published; a read-back or a short queue takes some seconds."""
MOST_AT_ONCE = 200
LOOK_AHEAD = timedelta(days=90)


def overdue_schedules(now: datetime, most: int = MOST_AT_ONCE):
    """Return what is past its moment and neither public nor armed; held items wait for a person."""
    return (
        Schedule.objects.filter(
            state__in=[ScheduleState.PLANNED, ScheduleState.STAGING, ScheduleState.STAGED],
            publish_at__lt=now - ON_TIME,
            armed_for=None,
        )
        .select_related("channel", "distribution", "wave")
        .order_by("publish_at", "id")[:most]
    )


def decide(row: Schedule, now: datetime, views: dict[int, types.ChannelView]) -> MisfireDecision:
    """Return what a schedule's channel wants done about its lateness."""
    view = views[row.channel_id]
    window_end = now + LOOK_AHEAD
    entries = [
        entry
        for entry in snapshots.occupied([row.channel_id], now - timedelta(days=2), window_end)
        if entry.schedule_id != row.pk
    ]
    calendar = calendars_of([view], entries, now)[view.id]
    free = calendar.free_slot_from(now + timedelta(seconds=1), window_end)
    return decide_misfire(
        row.channel.misfire_policy,
        row.publish_at,
        now,
        row.channel.misfire_grace_minutes * 60,
        [free] if free else [],
    )


def settle(now: datetime) -> int:
    """Apply the misfire policies, each under the schedule's lock; called by the tick while the system runs."""
    from orchestration.scheduling import locked

    settled = 0
    for found in list(overdue_schedules(now)):
        if found.channel.state != ChannelState.ACTIVE or (
            found.wave and found.wave.state == WaveState.PAUSED
        ):
            continue  # paused by an operator: decided when it goes on
        with transaction.atomic():
            if queue.locked_status() != SystemStatus.RUNNING:
                return settled
            row = locked(found.pk)
            settled += settle_one(row, now)
    return settled


def settle_one(row: Schedule, now: datetime, *, released: bool = False) -> bool:
    """Decide one locked schedule; returns whether anything was changed."""
    waiting = {ScheduleState.PLANNED, ScheduleState.STAGING, ScheduleState.STAGED}
    if row.state not in waiting or row.publish_at >= now - ON_TIME or row.armed_for is not None:
        return False
    if Job.objects.filter(schedule=row, kind=JobKind.PUBLISH, state=JobState.RUNNING).exists():
        return False
    views = {view.id: view for view in snapshots.channel_views([row.channel_id])}
    return apply(row, decide(row, now, views), now, released=released)


def apply(row: Schedule, decision: MisfireDecision, now: datetime, *, released: bool = False) -> bool:
    """Write a decision: publish late, move, skip, hold or miss, with the lateness and the reason."""
    from orchestration.scheduling import withdraw_jobs

    late = {"lateness_seconds": decision.lateness_seconds, "misfire_action": decision.action}
    match decision.action:
        case MisfireAction.PUBLISH_LATE | MisfireAction.ON_TIME:
            if row.misfire_action != decision.action:
                Schedule.objects.filter(pk=row.pk).update(**late, reason=decision.sentence[:500])
                return True
            return False
        case MisfireAction.MOVE if decision.new_at is not None:
            withdraw_jobs([row.pk], "moved by its misfire policy", kinds=[JobKind.PUBLISH])
            planned.retime(
                row,
                decision.new_at,
                verb="schedule_misfired",
                reason=decision.sentence,
                now=now,
                misfire_action=decision.action,
            )
            return True
        case MisfireAction.HOLD:
            if released:
                return False
            withdraw_jobs([row.pk], "held by its misfire policy")
            transition(row, ScheduleState.HELD, verb="schedule_misfired", reason=decision.sentence, **late)
            return True
        case MisfireAction.SKIP:
            withdraw_jobs([row.pk], "skipped by its misfire policy")
            transition(row, ScheduleState.SKIPPED, verb="schedule_misfired", reason=decision.sentence, **late)
            return True
        case _:
            withdraw_jobs([row.pk], "missed")
            transition(row, ScheduleState.MISSED, verb="schedule_misfired", reason=decision.sentence, **late)
            return True


def preview(now: datetime, most: int = 500) -> ResumePreview:
    """Show what is overdue and what would happen to each now, released in due order at the bounded rate."""
    rows = {row.pk: row for row in overdue_schedules(now, most)}
    views = snapshots.channel_views({row.channel_id for row in rows.values()})
    ahead = [
        entry
        for entry in snapshots.occupied(
            [view.id for view in views], now - timedelta(days=2), now + LOOK_AHEAD
        )
        if entry.schedule_id not in rows
    ]
    wanted = [PastDue(row.pk, row.channel_id, row.publish_at, row.priority) for row in rows.values()]
    releases = preview_resume(
        wanted, calendars_of(views, ahead, now), now, per_minute=settings.HEADEND_RELEASES_PER_MINUTE
    )
    items = [
        OverdueItem(
            schedule=rows[release.schedule_id],
            action=str(release.decision.action),
            new_at=release.decision.new_at or release.release_at,
            lateness_seconds=release.decision.lateness_seconds,
            sentence=release.decision.sentence,
        )
        for release in releases
    ]
    return ResumePreview(items=items, per_minute=settings.HEADEND_RELEASES_PER_MINUTE)


def within_rate(rows: Sequence[Schedule], now: datetime) -> list[Schedule]:
    """Return the late ones that may be released now, in due order: at most HEADEND_RELEASES_PER_MINUTE a minute."""
    recent = Job.objects.filter(
        kind=JobKind.PUBLISH, created_at__gt=now - timedelta(minutes=1), params__late=True
    ).count()
    return list(rows[: max(settings.HEADEND_RELEASES_PER_MINUTE - recent, 0)])
