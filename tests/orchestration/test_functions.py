"""What both databases answer by arithmetic is what the calendar says."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from channels.quota import pacific_day
from orchestration.models import Schedule
from orchestration.models.functions import CountOf, DayOf, HourOf, MinuteOf
from orchestration.scheduling import snapshots
from orchestration.states import ScheduleState
from tests import factories

MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 (given a zone)


class TestSpans(TestCase):
    """An instant's minute, hour and day, on the database's own."""

    @given(MOMENTS)
    def test_the_minute_the_hour_and_the_day_of_an_instant(self, moment):
        factories.ScheduleFactory(publish_at=moment)
        minute, hour, day = Schedule.objects.values_list(
            MinuteOf("publish_at"), HourOf("publish_at"), DayOf("publish_at")
        ).get()
        assert minute == moment.replace(second=0, microsecond=0)
        assert hour == moment.replace(minute=0, second=0, microsecond=0)
        assert day == moment.replace(hour=0, minute=0, second=0, microsecond=0)

    @given(st.lists(st.tuples(MOMENTS, st.integers(0, 90)), max_size=6))
    def test_reserved_uploads_are_counted_by_pacific_day_as_one_by_one(self, moments):
        today = datetime(2024, 1, 1, tzinfo=UTC).date()
        wanted = {}
        for moment, ahead in moments:
            stage_at = moment - timedelta(minutes=ahead)
            factories.ScheduleFactory(state=ScheduleState.PLANNED, publish_at=moment, stage_at=stage_at)
            day = max(pacific_day(stage_at), today)
            wanted[day] = wanted.get(day, 0) + 1
        assert snapshots.reserved_uploads(today) == wanted


@pytest.mark.django_db
def test_what_is_uploaded_or_over_reserves_nothing():
    staged = factories.ScheduleFactory(state=ScheduleState.STAGED)
    again = factories.ScheduleFactory(state=ScheduleState.PLANNED)
    again.distribution.youtube_video_id = "yt1"
    again.distribution.state = "staged"
    again.distribution.save()
    over = factories.ScheduleFactory(state=ScheduleState.CANCELLED)
    today = min(pacific_day(row.stage_at) for row in (staged, again, over))
    assert snapshots.reserved_uploads(today) == {}


@pytest.mark.django_db
def test_a_count_of_none_is_nothing():
    factories.ChannelFactory()
    counted = Schedule.objects.model.objects.all()
    assert list(
        factories.ChannelFactory._meta.model.objects.annotate(n=CountOf(counted)).values_list("n", flat=True)
    ) == [0]
