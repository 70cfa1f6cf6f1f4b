"""The plan goes out as CSV and comes in again: every line is told before, and all of a file is written or nothing."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.management import call_command
from django.urls import reverse
from icalendar import Calendar

from orchestration.errors import InvalidRequest, NotFound, NotPermitted
from orchestration.models import Activity, CalendarAddress, Schedule, Wave
from orchestration.queue import pools
from orchestration.scheduling import plan_file
from tests import factories
from tests.engine_room import door

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def noon():
    """Let it be a Monday noon."""
    with time_machine.travel(NOON, tick=False):
        factories.SystemStateFactory(running=True)
        pools.ensure_defaults()
        yield


def table(*rows, head="video,channel,publish_at"):
    return "\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n"


def test_what_is_exported_is_imported_again_and_changes_nothing():
    for n in range(3):
        factories.ScheduleFactory(publish_at=NOON + timedelta(days=n + 1), stage_at=NOON + timedelta(days=n))
    text = "".join(plan_file.export(Schedule.objects.all()))
    before = list(Schedule.objects.order_by("pk").values())
    made = door().import_plan_file(text=text)
    assert made.count("unchanged") == 3
    assert list(Schedule.objects.order_by("pk").values()) == before


def test_lines_move_and_plan_and_a_preview_says_the_same_and_writes_nothing():
    row = factories.ScheduleFactory(publish_at=NOON + timedelta(days=2), stage_at=NOON + timedelta(days=1))
    video, channel = (
        factories.VideoFactory(title="New one"),
        factories.ChannelFactory(timezone="Europe/Berlin"),
    )
    text = table(
        (row.pk, "", "", "2026-11-27T10:00:00Z"),
        ("", video.pk, channel.slug, "2026-11-28 18:00"),
        head="schedule,video,channel,publish_at",
    )
    entries = Activity.objects.count()
    shown = door().preview_plan_file(text=text)
    assert [line.what for line in shown.lines] == ["moved", "new"]
    row.refresh_from_db()
    assert row.publish_at == NOON + timedelta(days=2)
    assert (Schedule.objects.count(), Wave.objects.count(), Activity.objects.count()) == (1, 0, entries)
    done = door().import_plan_file(text=text)
    assert [line.sentence for line in done.lines] == [line.sentence for line in shown.lines]
    row.refresh_from_db()
    assert row.publish_at == datetime(2026, 11, 27, 10, tzinfo=UTC)
    new = Schedule.objects.get(channel=channel)
    assert new.publish_at == datetime(
        2026, 11, 28, 17, tzinfo=UTC
    )  # six in the evening on the channel's clock
    assert Activity.objects.get(verb="plan_imported").after["new"] == 1


def test_a_wall_clock_time_of_a_publication_is_on_its_own_channels_clock():
    channel = factories.ChannelFactory(timezone="Europe/Berlin")
    at = NOON + timedelta(days=2)
    row = factories.ScheduleFactory(channel=channel, publish_at=at, stage_at=NOON + timedelta(days=1))
    door().import_plan_file(text=table((row.pk, "2026-11-28 18:30"), head="schedule,publish_at"))
    row.refresh_from_db()
    assert row.publish_at == datetime(2026, 11, 28, 17, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (("VIDEO", "nowhere", "2026-11-28 18:00"), "nowhere"),
        (("VIDEO", "aurora", "tomorrow"), "tomorrow"),
        (("VIDEO", "aurora", ""), "publish_at"),
        (("VIDEO", "", "2026-11-28 18:00"), "channel"),
        (("4711", "aurora", "2026-11-28 18:00"), "4711"),
        (("VIDEO", "aurora", "2026-11-01 18:00"), "past"),
        (("x", "aurora", "2026-11-28 18:00"), "video"),
        (("VIDEO", "aurora", "2026-03-29 02:30"), "does not exist"),
    ],
)
def test_one_bad_line_is_named_and_nothing_of_the_file_is_written(line, said):
    factories.ChannelFactory(slug="aurora", timezone="Europe/Berlin")
    good, bad = factories.VideoFactory(), factories.VideoFactory()
    cells = [str(bad.pk) if cell == "VIDEO" else cell for cell in line]
    text = table((good.pk, "aurora", "2026-11-27 18:00"), cells)
    told = door().preview_plan_file(text=text).lines[1]
    assert (told.line, told.what) == (3, "refused")
    assert said in told.sentence
    with pytest.raises(InvalidRequest) as refused:
        door().import_plan_file(text=text)
    assert (refused.value.field, refused.value.details["lines"][0]["line"]) == ("file", 3)
    assert Schedule.objects.count() == 0


def test_a_time_that_is_taken_is_refused_with_what_could_be_had():
    channel = factories.ChannelFactory(slug="aurora", min_gap_minutes=60)
    at = NOON + timedelta(days=2)
    factories.ScheduleFactory(channel=channel, publish_at=at, stage_at=NOON + timedelta(days=1))
    video = factories.VideoFactory()
    told = door().preview_plan_file(text=table((video.pk, "aurora", at.isoformat()))).lines[0]
    assert told.what == "refused"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "video,channel,publish_at\n",
        "colour,video,channel,publish_at\nred,1,aurora,2026-11-28 18:00\n",
        "video,channel\n1,aurora\n",
        "video,video,channel,publish_at\n1,1,aurora,x\n",
    ],
)
def test_what_is_no_plan_is_refused_as_a_whole(text):
    with pytest.raises(InvalidRequest) as refused:
        door().preview_plan_file(text=text)
    assert refused.value.field == "file"


def test_a_spreadsheets_own_csv_is_read_and_no_title_becomes_a_formula():
    channel = factories.ChannelFactory(slug="aurora")
    video = factories.VideoFactory(title='=HYPERLINK("x")')
    text = f"\ufeffvideo;channel;publish_at\r\n{video.pk};aurora;2026-11-28T18:00:00+01:00\r\n"
    door().import_plan_file(text=text)
    out = "".join(plan_file.export(Schedule.objects.filter(channel=channel)))
    (row,) = csv.DictReader(io.StringIO(out))
    assert row["title"].startswith("'=")


def test_new_lines_with_the_same_channels_make_one_wave():
    for slug in ("aurora", "borealis"):
        factories.ChannelFactory(slug=slug, min_gap_minutes=1)
    videos = factories.VideoFactory.create_batch(3)
    lines = [
        (video.pk, slug, f"2026-11-2{7 + n} 1{hour}:00")
        for n, video in enumerate(videos[:2])
        for hour, slug in enumerate(("aurora", "borealis"))
    ]
    door().import_plan_file(
        text=table(*lines, (videos[2].pk, "aurora", "2026-11-29 09:00")), acknowledge_policy=True
    )
    assert sorted(wave.schedules.count() for wave in Wave.objects.all()) == [1, 4]


def test_a_reader_imports_nothing_and_the_doors_say_the_same(client, tmp_path, capsys):
    video = factories.VideoFactory()
    factories.ChannelFactory(slug="aurora")
    text = table((video.pk, "aurora", "2026-11-28 18:00"))
    with pytest.raises(NotPermitted):
        door("read").import_plan_file(text=text)
    client.force_login(factories.UserFactory(operator=True, username="olga"))
    shown = client.post(reverse("dashboard:plan_preview"), {"text": text})
    assert "1 new" in shown.content.decode()
    assert Schedule.objects.count() == 0
    file = tmp_path / "plan.csv"
    file.write_text(text)
    call_command("orchestration", "plan-import", str(file), "--dry-run")
    assert "1 new" in capsys.readouterr().out
    client.post(reverse("dashboard:plan_import"), {"text": text})
    assert Schedule.objects.count() == 1
    call_command("orchestration", "plan-export")
    assert capsys.readouterr().out == b"".join(client.get(reverse("dashboard:plan_export"))).decode().replace(
        "\r", ""
    )


# -------------------------------------------------------------------------------------------------------------- calendar


def test_a_calendar_reads_the_plan_from_a_secret_address_until_it_is_made_anew_or_removed(client):
    user = factories.UserFactory(username="olga", is_staff=True)
    client.force_login(user)
    row = factories.ScheduleFactory(publish_at=NOON + timedelta(days=2), stage_at=NOON + timedelta(days=1))
    factories.ScheduleFactory(publish_at=NOON + timedelta(days=200), stage_at=NOON + timedelta(days=199))
    page = client.post(reverse("dashboard:calendar_make")).content.decode()
    address = page.partition("http://testserver")[2].partition(".ics")[0] + ".ics"
    assert CalendarAddress.objects.get().secret_hash not in page
    client.logout()
    answer = client.get(address)
    assert answer.headers["Content-Type"].startswith("text/calendar")
    (event,) = Calendar.from_ical(answer.content).walk("VEVENT")
    assert event["dtstart"].dt == row.publish_at
    assert str(row.distribution.video) in event["summary"]
    narrowed = client.get(address, {"channel": "elsewhere"})
    assert Calendar.from_ical(narrowed.content).walk("VEVENT") == []
    client.force_login(user)
    client.post(reverse("dashboard:calendar_make"))
    assert client.get(address).status_code == 404
    client.post(reverse("dashboard:calendar_remove"))
    assert not CalendarAddress.objects.exists()


def test_an_address_that_was_never_made_or_whose_user_is_gone_opens_nothing(client):
    user = factories.UserFactory()
    secret = door("admin").make_calendar_address(user_id=user.pk)
    assert client.get(f"/calendar/{secret}.ics").status_code == 200
    assert client.get(f"/calendar/{secret}x.ics").status_code == 404
    user.is_active = False
    user.save()
    assert client.get(f"/calendar/{secret}.ics").status_code == 404


def test_nobody_makes_another_persons_address_but_an_administrator():
    user = factories.UserFactory()
    with pytest.raises(NotPermitted):
        door("operate").make_calendar_address(user_id=user.pk)
    with pytest.raises(InvalidRequest):
        door("read").make_calendar_address()
    with pytest.raises(NotFound):
        door("admin").make_calendar_address(user_id=999_999)
    secret = door("admin").make_calendar_address(user_id=user.pk)
    for entry in Activity.objects.all():
        assert secret not in str(entry.__dict__)
