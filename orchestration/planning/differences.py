"""Compare a plan with what was asked: what is later, left out or moved away, for how many, because of whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from orchestration.planning import rules
from orchestration.planning.conflicts import channel_label
from orchestration.planning.difference_values import (
    Cause,
    Difference,
    Differences,
    Differs,
    Way,
    WayKind,
    because,
    clock,
    count_of,
    number,
    span,
)
from orchestration.planning.other_ways import other_ways
from orchestration.planning.types import (
    ChannelView,
    Conflict,
    Displacement,
    Placement,
    Plan,
    Resolution,
    Timing,
    WaveRequest,
    Yielded,
)

SHORTEST = timedelta(seconds=1)
MOST_GROUPS = 3
"""Above so many groups of causes, members are grouped by rule alone."""
BEHIND = Cause("behind", "what goes before it is later")
TURNED_AWAY = frozenset({Resolution.SKIPPED, Resolution.REJECTED})

Member = tuple[int, int]


def differences(
    request: WaveRequest,
    placements: Sequence[Placement],
    conflicts: Sequence[Conflict],
    displacements: Sequence[Displacement],
    names: Mapping[int, str],
) -> Differences:
    """Return how a plan differs from its request; `names` are those of the channels.

    Where no moment was asked for, the first that is free is as asked; a member's own time is always asked for.
    """
    asked = len(set(request.videos)) * len(set(request.channels))
    items = [
        *_later(request, placements, conflicts, names),
        *_left_out(request, placements, conflicts, names, asked),
        *_giving_way(displacements, names),
        *_at_risk(conflicts, names),
    ]
    return Differences(
        asked,
        len(placements),
        tuple(items),
        tuple(other_ways(request, placements, conflicts, displacements, names)),
        wish=_wish(request, placements),
    )


def compared(request: WaveRequest, made: Plan, channels: Iterable[ChannelView]) -> Plan:
    """Return a plan with how it differs from its request."""
    names = {channel.id: channel_label(channel) for channel in channels}
    found = differences(request, made.placements, made.conflicts, made.displacements, names)
    return replace(made, difference=found)


def compared_earliest(
    request: WaveRequest, at: datetime | None, made: Plan, channels: Iterable[ChannelView]
) -> Plan:
    """Return the plan of the earliest time with how far that lies from the wish, and the way to ask for it."""
    if at is None:
        return compared(request, made, channels)
    found = compared(replace(request, scheduled_at=at), made, channels).difference
    items, wished = found.items, request.scheduled_at
    if wished is not None and at > wished:
        seconds, whom = (
            int((at - wished).total_seconds()),
            count_of(len(made.placements), len(made.placements)),
        )
        why = "because before that something would have to move"
        sentence = f"{span(seconds)} later{f' for {whom}' if whom else ''}, {why}"
        items = (Difference(Differs.LATER, len(made.placements), seconds, (), sentence), *items)
    way = Way(WayKind.MOMENT, f"Ask for {clock(at, wished)}", at=at)
    return replace(made, difference=replace(found, items=items, ways=(way, *found.ways)))


def _wish(request: WaveRequest, placements: Sequence[Placement]) -> str:
    first = min((p.at for p in placements), default=None)
    if request.scheduled_at is not None or first is None:
        return ""
    return f"as soon as it can be, from {clock(first)} on"


# --------------------------------------------------------------------------------------------------------------- causes


def _cause(conflict: Conflict, names: Mapping[int, str]) -> Cause:
    channel = names.get(conflict.channel_id or 0, "") or "a channel"
    other = conflict.other
    if conflict.rule == rules.MINIMUM_GAP and other is not None and other.at is not None:
        text = f"of {channel} at {clock(other.at, conflict.at)}"
    else:
        text = {
            rules.DAILY_CAP: f"of {channel}’s daily cap",
            rules.BLACKOUT: f"of a blackout of {channel}",
            rules.IN_THE_PAST: "the moment has passed",
            rules.NO_FREE_TIME: "no time is free within the planning horizon",
            rules.POOL_CAPACITY: "it cannot be staged sooner",
            rules.BUDGET_EXHAUSTED: "of the budget of the day",
        }.get(conflict.rule, conflict.message)
    return Cause(
        conflict.rule,
        text,
        conflict.channel_id,
        other.at if other else None,
        other.schedule_id if other else None,
        other.label if other else "",
    )


def _causes(conflicts: Iterable[Conflict], names: Mapping[int, str]) -> tuple[Cause, ...]:
    """Return what stands in the way, each once."""
    return tuple(dict.fromkeys(_cause(conflict, names) for conflict in conflicts))


def _at_risk(conflicts: Iterable[Conflict], names: Mapping[int, str]) -> list[Difference]:
    """Return what is planned as it was asked and may not come about: one for each rule, however many it is said of."""
    by_rule: dict[str, list[Conflict]] = defaultdict(list)
    for conflict in conflicts:
        if conflict.resolution == Resolution.OPEN and conflict.rule != rules.SAME_ASSET_MANY_CHANNELS:
            by_rule[conflict.rule].append(conflict)
    return [
        Difference(
            Differs.AT_RISK,
            len(found),
            0,
            (_cause(found[0], names),),
            found[0].message + (f" (and {number(len(found) - 1)} more alike)" if len(found) > 1 else ""),
        )
        for found in by_rule.values()
    ]


def _grouped(found: Mapping[Member, Sequence[Conflict]]) -> list[tuple[list[Member], list[Conflict]]]:
    """Put members with the same causes together, by rule where there would be too many groups."""

    def grouped(
        key: Callable[[Sequence[Conflict]], object],
    ) -> dict[object, tuple[list[Member], list[Conflict]]]:
        groups: dict[object, tuple[list[Member], list[Conflict]]] = {}
        for member, conflicts in found.items():
            members, causes = groups.setdefault(key(conflicts), ([], []))
            members.append(member)
            causes += conflicts
        return groups

    groups = grouped(lambda conflicts: tuple(map(id, conflicts)))
    if len(groups) > MOST_GROUPS:
        groups = grouped(lambda conflicts: tuple(sorted({c.rule for c in conflicts})))
    return [(members, list({id(c): c for c in causes}.values())) for members, causes in groups.values()]


# ---------------------------------------------------------------------------------------------------------------- later


def _is_shift(conflict: Conflict) -> bool:
    return conflict.resolution == Resolution.SHIFTED and conflict.yielded == Yielded.REQUEST


def _later(
    request: WaveRequest,
    placements: Sequence[Placement],
    conflicts: Sequence[Conflict],
    names: Mapping[int, str],
) -> list[Difference]:
    any_time = request.scheduled_at is None
    moved = {
        (p.video_id, p.channel_id): (p.at, int((p.at - p.wanted).total_seconds()))
        for p in placements
        if p.wanted is not None
        and p.at - p.wanted >= SHORTEST
        and not (any_time and (p.video_id, p.channel_id) not in request.overrides)
    }
    if not moved:
        return []
    own: dict[Member, list[Conflict]] = defaultdict(list)
    of_group: dict[tuple[int, datetime | None], list[Conflict]] = defaultdict(list)
    of_video: dict[int, list[Conflict]] = defaultdict(list)
    for conflict in filter(_is_shift, conflicts):
        if conflict.video_id is None:
            continue
        for channel_id in (conflict.channel_id, *conflict.channel_ids):
            if channel_id is not None:
                own[conflict.video_id, channel_id].append(conflict)
        of_group[conflict.video_id, conflict.moved_to].append(conflict)
        if conflict.channel_id is None:
            of_video[conflict.video_id].append(conflict)
    together = request.timing == Timing.SIMULTANEOUS

    def why(member: Member, at: datetime) -> list[Conflict]:
        group = of_group.get((member[0], at), [])
        if together and member not in request.overrides and group:
            return group
        return own.get(member) or group or of_video.get(member[0], [])

    found = {member: why(member, at) for member, (at, _) in moved.items()}
    listed = []
    for members, causes in _grouped(found):
        shifts = [moved[member][1] for member in members]
        why_later = _causes(causes, names) or (BEHIND,)
        whom = count_of(len(members), len(placements))
        up_to = "" if max(shifts) == min(shifts) else "up to "
        sentence = f"{up_to}{span(max(shifts))} later{f' for {whom}' if whom else ''}{because(why_later)}"
        listed.append(Difference(Differs.LATER, len(members), max(shifts), why_later, sentence))
    return sorted(listed, key=lambda item: (-item.seconds, -item.count))


# ------------------------------------------------------------------------------------------------- left out, moved away


def _left_out(
    request: WaveRequest,
    placements: Sequence[Placement],
    conflicts: Sequence[Conflict],
    names: Mapping[int, str],
    asked: int,
) -> list[Difference]:
    if len(placements) >= asked:
        return []
    placed = {(p.video_id, p.channel_id) for p in placements}
    missing = [(v, c) for v in dict.fromkeys(request.videos) for c in dict.fromkeys(request.channels)]
    missing = [member for member in missing if member not in placed]
    exact: dict[tuple[int | None, int | None], list[Conflict]] = defaultdict(list)
    for conflict in conflicts:
        if conflict.resolution in TURNED_AWAY:
            for channel_id in conflict.channel_ids or (conflict.channel_id,):
                exact[conflict.video_id, channel_id].append(conflict)
    found = {
        (v, c): [*exact.get((v, c), ()), *exact.get((None, c), ()), *exact.get((v, None), ())]
        for v, c in missing
    }
    listed = []
    for members, causes in _grouped(found):
        why = _causes(causes, names)
        whom = count_of(len(members), asked) or "it"
        is_one = len(members) == 1
        sentence = f"{whom} {'is' if is_one else 'are'} left out{because(why)}"
        listed.append(Difference(Differs.LEFT_OUT, len(members), 0, why, sentence))
    return sorted(listed, key=lambda item: -item.count)


def _giving_way(displacements: Sequence[Displacement], names: Mapping[int, str]) -> list[Difference]:
    if not displacements:
        return []
    first, count = displacements[0], len(displacements)
    where = names.get(first.channel_id, "a channel")
    to = f"moves to {clock(first.to_at, first.from_at)}" if first.to_at else "is held"
    told = f"{where} at {clock(first.from_at)} {to}"
    sentence = (
        f"{told}" if count == 1 else f"{number(count)} others give way: {told}, and {number(count - 1)} more"
    )
    shifts = [int((d.to_at - d.from_at).total_seconds()) for d in displacements if d.to_at]
    return [Difference(Differs.GIVES_WAY, count, max(shifts, default=0), (), sentence)]
