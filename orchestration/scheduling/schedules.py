"""Move, hold, release, cancel, reopen and bump one publication."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from orchestration.core import audit
from orchestration.core.verbs import require, sort_out
from orchestration.core.wakeups import wake_tick
from orchestration.errors import IllegalTransition, InvalidRequest, PlanRefused
from orchestration.models import Distribution, Job, Schedule, Wave
from orchestration.planning.rule_differences import of_move
from orchestration.queue import jobs as queue
from orchestration.scheduling import misfires, new_times, reservations
from orchestration.scheduling.disarming import disarm_later, is_beyond_stopping
from orchestration.scheduling.requests import check_time
from orchestration.scheduling.rows import (
    cancel_row,
    cancel_rows,
    hold_row,
    hold_rows,
    locked,
    locked_all,
    retime,
    wake_up,
    wake_up_all,
    why_not_at,
    withdraw_jobs,
)
from orchestration.states import OPEN_WAVES, JobKind, ScheduleState, WaveState

_GOING_ON = OPEN_WAVES - {WaveState.RECALLING}


def move(schedule_id: int, publish_at: datetime, reason: str = "", *, version: int | None = None) -> Schedule:
    """Give one publication that is still to come another time; what is held or over is released or reopened instead.

    Raises: InvalidRequest (the time), PlanRefused (with alternatives), IllegalTransition, StaleVersion.
    """
    now = timezone.now()
    at = check_time(publish_at, "publish_at", now)
    if at is None:
        raise InvalidRequest("publish_at is missing.", field="publish_at")
    with transaction.atomic():
        row = locked(schedule_id)
        require(row, "move", version=version)
        _give_time(row, at, "moved", "schedule_moved", reason or "moved by an operator", now)
        wake_tick()
    return row


def move_all(schedule_ids: Sequence[int], reason: str = "", *, minutes: int) -> dict[int, str]:
    """Move many publications by one span, whose channels are locked; returns by id why some stay at their times.

    Raises: PlanRefused, if not all of those whose times are free could be staged in time, or paid for.
    """
    times = Schedule.objects.filter(pk__in=schedule_ids).order_by().values_list("pk", "publish_at")
    return move_to({pk: at + timedelta(minutes=minutes) for pk, at in times}, reason)


def move_to(times: Mapping[int, datetime], reason: str = "") -> dict[int, str]:
    """Give many publications times of their own, as `move` does one; as `move_all` in all else."""
    now = timezone.now()
    with transaction.atomic():
        reservations.hold_alone()
        rows, refused = sort_out(locked_all(list(times)), "move")
        moves = []
        for row in rows:
            try:
                check_time(times[row.pk], "publish_at", now)
            except InvalidRequest as error:
                refused[row.pk] = error.message
            else:
                moves.append((row, times[row.pk]))
        going, taken = new_times.sort_out_times(moves, now)
        _give_times(going, "moved", reason or "moved by an operator", now)
        wake_tick()
    return refused | taken


def _give_times(moves: Sequence[reservations.Move], why: str, reason: str, now: datetime) -> None:
    new_times.give_times(
        moves,
        now,
        verb="schedule_moved",
        reason=reason,
        why=why,
        withdrawn="its time was changed",
        overridden=True,
    )


def move_waiting(schedule_id: int, publish_at: datetime, reason: str) -> Schedule:
    """Give one publication another time whose staging waits for a condition; its job waits on.

    Raises: PlanRefused (with alternatives), IllegalTransition, if a worker or a run has it in hand.
    """
    now = timezone.now()
    with transaction.atomic():
        row = locked(schedule_id)
        if row.state != ScheduleState.STAGING or Job.objects.running().filter(schedule=row).exists():
            raise IllegalTransition(f"Schedule {row.pk} is {row.state} and in hand.", state=row.state)
        _give_time(row, publish_at, "moved", "schedule_moved", reason, now)
        wake_tick()
    return row


def _give_time(row: Schedule, at: datetime, why: str, verb: str, reason: str, now: datetime) -> None:
    """Give a locked schedule a time that a person chose. Raises: PlanRefused, with alternatives, if it is not free."""
    _refuse_if_not_free(row, at)
    disarm_later(row, why)
    withdraw_jobs([row.pk], "its time was changed", kinds=[JobKind.PUBLISH])
    stage_at = reservations.stage_times([(row, at)], now)[0]
    retime(row, at, stage_at=stage_at, verb=verb, reason=reason, overridden=True)


def _refuse_if_not_free(row: Schedule, at: datetime) -> None:
    reservations.hold_alone()
    messages, offers = why_not_at(row, at)
    if messages:
        raise PlanRefused(
            "; ".join(messages),
            field="publish_at",
            alternatives=offers,
            difference=of_move(row.publish_at, at, messages),
        )


def hold(schedule_id: int, reason: str = "", *, version: int | None = None) -> Schedule:
    """Keep one publication back; what is armed on YouTube is disarmed first. Raises: IllegalTransition, StaleVersion."""
    with transaction.atomic():
        row = locked(schedule_id)
        require(row, "hold", version=version)
        return hold_row(row, "held", reason or "held by an operator")


def hold_all(schedule_ids: Sequence[int], reason: str = "") -> dict[int, str]:
    """Keep many publications back, whose channels are locked; returns by id why some stay as they are."""
    with transaction.atomic():
        rows, refused = sort_out(locked_all(schedule_ids), "hold")
        hold_rows(rows, "held", reason or "held by an operator")
    return refused


def cancel_all(schedule_ids: Sequence[int], reason: str = "") -> dict[int, str]:
    """Cancel many publications, whose channels are locked; returns by id why some stay as they are."""
    with transaction.atomic():
        rows, refused = sort_out(locked_all(schedule_ids), "cancel")
        cancel_rows(rows, reason or "cancelled by an operator")
    return refused


def bump_all(schedule_ids: Sequence[int], reason: str = "") -> dict[int, str]:
    """Move many publications' waiting work before all others, whose channels are locked; returns by id why some stay."""
    now = timezone.now()
    with transaction.atomic():
        rows, refused = sort_out(locked_all(schedule_ids), "bump")
        _bump(rows, now, reason)
    return refused


