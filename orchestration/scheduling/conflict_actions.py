"""Do something about a conflict: take one of its alternatives, or say that nothing needs to be done."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from orchestration.core import lookup
from orchestration.core.transitions import transition, transition_each
from orchestration.core.verbs import require, sort_out
from orchestration.errors import IllegalTransition, InvalidRequest, PlanRefused
from orchestration.models import Conflict, Schedule
from orchestration.planning import types
from orchestration.planning.calendar import calendars_of
from orchestration.planning.conflicts import timing_message
from orchestration.planning.obstacles import yields
from orchestration.scheduling import reservations, snapshots
from orchestration.scheduling.plan_writer import displace
from orchestration.scheduling.planner import coordinate
from orchestration.scheduling.requests import check_time, wave_request
from orchestration.scheduling.rows import cancel_row, locked
from orchestration.scheduling.schedules import move
from orchestration.states import ENDED_WAVES, ConflictState, OnConflict, ScheduleState, Timing


def still_open() -> list[Conflict]:
    """Return the open conflicts, newest first."""
    return list(Conflict.objects.open().order_by("-created_at", "-id"))


def _locked_conflict(conflict_id: int) -> Conflict:
    return lookup.one(Conflict.objects.locked(), conflict_id, field="conflict_id")


def apply_alternative(conflict_id: int, index: int, *, version: int | None = None) -> Conflict:
    """Do what one recorded alternative says: move the schedule, or plan the member that was left out, or leave it out.

    Raises: IllegalTransition, if the conflict is settled already or its publication was decided on in another way;
    StaleVersion; InvalidRequest; PlanRefused.
    """
    with transaction.atomic():
        conflict = _locked_conflict(conflict_id)
        require(conflict, "apply", version=version)
        if not 0 <= index < len(conflict.alternatives):
            raise InvalidRequest(
                f"Conflict {conflict.pk} has {len(conflict.alternatives)} alternatives; there is no number {index}.",
                field="index",
            )
        chosen = conflict.alternatives[index]
        at = datetime.fromisoformat(chosen["at"]) if chosen["at"] else None
        if chosen["kind"] == "skip":
            if conflict.schedule_id:
                cancel_row(locked(conflict.schedule_id), f"left out: {conflict.message}"[:500])
        elif conflict.schedule_id:
            why = f"alternative of conflict {conflict.pk}"
            if chosen["kind"] == "preempt":
                preempt(conflict.schedule_id, at, why)
            else:
                move(conflict.schedule_id, at, why)
        elif conflict.video_id and (conflict.channel_id or chosen.get("channel_ids")):
            plan_left_out(conflict, chosen, at)
        else:
            raise IllegalTransition(
                "This conflict names no single publication that could be moved.", state=conflict.state
            )
        transition(
            conflict,
            ConflictState.RESOLVED,
            verb="alternative_applied",
            reason=chosen["sentence"],
            resolution="alternative",
            moved_to=at,
        )
    return conflict


def plan_left_out(conflict: Conflict, chosen: Mapping[str, Any], at: datetime | None) -> None:
    """Plan what was left out, as it was wanted, at the chosen time and no other.

    Raises: PlanRefused, if it cannot be had any more; IllegalTransition, if a person called it off meanwhile.
    """
    wave = conflict.wave
    if wave is not None and wave.state in ENDED_WAVES:
        raise IllegalTransition(f"Wave {wave.name} is {wave.state}.", state=wave.state)
    one = [conflict.channel_id] if conflict.channel_id else []
    _refuse_cancelled(conflict, one or chosen["channel_ids"])
    request = wave_request(
        video_ids=[conflict.video_id] if conflict.video_id else [],
        channel_ids=one or chosen["channel_ids"],
        timing=Timing.SIMULTANEOUS if one else chosen.get("timing", wave and wave.timing),
        scheduled_at=at,
        delay_seconds=0 if one else chosen.get("delay_seconds", wave and wave.delay_seconds),
        priority=chosen.get("priority", wave and wave.priority),
        on_conflict=OnConflict.PREEMPT if chosen["kind"] == "preempt" else OnConflict.REJECT,
        acknowledge_policy=True,
        videos_field="video_id",
    )
    made = coordinate(request, dry_run=False)
    # Whom it was to displace may have become as important, or immovable: preempting goes on to the next free time then.
    if one and any(placement.at != at for placement in made.plan.placements):
        messages = "; ".join(found.message for found in made.plan.conflicts)
        raise PlanRefused(f"This alternative cannot be had any more: {messages}", field="index")


def _refuse_cancelled(conflict: Conflict, channel_ids: Sequence[int]) -> None:
    """Refuse to plan what a person has cancelled since the conflict was recorded. Raises: IllegalTransition."""
    row = Schedule.objects.filter(
        distribution__video=conflict.video_id,
        channel__in=channel_ids,
        state=ScheduleState.CANCELLED,
    ).first()
    if row is not None:
        raise IllegalTransition(
            f"Schedule {row.pk} was cancelled; reopen it to have it published after all.", state=row.state
        )


def dismiss(conflict_id: int, reason: str = "", *, version: int | None = None) -> Conflict:
    """Dismiss a conflict: nothing needs to be done about it. Raises: NotFound, IllegalTransition, StaleVersion."""
    with transaction.atomic():
        conflict = _locked_conflict(conflict_id)
        require(conflict, "dismiss", version=version)
        return transition(conflict, ConflictState.DISMISSED, reason=reason)


def dismiss_all(conflict_ids: Sequence[int], reason: str = "") -> dict[int, str]:
    """Dismiss many conflicts; returns by id why some stay as they are."""
    with transaction.atomic():
        rows = list(Conflict.objects.locked().filter(pk__in=conflict_ids).order_by("pk"))
        taken, refused = sort_out(rows, "dismiss")
        transition_each(taken, ConflictState.DISMISSED, reason=reason)
    return refused


def reopen_all(conflict_ids: Sequence[int], reason: str = "") -> dict[int, str]:
    """Have dismissed conflicts wait for a person again; returns by id why some stay as they are: of none."""
    with transaction.atomic():
        rows = list(Conflict.objects.locked().filter(pk__in=conflict_ids).order_by("pk"))
        transition_each(rows, ConflictState.OPEN, verb="conflict_reopened", reason=reason)
    return {}


def preempt(schedule_id: int, publish_at: datetime, reason: str = "") -> Schedule:
    """Give one publication a time that others hold, if all of them are of lower priority; they move to their next free one.

    Raises: InvalidRequest (the time), PlanRefused where more stands in the way than what may be moved, IllegalTransition.
    """
    now = timezone.now()
    at = check_time(publish_at, "publish_at", now)
    with transaction.atomic():
        row = locked(schedule_id)
        require(row, "move")
        reservations.hold_alone()
        view = snapshots.channel_views([row.channel_id])[0]
        around = snapshots.reach([view])
        entries = [
            entry
            for entry in snapshots.occupied([row.channel_id], at - around, at + around + timedelta(days=60))
            if entry.schedule_id != row.pk
        ]
        calendar = calendars_of(
            [view], entries, now, yields=lambda entry: entry.movable and entry.priority < row.priority
        )[view.id]
        firm = [obstacle for obstacle in calendar.why_not(at) if not yields(obstacle)]
        if firm:
            messages = [timing_message(calendar, at, obstacle) for obstacle in firm]
            raise PlanRefused("; ".join(messages), field="publish_at")
        gone = calendar.take(types.Occupied(view.id, at, row.pk, row.priority, "", False))
        calendar.make_firm()
        yielding = []
        for entry in sorted((one.entry for one in gone), key=lambda entry: (-entry.priority, entry.at)):
            to_at = calendar.free_from(max(entry.at, now + timedelta(minutes=1)))
            if to_at is not None:
                calendar.add(entry._replace(at=to_at))
            why = f"publication {entry.schedule_id} (priority {entry.priority}) yields to priority {row.priority}"
            yielding.append(types.Displacement(entry.schedule_id, view.id, entry.at, to_at, why))
        displace(yielding, row.wave, now)
        return move(schedule_id, at, reason)
