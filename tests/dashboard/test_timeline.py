"""The drawing shows gaps, clashes, blackouts and bursts where they are."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard import timeline
from tests import factories

START = datetime(2026, 12, 24, 0, 0, tzinfo=UTC)
END = START + timedelta(hours=24)


@pytest.fixture
def channel(db):
    """Return a channel whose publications lie at least an hour apart."""
    return factories.ChannelFactory(min_gap_minutes=60, timezone="Europe/Berlin")


def at(channel, hours: float, **values):
    """Plan a publication some hours after the window begins."""
    return factories.ScheduleFactory(channel=channel, publish_at=START + timedelta(hours=hours), **values)


def draw(channel, rows, blackouts=(), now=START + timedelta(hours=6)):
    """Draw one channel's day."""
    return timeline.draw(timeline.events_of(rows), [channel], blackouts, START, END, now)


def test_what_lies_closer_than_the_gap_is_marked(channel):
    drawing = draw(channel, [at(channel, 2), at(channel, 2.5), at(channel, 6)])
    assert [pin.clash for pin in drawing.lanes[0].pins] == [False, True, False]
    assert drawing.clashes == 1


def test_what_was_cancelled_takes_no_room(channel):
    drawing = draw(channel, [at(channel, 2), at(channel, 2.5, state="cancelled"), at(channel, 3)])
    assert drawing.clashes == 0


def test_instants_lie_where_they_are_in_the_window(channel):
    drawing = draw(channel, [at(channel, 0), at(channel, 12)])
    assert [pin.x for pin in drawing.lanes[0].pins] == ["16.00%", "58.00%"]
    assert drawing.now_x == "37.00%"
    assert [mark.label for mark in drawing.marks][:2] == ["Thu 24 Dec", "02:00"]


def test_a_blackout_is_drawn_on_the_channels_own_clock(channel):
    blackout = factories.BlackoutFactory(
        channel=channel, first_date=START.date(), last_date=START.date(), reason="quiet"
    )
    stretch = draw(channel, [at(channel, 2)], [blackout]).lanes[0].blackouts[0]
    assert (stretch.x, stretch.width) == ("16.00%", "80.50%")


def test_a_blackout_outside_the_window_is_left_out(channel):
    blackout = factories.BlackoutFactory(channel=channel)
    blackout.first_date = blackout.last_date = START.date() + timedelta(days=9)
    assert draw(channel, [at(channel, 2)], [blackout]).lanes[0].blackouts == []


def test_a_burst_is_as_high_as_it_is_many(channel):
    drawing = draw(channel, [at(channel, 2), at(channel, 2.1), at(channel, 20)])
    assert [(burst["count"], burst["height"]) for burst in drawing.bursts] == [("2", "24"), ("1", "12")]


def test_too_many_channels_are_cut_to_the_busiest_and_bursts_count_all(channel, client, monkeypatch):
    monkeypatch.setattr("dashboard.views.schedule.MAX_LANES", 1)
    other = factories.ChannelFactory()
    for row, hours in ((channel, 1), (other, 1), (other, 5)):
        at(row, hours)
    client.force_login(factories.UserFactory())
    drawing = client.get(f"/schedule/?from={START.date()}&span=24").context["drawing"]
    assert ([lane.channel for lane in drawing.lanes], drawing.left_out) == ([other], 1)
    assert [burst["count"] for burst in drawing.bursts] == ["2", "1"]


def test_a_week_lists_the_slots_of_each_day(channel):
    slot = factories.PostingSlotFactory(channel=channel)
    week = timeline.week_of([slot], today=2)
    assert [len(day.slots) for day in week] == [1, 0, 0, 0, 0, 0, 0]
    assert [day.name for day in week if day.today] == ["Wednesday"]


def test_an_empty_window_draws_nothing(channel):
    drawing = draw(channel, [])
    assert (drawing.lanes, drawing.bursts, drawing.clashes) == ([], [], 0)
