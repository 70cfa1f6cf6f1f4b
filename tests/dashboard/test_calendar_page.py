"""The calendar's pages: each view opens, says what it shows, and moves by plain forms as the script does."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from dashboard import calendar_bands, calendar_grid, system_bar
from orchestration.core import readings
from orchestration.models import Preferences, Schedule
from orchestration.planning.allowed import Stretch
from tests import factories

pytestmark = pytest.mark.django_db
AT = datetime(2031, 3, 26, 23, 30, tzinfo=UTC)


@pytest.fixture
def row():
    channel = factories.ChannelFactory(name="Aurora <one>", timezone="America/New_York")
    factories.PostingSlotFactory(channel=channel)
    factories.BlackoutFactory(channel=channel, first_date=date(2031, 3, 28), last_date=date(2031, 3, 28))
    return factories.ScheduleFactory(channel=channel, publish_at=AT, distribution__video__title="Leaves")


def cell_of(page: str, row: Schedule) -> str:
    """Return the name of the cell in which a publication is drawn."""
    before = page[: page.index(f'href="/schedules/{row.pk}/"')]
    return re.findall(r'data-cell="([^"]+)"', before)[-1]


@pytest.mark.parametrize("lanes", ["", "1"])
@pytest.mark.parametrize("view", ["month", "week", "day"])
def test_a_publication_is_drawn_on_the_day_of_the_clock_that_the_page_names(console, row, view, lanes):
    for zone, day in {"Europe/Berlin": "2031-03-27", "UTC": "2031-03-26", "": "2031-03-26"}.items():
        address = {"view": view, "lanes": lanes, "day": day, "zone": zone}
        page = console.get("/calendar/", address).content.decode()
        assert cell_of(page, row)[:10] == day, zone
        assert "Aurora &lt;one&gt;" in page
        own = "Wed 19:30 America/New_York" in page
        assert own == bool(zone), "the channel's clock stands beside it where it shows another time"


def test_the_clock_is_the_one_that_the_person_prefers(console, operator, row):
    Preferences.objects.create(user=operator, timezone="Asia/Kathmandu")
    page = console.get("/calendar/", {"day": "2031-03-27"}).content.decode()
    assert cell_of(page, row) == "2031-03-27T05" and "the clock of Asia/Kathmandu" in page
    page = console.get("/calendar/", {"day": "2031-03-27", "zone": ""}).content.decode()
    assert cell_of(page, row) == "2031-03-26T19" and "own clock" in page


def test_layers_are_switched_in_the_address(console, row):
    shown = console.get("/calendar/", {"day": "2031-03-26", "lanes": "1"}).content.decode()
    assert "empty slot" in shown and "blackout" in shown.split("calendar-legend")[0]
    none = console.get("/calendar/", {"day": "2031-03-26", "lanes": "1", "layers": "chosen"}).content.decode()
    table = none.split("</table>")[0]
    assert "data-slot" not in table and "darkened" not in table


def test_channels_are_chosen_in_the_picker_and_older_links_still_choose_them(console, row):
    other = factories.ScheduleFactory(publish_at=AT, distribution__video__title="Stones")
    factories.ChannelGroupFactory(slug="news").channels.add(row.channel)
    for query in (
        "channels=group:news",
        "group=news",
        f"channel={row.channel_id}",
        f"channels={row.channel.slug}",
    ):
        page = console.get(f"/calendar/?day=2031-03-26&zone=UTC&{query}").content.decode()
        assert f'href="/schedules/{row.pk}/"' in page and f'href="/schedules/{other.pk}/"' not in page, query
        assert 'data-picker="channels"' in page and 'name="channels" value="' in page, query
    factories.ChannelGroupFactory(slug="empty")
    page = console.get("/calendar/?day=2031-03-26&zone=UTC&channels=group:empty").content.decode()
    assert f'href="/schedules/{row.pk}/"' not in page


def test_as_many_statements_however_many_channels(console):
    def asked(lanes: str) -> int:
        system_bar.forget()
        readings.forget()
        with CaptureQueriesContext(connection) as queries:
            assert console.get("/calendar/", {"lanes": lanes, "day": "2031-03-26"}).status_code == 200
        return len(queries)

    factories.ScheduleFactory(publish_at=AT)
    asked("")  # what is looked up once
    few = [asked(lanes) for lanes in ("", "1")]
    for _ in range(5):
        factories.PostingSlotFactory(channel=factories.ScheduleFactory(publish_at=AT).channel)
    assert [asked(lanes) for lanes in ("", "1")] == few


def test_strange_addresses_open_the_calendar(console, row):
    for address in (
        "view=year&day=9999-99-99&zone=Mars",
        "day=0001-01-01",
        "page=99&lanes=1",
        "layer=moon&layers=x",
    ):
        assert console.get(f"/calendar/?{address}").status_code == 200, address


# ------------------------------------------------------------------------------------------------------------- moving


@pytest.fixture
def soon():
    channel = factories.ChannelFactory(timezone="Europe/Berlin", min_gap_minutes=60)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    factories.ScheduleFactory(channel=channel, publish_at=now + timedelta(hours=30))
    return factories.ScheduleFactory(channel=channel, publish_at=now + timedelta(hours=25))


def asked(row: Schedule, **later: float) -> dict[str, str]:
    return {
        "zone": "UTC",
        "wall": f"{row.publish_at + timedelta(**later):%Y-%m-%dT%H:%M:%S}",
    }


def test_the_plan_answers_before_anything_is_written_and_a_plain_form_moves(console, soon):
    page = console.get(f"/calendar/moving/{soon.pk}/", asked(soon, hours=2)).content.decode()
    assert "Free: " in page and "2 h later" in page and " in Europe/Berlin)" in page
    soon.refresh_from_db()
    at = re.search(r'name="at" value="([^"]+)"', page)[1].replace("&amp;", "&")
    fields = {"schedule": soon.pk, "at": at, "version": soon.version, "back": "/calendar/?view=day"}
    answer = console.post("/calendar/move/", fields)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/calendar/?view=day")
    assert Schedule.objects.get(pk=soon.pk).publish_at == soon.publish_at + timedelta(hours=2)
    stale = console.post("/calendar/move/", fields, follow=True).content.decode()
    assert "has changed since it was looked at" in stale


def test_what_is_refused_comes_with_other_times_as_buttons(console, soon):
    page = console.get(f"/calendar/moving/{soon.pk}/", asked(soon, hours=4, minutes=30)).content.decode()
    assert "Not free: " in page and "Move it" not in page
    offers = re.findall(r"<button>([^<]+(?:later|earlier))</button>", page)
    assert offers and all(" UTC" in offer for offer in offers)


def test_a_whole_wave_is_moved_by_the_same_span(console):
    wave = factories.WaveFactory(name="Evening")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    rows = [
        factories.ScheduleFactory(wave=wave, distribution__wave=wave, publish_at=now + timedelta(hours=h))
        for h in (25, 26)
    ]
    page = console.get(
        f"/calendar/moving/{rows[1].pk}/", {**asked(rows[1], hours=3), "whole": "1"}
    ).content.decode()
    assert "2 publications" in page and "Move the whole wave" in page
    at = re.search(r'name="at" value="([^"]+)"', page)[1]
    fields = {"schedule": rows[1].pk, "at": at, "version": wave.version, "whole": "1"}
    console.post("/calendar/move/", fields)
    for row in rows:
        assert Schedule.objects.get(pk=row.pk).publish_at == row.publish_at + timedelta(hours=3)


def test_a_ready_video_is_placed_where_the_plan_says(console, soon):
    video = factories.VideoFactory()
    wish = {**asked(soon, minutes=20), "channel": soon.channel.slug}
    page = console.get(f"/calendar/placing/{video.pk}/", wish).content.decode()
    assert "40 min later than asked" in page
    at = re.search(r'name="at" value="([^"]+)"', page)[1]
    console.post("/calendar/place/", {"video": video.pk, "channel": soon.channel_id, "at": at})
    placed = Schedule.objects.get(distribution__video=video)
    assert placed.publish_at == soon.publish_at + timedelta(hours=1)


def test_a_time_that_was_taken_meanwhile_is_refused_and_nothing_lands_elsewhere(console, soon):
    video = factories.VideoFactory()
    console.post(
        "/calendar/place/",
        {"video": video.pk, "channel": soon.channel_id, "at": soon.publish_at.isoformat()},
    )
    assert not Schedule.objects.filter(distribution__video=video).exists()


def test_a_way_back_leads_nowhere_else(console, soon):
    for back in ("https://evil.example/calendar/?x=1", "//evil.example/", "/jobs/"):
        answer = console.post("/calendar/move/", {"schedule": soon.pk, "at": "", "back": back})
        assert answer.headers["Location"] == "/calendar/"


def test_whoever_may_only_read_sees_no_handles_and_moves_nothing(client, soon):
    client.force_login(factories.UserFactory())
    page = client.get("/calendar/", {"day": f"{soon.publish_at:%Y-%m-%d}", "zone": "UTC"}).content.decode()
    assert "/calendar/moving/" not in page and "data-schedule" not in page
    at = (soon.publish_at + timedelta(hours=2)).isoformat()
    client.post("/calendar/move/", {"schedule": soon.pk, "at": at})
    assert Schedule.objects.get(pk=soon.pk).publish_at == soon.publish_at


def test_a_drag_is_answered_for_all_dates_that_are_shown(console, soon):
    day = soon.publish_at.date()
    query = {"schedule": soon.pk, "zone": "UTC", "first": f"{day}", "last": f"{day + timedelta(days=1)}"}
    answer = console.get("/calendar/allowed/", query).json()
    assert list(answer["dates"]) == [f"{day}", f"{day + timedelta(days=1)}"]
    for bands in answer["dates"].values():
        assert bands[0]["since"] == 0 and bands[-1]["until"] == 86400
    assert any("minimum gap" in band["why"] for bands in answer["dates"].values() for band in bands)
    assert console.get("/calendar/allowed/", {**query, "last": "2300-01-01"}).status_code == 422


def test_bands_follow_the_wall_where_clocks_change():
    start = datetime(2026, 10, 24, 22, tzinfo=UTC)  # midnight in Berlin, whose day has 25 hours
    pieces = [
        Stretch(start, start + timedelta(hours=3), ("blackout",)),
        Stretch(start + timedelta(hours=3), start + timedelta(hours=25)),
    ]
    (day,) = calendar_bands.bands(pieces, "Europe/Berlin").values()
    assert [(band["since"] // 3600, band["until"] // 3600, bool(band["why"])) for band in day] == [
        (0, 3, True),
        (3, 24, False),
    ]


def test_a_month_is_shown_in_whole_weeks_and_turned_by_months():
    for day in (date(2027, 2, 14), date(2026, 12, 31), date(2028, 2, 29)):
        span = calendar_grid.span_of("month", day, lanes=False)
        assert span.first.weekday() == 0 and span.days % 7 == 0
        assert span.first <= day.replace(day=1) and span.first + timedelta(days=span.days) > day
        assert calendar_grid.span_of("month", span.later, lanes=False).earlier == day.replace(day=1)
        assert calendar_grid.span_of("month", day, lanes=True).days == (span.later - day.replace(day=1)).days


def test_a_crowded_cell_tells_how_many_of_each_state_and_names_none(console, monkeypatch):
    monkeypatch.setattr("dashboard.views.calendar.CROWDED", 2)
    crowd = [factories.ScheduleFactory(publish_at=AT) for _ in range(3)]
    alone = factories.ScheduleFactory(publish_at=AT + timedelta(hours=2))
    html = console.get("/calendar/?zone=UTC&day=2031-03-26").content.decode()
    assert 'title="3 planned"' in html
    assert "show them" in html and "3 more" not in html
    assert not any(f"/schedules/{row.pk}/" in html for row in crowd)
    assert f"/schedules/{alone.pk}/" in html
    assert all(
        f"/schedules/{row.pk}/" in console.get("/calendar/?zone=UTC&day=2031-03-26&lanes=1").content.decode()
        for row in crowd
    )
