"""What waits is served within a bound; what is late follows its channel's policy."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.planning.calendar import calendars_of
from orchestration.planning.misfire import OverdueItem, decide_misfire, preview_resume
from orchestration.planning.priority import (
    AGEING_STEP_SECONDS,
    effective_priority,
    front_of,
    longest_advantage_seconds,
    outranks_after_seconds,
    rank_instant,
)
from orchestration.planning.slots import NaiveDatetime, next_slots
from orchestration.planning.types import ChannelView, SlotRule

NOW = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
HOURS = st.floats(0, 200, allow_nan=False)


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


# ------------------------------------------------------------------------------------------------------------ priority


def test_a_waiting_item_of_priority_0_outranks_a_fresh_one_of_priority_10_after_five_hours():
    assert longest_advantage_seconds() == outranks_after_seconds(0, 10) == 5 * 3600
    assert rank_instant(0, ago(5.01)) < rank_instant(10, NOW)
    assert rank_instant(0, ago(4.99)) > rank_instant(10, NOW)


@given(st.integers(0, 10), HOURS, st.integers(0, 10), HOURS)
def test_the_stored_rank_orders_like_the_effective_priority_at_any_moment(one, waited, other, waited_too):
    first, second = rank_instant(one, ago(waited)), rank_instant(other, ago(waited_too))
    for later in (0, 3600, 90_000):
        mine = effective_priority(one, waited * 3600 + later)
        theirs = effective_priority(other, waited_too * 3600 + later)
        if abs(mine - theirs) > 1e-6:
            assert (first < second) == (mine > theirs)


def test_a_bumped_item_goes_before_all_that_wait_and_all_that_could_come_now():
    waiting = [rank_instant(3, ago(1)), rank_instant(9, ago(30))]
    assert front_of(waiting, NOW) < min(waiting)
    assert front_of([], NOW) < rank_instant(10, NOW)


def test_a_priority_outside_0_to_10_and_a_naive_time_are_refused():
    with pytest.raises(ValueError, match="between 0 and 10, not at 11"):
        rank_instant(11, NOW)
    with pytest.raises(NaiveDatetime, match="waiting_since"):
        rank_instant(1, datetime(2026, 1, 1))  # noqa: DTZ001
    assert AGEING_STEP_SECONDS == 1800


# ------------------------------------------------------------------------------------------------------------- misfire

SLOTS = next_slots([SlotRule(day, time(9), day) for day in range(7)], "Europe/Berlin", NOW, 2)


@pytest.mark.parametrize(
    ("policy", "late_minutes", "action"),
    [
        ("publish_late", 0, "on_time"),
        ("skip", 1, "on_time"),
        ("publish_late", 60, "publish_late"),
        ("publish_late", 61, "miss"),
        ("next_slot", 2, "move"),
        ("skip", 2, "skip"),
        ("hold", 2, "hold"),
    ],
)
def test_a_late_item_follows_its_policy(policy, late_minutes, action):
    due_at = NOW - timedelta(minutes=late_minutes)
    decision = decide_misfire(policy, due_at, NOW, 3600, SLOTS)
    assert decision.action == action
    assert decision.lateness_seconds == late_minutes * 60
    assert (decision.new_at is not None) == (action == "move")


def test_a_decision_is_said_with_its_numbers():
    late = decide_misfire("publish_late", NOW - timedelta(minutes=12), NOW, 3600)
    assert late.sentence == "12 min late, within the grace of 1 h: it is published late"
    moved = decide_misfire("next_slot", NOW - timedelta(minutes=12), NOW, 0, SLOTS)
    assert (
        moved.sentence
        == "12 min late: it moves to the channel's next free slot, Tue 2026-11-24 09:00 (Europe/Berlin)"
    )


def test_without_a_slot_ahead_an_item_is_held_and_nothing_is_lost():
    assert decide_misfire("next_slot", NOW - timedelta(hours=1), NOW, 0, ()).action == "hold"


def test_an_unknown_policy_is_refused():
    with pytest.raises(ValueError, match="publish_late, next_slot, skip, hold"):
        decide_misfire("panic", NOW, NOW)


# -------------------------------------------------------------------------------------------------------------- resume


def overdue_calendars(**policy):
    slots = tuple(SlotRule(day, time(9), day) for day in range(7))
    channels = [
        ChannelView(n, f"c{n}", min_gap_minutes=60, slots=slots, grace_minutes=120, **policy) for n in (1, 2)
    ]
    return calendars_of(channels, (), NOW)


def test_a_resume_lets_go_in_due_order_at_a_bounded_rate_and_keeps_each_channels_gap():
    overdue = [OverdueItem(n, 1 + n % 2, NOW - timedelta(minutes=100 - n)) for n in range(4)]
    releases = preview_resume(overdue, overdue_calendars(), NOW, per_minute=2)
    assert [r.schedule_id for r in releases] == [0, 1, 2, 3]
    assert [r.release_at and (r.release_at - NOW).total_seconds() / 60 for r in releases] == [
        0,
        0.5,
        None,
        None,
    ]
    assert [r.decision.action for r in releases] == ["publish_late", "publish_late", "miss", "miss"]
    assert "its turn would come after the grace" in releases[2].decision.sentence


def test_two_items_that_move_to_the_next_slot_take_two_slots():
    overdue = [OverdueItem(n, 1, NOW - timedelta(hours=n)) for n in (1, 2)]
    releases = preview_resume(overdue, overdue_calendars(misfire_policy="next_slot"), NOW)
    assert [r.schedule_id for r in releases] == [2, 1]
    assert [r.release_at.day for r in releases] == [24, 25]


@given(st.lists(st.tuples(st.integers(1, 2), st.integers(0, 300)), max_size=25), st.integers(1, 20))
def test_no_minute_lets_more_go_than_the_rate(late, per_minute):
    overdue = [OverdueItem(n, c, NOW - timedelta(minutes=m)) for n, (c, m) in enumerate(late)]
    releases = preview_resume(overdue, overdue_calendars(), NOW, per_minute)
    assert len(releases) == len(overdue), "each overdue item gets its decision"
    let_go = sorted(r.release_at for r in releases if r.release_at)
    for index, at in enumerate(let_go):
        assert sum(1 for other in let_go[index:] if other - at < timedelta(minutes=1)) <= per_minute
