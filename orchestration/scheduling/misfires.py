"""Decide what becomes of publications whose moment has passed, and release them at a bounded rate."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from channels.states import ChannelState, MisfirePolicy
from orchestration.core import audit, installation
from orchestration.core.failpoints import failpoint
from orchestration.core.transitions import transition
from orchestration.errors import OrchestrationError, SystemNotRunning
from orchestration.models import Distribution, Job, Schedule, SystemState
from orchestration.models.querysets import ON_TIME, ScheduleQuerySet
from orchestration.planning.answers import MisfireAction, MisfireDecision
from orchestration.planning.calendar import ChannelCalendar, calendars_of
from orchestration.planning.misfire import OverdueItem as PastDue
from orchestration.planning.misfire import decide_misfire, let_go, preview_resume
from orchestration.planning.types import Occupied
from orchestration.queue import jobs as queue
from orchestration.results.system import OverdueItem, ResumePreview
from orchestration.scheduling import approval_marks, reservations, snapshots
from orchestration.scheduling.disarming import disarm
from orchestration.scheduling.rows import locked, retime, withdraw_jobs
from orchestration.states import (
    OPEN_JOBS,
    JobKind,
    JobState,
    ScheduleState,
    WaveState,
)

logger = logging.getLogger(__name__)

MAX_AT_ONCE = 1000
LOOK_AHEAD = timedelta(days=90)
WAITING = frozenset({ScheduleState.PLANNED, ScheduleState.STAGING, ScheduleState.STAGED})


_READS_BACK_FIRST = Q(kind=JobKind.PUBLISH, state__in=OPEN_JOBS, read_back_first=True)


def overdue_schedules(now: datetime, most: int = MAX_AT_ONCE):
    """Return what is overdue, and neither armed nor being made public nor to be read back first, in due order.

    Held items wait for a person, and what a restored database knew for a look at YouTube; what a paused channel or wave
    holds back is decided when that goes on.
    """
    restored_at = installation.taken_over_at()
    return (
        Schedule.objects.overdue(now)
        .free()
        .filter(state__in=WAITING, armed_for=None)
        .exclude(_not_looked_at(restored_at) if restored_at else Q(pk=None))
        .exclude(wave__state=WaveState.RECALLING)
        .exclude(Exists(Job.objects.filter(_READS_BACK_FIRST, schedule=OuterRef("pk"))))
        .select_related("channel", "distribution", "wave")
        .order_by("publish_at", "-priority", "id")[:most]
    )


def calendars_for(channel_ids: Iterable[int], now: datetime) -> dict[int, ChannelCalendar]:
    """Return calendars of what really stands: the late where it went public, the undecided nowhere.

    What was released late and is not public yet stands at `now`.
    """
    views = snapshots.channel_views(set(channel_ids))
    since = now - snapshots.reach(views)
    released = Job.objects.open().filter(schedule=OuterRef("pk"), kind=JobKind.PUBLISH, released_late=True)
    rows = (
        Schedule.objects.occupying()
        .filter(channel__in=[view.id for view in views])
        .filter(Q(publish_at__gte=since) | Q(distribution__published_at__gte=since) | Exists(released))
        .filter(publish_at__lt=now + LOOK_AHEAD)
        .annotate(is_released=Exists(released))
        .order_by()
        .values_list(
            "pk",
            "channel_id",
            "publish_at",
            "priority",
            "state",
            "armed_for",
            "distribution__published_at",
            "is_released",
        )
    )
    entries = []
    for pk, channel_id, at, priority, state, armed_for, published_at, is_released in rows:
        if state == ScheduleState.PUBLISHED:
            at = published_at or at
        elif is_released or (state == ScheduleState.PUBLISHING and at < now):
            at = max(at, now)
        elif at < now - ON_TIME and armed_for is None and state in WAITING | {ScheduleState.HELD}:
            continue
        entries.append(Occupied(channel_id, at, pk, priority, f"publication {pk}", False))
    return calendars_of(views, entries, now)


def decide(row: Schedule, now: datetime, calendar: ChannelCalendar) -> MisfireDecision:
    """Return what a schedule's channel wants done about its lateness."""
    policy = row.channel.misfire_policy
    slot = calendar.free_slot_from(now + timedelta(seconds=1)) if policy == MisfirePolicy.NEXT_SLOT else None
    decision = decide_misfire(
        policy, row.publish_at, now, row.channel.misfire_grace_minutes * 60, [slot] if slot else []
    )
    return let_go(decision) if _is_let_go(row) else decision


