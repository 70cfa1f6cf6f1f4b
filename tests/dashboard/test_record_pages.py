"""The pages of the past, and of what changed since somebody left."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orchestration.core.permissions import level_of
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


def test_without_an_instant_an_hour_ago_is_shown(console, moved):
    shown = console.get("/rewind/").context["at"]
    assert abs(timezone.now() - timedelta(hours=1) - shown) < timedelta(minutes=1)


def test_of_a_young_log_its_middle_is_shown(console, db):
    now = timezone.now()
    with time_machine.travel(now - timedelta(minutes=40), tick=False):
        factories.ActivityFactory()
    with time_machine.travel(now, tick=False):
        past = console.get("/rewind/").context["past"]
    assert past.at == now - timedelta(minutes=20)
    assert past.begins_at < past.at


def test_where_nothing_was_recorded_the_page_opens(console, db):
    assert console.get("/rewind/").status_code == 200


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
    level_of(operator)  # is read once a request, for all of its page
    with django_assert_num_queries(2):
        html = render_to_string("parts/since_line.html", {}, request)
    assert "1 moved, held or cancelled" in html


def test_the_log_shows_an_action_of_many_rows_as_one_that_unfolds(console):
    rows = factories.ScheduleFactory.create_batch(3)
    done = door().do_bulk(kind="schedule", verb="hold", ids=[row.pk for row in rows])
    page = console.get("/activity/").content.decode()
    assert page.count('id="action-') == 1 and "4 entries of one action" in page
    assert f"cid={done.correlation_id}" in page
    page = console.get("/activity/", {"cid": done.correlation_id}).content.decode()
    assert 'id="action-' not in page and page.count('id="entry-') == 4


def test_the_log_is_read_day_by_day_and_from_an_instant_to_another(console):
    now = timezone.now()
    with time_machine.travel(now - timedelta(days=2)):
        old = factories.ActivityFactory()
    new = factories.ActivityFactory()
    for query, shown in (
        ({"day": f"{old.timestamp:%Y-%m-%d}"}, {old}),
        ({"since": (now - timedelta(hours=1)).isoformat()}, {new}),
        ({"until": (now - timedelta(hours=1)).isoformat()}, {old}),
        ({"day": "2001-02-30"}, {old, new}),
    ):
        page = console.get("/activity/", query).content.decode()
        assert {row for row in (old, new) if f'id="entry-{row.pk}"' in page} == shown, query
    page = console.get("/activity/", {"day": f"{old.timestamp:%Y-%m-%d}"}).content.decode()
    before, after = (f"{old.timestamp + timedelta(days=days):%Y-%m-%d}" for days in (-1, 1))
    assert f"day={before}" in page and f"day={after}" in page


def test_the_overview_and_a_channels_page_lead_to_the_past(console, moved):
    row, _ = moved
    assert "moved, held or cancelled" in console.get("/").content.decode()
    page = console.get(f"/channels/{row.channel.slug}/").content.decode()
    assert f'/rewind/?page=channel&amp;channel={row.channel.slug}"' in page


def test_a_channel_that_was_removed_is_counted_where_it_was_still_there(console):
    now = timezone.now()
    with time_machine.travel(now - timedelta(hours=3)):
        gone = factories.ChannelFactory(healthy=True)
        factories.ChannelFactory(healthy=True)
    with time_machine.travel(now - timedelta(hours=1)):
        door("admin").remove_channel(channel_id=gone.pk)
    states = {
        hours: {
            count.name: (count.then, count.now)
            for count in door()
            .get_state_at(at=now - timedelta(hours=hours), page="overview")
            .overview.channel_states
        }
        for hours in (2, 0.5)
    }
    assert states == {2: {"active": (2, 1)}, 0.5: {"active": (1, 1)}}
