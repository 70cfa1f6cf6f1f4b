"""Ask of many publications at once whether their new times are free, and give the times to those whose are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from orchestration.errors import PlanRefused
from orchestration.models import Schedule
from orchestration.planning.calendar import calendars_of
from orchestration.planning.conflicts import timing_message
from orchestration.planning.obstacles import Obstacle
from orchestration.planning.types import ChannelView, Occupied
from orchestration.scheduling import reservations, snapshots
from orchestration.scheduling.disarming import disarm_all
from orchestration.scheduling.reservations import Move
from orchestration.scheduling.rows import by_their_films, retime_all, withdraw_jobs
from orchestration.states import JobKind


def read_calendars(moves: Sequence[Move]) -> tuple[list[ChannelView], list[Occupied]]:
    """Return the channels of publications, and what takes room there around their new times."""
    views = snapshots.channel_views({row.channel_id for row, _ in moves})
    window, times = snapshots.reach(views), [at for _, at in moves]
    return views, snapshots.occupied([view.id for view in views], min(times) - window, max(times) + window)


def collisions(
    moves: Sequence[Move], views: Sequence[ChannelView], entries: Iterable[Occupied], now: datetime
) -> dict[int, list[str]]:
    """Return by id what stands in a calendar against new times: everything that stays, and those before them in order."""
    going = {row.pk for row, _ in moves}
    calendars = calendars_of(views, [entry for entry in entries if entry.schedule_id not in going], now)
    against: list[tuple[Schedule, datetime, Obstacle]] = []
    for row, at in moves:
        calendar = calendars[row.channel_id]
        if obstacles := calendar.why_not(at):
            against += [(row, at, obstacle) for obstacle in obstacles]
        else:
            calendar.add(Occupied(row.channel_id, at, row.pk, row.priority, f"publication {row.pk}"))
    found: dict[int, list[str]] = {}
    named = by_their_films([obstacle for _, _, obstacle in against])
    for (row, at, _), obstacle in zip(against, named, strict=True):
        found.setdefault(row.pk, []).append(timing_message(calendars[row.channel_id], at, obstacle))
    return found


def short(moves: Sequence[Move], now: datetime) -> list[str]:
    """Return what cannot be staged in time for new times, and the days whose units do not pay for them."""
    lacks = reservations.shortages(moves, now) + reservations.unpaid(moves, now)
    return [lack.message for lack in lacks]


def sort_out_times(moves: Sequence[Move], now: datetime) -> tuple[list[Move], dict[int, str]]:
    """Return the moves whose new times are free in their calendars, and by id why the others are not.

    What is refused stays where it is, and may so stand against others. Raises: PlanRefused, if what is left cannot all be
    staged in time, or paid for: which of them can has to be asked one by one.
    """
    going = sorted(moves, key=lambda move: (move[1], move[0].pk))
    refused: dict[int, str] = {}
    if not going:
        return [], refused
    views, entries = read_calendars(going)
    while found := collisions(going, views, entries, now):
        refused |= {pk: "; ".join(messages) for pk, messages in found.items()}
        going = [(row, at) for row, at in going if row.pk not in found]
    if messages := short(going, now):
        raise PlanRefused("; ".join(messages[:3]), field="publish_at", conflicts=messages)
    return going, refused


def give_times(
    moves: Sequence[Move],
    now: datetime,
    *,
    verb: str,
    reason: str,
    why: str,
    withdrawn: str,
    overridden: bool,
) -> None:
    """Give locked publications times that are free; what is armed is disarmed by `why`, its publishing `withdrawn`.

    The caller has left out what is beyond stopping, and holds the planners' lock. `overridden` pins them to these times.
    """
    rows = [row for row, _ in moves]
    disarm_all([row for row in rows if row.armed_for is not None], why)
    withdraw_jobs([row.pk for row in rows], withdrawn, kinds=[JobKind.PUBLISH])
    pinned = {"overridden": True} if overridden else {}
    retime_all(moves, stage_times=reservations.stage_times(moves, now), verb=verb, reason=reason, **pinned)