def _is_let_go(row: Schedule) -> bool:
    """Return whether a person has released what its policy held for its lateness."""
    is_held = row.channel.misfire_policy == MisfirePolicy.HOLD
    return is_held and row.misfire_action == MisfireAction.PUBLISH_LATE


def settle(now: datetime) -> int:
    """Apply the misfire policies, each under the schedule's lock; called by the tick while the system runs."""
    settled = 0
    for found in list(overdue_schedules(now)):
        if found.misfire_action == MisfireAction.PUBLISH_LATE and not _grace_is_over(found, now):
            continue  # decided; it waits for its turn
        try:
            settled += _settle_locked(found.pk, now)
        except SystemNotRunning:
            return settled
        except OrchestrationError as error:
            # Somebody was faster, or this one cannot be decided: the others do not wait for it.
            logger.warning("schedule %s is overdue and was not decided: %s", found.pk, error)
    return settled


def _grace_is_over(row: Schedule, now: datetime) -> bool:
    if row.channel.misfire_policy != MisfirePolicy.PUBLISH_LATE:
        return row.channel.misfire_policy != MisfirePolicy.HOLD
    return now - row.publish_at > timedelta(minutes=row.channel.misfire_grace_minutes)


def settle_late(schedule_id: int, now: datetime) -> str:
    """Decide a schedule whose publish job comes too late, before anything is published; returns what was decided.

    Raises: SystemNotRunning.
    """
    Distribution.objects.filter(schedule=schedule_id).update(looked_at=now)
    _settle_locked(schedule_id, now, by_its_job=True)
    row = Schedule.objects.get(pk=schedule_id)
    return row.reason or f"the schedule is {row.state}"


def _settle_locked(schedule_id: int, now: datetime, *, by_its_job: bool = False) -> bool:
    with transaction.atomic():
        queue.require_running("nothing overdue is decided")
        changed = settle_one(locked(schedule_id), now, by_its_job=by_its_job)
    failpoint("misfire.settled")
    return changed


def settle_one(row: Schedule, now: datetime, *, released: bool = False, by_its_job: bool = False) -> bool:
    """Decide one locked schedule; returns whether anything was changed.

    `released` says that a person lets it go, `by_its_job` that its own publish job asks, having seen it private.
    """
    if row.state not in WAITING or row.publish_at >= now - ON_TIME:
        return False
    if row.channel.state != ChannelState.ACTIVE or (row.wave and row.wave.state == WaveState.PAUSED):
        return False
    if not by_its_job:
        if row.armed_for is not None:
            return False
        is_running = Q(kind=JobKind.PUBLISH, state=JobState.RUNNING)
        if Job.objects.filter(is_running | _READS_BACK_FIRST, schedule=row).exists():
            return False
        if _was_not_looked_at(row):
            return False
    calendar = calendars_for([row.channel_id], now)[row.channel_id]
    decision = decide(row, now, calendar)
    if released and row.channel.misfire_policy == MisfirePolicy.HOLD:
        decision = let_go(decision)
    if Schedule.objects.filter(approval_marks.waits(), pk=row.pk).exists():
        decision = replace(decision, sentence=f"not approved in time: {decision.sentence}")
    return apply(row, decision, now)


