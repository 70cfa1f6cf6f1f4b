"""Steer a wave as a whole, and show how far each member is."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Count, F, Max, Min, Q, QuerySet, Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from orchestration.core import audit, lookup
from orchestration.core.transitions import transition, transition_each
from orchestration.core.verbs import require, sort_out
from orchestration.core.wakeups import wake_tick
from orchestration.errors import IllegalTransition, InvalidRequest, PlanRefused
from orchestration.models import Conflict, Distribution, Job, Schedule, Wave
from orchestration.results.waves import WaveBrief, WaveMember, WaveReport
from orchestration.scheduling import new_times, reservations
from orchestration.scheduling.disarming import is_beyond_stopping
from orchestration.scheduling.requests import check_time
from orchestration.scheduling.rows import cancel_rows, lock_channels, take_off
from orchestration.states import (
    DistributionState,
    ScheduleState,
    WaveState,
)

MAX_MEMBERS = 20_000


def known(wave_id: int) -> Wave:
    """Return a wave. Raises: NotFound."""
    return lookup.one(Wave, wave_id, field="wave_id")


def locked(wave_id: int) -> tuple[Wave, list[Schedule]]:
    """Return a wave and its open schedules under lock, their channels locked before them."""
    known(wave_id)
    (found,) = _locked_all([wave_id])
    return found


def _locked_all(wave_ids: Sequence[int]) -> list[tuple[Wave, list[Schedule]]]:
    """Return waves in the order of their ids, each with its open schedules, as `locked` does one."""
    of_them = Schedule.objects.filter(wave__in=wave_ids)
    lock_channels(list(of_them.order_by().values_list("channel_id", flat=True).distinct()))
    waves = list(Wave.objects.locked().filter(pk__in=wave_ids).order_by("pk"))
    members: dict[int | None, list[Schedule]] = defaultdict(list)
    by_id: dict[int | None, Wave] = {wave.pk: wave for wave in waves}
    rows = Schedule.objects.locked().prefetch_related("channel", "distribution__video").open()
    for row in rows.filter(wave__in=wave_ids).order_by("pk"):
        row.wave = by_id[row.wave_id]
        members[row.wave_id].append(row)
    return [(wave, sorted(members[wave.pk], key=lambda row: (row.publish_at, row.pk))) for wave in waves]


def pause(wave_id: int, reason: str = "", *, version: int | None = None) -> Wave:
    """Hold a wave back: nothing of it starts, and what is armed on YouTube is disarmed."""
    with transaction.atomic():
        wave, members = locked(wave_id)
        require(wave, "pause", version=version)
        rows = [row for row in members if not is_going_out(row)]
        transition(wave, WaveState.PAUSED, reason=_with_rest(reason, len(members) - len(rows)))
        take_off(rows, "its wave was paused")
    return wave


def pause_all(wave_ids: Sequence[int], reason: str = "") -> dict[int, str]:
    """Hold many waves back, as `pause` does one; returns by id why some stay as they are."""
    with transaction.atomic():
        found = _locked_all(wave_ids)
        taken, refused = sort_out([wave for wave, _ in found], "pause")
        stopped = {
            wave: (members, [row for row in members if not is_going_out(row)])
            for wave, members in found
            if wave.pk not in refused
        }
        _move_on(taken, stopped, WaveState.PAUSED, reason)
        take_off([row for _, rows in stopped.values() for row in rows], "its wave was paused")
    return refused


def resume_all(wave_ids: Sequence[int], reason: str = "") -> dict[int, str]:
    """Let many paused waves go on, as `resume` does one; returns by id why some stay as they are."""
    with transaction.atomic():
        taken, refused = sort_out([wave for wave, _ in _locked_all(wave_ids)], "resume")
        transition_each(taken, WaveState.SCHEDULED, reason=reason)
        wake_tick()
    return refused


def cancel_all(wave_ids: Sequence[int], reason: str = "") -> dict[int, str]:
    """Cancel what is not public yet of many waves, as `cancel` does one; returns by id why some stay as they are."""
    with transaction.atomic():
        found = _locked_all(wave_ids)
        taken, refused = sort_out([wave for wave, _ in found], "cancel")
        leaving: Stopped = {}
        for wave, members in found:
            rows = [row for row in members if not is_going_out(row)]
            _, against = sort_out(rows, "cancel")
            if against:
                refused.setdefault(wave.pk, next(iter(against.values())))
            elif wave.pk not in refused:
                leaving[wave] = (members, rows)
        _move_on([wave for wave in taken if wave in leaving], leaving, WaveState.CANCELLED, reason)
        cancel_rows([row for _, rows in leaving.values() for row in rows], reason or "its wave was cancelled")
    return refused


Stopped = dict[Wave, tuple[list[Schedule], list[Schedule]]]
"""Waves, each with its open members, and with those of them that can still be stopped."""


def _move_on(waves: Sequence[Wave], stopped: Stopped, to: WaveState, reason: str) -> None:
    """Move waves to a state, those together for which the same is to be said."""
    by_reason: dict[str, list[Wave]] = defaultdict(list)
    for wave in waves:
        members, rows = stopped[wave]
        by_reason[_with_rest(reason, len(members) - len(rows))].append(wave)
    for said, those in by_reason.items():
        transition_each(those, to, reason=said)


def is_going_out(row: Schedule) -> bool:
    """Return whether a member goes public whatever is done now: its job is at it, or YouTube is about to do it."""
    return row.state == ScheduleState.PUBLISHING or is_beyond_stopping(row)


def _with_rest(reason: str, going_out: int) -> str:
    """Add to a reason how many members it came too late for."""
    if not going_out:
        return reason
    rest = f"{going_out} could not be stopped any more"
    return f"{reason}; {rest}" if reason else rest


def resume(wave_id: int, reason: str = "", *, version: int | None = None) -> Wave:
    """Let a paused wave go on; members whose moment has passed follow their channel's misfire policy."""
    with transaction.atomic():
        wave, _ = locked(wave_id)
        require(wave, "resume", version=version)
        transition(wave, WaveState.SCHEDULED, reason=reason)
        wake_tick()
    return wave


