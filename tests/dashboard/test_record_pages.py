"""The pages of the past, and of what changed since somebody left."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orchestration.models import Preferences
from tests import factories
from tests.engine_room import door
from tests.orchestration.engine import running

pytestmark = pytest.mark.django_db


@pytest.fixture
def moved():
    """Return a publication that was moved an hour ago by two hours, and an instant before that."""
    now = timezone.now()
    with time_machine.travel(now - timedelta(hours=3)):
        running()
        row = factories.ScheduleFactory(
            publish_at=now.replace(minute=15, second=0, microsecond=0) + timedelta(hours=3)
        )
        before = timezone.now() + timedelta(minutes=1)
    with time_machine.travel(now - timedelta(hours=1)):
        door().move_schedule(
            schedule_id=row.pk, publish_at=row.publish_at + timedelta(minutes=30), reason="rain"
        )
    return row, before


def test_the_schedule_as_it_was_marks_what_is_otherwise_now(console, moved):
    row, before = moved
    html = console.get("/rewind/", {"at": before.isoformat()}).content.decode()
    assert f"{row.publish_at:%H:%M:%S}" in html
    assert "is now" in html and f"{row.publish_at + timedelta(minutes=30):%H:%M} UTC" in html
    assert 'method="post"' not in html.split('id="content"')[1], "nothing of the past can be changed"
    assert "data-pace" not in html.split('id="content"')[1], "and nothing moves"


def test_slider_and_form_lead_to_a_permalink(console, moved):
    _, before = moved
    answer = console.get("/rewind/", {"t": int(before.timestamp()), "page": "overview"})
    assert answer.status_code == 302 and "at=" in answer.url and "page=overview" in answer.url
    answer = console.get("/rewind/", {"date": f"{before:%Y-%m-%d}", "clock": f"{before:%H:%M:%S}"})
    assert f"at={before:%Y-%m-%dT%H}" in answer.url


def test_the_steps_go_from_change_to_change(console, moved):
    _, before = moved
    html = console.get("/rewind/", {"at": before.isoformat()}).content.decode()
    there = html.split('data-step="next"')[0].rsplit('href="', 1)[1].split('"')[0].replace("&amp;", "&")
    after = console.get(there).content.decode()
    assert "is now" not in after.split('id="content"')[1]


@pytest.mark.parametrize(
    "address", ["/rewind/?at=yesterday", "/rewind/?at=2999-01-01T00:00:00Z", "/rewind/?t=" + "9" * 30]
)
def test_what_is_no_past_instant_is_named_and_the_page_still_opens(console, db, address):
    html = console.get(address, follow=True).content.decode()
    assert "at:" in html and "As it was" in html


def test_what_was_seen_is_marked_by_whoever_may_only_read(client, moved):
    user = factories.UserFactory()
    client.force_login(user)
    html = client.get("/since/").content.decode()
    assert "publication moved" in html and "olga" in html
    until = html.split('name="until" value="')[1].split('"')[0]
    assert client.post("/since/seen/", {"until": until}).status_code == 302
    assert Preferences.objects.get(user=user).seen_until.isoformat() == until
    assert "Nothing that matters has happened" in client.get("/since/").content.decode()


def test_the_line_for_the_overview_costs_two_statements(
    console, moved, django_assert_num_queries, rf, operator
):
    from django.template.loader import render_to_string

    request = rf.get("/")
    request.user = operator
    with django_assert_num_queries(2):
        html = render_to_string("parts/since_line.html", {}, request)
    assert "1 moved, held or cancelled" in html
