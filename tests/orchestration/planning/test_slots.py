"""Weekly slots become instants: once a local date, never in a gap, first of two in an overlap."""

# ruff: noqa: DTZ001 - wall times are naive by nature
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import islice, pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.planning.slots import (
    NaiveDatetime,
    NonexistentLocalTime,
    SlotTimeline,
    blackout_of_dates,
    day_exists,
    iter_slots,
    next_slots,
    require_aware,
    resolve_local,
    zone_of,
)
from orchestration.planning.types import SlotRule

ZONES = sorted(available_timezones() - {"localtime"})
MODEST = settings(deadline=None, max_examples=150)


def daily(hour: int, minute: int = 0, slot_id: int = 0) -> list[SlotRule]:
    return [SlotRule(day, time(hour, minute), slot_id + day) for day in range(7)]


def wall(at: datetime, zone: str) -> datetime:
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


@cache
def transitions(zone: str, first_year: int = 2024, last_year: int = 2037) -> list[datetime]:
    """Find every change of offset by looking at each eighth day and halving."""
    info = ZoneInfo(zone)
    found = []
    step = timedelta(days=8)
    at, end = datetime(first_year, 1, 1, tzinfo=UTC), datetime(last_year + 1, 1, 1, tzinfo=UTC)
    before = at.astimezone(info).utcoffset()
    while at < end:
        after = (at + step).astimezone(info).utcoffset()
        if after != before:
            low, high = at, at + step
            while high - low > timedelta(seconds=1):
                middle = low + timedelta(seconds=int((high - low).total_seconds()) // 2)
                if middle.astimezone(info).utcoffset() == before:
                    low = middle
                else:
                    high = middle
            found.append(high)
        at, before = at + step, after
    return found


def check(rules, zone, after, firings):
    """What must hold of any list of firings."""
    info = ZoneInfo(zone)
    assert all(firing.at > after for firing in firings)
    assert all(a.at < b.at for a, b in pairwise(firings))
    seen = set()
    times_of = {}
    for rule in rules:
        times_of.setdefault(rule.weekday, set()).add(rule.local_time)
    for firing in firings:
        assert firing.at.tzinfo is UTC
        assert firing.local_wall == wall(firing.at, zone)
        if firing.shifted:
            # The first valid instant after a gap: one second earlier the clocks stood before the jump.
            earlier = wall(firing.at - timedelta(seconds=1), zone)
            assert firing.local_wall - earlier > timedelta(seconds=1)
        else:
            assert firing.local_wall.time() in times_of[firing.local_wall.weekday()]
            assert firing.local_wall not in seen, "one firing for a local date and slot"
            seen.add(firing.local_wall)
            if firing.folded:
                naive = firing.local_wall.replace(tzinfo=info)
                assert (
                    firing.at == naive.replace(fold=0).astimezone(UTC) < naive.replace(fold=1).astimezone(UTC)
                )


def test_a_daily_slot_keeps_its_wall_time_over_both_changes_of_the_year():
    firings = next_slots(daily(9), "Europe/Berlin", datetime(2027, 3, 26, 12, tzinfo=UTC), 3)
    assert [f.at.hour for f in firings] == [8, 7, 7]
    assert all(f.local_wall.hour == 9 for f in firings)


def test_a_slot_inside_a_gap_moves_to_the_first_valid_instant_after_it():
    (firing,) = next_slots(daily(2, 30), "Europe/Berlin", datetime(2027, 3, 27, 12, tzinfo=UTC), 1)
    assert firing.at == datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert firing.local_wall == datetime(2027, 3, 28, 3)
    assert firing.shifted


def test_a_slot_inside_an_overlap_fires_at_its_first_occurrence_only():
    firings = next_slots(daily(2, 30), "Europe/Berlin", datetime(2027, 10, 30, 12, tzinfo=UTC), 2)
    assert [f.at for f in firings] == [
        datetime(2027, 10, 31, 0, 30, tzinfo=UTC),
        datetime(2027, 11, 1, 1, 30, tzinfo=UTC),
    ]
    assert firings[0].folded


def test_lord_howe_moves_by_half_an_hour():
    (firing,) = next_slots(daily(2, 15), "Australia/Lord_Howe", datetime(2026, 10, 3, 6, tzinfo=UTC), 1)
    assert firing.shifted
    assert firing.local_wall == datetime(2026, 10, 4, 2, 30)


def test_the_day_that_apia_skipped_fires_nothing():
    firings = next_slots(daily(9), "Pacific/Apia", datetime(2011, 12, 28, tzinfo=UTC), 3)
    assert [f.local_wall.date() for f in firings] == [
        date(2011, 12, 28),
        date(2011, 12, 29),
        date(2011, 12, 31),
    ]
    assert not day_exists(date(2011, 12, 30), zone_of("Pacific/Apia"))


def test_two_slots_that_a_gap_brings_together_make_one_firing_that_names_both():
    rules = daily(2, 30, 10) + daily(2, 45, 20) + daily(3, 0, 30)
    firing, following = next_slots(rules, "Europe/Berlin", datetime(2027, 3, 27, 12, tzinfo=UTC), 2)
    assert firing.at == datetime(2027, 3, 28, 1, tzinfo=UTC)
    assert firing.slot_id == 36, "the slot whose own time it is gives its name"
    assert firing.merged_slot_ids == (16, 26)
    assert following.at > firing.at


def test_a_slot_before_midnight_that_a_gap_swallows_fires_on_the_next_local_date():
    # Toronto, 1919-03-30: 23:30 became 00:30 of the 31st.
    (firing,) = next_slots(daily(23, 45), "America/Toronto", datetime(1919, 3, 30, 12, tzinfo=UTC), 1)
    assert firing.shifted
    assert firing.local_wall == datetime(1919, 3, 31, 0, 30)


def test_no_slots_give_no_firings():
    assert next_slots([], "UTC", datetime(2027, 1, 1, tzinfo=UTC), 5) == []
    assert next_slots(daily(9), "UTC", datetime(2027, 1, 1, tzinfo=UTC), 0) == []


def test_a_naive_time_is_refused_by_name():
    with pytest.raises(NaiveDatetime, match="scheduled_at must carry a UTC offset"):
        require_aware(datetime(2027, 1, 1), "scheduled_at")
    with pytest.raises(NaiveDatetime):
        next_slots(daily(9), "UTC", datetime(2027, 1, 1), 1)


def test_an_unknown_zone_is_refused_by_name():
    with pytest.raises(ValueError, match="Mars/Olympus is not an IANA time zone"):
        next_slots(daily(9), "Mars/Olympus", datetime(2027, 1, 1, tzinfo=UTC), 1)


def test_a_one_off_time_that_does_not_exist_is_refused_with_the_two_nearest_valid_ones():
    with pytest.raises(NonexistentLocalTime) as refused:
        resolve_local(datetime(2027, 3, 28, 2, 30), "Europe/Berlin")
    assert refused.value.nearest_before.isoformat() == "2027-03-28T01:59:00+01:00"
    assert refused.value.nearest_after.isoformat() == "2027-03-28T03:00:00+02:00"
    assert "does not exist in Europe/Berlin" in str(refused.value)


def test_a_one_off_time_that_occurs_twice_is_the_first_one():
    instant = resolve_local(datetime(2027, 10, 31, 2, 30), "Europe/Berlin")
    assert instant.at == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert instant.folded


def test_blackout_dates_become_the_instants_of_local_days():
    blackout = blackout_of_dates(date(2027, 3, 28), date(2027, 3, 28), "Europe/Berlin", "change of clocks")
    assert blackout.starts_at == datetime(2027, 3, 27, 23, tzinfo=UTC)
    assert blackout.ends_at - blackout.starts_at == timedelta(hours=23)
    evening = blackout_of_dates(
        date(2027, 10, 31), date(2027, 10, 31), "Europe/Berlin", "", time(1), time(2, 30)
    )
    assert evening.ends_at - evening.starts_at == timedelta(hours=2, minutes=30), "both 02:30 are covered"


@pytest.mark.parametrize("part", range(8))
def test_every_transition_of_every_zone_from_2024_to_2037(part):
    rules = [
        SlotRule(day, time(hour, minute))
        for day in range(7)
        for hour in range(0, 24, 3)
        for minute in (0, 31)
    ]
    rules += [SlotRule(day, time(hour, 30)) for day in range(7) for hour in (1, 2)]
    rules += [SlotRule(day, time(23, 59)) for day in range(7)]
    for zone in ZONES[part::8]:
        for transition in transitions(zone):
            after = transition - timedelta(hours=26)
            firings = next_slots(rules, zone, after, 45)
            check(rules, zone, after, firings)
            # Nothing is left out: each slot of the local dates in between fires, or shares the end of a gap.
            first, last = firings[0].local_wall, firings[-1].local_wall
            walls = {f.local_wall for f in firings if not f.shifted}
            gap_ends = {f.at for f in firings}
            day = first.date()
            while day <= last.date():
                for rule in rules:
                    naive = datetime.combine(day, rule.local_time)
                    if rule.weekday == day.weekday() and first <= naive <= last and naive not in walls:
                        assert transition in gap_ends, f"{zone} {naive} is lost"
                day += timedelta(days=1)


@MODEST
@given(
    zone=st.sampled_from(ZONES),
    rules=st.lists(
        st.builds(
            SlotRule, st.integers(0, 6), st.times(timezones=st.none()).map(lambda t: t.replace(microsecond=0))
        ),
        min_size=1,
        max_size=12,
    ),
    after=st.datetimes(datetime(1975, 1, 1), datetime(2090, 1, 1)).map(lambda d: d.replace(tzinfo=UTC)),
    n=st.integers(1, 30),
)
def test_slots_hold_their_promises_for_any_zone_rule_and_instant(zone, rules, after, n):
    firings = next_slots(rules, zone, after, n)
    assert len(firings) == n
    check(rules, zone, after, firings)
    if n > 1:  # asking again from the middle continues the same list
        half = firings[: n // 2]
        assert [f.at for f in next_slots(rules, zone, half[-1].at, n - len(half))] == [
            f.at for f in firings[len(half) :]
        ]


@MODEST
@given(
    zone=st.sampled_from(ZONES),
    start=st.datetimes(datetime(2000, 1, 1), datetime(2060, 1, 1)).map(lambda d: d.replace(tzinfo=UTC)),
    jumps=st.lists(st.integers(-400, 400), min_size=1, max_size=8),
)
def test_a_line_answers_in_any_order_what_the_list_answers(zone, start, jumps):
    rules = (SlotRule(1, time(2, 30)), SlotRule(3, time(23, 59)), SlotRule(6, time(0, 0)))
    line = SlotTimeline(rules, zone)
    for jump in jumps:
        at = start + timedelta(days=jump)
        assert line.first_from(at) == next(islice(iter_slots(rules, zone, at - timedelta(microseconds=1)), 1))