def read_back_first(now: datetime) -> int:
    """Have what is due looked at before its misfire policy decides, after a restore; returns how many that are.

    What the database knows as private may be public by now, and what it knows as not uploaded may be there. Its publish job
    looks, and lets the policy decide only about what is not public; until it has ended, nobody else decides.
    """
    uploaded = Q(
        state__in=[ScheduleState.STAGED, ScheduleState.PUBLISHING],
        distribution__youtube_video_id__isnull=False,
    )
    not_uploaded = Q(state__in=[ScheduleState.PLANNED, ScheduleState.STAGING])
    return _have_looked_at(Schedule.objects.filter(uploaded | not_uploaded, publish_at__lte=now), now)


def is_to_be_looked_at_first() -> Exists:
    """Return the condition that a schedule is about to be looked at, after a restore."""
    return Exists(Job.objects.filter(_READS_BACK_FIRST, schedule=OuterRef("pk")))


def look_first(now: datetime) -> int:
    """Have looked at what fell overdue, or went on, only after a restore was taken over; called by the tick."""
    restored_at = installation.taken_over_at()
    if restored_at is None:
        return 0
    waiting = (
        Schedule.objects.overdue(now)
        .free()
        .filter(_not_looked_at(restored_at), state__in=WAITING, armed_for=None)
        .exclude(Exists(Job.objects.filter(_READS_BACK_FIRST, schedule=OuterRef("pk"))))
    )
    if not waiting.exists():
        return 0
    with transaction.atomic():
        queue.require_running("nothing overdue is looked at")
        return _have_looked_at(waiting, now, MAX_AT_ONCE)


def _not_looked_at(restored_at: datetime) -> Q:
    """Return what the restored database knew, and YouTube was not asked about since."""
    unasked = Q(distribution__looked_at=None) | Q(distribution__looked_at__lt=restored_at)
    return unasked & Q(distribution__created_at__lt=restored_at)


def _was_not_looked_at(row: Schedule) -> bool:
    restored_at = installation.taken_over_at()
    if restored_at is None or row.distribution.created_at >= restored_at:
        return False
    return row.distribution.looked_at is None or row.distribution.looked_at < restored_at


def _have_looked_at(found: ScheduleQuerySet[Schedule], now: datetime, most: int | None = None) -> int:
    # In sets, as the switch is held alone meanwhile: a backup of some days ago has thousands of them.
    rows = list(found.order_by("publish_at", "pk").select_related("distribution", "channel")[:most])
    wanted = {queue.publication_key(JobKind.PUBLISH, row.distribution_id): row for row in rows}
    existing = Job.objects.open().filter(kind=JobKind.PUBLISH, dedupe_key__in=wanted)
    have_one = set(existing.values_list("dedupe_key", flat=True))
    if have_one:
        existing.update(read_back_first=True, run_at=now, try_until=None)
    fresh = [row for key, row in wanted.items() if key not in have_one]
    if fresh:
        queue.enqueue_many(JobKind.PUBLISH, fresh, now=now, read_back_first=True)
        audit.record(
            "publications_due",
            SystemState(pk=1),
            after={"publish_jobs": len(fresh)},
            reason="restored: what is due is looked at before anything is decided",
            members={"schedule": [row.pk for row in fresh]},
        )
    return len(rows)