def release(
    schedule_id: int, reason: str = "", *, publish_at: datetime | None = None, version: int | None = None
) -> Schedule:
    """Let a held publication go on, at its own time or at another one.

    If its own has passed, its channel's misfire policy decides at once. Raises: InvalidRequest (the time), PlanRefused
    (with alternatives), IllegalTransition, StaleVersion.
    """
    now = timezone.now()
    at = check_time(publish_at, "publish_at", now)
    with transaction.atomic():
        row = locked(schedule_id)
        require(row, "release", version=version)
        wake_up(row, reason or "released by an operator")
        if at is None:
            misfires.settle_one(row, now, released=True)
        else:
            _give_time(row, at, "released", "schedule_moved", reason or "released by an operator", now)
        wake_tick()
    return row


def release_all(schedule_ids: Sequence[int], reason: str = "") -> dict[int, str]:
    """Let many held publications go on at their own times, whose channels are locked; returns by id why some stay."""
    now = timezone.now()
    with transaction.atomic():
        rows, refused = sort_out(locked_all(schedule_ids), "release")
        wake_up_all(rows, reason or "released by an operator")
        for row in rows:
            misfires.settle_one(row, now, released=True)
        wake_tick()
    return refused


def cancel(schedule_id: int, reason: str = "", *, version: int | None = None) -> Schedule:
    """Cancel one publication that is known not to be public; only a person takes it up again (`reopen`).

    Raises: IllegalTransition, StaleVersion.
    """
    with transaction.atomic():
        row = locked(schedule_id)
        require(row, "cancel", version=version)
        return cancel_row(row, reason or "cancelled by an operator")


