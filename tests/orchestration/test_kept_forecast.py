"""Where much is planned, a forecast is answered at once as the background made it, and made anew when it is old."""

from datetime import timedelta

import pytest
from django.utils import timezone

from orchestration.errors import InvalidRequest
from orchestration.models import KeptReport, Schedule
from orchestration.scheduling import kept_forecast
from tests.engine_room import door
from tests.factories import ScheduleFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def much(monkeypatch):
    monkeypatch.setattr(kept_forecast, "MADE_ON_THE_SPOT", 0)


def test_where_little_is_planned_it_is_made_on_the_spot():
    ScheduleFactory()
    told = door("read").get_kept_forecast(days=7)
    assert (told.forecast.items, told.is_kept) == (1, False)
    assert kept_forecast.make_due(timezone.now()) == 0
    assert not KeptReport.objects.exists()


def test_where_much_is_planned_the_background_makes_it_and_the_page_has_it_at_once(much):
    ScheduleFactory()
    assert door("read").get_kept_forecast(days=3).forecast is None
    kept_forecast.make_due(timezone.now())
    told = door("read").get_kept_forecast(days=3)
    assert told.is_kept
    assert told.forecast.items == 1
    assert {row.key for row in KeptReport.objects.all()} == {"forecast:3", "forecast:7"}


def test_it_is_made_anew_once_it_is_a_minute_old_and_something_changed_and_forgotten_when_nobody_asks(much):
    ScheduleFactory()
    now = timezone.now()
    assert kept_forecast.make_due(now) == 1
    Schedule.objects.update(priority=9)
    assert kept_forecast.make_due(now + timedelta(seconds=30)) == 0
    assert kept_forecast.make_due(now + timedelta(minutes=2)) == 1
    assert kept_forecast.make_due(now + timedelta(minutes=4)) == 0  # nothing has changed since
    door("read").get_kept_forecast(days=2)
    kept_forecast.make_due(now + timedelta(days=2))
    assert not KeptReport.objects.filter(key="forecast:2").exists()


def test_the_page_says_how_old_it_is(much, client, django_user_model):
    client.force_login(django_user_model.objects.create_user("ada"))
    ScheduleFactory()
    assert "for the first time" in client.get("/forecast/").content.decode()
    kept_forecast.make_due(timezone.now())
    assert "made anew in the background" in client.get("/forecast/").content.decode()


def test_absurd_spans_are_refused(much):
    with pytest.raises(InvalidRequest):
        door("read").get_kept_forecast(days=0)
