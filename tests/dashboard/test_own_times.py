"""The new-wave page gives a member a time of its own, on the clock of its channel."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from orchestration.models import Schedule, Wave
from tests import factories

HTMX = {"HX-Request": "true"}
YEAR = datetime.now(UTC).year + 1


@pytest.fixture
def pair(db):
    """Return a video and two channels in different zones."""
    north = factories.ChannelFactory(name="North", timezone="Europe/Berlin", min_gap_minutes=0, healthy=True)
    east = factories.ChannelFactory(name="East", timezone="Asia/Tokyo", min_gap_minutes=0, healthy=True)
    return factories.VideoFactory(title="Harbour"), north, east


def form(pair, **changes):
    video, *channels = pair
    return {
        "name": "Matinee",
        "videos": [video.pk],
        "channels": [channel.pk for channel in channels],
        "timing": "simultaneous",
        "scheduled_at": f"{YEAR}-05-05T18:00",
        "zone": "UTC",
        "delay_seconds": "0",
        "priority": "5",
        "on_conflict": "shift",
    } | changes


def own(pair, number=2):
    return f"at-{pair[0].pk}-{pair[number].pk}"


def html_of(console, pair, address="/waves/preview/", **changes):
    """Return the answer; how its template is laid out in lines says nothing."""
    return " ".join(console.post(address, form(pair, **changes), headers=HTMX).content.decode().split())


def test_a_preview_offers_a_time_of_its_own_to_each_member_on_its_channels_clock(console, pair):
    html = html_of(console, pair)
    for number, zone in ((1, "Europe/Berlin"), (2, "Asia/Tokyo")):
        assert f'name="{own(pair, number)}" form="wave-form" value=""' in html
        assert f"Own time of Harbour on {pair[number].name}, {zone}" in html


def test_a_typed_time_is_planned_kept_in_its_field_and_written_as_set_by_hand(console, pair):
    typed = {own(pair): f"{YEAR}-05-06T09:30:00"}
    html = html_of(console, pair, **typed)
    assert "6 May 09:30:00" in html
    assert f'name="{own(pair)}" form="wave-form" value="{YEAR}-05-06T09:30:00"' in html
    html_of(console, pair, "/waves/schedule/", **typed)
    rows = {row.channel_id: row for row in Schedule.objects.filter(wave=Wave.objects.get())}
    assert rows[pair[2].pk].publish_at == datetime(YEAR, 5, 6, 9, 30, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert [rows[channel.pk].overridden for channel in pair[1:]] == [False, True]


def test_moving_the_wave_keeps_it(console, pair):
    html_of(console, pair, "/waves/schedule/", **{own(pair): f"{YEAR}-05-06T09:30"})
    wave = Wave.objects.get()
    console.post(f"/waves/{wave.pk}/move/", {"at": f"{YEAR}-05-07T18:00", "zone": "UTC"}, headers=HTMX)
    rows = {row.channel_id: row.publish_at for row in Schedule.objects.filter(wave=wave)}
    assert rows[pair[1].pk] == datetime(YEAR, 5, 7, 18, tzinfo=UTC)
    assert rows[pair[2].pk] == datetime(YEAR, 5, 6, 9, 30, tzinfo=ZoneInfo("Asia/Tokyo"))


@pytest.mark.parametrize("text", ["soon", f"{YEAR}-13-01T00:00"], ids=["a word", "a 13th month"])
def test_what_is_no_time_is_refused_with_its_channel_and_stays_to_be_corrected(console, pair, text):
    for address in ("/waves/preview/", "/waves/earliest/"):
        html = html_of(console, pair, address, **{own(pair): text})
        assert "own time on East: Enter a valid date/time." in html
        assert f'name="{own(pair)}" form="wave-form" value="{text}"' in html
    answer = html_of(console, pair, "/waves/schedule/", **{own(pair): text})
    assert "own time on East" in answer
    assert not Wave.objects.exists()


def test_the_earliest_time_leaves_a_member_its_own(console, pair):
    html = html_of(console, pair, "/waves/earliest/", **{own(pair): f"{YEAR}-05-06T09:30:00"})
    assert "The whole wave fits from" in html
    assert "6 May 09:30:00" in html


def test_a_time_that_the_channels_clocks_skip_is_refused(console, pair):
    skipped = factories.ChannelFactory(name="South", timezone="Pacific/Apia", min_gap_minutes=0)
    html = html_of(
        console, (pair[0], skipped), **{f"at-{pair[0].pk}-{skipped.pk}": "2011-12-30T10:00"}
    )  # the day that Samoa skipped
    assert "own time on South" in html
    assert "does not exist" in html


def test_a_time_in_the_past_is_refused_and_stays_to_be_corrected(console, pair):
    html = html_of(console, pair, **{own(pair): "2020-01-01T10:00"})
    assert "lies in the past" in html
    assert f'name="{own(pair)}" form="wave-form" value="2020-01-01T10:00"' in html


def test_a_member_that_a_plan_leaves_out_keeps_its_time(console, pair):
    factories.ScheduleFactory(channel=pair[2], distribution__video=pair[0])
    html = html_of(console, pair, on_conflict="skip", **{own(pair): f"{YEAR}-05-06T09:30"})
    assert "Own times of members that are not in this plan" in html
    assert f'name="{own(pair)}" form="wave-form" value="{YEAR}-05-06T09:30"' in html


def test_the_time_of_a_member_that_is_no_longer_ticked_says_nothing(console, pair):
    html = html_of(console, pair[:2], **{own(pair): f"{YEAR}-05-06T09:30", "at-x-1": "?", "at-1-": "?"})
    assert "Commit: 1 publication, as asked" in html
    assert own(pair) not in html
