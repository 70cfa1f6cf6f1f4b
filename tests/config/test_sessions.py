"""A session ends when nobody used it for a while, and in the end in any case."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.utils import timezone

from tests.factories import UserFactory

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def away(client):
    """Let time pass, then ask; returns whether the person is still logged in."""
    client.force_login(UserFactory())
    began = timezone.now()

    def look(after: timedelta, path: str = "/channels/") -> bool:
        with time_machine.travel(began + after, tick=False):
            return client.get(path).status_code == 200

    return look


def test_who_was_away_for_too_long_logs_in_again(away, client):
    assert away(12 * HOUR)
    assert not away(24 * HOUR + timedelta(minutes=1))
    assert "_auth_user_id" not in client.session


def test_who_is_busy_stays_but_not_for_ever(away):
    assert all(away(hours * HOUR) for hours in range(10, 14 * 24, 10))
    assert not away(14 * 24 * HOUR + timedelta(minutes=1))


def test_what_an_open_page_asks_by_itself_keeps_nobody_logged_in(away):
    for hours in range(1, 13):
        assert away(hours * HOUR, "/channels/?version=abc")
    assert not away(12 * HOUR + timedelta(minutes=1), "/channels/?version=abc")


def test_the_settings_say_how_long(away, settings):
    settings.HEADEND_SESSION_IDLE_MINUTES = 30
    assert not away(timedelta(minutes=31))


def test_a_session_of_before_this_rule_begins_with_its_next_use(client):
    client.force_login(get_user_model().objects.get_or_create(username="early")[0])
    session = client.session
    del session["began_at"], session["used_at"]
    session.save()
    assert client.get("/channels/").status_code == 200
    assert {"began_at", "used_at"} <= set(client.session.keys())


def test_a_use_is_written_once_a_minute_at_most(client, django_assert_num_queries):
    client.force_login(UserFactory())
    before = client.session["used_at"]
    client.get("/channels/")
    assert client.session["used_at"] == before
