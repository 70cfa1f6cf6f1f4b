"""Say what could be asked for instead of what a plan makes of a wish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from orchestration.planning import rules
from orchestration.planning.difference_values import Way, WayKind, clock
from orchestration.planning.types import (
    Alternative,
    AlternativeKind,
    Conflict,
    Displacement,
    OnConflict,
    Placement,
    Resolution,
    Timing,
    WaveRequest,
    Yielded,
)

TURNED_AWAY = frozenset({Resolution.SKIPPED, Resolution.REJECTED})
OF_A_TIME = frozenset(
    {rules.MINIMUM_GAP, rules.DAILY_CAP, rules.BLACKOUT, rules.IN_THE_PAST, rules.NO_FREE_TIME}
)


def other_ways(
    request: WaveRequest,
    placements: Sequence[Placement],
    conflicts: Sequence[Conflict],
    displacements: Sequence[Displacement],
    names: Mapping[int, str],
) -> list[Way]:
    """Return what could be asked for instead: another answer to conflicts, others' times kept, or without whom it is."""
    against = [
        c for c in conflicts if c.rule in OF_A_TIME and c.resolution in {Resolution.SHIFTED, *TURNED_AWAY}
    ]
    against = [c for c in against if c.yielded == Yielded.REQUEST]
    blamed = list(dict.fromkeys(c.channel_id for c in against if c.channel_id is not None))
    ways: list[Way] = []
    offers = [{a.kind for a in c.alternatives} for c in against]
    if (
        offers
        and request.on_conflict != OnConflict.PREEMPT
        and all(AlternativeKind.PREEMPT in o for o in offers)
    ):
        what = names.get(blamed[0], "the channel") if len(blamed) == 1 else f"{len(blamed)} channels"
        ways.append(Way(WayKind.ON_CONFLICT, f"Take the time and move what is on {what}", OnConflict.PREEMPT))
    if displacements and request.on_conflict in (OnConflict.SHIFT, OnConflict.PREEMPT):
        ways.append(Way(WayKind.ON_CONFLICT, "Move nobody: leave out what collides", OnConflict.SKIP))
    ways += _apart(request, placements, against, names)
    if len(against) == 1 and len(set(request.videos)) * len(set(request.channels)) == 1:
        made = {p.at for p in placements}
        offered = ((a, way_of(against[0], a, is_alone=True)) for a in against[0].alternatives)
        ways += [way for a, way in offered if way is not None and a.at not in made]
    stopped = [c for c in conflicts if c.resolution in TURNED_AWAY or c in against]
    whole = dict.fromkeys(c.channel_id for c in stopped if c.channel_id is not None)
    if whole and len(whole) < len(set(request.channels)):
        first = list(islice(whole, 2))
        named = " and ".join(names.get(pk, f"channel {pk}") for pk in first)
        more = f" and {len(whole) - len(first)} more" if len(whole) > len(first) else ""
        at = f", at {clock(request.scheduled_at)}" if request.scheduled_at and against else ""
        ways.append(Way(WayKind.WITHOUT, f"Without {named}{more}{at}", channel_ids=tuple(whole)))
    if not placements and stopped and request.on_conflict in (OnConflict.REJECT, OnConflict.SKIP):
        ways.append(Way(WayKind.ON_CONFLICT, "Take the next free time", OnConflict.SHIFT))
    return ways


def way_of(conflict: Conflict, alternative: Alternative, *, is_alone: bool) -> Way | None:
    """Return how to ask for an alternative that is a time: of the only publication the moment, of one of many its own.

    What is no time has no way of its own: `other_ways` offers it for all.
    """
    if alternative.kind == AlternativeKind.PREEMPT or alternative.at is None:
        return None
    if conflict.video_id is None or conflict.channel_id is None:
        return None
    label = alternative.sentence[:1].upper() + alternative.sentence[1:]
    if is_alone:
        return Way(WayKind.MOMENT, label, at=alternative.at)
    return Way(
        WayKind.OWN_TIME,
        label,
        at=alternative.at,
        video_id=conflict.video_id,
        channel_ids=(conflict.channel_id,),
    )


def _apart(
    request: WaveRequest,
    placements: Sequence[Placement],
    against: Sequence[Conflict],
    names: Mapping[int, str],
) -> list[Way]:
    """Offer that only the channel that stands against the moment is later, where one holds up its whole group."""
    blamed = {c.channel_id for c in against}
    if request.timing != Timing.SIMULTANEOUS or len(set(request.videos)) > 1 or len(blamed) != 1:
        return []
    (channel_id,) = blamed
    if request.scheduled_at is None or channel_id is None or len(placements) < 2:
        return []
    at = next((p.at for p in placements if p.channel_id == channel_id and p.at != p.wanted), None)
    if at is None or (request.videos[0], channel_id) in request.overrides:
        return []
    label = (
        f"Only {names.get(channel_id, 'it')} at {clock(at, request.scheduled_at)}, "
        f"the others at {clock(request.scheduled_at, at)}"
    )
    return [Way(WayKind.OWN_TIME, label, at=at, video_id=request.videos[0], channel_ids=(channel_id,))]