def apply(row: Schedule, decision: MisfireDecision, now: datetime) -> bool:
    """Write a decision: publish late, move, skip, hold or miss, with the lateness and the reason."""
    late = {"lateness_seconds": decision.lateness_seconds, "misfire_action": decision.action}
    was_armed = row.armed_for is not None
    if was_armed:  # YouTube did not publish it in time, and must not make up for it later
        disarm(row, "its moment has passed")
    if decision.action in {MisfireAction.PUBLISH_LATE, MisfireAction.ON_TIME}:
        if row.misfire_action == decision.action and not was_armed:
            return False
        # Armed no more: else it would not count as late, and nobody would release it.
        Schedule.objects.filter(pk=row.pk).update(**late, armed_for=None, reason=decision.sentence[:500])
        audit.record(
            "schedule_misfired",
            row,
            before={"misfire_action": row.misfire_action},
            after={"misfire_action": str(decision.action), "lateness_seconds": decision.lateness_seconds},
            reason=decision.sentence,
            was={"lateness_seconds": row.lateness_seconds},
        )
        row.misfire_action, row.armed_for, row.reason = decision.action, None, decision.sentence[:500]
        return True
    if decision.action == MisfireAction.MOVE and decision.new_at is not None:
        withdraw_jobs([row.pk], "moved by its misfire policy", kinds=[JobKind.PUBLISH])
        reservations.hold_alone()
        retime(
            row,
            decision.new_at,
            stage_at=reservations.stage_times([(row, decision.new_at)], now)[0],
            verb="schedule_misfired",
            reason=decision.sentence,
            misfire_action=decision.action,
        )
        return True
    to, why = {
        MisfireAction.HOLD: (ScheduleState.HELD, "held by its misfire policy"),
        MisfireAction.SKIP: (ScheduleState.SKIPPED, "skipped by its misfire policy"),
    }.get(decision.action, (ScheduleState.MISSED, "missed"))
    withdraw_jobs([row.pk], why)
    transition(row, to, verb="schedule_misfired", reason=decision.sentence, **late)
    Schedule.objects.filter(pk=row.pk).update(reason=decision.sentence[:500])
    row.reason = decision.sentence[:500]
    return True


def preview(now: datetime, most: int = 500) -> ResumePreview:
    """Show what is overdue and what would happen to each now, released in due order at the bounded rate."""
    is_restored = installation.is_waiting_to_be_taken_over()
    rows = {row.pk: row for row in overdue_schedules(now, most)}
    wanted = [
        PastDue(row.pk, row.channel_id, row.publish_at, row.priority, is_let_go=_is_let_go(row))
        for row in rows.values()
    ]
    releases = preview_resume(
        wanted,
        calendars_for({row.channel_id for row in rows.values()}, now),
        now,
        per_minute=settings.HEADEND_RELEASES_PER_MINUTE,
    )
    items = [
        OverdueItem(
            schedule=rows[release.schedule_id],
            action=str(release.decision.action),
            new_at=release.decision.new_at or release.release_at,
            lateness_seconds=release.decision.lateness_seconds,
            sentence=_asked_first(rows[release.schedule_id], is_restored) + release.decision.sentence,
        )
        for release in releases
    ]
    return ResumePreview(items=items, per_minute=settings.HEADEND_RELEASES_PER_MINUTE)


def _asked_first(row: Schedule, is_copy: bool) -> str:
    """Return that, in a restored database or a copy, the resume looks before it decides."""
    if not is_copy:
        return ""
    found = "read back first" if row.distribution.youtube_video_id else "looked for on YouTube first"
    return f"{found}; if it is not public, "


def within_rate(rows: Sequence[Schedule], now: datetime) -> list[Schedule]:
    """Return the late ones that may be released now, in due order, as `preview` tells it.

    At most HEADEND_RELEASES_PER_MINUTE a minute, and none closer to another publication of its channel than the gap,
    over its daily cap or inside a blackout.
    """
    recent = Job.objects.filter(
        kind=JobKind.PUBLISH, created_at__gt=now - timedelta(minutes=1), released_late=True
    ).count()
    room = settings.HEADEND_RELEASES_PER_MINUTE - recent
    if room <= 0 or not rows:
        return []
    calendars = calendars_for({row.channel_id for row in rows}, now)
    at = now + timedelta(seconds=1)
    released: list[Schedule] = []
    for row in rows:
        if row.misfire_action != MisfireAction.PUBLISH_LATE and row.state != ScheduleState.PUBLISHING:
            continue  # not decided yet; one whose flip was begun is looked at first, and decided then
        calendar = calendars[row.channel_id]
        if calendar.free_from(at, at) == at:
            calendar.add(Occupied(row.channel_id, at, row.pk, row.priority, f"publication {row.pk}", False))
            released.append(row)
            if len(released) == room:
                break
    return released
