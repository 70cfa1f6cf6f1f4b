from datetime import UTC, date, datetime, timedelta

import pytest

from channels import quota


def test_the_quota_day_changes_at_midnight_in_california_not_at_midnight_utc():
    assert quota.pacific_day(datetime(2026, 11, 24, 7, 59, 59, tzinfo=UTC)) == date(2026, 11, 23)
    assert quota.pacific_day(datetime(2026, 11, 24, 8, 0, tzinfo=UTC)) == date(2026, 11, 24)
    assert quota.pacific_day(datetime(2026, 7, 1, 7, 0, tzinfo=UTC)) == date(2026, 7, 1)


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2026, 3, 8), 23),
        (date(2026, 7, 1), 24),
        (date(2026, 11, 1), 25),
        (date(2027, 3, 14), 23),
        (date(2027, 11, 7), 25),
    ],
)
def test_a_quota_day_has_23_24_or_25_hours(day, hours):
    start, end = quota.pacific_day_bounds(day)
    assert end - start == timedelta(hours=hours)
    assert start.tzinfo is UTC and end.tzinfo is UTC


def test_days_follow_each_other_without_a_gap_for_three_years():
    day = date(2026, 1, 1)
    _, previous_end = quota.pacific_day_bounds(day - timedelta(days=1))
    for _ in range(3 * 366):
        start, end = quota.pacific_day_bounds(day)
        assert start == previous_end
        assert quota.pacific_day(start) == day
        assert quota.pacific_day(end - timedelta(microseconds=1)) == day
        day, previous_end = day + timedelta(days=1), end


def test_the_next_reset_is_the_end_of_the_running_day():
    evening = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
    midnight = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    assert quota.next_reset(evening) == midnight
    assert quota.next_reset(midnight) == midnight + timedelta(days=1)


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        quota.pacific_day(datetime(2026, 11, 23, 18, 0))  # noqa: DTZ001


def test_every_cost_is_drawn_from_a_bucket_with_a_known_limit():
    for bucket, amount in quota.QUOTA_COST.values():
        assert 0 < amount <= quota.DAILY_LIMITS[bucket]
    assert quota.QUOTA_COST["upload"] == (quota.UPLOADS, 1)