def move(wave_id: int, scheduled_at: datetime, reason: str = "", *, version: int | None = None) -> WaveReport:
    """Move every open member that no person pinned by the same span, or none of them. Raises: PlanRefused."""
    now = timezone.now()
    at = check_time(scheduled_at, "scheduled_at", now)
    if at is None:
        raise InvalidRequest("scheduled_at is missing.", field="scheduled_at")
    with transaction.atomic():
        wave, rows = locked(wave_id)
        require(wave, "move", version=version)
        moving = movable(rows)
        if not moving:
            raise IllegalTransition("No member of this wave is left to be moved.", state=wave.state)
        span = at - min(row.publish_at for row in moving)
        _move([(row, row.publish_at + span) for row in moving], wave, rows, at, reason, now)
        return report(wave_id)


def move_back(
    wave_id: int,
    times: Mapping[int, tuple[datetime, datetime]],
    scheduled_at: datetime | None,
    reason: str = "",
) -> list[str]:
    """Give members the times back that they had before their wave was moved, all that may go or none.

    `times` says of each member when it was due and when the move made it due; the wave says `scheduled_at` from then on.
    Returns who stays, each with the fact.
    Raises: PlanRefused; InvalidRequest, if a time is over; IllegalTransition, if none may go.
    """
    now = timezone.now()
    with transaction.atomic():
        wave, rows = locked(wave_id)
        require(wave, "move")
        may_go = {row.pk for row in movable(rows)}
        moves: list[reservations.Move] = []
        stays = dict.fromkeys(times, "it has ended")
        for row in rows:
            if row.pk not in times:
                continue
            was, became = times[row.pk]
            if row.publish_at != became:
                stays[row.pk] = f"it was moved once more, to {row.publish_at:%Y-%m-%d %H:%M} UTC"
            elif row.pk not in may_go:
                stays[row.pk] = "it is pinned to its time, or cannot be stopped any more"
            else:
                del stays[row.pk]
                moves.append((row, was))
        if not moves:
            raise IllegalTransition("No member of this wave is left to be moved.", state=wave.state)
        check_time(min(at for _, at in moves), "scheduled_at", now)
        _move(moves, wave, rows, scheduled_at, reason, now)
        left = Schedule.objects.filter(pk__in=stays).select_related("distribution__video", "channel")
        return [f"{row.distribution.video} on {row.channel}: {stays[row.pk]}." for row in left.order_by("pk")]


