"""What stands on a date is what the zone's clocks show on it: in every zone, over gaps, overlaps and month borders."""

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestration.planning.days import (
    OWN_ZONE,
    date_of,
    offsets,
    repeated_hours,
    skipped_hours,
    window_of,
)
from orchestration.planning.slots import ONE_DAY, wall_of, zone_of

ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "America/Havana", "America/Santiago",
    "Asia/Kathmandu", "Asia/Beirut", "Australia/Lord_Howe", "Pacific/Apia", "Pacific/Chatham", "Africa/Casablanca",
    "Pacific/Kiritimati", "Etc/GMT+12",
)  # fmt: skip
zones = st.sampled_from(ZONES)
instants = st.integers(0, 34 * 366 * 86400).map(
    lambda n: datetime(2004, 1, 1, tzinfo=UTC) + timedelta(seconds=n)
)


@settings(max_examples=120, deadline=None)
@given(instants, zones, st.integers(1, 42))
@example(datetime(2006, 10, 29, 2, 45, tzinfo=UTC), "America/St_Johns", 1)  # the evening that came twice
@example(datetime(2006, 10, 29, 2, 31, tzinfo=UTC), "America/St_Johns", 1)
@example(datetime(2011, 12, 31, 9, 0, tzinfo=UTC), "Pacific/Apia", 3)
def test_an_instant_lies_in_the_window_of_the_date_that_its_clock_shows(at, zone, days):
    day = date_of(at, zone)
    for first in (day, day - (days - 1) * ONE_DAY):
        since, until = window_of(first, first + (days - 1) * ONE_DAY, zone)
        assert since <= at < until
    since, until = window_of(day, day, OWN_ZONE)
    assert since <= at < until


@settings(max_examples=80, deadline=None)
@given(instants, zones, st.timedeltas(timedelta(minutes=1), timedelta(days=45)))
def test_the_offsets_of_a_window_are_what_the_clocks_show_without_a_hole(since, zone, length):
    until = since + length
    parts = offsets(since, until, zone)
    assert (parts[0].starts_at, parts[-1].ends_at) == (since, until)
    assert all(before.ends_at == after.starts_at for before, after in itertools.pairwise(parts))
    for part in parts:
        for at in (part.starts_at, part.starts_at + (part.ends_at - part.starts_at) / 2):
            assert (at + part.ahead).replace(tzinfo=None) == wall_of(at, zone_of(zone))


@pytest.mark.parametrize(
    ("zone", "day", "skipped", "repeated"),
    [
        ("Europe/Berlin", date(2026, 3, 29), {2}, set()),
        ("Europe/Berlin", date(2026, 10, 25), set(), {2}),
        ("Europe/Berlin", date(2026, 11, 26), set(), set()),
        ("America/Santiago", date(2026, 9, 6), {0}, set()),  # midnight itself is skipped
        ("Australia/Lord_Howe", date(2026, 10, 4), set(), set()),  # half an hour only: no hour is lost whole
        ("Australia/Lord_Howe", date(2026, 4, 5), set(), {1}),
        ("Pacific/Apia", date(2011, 12, 30), set(range(24)), set()),  # the date itself
        ("America/St_Johns", date(2006, 10, 28), set(), {23}),
    ],
)
def test_hours_that_clocks_skip_or_show_twice(zone, day, skipped, repeated):
    assert skipped_hours(day, zone) == skipped
    assert repeated_hours(day, zone) == repeated
