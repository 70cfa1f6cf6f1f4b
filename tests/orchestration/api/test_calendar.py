"""The calendar by the API and on the command line."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def row():
    channel = factories.ChannelFactory(name="Aurora", timezone="America/New_York")
    factories.PostingSlotFactory(channel=channel)
    return factories.ScheduleFactory(channel=channel, publish_at=datetime(2031, 3, 29, 2, 30, tzinfo=UTC))


def test_a_stretch_of_the_calendar_on_two_clocks(api, row):
    answer = api.get("calendar?first=2031-03-24&days=7&zone=Europe/Berlin&state=open&layer=slots").json()
    (item,) = answer["items"]
    assert (item["wall"], item["own_wall"]) == ("2031-03-29T03:30:00", "2031-03-28T22:30:00")
    assert [day["states"] for day in answer["days"] if day["states"]] == [{"planned": 1}]
    (slot,) = answer["empty_slots"]
    assert (slot["at"], slot["local_wall"]) == ("2031-03-24T22:00:00Z", "2031-03-24T18:00:00")
    assert (answer["total_channels"], answer["left_out"], answer["pacific_days"]) == (1, 0, [])
    wrong = api.get("calendar?first=2031-03-24&zone=Mars").json()
    assert (wrong["status"], wrong["field"]) == (422, "zone")


def test_channels_are_named_in_words_as_in_every_list(api, row):
    other = factories.ChannelFactory(slug="other")
    factories.ChannelGroupFactory(slug="news").channels.add(row.channel)
    asked = "calendar?first=2031-03-24&days=7&zone=UTC"
    assert api.get(f"{asked}&channels=group:news").json()["total_channels"] == 1
    assert len(api.get(f"{asked}&channels=group:news").json()["items"]) == 1
    assert api.get(f"{asked}&channels={other.slug}").json()["items"] == []
    both = api.get(f"{asked}&channels=group:news&channels={other.slug}").json()
    assert (both["total_channels"], len(both["items"])) == (2, 1)


def test_where_it_may_stand_and_what_a_move_comes_to(api, row):
    later = (row.publish_at + timedelta(hours=3)).isoformat().replace("+", "%2B")
    now = datetime.now(UTC)
    since, until = (f"{moment:%Y-%m-%dT%H:%M:%SZ}" for moment in (now, now + timedelta(days=1)))
    row.publish_at = now + timedelta(hours=4)
    row.save()
    allowed = api.get(f"schedules/{row.pk}/allowed?since={since}&until={until}").json()
    assert [piece["is_free"] for piece in allowed["stretches"]] == [False, True]
    soon = f"{now + timedelta(hours=5):%Y-%m-%dT%H:%M:%SZ}"
    preview = api.get(f"schedules/{row.pk}/move-preview?publish_at={soon}&version={row.version}").json()
    assert (preview["is_allowed"], preview["members"]) == (True, 1)
    assert (
        api.get(f"schedules/{row.pk}/move-preview?publish_at={later}").json()["field"] == "publish_at"
    )  # too far
    backlog = api.get(f"calendar/backlog?channel_id={row.channel_id}").json()
    assert backlog["items"] == []
    video = factories.VideoFactory()
    on = api.get(f"videos/{video.pk}/allowed?channel_id={row.channel_id}&since={since}&until={until}").json()
    assert on["refused"] == "" and on["stretches"]


def test_the_command_line_says_the_same(row, capsys):
    call_command(
        "orchestration", "calendar", "--from", "2031-03-24", "--days", "7", "--zone", "Europe/Berlin"
    )
    said = capsys.readouterr().out
    assert "Sat 2031-03-29" in said and "03:30" in said and "Fri 22:30 America/New_York" in said
    assert "(empty slot)" in said
    call_command("orchestration", "allowed", str(row.pk))
    assert "free" in capsys.readouterr().out