def _move(
    moves: Sequence[reservations.Move],
    wave: Wave,
    rows: Sequence[Schedule],
    at: datetime | None,
    reason: str,
    now: datetime,
) -> None:
    """Give locked members of a locked wave other times, all or none; the wave says `at` from then on."""
    reservations.hold_alone()
    refuse_collisions(moves, now)
    before = wave.scheduled_at
    new_times.give_times(
        moves,
        now,
        verb="schedule_moved",
        reason=reason or "its wave was moved",
        why="its wave was moved",
        withdrawn="its wave was moved",
        overridden=False,
    )
    Wave.objects.filter(pk=wave.pk).update(scheduled_at=at)
    audit.record(
        "wave_moved",
        wave,
        before={"scheduled_at": before.isoformat() if before else None},
        after={
            "scheduled_at": at.isoformat() if at else None,
            "moved": len(moves),
            "kept": len(rows) - len(moves),
        },
        reason=reason,
        members={"schedule": [row.pk for row, _ in moves]},
    )
    wake_tick()


def movable(rows: Sequence[Schedule]) -> list[Schedule]:
    """Return the open members that go with their wave: those that no person pinned, and that still can be stopped."""
    return [row for row in rows if not row.overridden and not is_going_out(row)]


def refuse_collisions(moves: Sequence[reservations.Move], now: datetime) -> None:
    """Check all new times at once: against everything else, one another, what staging can do, and each day's units."""
    # The distances stay, but not the local days: what was spread over two may now meet a daily cap on one.
    found = new_times.collisions(moves, *new_times.read_calendars(moves), now)
    messages = [message for of_row in found.values() for message in of_row] + new_times.short(moves, now)
    if messages:
        more = f"; and {len(messages) - 3} more" if len(messages) > 3 else ""
        raise PlanRefused("; ".join(messages[:3]) + more, field="scheduled_at", conflicts=messages)


def cancel(wave_id: int, reason: str = "", *, version: int | None = None) -> Wave:
    """Cancel what is not public yet, all of it or nothing; what is public stays."""
    with transaction.atomic():
        wave, rows = locked(wave_id)
        require(wave, "cancel", version=version)
        leaving = [row for row in rows if not is_going_out(row)]
        for row in leaving:
            require(row, "cancel")
        transition(wave, WaveState.CANCELLED, reason=_with_rest(reason, len(rows) - len(leaving)))
        cancel_rows(leaving, reason or "its wave was cancelled")
    return wave


def complete(now: datetime) -> int:
    """Close the waves of which nothing is open any more; called by the tick."""
    closed = 0
    open_members = Schedule.objects.open().values("wave_id")
    for wave in Wave.objects.filter(state=WaveState.SCHEDULED).exclude(
        pk__in=open_members.filter(wave__isnull=False)
    ):
        with transaction.atomic():
            fresh = Wave.objects.locked().get(pk=wave.pk)
            if fresh.state == WaveState.SCHEDULED:
                with audit.correlated(fresh.correlation_id):
                    transition(fresh, WaveState.COMPLETED, reason="nothing of it is open any more")
                closed += 1
    return closed


# --------------------------------------------------------------------------------------------------------------- reports


def report(wave_id: int, *, skip: int = 0, most: int | None = None) -> WaveReport:
    """Show one wave; with `skip` and `most` only a part of its members, in their order."""
    wave = known(wave_id)
    rows = _members([wave]).order_by("publish_at", "channel__name", "pk")
    return _reports([wave], rows[skip : skip + (MAX_MEMBERS if most is None else most)])[0]


def reports(waves: Iterable[Wave], *, most_members: int = 60) -> list[WaveReport]:
    """Show waves with their first members' readiness and the measured skew, in a few queries whatever their size."""
    waves = list(waves)
    place = Window(
        RowNumber(), partition_by=[F("wave_id")], order_by=[F("publish_at"), F("channel__name"), F("pk")]
    )
    rows = _members(waves).annotate(place=place).filter(place__lte=most_members)
    return _reports(waves, rows.order_by("publish_at", "channel__name", "pk"))


def _members(waves: Sequence[Wave]) -> QuerySet[Schedule]:
    return Schedule.objects.filter(wave__in=waves).select_related(
        "channel", "wave", "distribution__video", "distribution__channel"
    )


def _reports(waves: Sequence[Wave], rows: Iterable[Schedule]) -> list[WaveReport]:
    members: dict[int, list[Schedule]] = defaultdict(list)
    for row in rows:
        members[row.wave_id].append(row)
    waits = _waits([row.pk for rows in members.values() for row in rows])
    conflicts: dict[int, list[Conflict]] = defaultdict(list)
    for conflict in Conflict.objects.filter(wave__in=waves).select_related("video", "channel", "schedule"):
        conflicts[conflict.wave_id].append(conflict)
    counts = _counts(waves)
    public = [wave for wave in waves if counts[wave.pk].get("public", 0) > 1]
    skews = _skews(public) if public else {}
    return [
        WaveReport(
            wave=wave,
            actions=wave.actions,
            members=[WaveMember(row, readiness(row), waits.get(row.pk, "")) for row in members[wave.pk]],
            counts=counts[wave.pk],
            skew_seconds=skews.get(wave.pk),
            conflicts=conflicts[wave.pk],
        )
        for wave in waves
    ]


