"""Turn wall-clock times of a zone into instants: weekly slots, one-off times, blackout dates.

A slot's time inside a DST gap moves to the first valid instant after the gap; inside an overlap the first
occurrence fires. A date that a zone skipped (Apia, 2011-12-30) fires nothing. Two slots that a gap brings
to one instant make one firing: the instant is strictly increasing and each firing stands at its own time or
at the end of a gap, so the second slot is listed in `merged_slot_ids` instead of being moved to a time that
nobody asked for.

`zoneinfo` tells gaps from overlaps by the two folds of a naive time: equal offsets are an ordinary time, a
larger offset for the first fold is an overlap, a smaller one is a gap (PEP 495).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from orchestration.planning.types import Blackout, SlotRule

ONE_DAY = timedelta(days=1)
ONE_SECOND = timedelta(seconds=1)
ONE_MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NO_OFFSET = timedelta()  # of UTC; a time with a zone always has one, so None is never met


class NaiveDatetime(ValueError):
    """A time without a zone came to a door that takes instants only."""

    def __init__(self, field: str, value: datetime) -> None:
        super().__init__(
            f"{field} must carry a UTC offset, as in 2026-11-23T18:00:00+00:00; got {value.isoformat()}"
        )
        self.field = field
        self.value = value


class NonexistentLocalTime(ValueError):
    """A local time that the zone's clocks skip, with the nearest valid times on both sides."""

    def __init__(self, naive: datetime, zone: str, before: datetime, after: datetime) -> None:
        super().__init__(
            f"{naive:%Y-%m-%d %H:%M} does not exist in {zone}: the clocks skip it. "
            f"The nearest valid times are {before:%Y-%m-%d %H:%M} and {after:%Y-%m-%d %H:%M}."
        )
        self.naive = naive
        self.zone = zone
        self.nearest_before = before
        self.nearest_after = after


@dataclass(frozen=True, slots=True)
class Instant:
    """One firing: the instant, and the wall clock at that instant.

    `shifted` says that the wanted time lay in a gap, `folded` that it occurs twice and this is the first
    occurrence.
    """

    at: datetime
    local_wall: datetime
    zone: str
    slot_id: int | None = None
    shifted: bool = False
    folded: bool = False
    merged_slot_ids: tuple[int, ...] = ()


def require_aware(value: datetime, field: str = "time") -> datetime:
    """Return the instant in UTC. Raises NaiveDatetime for a time without a zone."""
    if value.utcoffset() is None:
        raise NaiveDatetime(field, value)
    return value if value.tzinfo is UTC else value.astimezone(UTC)


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """Return the zone of an IANA name. Raises ValueError for a name that the database does not know."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{name} is not an IANA time zone, for example Europe/Berlin") from error


def wall_of(at: datetime, zone: ZoneInfo) -> datetime:
    """Return what the clocks of a zone show at an instant, without a zone."""
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def _offset(naive: datetime, zone: ZoneInfo, fold: int = 0) -> timedelta:
    return naive.replace(tzinfo=zone, fold=fold).utcoffset() or _NO_OFFSET


def _instant_at(naive: datetime, offset: timedelta) -> datetime:
    return (naive - offset).replace(tzinfo=UTC)


@lru_cache(maxsize=4096)
def _end_of_gap(naive: datetime, zone: ZoneInfo) -> datetime:
    """Return the first valid instant after the gap that `naive` lies in, by halving between its two readings."""
    low = _instant_at(naive, _offset(naive, zone, 1))  # still before the clocks jump
    high = _instant_at(naive, _offset(naive, zone))  # certainly after
    low, high = low.replace(microsecond=0), high.replace(microsecond=0)
    while high - low > ONE_SECOND:
        middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
        if wall_of(middle, zone) > naive:
            high = middle
        else:
            low = middle
    return high


@lru_cache(maxsize=8192)
def day_starts_at(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of a local date: midnight, or the end of the gap that swallows midnight."""
    return _resolve(datetime.combine(day, time()), zone)[0]


def day_exists(day: date, zone: ZoneInfo) -> bool:
    """Return whether a zone's calendar has the date at all."""
    return wall_of(day_starts_at(day, zone), zone).date() == day


def _resolve(naive: datetime, zone: ZoneInfo) -> tuple[datetime, bool, bool]:
    """Return the instant of a wall time, whether it lay in a gap, and whether it occurs twice."""
    first = naive.replace(tzinfo=zone).utcoffset() or _NO_OFFSET
    second = naive.replace(tzinfo=zone, fold=1).utcoffset() or _NO_OFFSET
    if first == second:
        return (naive - first).replace(tzinfo=UTC), False, False
    if first > second:
        return (naive - first).replace(tzinfo=UTC), False, True
    return _end_of_gap(naive, zone), True, False


def resolve_local(naive: datetime, zone: str) -> Instant:
    """Return the instant of a one-off local time; of two occurrences the first.

    Raises NonexistentLocalTime, with the last minute before the gap and the first instant after it.
    """
    if naive.tzinfo is not None:
        raise ValueError("a local time must not carry a zone of its own")
    zone_info = zone_of(zone)
    at, shifted, folded = _resolve(naive, zone_info)
    if shifted:
        before = (at - ONE_MINUTE).astimezone(zone_info)
        raise NonexistentLocalTime(naive, zone, before, at.astimezone(zone_info))
    return Instant(at, naive.replace(fold=0), zone, folded=folded)


def resolve_local_leniently(naive: datetime, zone: str) -> Instant:
    """Return the instant of a wall time as a slot is used: one in a gap moves to its end, of two the first counts."""
    zone_info = zone_of(zone)
    at, shifted, folded = _resolve(naive, zone_info)
    return Instant(at, wall_of(at, zone_info), zone, shifted=shifted, folded=folded)


