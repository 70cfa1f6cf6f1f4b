"""A forecast runs the dispatcher's rules against a simulated clock: loads, budgets, and who will be late and why."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.quota import pacific_day, pacific_day_bounds
from orchestration.planning import earliest
from orchestration.planning.answers import ForecastItem
from orchestration.planning.earliest import earliest_time, items_of_slots
from orchestration.planning.forecast import forecast
from orchestration.planning.types import ChannelView, Occupied, PoolView, SlotRule, VideoView, WaveRequest
from orchestration.planning.waves import plan_wave

NOW = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


def item(number: int, hours: float, **traits) -> ForecastItem:
    return ForecastItem(number, number, NOW + hours * HOUR, **traits)


def test_what_fits_makes_its_time():
    outlook = forecast(
        [item(n, 5 + n, stage_seconds=600) for n in range(10)], [PoolView("upload", "slots", 1)], NOW
    )
    assert outlook.late == ()
    assert outlook.first_late is None
    assert outlook.summary == "10 publications in 7 days; all make their time"
    assert sum(outlook.published_by_day.values()) == 10


def test_a_full_pool_makes_the_lower_priority_late_and_says_by_how_much():
    items = [item(1, 2, priority=2, stage_seconds=5400), item(2, 2, priority=8, stage_seconds=5400)]
    outlook = forecast(items, [PoolView("upload", "slots", 1)], NOW)
    late = outlook.first_late
    assert (late.item.schedule_id, late.rule, late.waited_for) == (1, "pool_capacity", "upload")
    assert late.late_seconds == 3600
    assert late.ready_at == NOW + 3 * HOUR
    assert late.sentence == (
        "publication 1, due at 2026-11-23 20:30 UTC, is staged 1 h late: it waits for the pool upload, capacity 1"
    )


def test_a_spent_budget_waits_for_midnight_in_california():
    uploads = PoolView("youtube_uploads", "budget", 2, used={date(2026, 11, 23): 1})
    outlook = forecast([item(n, 6) for n in (1, 2, 3)], [uploads], NOW, days=2)
    assert [late.item.schedule_id for late in outlook.late] == [2, 3]
    assert outlook.first_late.rule == "budget_exhausted"
    assert outlook.first_late.ready_at == datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert [(day.day.day, day.used) for day in outlook.days] == [(23, 2), (24, 2), (25, 0)]


def test_an_upload_that_is_itself_too_long_is_not_blamed_on_a_pool():
    outlook = forecast([item(1, 1, stage_seconds=7200)], [PoolView("upload", "slots", 4)], NOW)
    assert (outlook.first_late.rule, outlook.first_late.waited_for) == ("stage_time", "")


def test_what_cannot_be_staged_at_all_is_late_without_an_end():
    outlook = forecast([item(1, 1)], [PoolView("youtube_uploads", "budget", 0)], NOW)
    assert outlook.first_late.ready_at is None
    assert "is not staged within the forecast" in outlook.first_late.sentence


def test_a_rate_pool_delays_only_its_own_executor():
    rate = PoolView("github_dispatch", "rate", 1, window_seconds=7200, executor="github")
    items = [item(n, 2, executor="github") for n in (1, 2)] + [item(3, 2)]
    late = forecast(items, [rate], NOW).late
    assert [entry.item.schedule_id for entry in late] == []
    items = [item(n, 2, executor="github") for n in (1, 2, 3)] + [item(4, 2)]
    assert [entry.item.schedule_id for entry in forecast(items, [rate], NOW).late] == [3]


def test_the_load_of_an_hour_is_what_was_busy_in_it():
    outlook = forecast([item(1, 2, stage_seconds=5400)], [PoolView("upload", "slots", 2)], NOW, days=1)
    loads = [hour.load for hour in outlook.hours]
    assert outlook.hours[0].starts_at == NOW - HOUR / 2, "hours are those of the clock"
    assert loads[:3] == [1800, 3600, 0]
    assert (outlook.hours[1].capacity, outlook.hours[1].share) == (7200, 0.5)
    assert len(loads) == 25


def test_what_is_staged_already_needs_nothing():
    outlook = forecast([item(1, 1, staged=True)], [PoolView("youtube_uploads", "budget", 0)], NOW)
    assert outlook.late == ()
    assert outlook.items == 1


def test_free_slots_become_items_that_show_what_filling_them_would_take():
    slots = tuple(SlotRule(day, time(9), day) for day in range(7))
    channels = [
        ChannelView(1, "one", slots=slots, priority=7),
        ChannelView(2, "two", slots=slots, state="paused"),
    ]
    items = items_of_slots(channels, (), NOW, days=3, stage_seconds=60)
    assert [(i.channel_id, i.at.day, i.priority) for i in items] == [(1, 24, 7), (1, 25, 7), (1, 26, 7)]


def test_the_earliest_time_of_a_wave_over_budget_is_early_enough_for_its_last_upload():
    channels = [ChannelView(n, f"c{n}", min_gap_minutes=60) for n in range(1, 11)]
    videos = [VideoView(n, rights_basis="owned") for n in range(1, 6)]
    request = WaveRequest(tuple(range(1, 6)), tuple(range(1, 11)))
    at, plan = earliest_time(request, channels, videos, pools=[PoolView("uploads", "budget", 10)], now=NOW)
    # The fifth video's uploads belong to the fifth day, the 27th, and it is public four hours after the first.
    assert at == datetime(2026, 11, 27, 4, tzinfo=UTC)
    assert plan.last_at == datetime(2026, 11, 27, 8, tzinfo=UTC)


def units(capacity: int) -> PoolView:
    return PoolView(
        "youtube_units", "budget", capacity, used={date(2026, 11, 23): 60}, cost_per_item=0, publish_units=52
    )


def test_the_earliest_time_of_a_wave_is_on_a_day_that_pays_for_making_it_public():
    """`NOW` lies on the 22nd in California; what would be late after midnight there does not fit."""
    channels = [ChannelView(n, f"c{n}") for n in range(1, 3)]
    videos = [VideoView(1, rights_basis="owned")]
    wanted = datetime(2026, 11, 23, 20, tzinfo=UTC)
    request = WaveRequest((1,), (1, 2), scheduled_at=wanted)
    at, plan = earliest_time(request, channels, videos, pools=[units(170)], now=NOW)
    assert (at, plan.conflicts) == (wanted, ())
    at, plan = earliest_time(request, channels, videos, pools=[units(160)], now=NOW)
    assert at == datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert plan.conflicts == ()
    assert earliest_time(request, channels, videos, pools=[units(103)], now=NOW)[0] is None, (
        "never pays for two"
    )


@pytest.mark.parametrize(
    ("timing", "capacity"), [("simultaneous", 103), ("staggered", 103), ("independent", 51)]
)
def test_units_that_no_day_ever_has_are_answered_at_once(monkeypatch, timing, capacity):
    tries = []
    monkeypatch.setattr(earliest, "plan_wave", lambda *a, **k: tries.append(1) or plan_wave(*a, **k))
    channels = [ChannelView(n, f"c{n}") for n in range(1, 3)]
    request = WaveRequest((1,), (1, 2), timing=timing, delay_seconds=60)
    found = earliest_time(
        request, channels, [VideoView(1, rights_basis="owned")], pools=[units(capacity)], now=NOW
    )
    assert (found[0], len(tries)) == (None, 1)


def test_a_member_keeps_its_own_time_in_the_earliest_time_of_its_wave():
    channels = [ChannelView(n, f"c{n}", min_gap_minutes=60) for n in range(1, 3)]
    videos = [VideoView(1, rights_basis="owned")]
    own = NOW + timedelta(hours=5)
    taken = [Occupied(1, NOW + timedelta(minutes=30), 7)]
    request = WaveRequest((1,), (1, 2), overrides={(1, 2): own})
    at, plan = earliest_time(request, channels, videos, taken, now=NOW)
    assert at == NOW + timedelta(minutes=90)
    assert {(p.channel_id, p.at) for p in plan.placements} == {(1, at), (2, own)}


@pytest.mark.parametrize("pools", [[], [units(52)]], ids=["its calendar", "the units of its day"])
def test_what_stands_against_a_members_own_time_no_other_time_of_the_wave_mends(monkeypatch, pools):
    tries = []
    monkeypatch.setattr(earliest, "plan_wave", lambda *a, **k: tries.append(1) or plan_wave(*a, **k))
    channels = [ChannelView(n, f"c{n}", min_gap_minutes=60) for n in range(1, 3)]
    own = datetime(2026, 11, 23, 20, tzinfo=UTC)
    taken = [] if pools else [Occupied(2, own + timedelta(minutes=30), 7)]
    request = WaveRequest((1,), (1, 2), scheduled_at=own + timedelta(days=1), overrides={(1, 2): own})
    videos = [VideoView(1, rights_basis="owned")]
    at, plan = earliest_time(request, channels, videos, taken, pools=pools, now=NOW)
    assert (at, len(tries)) == (None, 1)
    assert plan.conflicts


@settings(deadline=None, max_examples=80)
@given(
    st.lists(
        st.tuples(st.integers(0, 150), st.integers(0, 10), st.sampled_from([0, 600, 7200])), max_size=30
    ),
    st.integers(1, 3),
    st.integers(1, 6),
)
def test_no_pool_does_more_than_it_can(wanted, slots, budget):
    items = [item(n, hours, priority=p, stage_seconds=s) for n, (hours, p, s) in enumerate(wanted)]
    pools = [PoolView("upload", "slots", slots), PoolView("uploads", "budget", budget)]
    outlook = forecast(items, pools, NOW)
    for hour in outlook.hours:
        assert hour.load <= hour.capacity
    for day in outlook.days:
        assert day.used <= day.capacity
        starts_at, ends_at = pacific_day_bounds(day.day)
        in_day = [h for h in outlook.hours if h.pool == "uploads" and starts_at <= h.starts_at < ends_at]
        assert sum(h.load for h in in_day) == day.used or day is outlook.days[-1]
    assert [entry.item.at for entry in outlook.late] == sorted(entry.item.at for entry in outlook.late)
    assert pacific_day(outlook.starts_at) == outlook.days[0].day


def test_what_is_drawn_already_holds_its_slot_and_costs_the_budget_nothing_more():
    """One upload is under way and stands in `used`; the other one has the slot after it, and the rest of the day."""
    uploads = PoolView("youtube_uploads", "budget", 2, used={date(2026, 11, 23): 1})
    items = [item(1, 2, stage_seconds=1800, drawn=True), item(2, 2, stage_seconds=1800, priority=9)]
    outlook = forecast(items, [uploads, PoolView("upload", "slots", 1)], NOW, days=1)
    assert outlook.late == ()
    assert [day.used for day in outlook.days] == [2, 0]


def test_the_units_of_making_public_are_foretold_by_day_and_not_again_for_what_is_armed():
    units = PoolView(
        "youtube_units", "budget", 104, used={date(2026, 11, 23): 51}, cost_per_item=0, publish_units=52
    )
    armed, tonight = item(1, 1, staged=True, armed=True), item(2, 2, staged=True)
    outlook = forecast([armed, tonight], [units], NOW, days=1)
    assert [(day.pool, day.day.day, day.used) for day in outlook.days] == [
        ("youtube_units", 23, 103),
        ("youtube_units", 24, 0),
    ]
    assert outlook.summary == "2 publications in 1 days; all make their time"
    outlook = forecast([armed, tonight, item(3, 3, staged=True)], [units], NOW, days=1)
    assert "too little of youtube_units on 2026-11-23 (Pacific): 155 of 104" in outlook.summary