def briefs(waves: Sequence[Wave], *, most_members: int = 12) -> list[WaveBrief]:
    """Show waves in short, without a look at the members of those that have more than so many."""
    if not waves:
        return []
    first: dict[int, datetime] = {}
    counts = _counts(waves, first)
    sizes = {pk: sum(found.values()) for pk, found in counts.items()}
    small = [wave for wave in waves if sizes[wave.pk] <= most_members]
    members: dict[int, list[Schedule]] = defaultdict(list)
    rows = Schedule.objects.filter(wave__in=small).select_related("channel", "distribution")
    for row in rows.order_by("publish_at", "channel__name", "pk") if small else ():
        if row.wave_id is not None:
            members[row.wave_id].append(row)
    public = [wave for wave in waves if counts[wave.pk].get("public", 0) > 1]
    skews = _skews(public) if public else {}
    return [
        WaveBrief(
            wave=wave,
            actions=wave.actions,
            size=sizes[wave.pk],
            counts=counts[wave.pk],
            first_at=first.get(wave.pk, wave.scheduled_at),
            skew_seconds=skews.get(wave.pk),
            members=[WaveMember(row, readiness(row), "") for row in members[wave.pk]],
        )
        for wave in waves
    ]


def _waits(schedule_ids: Sequence[int]) -> dict[int, str]:
    jobs = Job.objects.open().filter(schedule__in=schedule_ids).order_by("pk")
    return {
        schedule_id: waits_for or note
        for schedule_id, waits_for, note in jobs.values_list("schedule_id", "waits_for", "progress_note")
    }


def readiness(row: Schedule) -> str:
    """Return how far a member is: assigned, staging, staged, armed, public, or how it ended."""
    is_recalled = row.distribution.state == DistributionState.RECALLED
    return _readiness(row.state, is_recalled=is_recalled, is_armed=row.armed_for is not None)


def _readiness(state: str, *, is_recalled: bool, is_armed: bool) -> str:
    if state == ScheduleState.PUBLISHED:
        return "recalled" if is_recalled else "public"
    if state == ScheduleState.PLANNED:
        return "assigned"
    if state == ScheduleState.STAGED and is_armed:
        return "armed"
    return state


def _counts(waves: Sequence[Wave], first: dict[int, datetime] | None = None) -> dict[int, dict[str, int]]:
    """Count members by their readiness, in the database; `first` is filled with each wave's first moment.

    Few were taken back: they are found first, so that the members need no join.
    """
    counts: dict[int, dict[str, int]] = {wave.pk: {} for wave in waves}
    recalled = Distribution.objects.filter(state=DistributionState.RECALLED).order_by().values("pk")
    grouped = (
        Schedule.objects.filter(wave__in=waves)
        .annotate(is_armed=Q(armed_for__isnull=False), is_recalled=Q(distribution__in=recalled))
        .order_by()
        .values_list("wave_id", "state", "is_recalled", "is_armed")
        .annotate(many=Count("*"), first_at=Min("publish_at"))
    )
    for wave_id, state, is_recalled, is_armed, count, at in grouped:
        if first is not None:
            first[wave_id] = min(first.get(wave_id, at), at)
        name = str(_readiness(state, is_recalled=is_recalled, is_armed=is_armed))
        counts[wave_id][name] = counts[wave_id].get(name, 0) + count
    return counts


def _skews(waves: Sequence[Wave]) -> dict[int, float]:
    """Return, by wave, the largest spread in seconds between publications that were meant for one instant."""
    published = Q(state=ScheduleState.PUBLISHED, distribution__published_at__isnull=False)
    together = (
        Schedule.objects.filter(published, wave__in=waves)
        .order_by()
        .values_list("wave_id", "publish_at")
        .annotate(
            many=Count("*"), first=Min("distribution__published_at"), last=Max("distribution__published_at")
        )
    )
    skews: dict[int, float] = {}
    for wave_id, _, count, first, last in together:
        if count > 1:
            skews[wave_id] = max(skews.get(wave_id, 0.0), (last - first).total_seconds())
    return skews