def reopen(
    schedule_id: int, reason: str = "", *, publish_at: datetime | None = None, version: int | None = None
) -> Schedule:
    """Take up again what was cancelled, missed, skipped or failed, at its old time if that is free, or at another one.

    It leaves a wave that is over: nothing of a cancelled wave goes out. Raises: InvalidRequest (the time), PlanRefused
    (with alternatives), IllegalTransition, StaleVersion.
    """
    now = timezone.now()
    at = check_time(publish_at, "publish_at", now)
    with transaction.atomic():
        row = locked(schedule_id)
        require(row, "reopen", version=version)
        _refuse_if_not_free(row, at or row.publish_at)
        was = {"wave": row.wave_id, "publish_at": row.publish_at.isoformat()}
        wave = row.wave if row.wave is not None and row.wave.state in _GOING_ON else None
        if row.wave is not None and wave is None:
            Distribution.objects.filter(pk=row.distribution_id).update(wave=None)
        why = reason or "reopened by an operator"
        wake_up(row, why, verb="schedule_reopened", before=was, wave=wave)
        _give_time(row, at or row.publish_at, "reopened", "schedule_moved", why, now)
        wake_tick()
    return row


def reopen_all(schedule_ids: Sequence[int], reason: str = "") -> dict[int, str]:
    """Take many publications up again at their old times, as `reopen` does one; as `move_all` in all else."""
    now = timezone.now()
    with transaction.atomic():
        reservations.hold_alone()
        rows, refused = sort_out(locked_all(schedule_ids), "reopen")
        for row in rows:
            if is_beyond_stopping(row):
                refused[row.pk] = (
                    "It is armed on YouTube and its moment has come: it can only be recalled now."
                )
        wanted = [(row, row.publish_at) for row in rows if row.pk not in refused]
        going, taken = new_times.sort_out_times(wanted, now)
        why = reason or "reopened by an operator"
        by_wave: dict[Wave | None, list[Schedule]] = defaultdict(list)
        leaving = []
        for row, _ in going:
            stays = row.wave if row.wave is not None and row.wave.state in _GOING_ON else None
            by_wave[stays].append(row)
            if row.wave is not None and stays is None:
                leaving.append(row.distribution_id)
        Distribution.objects.filter(pk__in=leaving).update(wave=None)
        befores = {
            row.pk: {"wave": row.wave_id, "publish_at": row.publish_at.isoformat()} for row, _ in going
        }
        for wave, those in by_wave.items():
            wake_up_all(those, why, verb="schedule_reopened", befores=befores, wave=wave)
        _give_times(going, "reopened", why, now)
        wake_tick()
    return refused | taken


def bump(schedule_id: int, reason: str = "", *, version: int | None = None) -> Schedule:
    """Move one publication's waiting work before all others; staging that was to begin later begins now."""
    now = timezone.now()
    with transaction.atomic():
        row = locked(schedule_id)
        require(row, "bump", version=version)
        _bump([row], now, reason)
    return row


def _bump(rows: Sequence[Schedule], now: datetime, reason: str) -> None:
    earlier = [row for row in rows if row.stage_at > now]
    Schedule.objects.filter(pk__in=[row.pk for row in rows]).update(bumped_at=now)
    Schedule.objects.filter(pk__in=[row.pk for row in earlier]).update(stage_at=now)
    entries = []
    for row in rows:
        before = {"stage_at": row.stage_at.isoformat()}
        row.bumped_at, row.stage_at = now, min(row.stage_at, now)
        after = {"stage_at": row.stage_at.isoformat()}
        entries.append(audit.entry("schedule_bumped", row, before=before, after=after, reason=reason))
    audit.record_all(entries)
    jobs = Job.objects.locked().claimable().filter(schedule__in=rows, kind=JobKind.STAGE)
    videos = {row.distribution.video_id for row in rows}
    of_videos = (
        Job.objects.locked().claimable().filter(video__in=videos, kind__in=[JobKind.SCRAPE, JobKind.PROCESS])
    )
    queue.bump_rows([*jobs.order_by("pk"), *of_videos.order_by("pk")], reason)
    wake_tick()
