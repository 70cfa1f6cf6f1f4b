"""Wall-clock times of rules, over zones and the days on which clocks change."""

import itertools
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from orchestration.notify.hours import digest_due, instant, quiet_until

ZONES = st.sampled_from(
    [
        "UTC",
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Pacific/Apia",
        "America/St_Johns",
    ]
)
WALL = st.times().map(lambda value: value.replace(second=0, microsecond=0))
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@given(MOMENTS, WALL, WALL, ZONES)
def test_quiet_hours_end_within_a_day_at_their_wall_time_and_are_over_then(now, begins, ends, zone):
    assume(begins != ends)
    until = quiet_until(now, begins, ends, zone)
    if until is None:
        return
    assert now < until <= now + timedelta(hours=25)
    assert quiet_until(until, begins, ends, zone) is None
    local = until.astimezone(ZoneInfo(zone))
    shown = local.time().replace(second=0, microsecond=0)
    assert (
        shown == ends or instant(local.date(), ends, zone) == until
    )  # the second holds where the time is in a gap


@given(MOMENTS, WALL, WALL, ZONES)
def test_a_moment_is_quiet_as_its_own_wall_clock_says_on_days_without_a_change(now, begins, ends, zone):
    assume(begins != ends)
    local = now.astimezone(ZoneInfo(zone))
    around = {(local + timedelta(hours=hours)).utcoffset() for hours in (-30, 0, 30)}
    assume(
        len(
            {(now + timedelta(hours=h)).astimezone(ZoneInfo(zone)).utcoffset() for h in (-30, 0, 30)} | around
        )
        == 1
    )
    wall = local.time()
    inside = begins <= wall < ends if begins < ends else wall >= begins or wall < ends
    assert (quiet_until(now, begins, ends, zone) is not None) == inside


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 1), timezones=st.just(UTC)), WALL, ZONES)  # noqa: DTZ001
def test_each_local_day_has_one_digest_and_none_comes_before_its_moment(start, wall, zone):
    written = []
    now = start
    while now < start + timedelta(days=5):
        day = digest_due(now, wall, zone, since=start)
        if day and day not in written:
            written.append(day)
            assert now >= instant(day, wall, zone)
            assert now - instant(day, wall, zone) < timedelta(minutes=31)
        now += timedelta(minutes=30)
    assert written == sorted(written)
    assert len(written) in {4, 5, 6}
    apart = {(later - earlier).days for earlier, later in itertools.pairwise(written)}
    assert apart <= {1}


def test_a_night_over_midnight_holds_on_both_sides():
    berlin = ("Europe/Berlin",)
    for hour_utc, quiet in ((20, False), (21, True), (23, True), (5, True), (6, False)):
        now = datetime(2026, 11, 25, hour_utc, tzinfo=UTC)
        assert (quiet_until(now, time(22), time(7), *berlin) is not None) == quiet


def test_a_digest_that_could_not_be_written_in_time_is_written_late_but_not_a_day_late():
    since = datetime(2026, 1, 1, tzinfo=UTC)
    at = time(8)
    assert digest_due(datetime(2026, 11, 25, 12, tzinfo=UTC), at, "UTC", since) is not None
    assert digest_due(datetime(2026, 11, 25, 7, tzinfo=UTC), at, "UTC", since) is None
