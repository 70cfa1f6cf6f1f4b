"""Write a plan: the wave, its distributions and schedules, and who gives way, as one change."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from orchestration.core import audit
from orchestration.core.bulk_insert import insert_set
from orchestration.core.transitions import transition
from orchestration.core.wakeups import wake_tick
from orchestration.errors import (
    PlanOutdated,
)
from orchestration.models import Distribution, Schedule, Wave
from orchestration.planning import types
from orchestration.scheduling import conflict_records, reservations
from orchestration.scheduling.disarming import disarm
from orchestration.scheduling.rows import retime
from orchestration.states import (
    SCHEDULE_VERBS,
    DistributionState,
    ScheduleState,
)

TAKEN_UP_AGAIN = SCHEDULE_VERBS["reopen"].states


def commit(
    request: types.WaveRequest,
    made: types.Plan,
    *,
    method: str,
    name: str,
) -> Wave:
    """Write a plan: wave, distributions, schedules, displacements, conflicts and one entry that names its members.

    Call it in the transaction that locked the channels and made the plan. What exceeds a pool's day is in the plan
    already; nothing is decided here.
    """
    who = audit.acting()
    now = timezone.now()
    wave = Wave(
        name=name or f"{request.timing} {made.first_at:%Y-%m-%d %H:%M} UTC",
        timing=request.timing,
        scheduled_at=request.scheduled_at or made.first_at,
        delay_seconds=request.delay_seconds,
        priority=request.priority,
        on_conflict=request.on_conflict,
        request=request.as_document(),
        summary=made.summary[:500],
        correlation_id=who.correlation_id or audit.new_correlation_id(),
        created_by=who.label[:150],
        created_at=now,
    )
    wave.save(force_insert=True)
    schedules = write_placements(
        made.placements,
        wave=wave,
        method=method,
        now=now,
        pinned=set(request.overrides),
        with_cancelled=request.acknowledge_policy,
    )
    displace(made.displacements, wave, now)
    conflict_records.record(made.conflicts, wave=wave, now=now)
    audit.record(
        "wave_scheduled",
        wave,
        after={
            "state": wave.state,
            "timing": wave.timing,
            "first_at": made.first_at.isoformat(),
            "last_at": made.last_at.isoformat(),
            "publications": len(schedules),
        },
        reason=made.summary,
        members={"schedule": schedules},
    )
    wake_tick()
    return wave


def write_placements(
    placements: Sequence[types.Placement],
    *,
    wave: Wave | None,
    method: str,
    now: datetime,
    pinned: set[tuple[int, int]] = frozenset(),
    explanations: Mapping[tuple[int, int], list[Any]] | None = None,
    with_cancelled: bool = False,
) -> list[int]:
    """Write distributions and schedules in sets; returns the ids of the schedules.

    A distribution that stands without a moment (staged by hand, missed, skipped, failed) is taken up again, in the
    schedule that it had; what a person cancelled only `with_cancelled`. Raises: PlanOutdated, if one may not be.
    """
    explanations = explanations or {}
    wanted = {(p.video_id, p.channel_id): p for p in placements}
    again, standing = _existing(set(wanted), with_cancelled=with_cancelled)
    _reuse(again, wave=wave, method=method)
    ids = {(row.video_id, row.channel_id): row.pk for row in again}
    uploaded = {row.pk for row in again if row.youtube_video_id}
    new = [p for key, p in wanted.items() if key not in ids]
    made = insert_set(
        Distribution(wave=wave, method=method, created_at=now, state_changed_at=now),
        {
            "video_id": [p.video_id for p in new],
            "channel_id": [p.channel_id for p in new],
            "reason": [p.reason[:300] for p in new],
            "explanation": [explanations.get((p.video_id, p.channel_id), []) for p in new],
        },
        returning=("video_id", "channel_id"),
    )
    ids.update(((video_id, channel_id), pk) for pk, video_id, channel_id in made)
    for key, p in wanted.items():
        if ids[key] in standing:
            _plan_again(standing[ids[key]], p, wave=wave, now=now, pinned=key in pinned)
    rows = [(ids[key], p, key in pinned) for key, p in wanted.items() if ids[key] not in standing]
    written = insert_set(
        Schedule(wave=wave, created_at=now, state_changed_at=now),
        {
            "distribution_id": [pk for pk, _, _ in rows],
            "channel_id": [p.channel_id for _, p, _ in rows],
            "publish_at": [p.at for _, p, _ in rows],
            "local_wall": [p.local_wall.isoformat(timespec="seconds") for _, p, _ in rows],
            "zone": [p.zone for _, p, _ in rows],
            "stage_at": [max(p.stage_at, now) for _, p, _ in rows],
            "priority": [p.priority for _, p, _ in rows],
            "state": [
                str(ScheduleState.STAGED if pk in uploaded else ScheduleState.PLANNED) for pk, _, _ in rows
            ],
            "overridden": [is_pinned for _, _, is_pinned in rows],
            "reason": [p.reason[:500] for _, p, _ in rows],
        },
    )
    return sorted([row.pk for row in standing.values()] + [row[0] for row in written])


NOT_AGAIN = frozenset(
    {DistributionState.PUBLISHED, DistributionState.RECALLED, DistributionState.NEEDS_REVIEW}
)


def _existing(
    wanted: set[tuple[int, int]], *, with_cancelled: bool
) -> tuple[list[Distribution], dict[int, Schedule]]:
    """Return the distributions of these videos and channels that stand already, and their schedules by distribution.

    All under lock, the schedules first. Raises: PlanOutdated, if one was decided on since the plan was made: what may be
    public, goes somewhere already, or was cancelled, is not planned again in passing.
    """
    of_these = {
        "video__in": {video for video, _ in wanted},
        "channel__in": {channel for _, channel in wanted},
    }
    found = [
        pk
        for pk, *member in Distribution.objects.filter(**of_these).values_list("pk", "video_id", "channel_id")
        if tuple(member) in wanted
    ]
    if not found:
        return [], {}
    schedules = Schedule.objects.locked().filter(distribution__in=found)
    of_distribution = {
        row.distribution_id: row for row in schedules.prefetch_related("channel").order_by("pk")
    }
    distributions = list(Distribution.objects.locked().filter(pk__in=found).order_by("pk"))
    for distribution in distributions:
        row = of_distribution.get(distribution.pk)
        if row is not None:
            row.distribution = distribution
        states = {distribution.state} | ({row.state} if row is not None else set())
        is_cancelled = bool(states & {DistributionState.CANCELLED, ScheduleState.CANCELLED})
        if (
            distribution.state in NOT_AGAIN
            or (row is not None and row.state not in TAKEN_UP_AGAIN)
            or (is_cancelled and not with_cancelled)
        ):
            raise PlanOutdated(
                f"{distribution} is {row.state if row else distribution.state} now; plan again."
            )
    return distributions, of_distribution


def _reuse(rows: Sequence[Distribution], *, wave: Wave | None, method: str) -> None:
    for row in rows:
        to = DistributionState.STAGED if row.youtube_video_id else DistributionState.ASSIGNED
        if row.state != to:
            transition(row, to, reason="planned again", error_code="", error_message="")
        Distribution.objects.filter(pk=row.pk).update(wave=wave, method=method)


def _plan_again(
    row: Schedule, placement: types.Placement, *, wave: Wave | None, now: datetime, pinned: bool
) -> None:
    """Give a schedule that was over a new moment; what it was before stands in the activity log.

    Its jobs stay: one may still be disarming the old time, another may be a run that is winding down.
    """
    if row.armed_for is not None:
        disarm(row, "planned anew")
    distribution = row.distribution
    transition(
        row,
        ScheduleState.STAGED if distribution.youtube_video_id else ScheduleState.PLANNED,
        verb="schedule_planned_again",
        reason=placement.reason or "planned again",
        wave=wave,
        publish_at=placement.at,
        local_wall=placement.local_wall.isoformat(timespec="seconds"),
        zone=placement.zone,
        stage_at=max(placement.stage_at or now, now),
        priority=placement.priority,
        overridden=pinned,
        armed_for=None,
        bumped_at=None,
        misfire_action="",
        lateness_seconds=None,
    )
    row.reason = placement.reason[:500]
    Schedule.objects.filter(pk=row.pk).update(reason=row.reason)


def displace(displacements: Sequence[types.Displacement], wave: Wave | None, now: datetime) -> None:
    """Move, or hold, the schedules that give way; each gets an entry of its own."""
    if not displacements:
        return
    rows = (
        Schedule.objects.locked()
        .select_related("channel", "distribution")
        .order_by("pk")
        .in_bulk([d.schedule_id for d in displacements])
    )
    moving = [(rows[d.schedule_id], d.to_at) for d in displacements if d.to_at is not None]
    stage_at = {
        row.pk: at for (row, _), at in zip(moving, reservations.stage_times(moving, now), strict=True)
    }
    for moved in displacements:
        row = rows[moved.schedule_id]
        if row.why_not("displace") or row.armed_for is not None:
            now_is = "armed on YouTube" if row.armed_for else row.state
            raise PlanOutdated(f"Schedule {row.pk} was to give way, but is {now_is} now; plan again.")
        if moved.to_at is None:
            if row.state == ScheduleState.HELD:
                continue  # it takes no time from anybody, and waits for a person as it is
            transition(row, ScheduleState.HELD, verb="schedule_displaced", reason=moved.reason)
        else:
            retime(
                row,
                moved.to_at,
                stage_at=stage_at[row.pk],
                verb="schedule_displaced",
                reason=moved.reason,
            )
