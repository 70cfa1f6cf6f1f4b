"""The calendar shows what is there, on the day of the clock it names; what it allows is what a move is allowed."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orchestration.errors import IllegalTransition, InvalidRequest, PlanRefused
from orchestration.planning.allowed import answer_at
from orchestration.scheduling import calendar_view
from orchestration.service import CentralOrchestrationService
from orchestration.states import ScheduleState
from tests import factories

pytestmark = pytest.mark.django_db

MONDAY = date(2031, 3, 24)
"""The week at whose end the clocks of Europe go forward."""


def door() -> CentralOrchestrationService:
    return CentralOrchestrationService()


def at(*parts: int) -> datetime:
    return datetime(2031, 3, *parts, tzinfo=UTC)


def placed(view):
    return {key: [item.schedule.pk for item in cell.items] for key, cell in view.cells.items() if cell.items}


@pytest.mark.parametrize("most_at_once", [400, 0])
@pytest.mark.parametrize("lanes", [False, True])
def test_a_publication_stands_on_the_date_and_hour_of_the_clock_that_is_named(
    monkeypatch, lanes, most_at_once
):
    monkeypatch.setattr(calendar_view, "ALL_AT_ONCE", most_at_once)
    channel = factories.ChannelFactory(timezone="America/New_York")
    rows = [
        factories.ScheduleFactory(channel=channel, publish_at=moment)
        for moment in (at(28, 23, 30), at(30, 0, 59, 59), at(30, 1, 0), at(30, 22, 15), at(31, 2))
    ]
    for zone in ("Europe/Berlin", "UTC", "Asia/Kathmandu", "America/New_York", ""):
        view = door().get_calendar(first=MONDAY, days=8, zone=zone, by_hour=True, lanes=lanes)
        expected: dict = {}
        for row in rows:
            item = calendar_view.item_of(row, zone)
            key = (channel.pk if lanes else 0, item.wall.date(), item.wall.hour)
            expected.setdefault(key, []).append(row.pk)
        assert placed(view) == expected, zone
        assert view.total == len(rows)
    berlin = door().get_calendar(first=date(2031, 3, 30), days=1, zone="Europe/Berlin", by_hour=True)
    assert sorted(hour for _, _, hour in placed(berlin)) == [
        1,
        3,
    ]  # two does not exist, and the rest is Monday's


def test_more_than_fits_in_a_cell_is_counted(monkeypatch):
    monkeypatch.setattr(calendar_view, "ALL_AT_ONCE", 2)
    rows = [factories.ScheduleFactory(publish_at=at(25, 9, minute)) for minute in (5, 1, 3, 2)]
    factories.ScheduleFactory(publish_at=at(25, 9, 4), state=ScheduleState.CANCELLED)
    view = door().get_calendar(first=MONDAY, days=7, zone="UTC", per_cell=2)
    cell = view.cells[0, date(2031, 3, 25), 0]
    assert [item.schedule for item in cell.items] == [rows[1], rows[3]]
    assert (cell.count, cell.more) == (4, 2)
    assert view.states_on(date(2031, 3, 25)) == {"planned": 4}


def test_lanes_are_channels_by_name_with_what_their_own_calendars_say():
    north = factories.ChannelFactory(name="North", timezone="Europe/Berlin", daily_cap=1)
    south = factories.ChannelFactory(name="South", timezone="UTC")
    for weekday in (0, 1):
        factories.PostingSlotFactory(channel=north, weekday=weekday, local_time=time(18))
    factories.ScheduleFactory(channel=north, publish_at=at(25, 16, 59))
    factories.BlackoutFactory(
        channel=south, first_date=date(2031, 3, 26), last_date=date(2031, 3, 27), reason="fair"
    )
    view = door().get_calendar(first=MONDAY, days=7, zone="UTC", lanes=True)
    assert [channel.name for channel in view.channels] == ["North", "South"]
    assert [(slot.at, slot.channel_id) for slot in view.empty_slots] == [(at(24, 17), north.pk)]
    assert [(dark.channel_id, dark.starts_at) for dark in view.blackouts] == [(south.pk, at(26))]
    assert [(full.channel_id, full.day) for full in view.full_days] == [(north.pk, date(2031, 3, 25))]
    second = door().get_calendar(first=MONDAY, days=7, zone="UTC", lanes=True, page=2, limit=1)
    assert [channel.name for channel in second.channels] == ["South"]
    assert (second.total, second.channel_count) == (0, 2)
    found = door().get_calendar(first=MONDAY, days=7, lanes=True, q="nor", layers=["slots"])
    assert (found.channels, found.blackouts, len(found.empty_slots)) == ([north], [], 1)


@pytest.mark.parametrize("lanes", [False, True])
def test_as_many_questions_whatever_the_number_of_channels(lanes):
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            door().get_calendar(first=MONDAY, days=7, zone="Europe/Berlin", lanes=lanes)
        return len(queries)

    factories.ScheduleFactory(publish_at=at(25, 9))
    few = asked()
    for _ in range(6):
        factories.PostingSlotFactory(channel=factories.ScheduleFactory(publish_at=at(25, 9)).channel)
    assert asked() == few <= 8


def test_what_cannot_be_answered_is_refused_by_its_field():
    for field, more in {
        "days": {"days": 60},
        "zone": {"zone": "Mars/Olympus"},
        "from": {"first": date(1990, 1, 1)},
        "layers": {"layers": ["moon"]},
    }.items():
        with pytest.raises(InvalidRequest) as refusal:
            door().get_calendar(**{"first": MONDAY, **more})
        assert refusal.value.field == field


# ------------------------------------------------------------------------------------------------------ allowed times


@pytest.fixture
def busy():
    """Return a publication on a channel whose calendar has everything that can stand against a time."""
    channel = factories.ChannelFactory(timezone="Europe/Berlin", min_gap_minutes=90, daily_cap=2)
    factories.PostingSlotFactory(channel=channel)
    # Of tomorrow, so that the local days of what follows are the same at whatever hour this runs.
    now = datetime.now(UTC).replace(hour=2, minute=0, second=0, microsecond=0) + timedelta(days=1)
    factories.BlackoutFactory(
        channel=channel,
        first_date=(now + timedelta(days=2)).date(),
        last_date=(now + timedelta(days=2)).date(),
        from_time=time(6),
    )
    for hours in (5, 30, 31, 80):
        factories.ScheduleFactory(channel=channel, publish_at=now + timedelta(hours=hours))
    factories.PoolFactory(name="youtube_units", kind="budget", capacity=300)
    return factories.ScheduleFactory(channel=channel, publish_at=now + timedelta(hours=12))


def test_what_is_allowed_is_what_a_move_is_allowed(busy):
    since = datetime.now(UTC) - timedelta(hours=2)
    until = since + timedelta(days=5)
    allowed = door().get_allowed_times(schedule_id=busy.pk, since=since, until=until)
    seen = set()
    for piece in allowed.stretches:
        for moment in {piece.starts_at, piece.ends_at - timedelta(seconds=1)}:
            if moment < datetime.now(UTC) + timedelta(minutes=1):
                continue  # whether a second is over changes while we ask
            preview = door().preview_move_schedule(schedule_id=busy.pk, publish_at=moment)
            assert preview.is_allowed == piece.is_free, (moment, piece, preview.messages)
            seen.update(piece.rules)
    assert {"minimum_gap", "daily_cap", "blackout"} <= seen
    assert (
        answer_at(allowed.stretches, since.replace(microsecond=0) + timedelta(minutes=5)).rules[0]
        == "in_the_past"
    )


def test_a_preview_says_what_the_move_then_does(busy):
    free = busy.publish_at + timedelta(minutes=10)
    preview = door().preview_move_schedule(schedule_id=busy.pk, publish_at=free, version=busy.version)
    assert (preview.is_allowed, preview.minutes_later) == (True, 10)
    assert door().move_schedule(schedule_id=busy.pk, publish_at=free).publish_at == free
    taken = busy.channel.schedules.order_by("publish_at").first().publish_at + timedelta(minutes=10)
    preview = door().preview_move_schedule(schedule_id=busy.pk, publish_at=taken)
    assert not preview.is_allowed and preview.alternatives
    with pytest.raises(PlanRefused) as refusal:
        door().move_schedule(schedule_id=busy.pk, publish_at=taken)
    assert refusal.value.message == "; ".join(preview.messages)
    assert [offer["at"] for offer in refusal.value.details["alternatives"]] and preview.difference.met == 0
    assert refusal.value.details["difference"] == preview.difference
    assert preview.difference.sentence.startswith(f"It stays at {preview.from_at:%Y-%m-%d %H:%M}")


def test_what_cannot_be_moved_is_said_before_a_drag_begins():
    published = factories.ScheduleFactory(published=True)
    now = datetime.now(UTC)
    with pytest.raises(IllegalTransition):
        door().get_allowed_times(schedule_id=published.pk, since=now, until=now + timedelta(days=1))


def test_a_wave_is_previewed_whole():
    wave = factories.WaveFactory()
    now = datetime.now(UTC).replace(microsecond=0)
    rows = [
        factories.ScheduleFactory(wave=wave, distribution__wave=wave, publish_at=now + timedelta(hours=h))
        for h in (3, 4)
    ]
    factories.ScheduleFactory(channel=rows[1].channel, publish_at=now + timedelta(hours=9))
    preview = door().preview_move_wave(wave_id=wave.pk, scheduled_at=now + timedelta(hours=5))
    assert (preview.is_allowed, preview.members, preview.minutes_later) == (True, 2, 120)
    refused = door().preview_move_wave(wave_id=wave.pk, scheduled_at=now + timedelta(hours=8))
    assert not refused.is_allowed and rows[1].channel.name in refused.messages[0]


def test_a_video_is_allowed_where_a_plan_would_place_it(busy):
    video = factories.VideoFactory()
    since = datetime.now(UTC)
    allowed = door().get_allowed_times_of_video(
        video_id=video.pk, channel_id=busy.channel_id, since=since, until=since + timedelta(days=4)
    )
    for piece in allowed.stretches:
        moment = piece.ends_at - timedelta(seconds=1)
        if moment < since + timedelta(minutes=1):
            continue
        plan = (
            door()
            .coordinate_publication(
                video_id=video.pk,
                channel_ids=[busy.channel_id],
                scheduled_at=moment,
                on_conflict="reject",
                dry_run=True,
            )
            .plan
        )
        assert (not plan.refused) == piece.is_free, (moment, piece, plan.summary)
    door().coordinate_publication(video_id=video.pk, channel_ids=[busy.channel_id])
    twice = door().get_allowed_times_of_video(
        video_id=video.pk, channel_id=busy.channel_id, since=since, until=since + timedelta(days=4)
    )
    assert twice.stretches == () and "already goes" in twice.refused


def test_the_backlog_leaves_out_what_goes_to_the_channel_and_says_why_the_rest_may_not():
    channel = factories.ChannelFactory()
    taken = factories.ScheduleFactory(channel=channel).distribution.video
    ready = factories.VideoFactory(title="Falling leaves")
    factories.VideoFactory(source__rights_basis="")
    found = door().get_backlog()
    assert {row.video: row.channel_count for row in found.videos} == {taken: 1, ready: 0}
    of_channel = door().get_backlog(channel_id=channel.pk, q="falling")
    assert [(row.video, row.refused) for row in of_channel.videos] == [(ready, "")]
    channel.state = "paused"
    channel.save()
    (row,) = door().get_backlog(channel_id=channel.pk, q="falling").videos
    assert "paused" in row.refused
