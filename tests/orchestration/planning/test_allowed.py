"""What a stretch says is what the channel's calendar says of every second of it."""

import itertools
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.planning import rules
from orchestration.planning.allowed import answer_at, stretches
from orchestration.planning.calendar import calendars_of
from orchestration.planning.slot_marks import empty_slots, full_days
from orchestration.planning.types import Blackout, ChannelView, Occupied, SlotRule

NOW = datetime(2026, 10, 24, 9, 30, 12, 345_678, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
minutes = st.integers(-2 * 1440, 4 * 1440)


def calendar_of(channel, at=()):
    return calendars_of([channel], [Occupied(1, moment, i) for i, moment in enumerate(at)], NOW)[1]


@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
    st.integers(0, 300),
    st.one_of(st.none(), st.integers(1, 4)),
    st.lists(minutes, max_size=8),
    st.lists(st.tuples(minutes, st.integers(1, 2000)), max_size=3),
    st.lists(minutes, min_size=1, max_size=20),
    st.integers(0, 59),
)
def test_a_stretch_answers_as_the_calendar_does(zone, gap, cap, taken, dark, asked, second):
    blackouts = tuple(Blackout(NOW + m * MINUTE, NOW + (m + n) * MINUTE, "") for m, n in dark)
    channel = ChannelView(1, zone=zone, min_gap_minutes=gap, daily_cap=cap, blackouts=blackouts)
    floor = NOW.replace(microsecond=0)
    calendar = calendar_of(channel, [floor + m * MINUTE for m in taken])
    since, until = floor - timedelta(days=2), floor + timedelta(days=4)
    answers = stretches(calendar, since, until)
    assert answers[0].starts_at == since and answers[-1].ends_at == until
    assert all(a.ends_at == b.starts_at and a.rules != b.rules for a, b in itertools.pairwise(answers))
    edges = [a.starts_at for a in answers] + [a.ends_at - timedelta(seconds=1) for a in answers]
    for at in [floor + m * MINUTE + timedelta(seconds=second) for m in asked] + edges:
        if since <= at < until:
            found = answer_at(answers, at)
            assert found is not None
            assert found.rules == tuple(dict.fromkeys(o.rule for o in calendar.why_not(at))), at


def test_what_the_pools_say_is_asked_at_their_edges():
    ready_at = NOW + timedelta(hours=5)
    answers = stretches(
        calendar_of(ChannelView(1)),
        NOW,
        NOW + timedelta(days=1),
        unstaged=lambda at: [rules.POOL_CAPACITY] if at < ready_at else [],
        more_edges=[ready_at],
    )
    assert [a.is_free for a in answers] == [False, True]
    assert answers[0].reasons == ("cannot be staged in time by the pools",)
    assert answers[1].starts_at == ready_at.replace(microsecond=0) + timedelta(seconds=1)


def test_a_slot_is_empty_unless_it_is_taken_or_closed():
    slots = tuple(SlotRule(weekday, time(18)) for weekday in range(7))
    blackout = Blackout(datetime(2026, 10, 27, tzinfo=UTC), datetime(2026, 10, 28, tzinfo=UTC), "")
    channel = ChannelView(1, zone="UTC", min_gap_minutes=60, daily_cap=2, slots=slots, blackouts=(blackout,))
    near = datetime(2026, 10, 25, 18, 40, tzinfo=UTC)
    full = [datetime(2026, 10, 26, hour, tzinfo=UTC) for hour in (8, 10)]
    calendar = calendar_of(channel, [near, *full])
    found = empty_slots(calendar, datetime(2026, 10, 23, tzinfo=UTC), datetime(2026, 10, 29, tzinfo=UTC))
    assert [(slot.at.day, slot.is_over) for slot in found] == [(23, True), (24, False), (28, False)]
    (day,) = full_days(calendar)
    assert (day.day, day.count, day.cap) == (date(2026, 10, 26), 2, 2)
