"""The daily digest: once for each local day, whatever happened, in the rule's own zone."""

import itertools
from datetime import UTC, date, time, timedelta

import pytest
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.models import Notification
from orchestration.notify import apprise_calls
from orchestration.states import ScheduleState
from tests.factories import ScheduleFactory
from tests.orchestration.notify_room import Room


def digests(room: Room) -> list[dict]:
    return [message for message in room.receiver.taken if message["title"].startswith("Headend, ")]


def test_a_digest_comes_when_nothing_happened_too(room: Room):
    room.rule(digest_at=time(14), zone="Europe/Berlin")  # 13:00 UTC in November
    room.pass_(minutes=59)
    assert digests(room) == []
    room.pass_(minutes=2)
    (message,) = digests(room)
    assert message["title"] == "Headend, Wednesday 25 November: all well"
    assert "Went out (0)\n- nothing" in message["message"]
    room.pass_(hours=5)
    assert len(digests(room)) == 1
    room.pass_(hours=19)
    assert len(digests(room)) == 2


def test_a_digest_says_what_went_out_what_did_not_what_needs_a_person_and_what_comes(room: Room):
    room.rule(digest_at=time(13), zone="UTC", kinds=["system"])
    now = timezone.now()
    out = ScheduleFactory(published=True)
    type(out.distribution).objects.filter(pk=out.distribution_id).update(
        published_at=now - timedelta(hours=2)
    )
    gone = ScheduleFactory(
        state=ScheduleState.FAILED, reason="the file is broken", state_changed_at=now - timedelta(hours=1)
    )
    old = ScheduleFactory(state=ScheduleState.FAILED, state_changed_at=now - timedelta(days=3))
    soon = ScheduleFactory(publish_at=now + timedelta(hours=9))
    later = ScheduleFactory(publish_at=now + timedelta(hours=40))
    broken = room.broken_channel()
    room.pass_(minutes=61)
    (message,) = digests(room)
    went, did_not, needs, coming = message["message"].split("\n\n")[1:]
    assert f"Wed 10:00 {out.distribution.video} on {out.channel}" in went
    assert "the file is broken" in did_not
    assert str(gone.distribution.video) in did_not
    assert str(old.distribution.video) not in did_not
    assert str(broken) in needs
    assert f"Wed 21:00 {soon.distribution.video}" in coming
    assert str(later.distribution.video) not in coming
    assert message["title"].endswith("1 did not go out, 2 to look at")


def test_a_rule_for_some_channels_has_a_digest_of_these(room: Room):
    mine, other = room.broken_channel(), room.broken_channel()
    room.rule(digest_at=time(13), channels=[mine], min_severity="critical")
    room.pass_(minutes=61)
    (message,) = digests(room)
    assert str(mine) in message["message"]
    assert str(other) not in message["message"]


def test_a_digest_whose_moment_has_passed_today_begins_tomorrow(room: Room):
    room.rule(digest_at=time(9))
    room.look()
    assert digests(room) == []
    room.pass_(hours=22)
    assert len(digests(room)) == 1


def test_titles_of_other_people_are_data_in_the_html(room: Room):
    room.rule(digest_at=time(13), kinds=["system"])
    room.broken_channel(name="<img src=x>")
    room.pass_(minutes=61)
    row = Notification.objects.get(kind="digest")
    assert "<img" not in row.html
    assert "&lt;img src=x&gt;" in row.html
    assert "<img src=x>" in row.body


@pytest.mark.parametrize(("wanted", "begins"), [("html", "<p>"), ("text", "Needs")])
def test_a_service_that_shows_html_gets_it(room: Room, wanted, begins):
    url = f"{room.receiver.url}?format={wanted}"
    assert apprise_calls.send(url, title="t", body="Needs nobody", html="<p>Needs nobody</p>") == ""
    assert room.receiver.taken[0]["message"].startswith(begins)


@given(
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/St_Johns"]),
    wall=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    start=st.sampled_from(
        [date(2026, 3, 6), date(2026, 3, 27), date(2026, 10, 23), date(2026, 10, 30), date(2026, 4, 2)]
    ),
)
@settings(max_examples=60)
def test_what_digests_cover_lies_side_by_side_over_changes_of_the_clock(zone, wall, start):
    from orchestration.notify.hours import instant

    days = [start + timedelta(days=n) for n in range(6)]
    moments = [instant(day, wall, zone) for day in days]
    assert moments == sorted(set(moments))
    assert all(moment.tzinfo == UTC for moment in moments)
    apart = {(later - earlier) for earlier, later in itertools.pairwise(moments)}
    assert apart <= {timedelta(hours=hours) for hours in (23, 23.5, 24, 24.5, 25)}