def iter_slots(rules: Iterable[SlotRule], zone: str, after: datetime) -> Iterator[Instant]:
    """Yield the firings of weekly slots strictly after an instant, for ever, strictly increasing."""
    after = require_aware(after, "after")
    zone_info = zone_of(zone)
    week: list[list[SlotRule]] = [[] for _ in range(7)]
    for rule in sorted(rules, key=lambda r: (r.weekday, r.local_time, r.slot_id is None, r.slot_id or 0)):
        week[rule.weekday].append(rule)
    if not any(week):
        return
    # A day's slots can be carried past midnight by a gap, never further than the gap: one day back is enough, two is safe.
    day = wall_of(after, zone_info).date() - 2 * ONE_DAY
    held: Instant | None = None
    while day < date.max:
        for rule in week[day.weekday()]:
            firing = _firing(rule, day, zone_info, zone)
            if firing is None or firing.at <= after:
                continue
            if held is None or firing.at > held.at:
                if held is not None:
                    yield held
                held = firing
            else:
                held = _merged(held, firing)
        day += ONE_DAY
    if held is not None:
        yield held


def _firing(rule: SlotRule, day: date, zone_info: ZoneInfo, zone: str) -> Instant | None:
    """Return the one firing of a rule on a local date, or None where the zone skipped the date."""
    naive = datetime.combine(day, rule.local_time)
    first = naive.replace(tzinfo=zone_info).utcoffset() or _NO_OFFSET
    second = naive.replace(tzinfo=zone_info, fold=1).utcoffset() or _NO_OFFSET
    if first == second:
        return Instant((naive - first).replace(tzinfo=UTC), naive, zone, rule.slot_id)
    if first > second:
        return Instant((naive - first).replace(tzinfo=UTC), naive, zone, rule.slot_id, folded=True)
    if not day_exists(day, zone_info):
        return None
    at = _end_of_gap(naive, zone_info)
    return Instant(at, wall_of(at, zone_info), zone, rule.slot_id, shifted=True)


def _merged(held: Instant, other: Instant) -> Instant:
    """Return one firing for two slots at one instant; the slot whose own time it is gives its name."""
    keeper, joiner = (other, held) if held.shifted and not other.shifted else (held, other)
    ids = {
        i
        for i in (*held.merged_slot_ids, *other.merged_slot_ids, held.slot_id, other.slot_id)
        if i is not None
    }
    ids.discard(keeper.slot_id)
    return Instant(
        keeper.at,
        keeper.local_wall,
        keeper.zone,
        keeper.slot_id if keeper.slot_id is not None else joiner.slot_id,
        keeper.shifted,
        keeper.folded,
        tuple(sorted(ids)),
    )


def next_slots(rules: Iterable[SlotRule], zone: str, after: datetime, n: int) -> list[Instant]:
    """Return the next `n` firings of weekly slots strictly after an instant.

    Fewer only where no rule is given.
    """
    found: list[Instant] = []
    if n <= 0:
        return found
    for firing in iter_slots(rules, zone, after):
        found.append(firing)
        if len(found) == n:
            break
    return found


class SlotTimeline:
    """The firings of a set of weekly slots, worked out in stretches of four weeks when they are asked for."""

    __slots__ = ("_rules", "_stretches", "_zone")
    _LENGTH = timedelta(days=28)

    def __init__(self, rules: tuple[SlotRule, ...], zone: str) -> None:
        self._rules = rules
        self._zone = zone
        self._stretches: dict[int, tuple[list[datetime], list[Instant]]] = {}

    def first_from(self, at: datetime) -> Instant | None:
        """Return the first firing at or after an instant; None where there are no slots."""
        if not self._rules:
            return None
        number = (at - _EPOCH) // self._LENGTH
        while True:
            times, instants = self._stretches.get(number) or self._work_out(number)
            index = bisect_left(times, at)
            if index < len(times):
                return instants[index]
            number += 1

    def _work_out(self, number: int) -> tuple[list[datetime], list[Instant]]:
        starts_at = _EPOCH + self._LENGTH * number
        ends_at = starts_at + self._LENGTH
        instants: list[Instant] = []
        for instant in iter_slots(self._rules, self._zone, starts_at - timedelta(microseconds=1)):
            if instant.at >= ends_at:
                break
            instants.append(instant)
        stretch = self._stretches[number] = ([i.at for i in instants], instants)
        return stretch


@lru_cache(maxsize=1024)
def slot_timeline(rules: tuple[SlotRule, ...], zone: str) -> SlotTimeline:
    """Return the line of a set of slots; channels with the same slots in the same zone share it."""
    return SlotTimeline(rules, zone)


def blackout_of_dates(
    first: date,
    last: date,
    zone: str,
    reason: str = "",
    from_time: time | None = None,
    until_time: time | None = None,
) -> Blackout:
    """Turn local dates (both included) into the instants between which a channel does not publish.

    It begins at `from_time` on the first date (start of the day if None) and ends at `until_time` on the
    last one (end of the day if None). At an overlap it covers both occurrences.
    """
    zone_info = zone_of(zone)
    starts_at = day_starts_at(first, zone_info)
    if from_time is not None:
        starts_at = _resolve(datetime.combine(first, from_time), zone_info)[0]
    if until_time is None:
        ends_at = day_starts_at(last + ONE_DAY, zone_info)
    else:
        naive = datetime.combine(last, until_time)
        ends_at, shifted, folded = _resolve(naive, zone_info)
        if folded and not shifted:
            ends_at = _instant_at(naive, _offset(naive, zone_info, 1))
    return Blackout(starts_at, ends_at, reason)
