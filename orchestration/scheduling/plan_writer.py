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
from orchestration.models import Distribution, Job, Schedule, Wave
from orchestration.planning import types
from orchestration.scheduling import conflict_records, reservations
from orchestration.scheduling.disarming import disarm
from orchestration.scheduling.rows import retime
from orchestration.states import (
    MOVABLE_SCHEDULES,
    DistributionState,
    ScheduleState,
)


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
        made.placements, wave=wave, method=method, now=now, pinned=set(request.overrides)
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
) -> list[int]:
    """Write distributions and schedules in sets; returns the ids of the schedules.

    A distribution that stands without a moment (staged by hand, missed, cancelled, failed) is taken up again.
    """
    explanations = explanations or {}
    wanted = {(p.video_id, p.channel_id): p for p in placements}
    again = _standing(set(wanted))
    _take_up_again(again, wave=wave, method=method)
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
    if again:
        for old in Schedule.objects.filter(distribution__in=again, armed_for__isnull=False):
            disarm(old, "planned anew")  # where nobody does: with the row goes what is known of it
        # Their jobs stay: one may still be disarming the old time, another may be a run that is winding down.
        Job.objects.filter(schedule__distribution__in=again).update(schedule=None)
        Schedule.objects.filter(distribution__in=again).delete()
    rows = [(ids[key], p, key in pinned) for key, p in wanted.items()]
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
    return [row[0] for row in written]


def _standing(wanted: set[tuple[int, int]]) -> list[Distribution]:
    """Return the distributions of these videos and channels that stand already, under lock, their schedules before them."""
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
        return []
    schedules = Schedule.objects.select_for_update(of=("self",)).filter(distribution__in=found)
    list(schedules.order_by("pk").values_list("pk"))  # not only NO KEY: they are deleted
    distributions = Distribution.objects.select_for_update(of=("self",), no_key=True)
    return list(distributions.filter(pk__in=found).order_by("pk"))


def _take_up_again(rows: Sequence[Distribution], *, wave: Wave | None, method: str) -> None:
    for row in rows:
        to = DistributionState.STAGED if row.youtube_video_id else DistributionState.ASSIGNED
        if row.state != to:
            transition(row, to, reason="planned again", error_code="", error_message="")
        Distribution.objects.filter(pk=row.pk).update(wave=wave, method=method)


def displace(displacements: Sequence[types.Displacement], wave: Wave | None, now: datetime) -> None:
    """Move, or hold, the schedules that give way; each gets an entry of its own."""
    if not displacements:
        return
    rows = (
        Schedule.objects.select_for_update(of=("self",), no_key=True)
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
        if row.state not in MOVABLE_SCHEDULES or row.armed_for is not None:
            now_is = "armed on YouTube" if row.armed_for else row.state
            raise PlanOutdated(f"Schedule {row.pk} was to give way, but is {now_is} now; plan again.")
        if moved.to_at is None:
            transition(row, ScheduleState.HELD, verb="schedule_displaced", reason=moved.reason)
        else:
            retime(
                row,
                moved.to_at,
                stage_at=stage_at[row.pk],
                verb="schedule_displaced",
                reason=moved.reason,
            )
