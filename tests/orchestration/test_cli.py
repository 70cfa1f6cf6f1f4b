"""`manage.py orchestration`: the same answers as the API, exit codes, and no traceback for a refusal."""

import getpass
import ipaddress
import json
from datetime import timedelta
from io import StringIO
from pathlib import Path
from subprocess import run
from sys import executable
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.utils import timezone

from channels.gateways.errors import RateLimited
from channels.models import Blackout, PostingSlot
from orchestration import errors
from orchestration.cli.commands import COMMANDS
from orchestration.management.commands.orchestration import Command as Looked
from orchestration.models import Activity, Pool, Schedule, SystemState
from orchestration.queue import pools
from orchestration.register import tokens
from orchestration.service import CentralOrchestrationService
from orchestration.states import Trigger
from tests import factories
from tests.orchestration.api_client import ApiClient

pytestmark = pytest.mark.django_db
LATER = timezone.now().replace(microsecond=0) + timedelta(days=90)


def cli(*words):
    """Run a command; return exit code, output and errors."""
    out, err, code = StringIO(), StringIO(), 0
    try:
        call_command("orchestration", *map(str, words), stdout=out, stderr=err)
    except SystemExit as end:
        code = end.code
    return code, out.getvalue(), err.getvalue()


def test_the_switch_is_turned_by_the_machines_user():
    code, out, err = cli("start", "--reason", "morning")

    assert (code, err) == (0, "")
    assert out.startswith("The system is running")
    assert SystemState.objects.get().state == "running"
    entry = Activity.objects.get(verb="system_started")
    assert (entry.actor_label, entry.trigger, entry.reason) == (
        f"cli:{getpass.getuser()}",
        Trigger.CLI,
        "morning",
    )


def test_a_refusal_says_why_on_the_standard_error_and_ends_with_3():
    code, out, err = cli("pause")

    assert (code, out) == (3, "")
    assert "The system is stopped" in err
    assert "Traceback" not in err


def test_a_refusal_as_json_is_the_apis_problem():
    code, out, err = cli("pause", "--json")

    problem = json.loads(err)
    assert (code, out) == (3, "")
    assert (problem["code"], problem["state"]) == ("illegal_transition", "stopped")


def test_what_does_not_exist_ends_with_4():
    assert cli("wave-show", 999)[0] == 4
    code, _, err = cli("monitor", "--channel", "nobody")
    assert code == 4 and err.startswith("There is no channel nobody;")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidRequest("no", field="x"), 2),
        (errors.NotFound("no"), 4),
        (errors.ChannelPaused("no"), 3),
        (errors.NotPermitted("no"), 1),
        (RateLimited("wait"), 1),
        (OperationalError("no such table"), 1),
    ],
)
def test_each_refusal_has_its_exit_code(monkeypatch, error, code):
    def fail(self):
        raise error

    monkeypatch.setattr(CentralOrchestrationService, "get_status", fail)

    for words in (("status",), ("status", "--json")):
        ended, out, err = cli(*words)
        assert (ended, out) == (code, "")
        assert err and "Traceback" not in err


@pytest.mark.parametrize("at", ["2031-05-04T18:00:00", "tomorrow", "0001-01-01T00:00:00+14:00"])
@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("wave", "--video", "1", "--channel", "a", "--at"), "--at"),
        (("coordinate", "1", "--channel", "a", "--at"), "--at"),
        (("move", "1"), "INSTANT"),
        (("wave-move", "1"), "INSTANT"),
    ],
)
def test_a_time_without_offset_or_sense_is_refused_by_its_option(words, option, at):
    with pytest.raises(CommandError, match=option):
        cli(*words, at)


@pytest.mark.parametrize(
    "words", [("trigger", "a", "--video", "x"), ("wave-show", "0"), ("wave-show", "9" * 30)]
)
def test_what_cannot_be_an_id_is_refused(words):
    with pytest.raises(CommandError, match="is not an id"):
        cli(*words)


def test_channels_are_named_in_words_and_what_means_nobody_is_refused():
    channel = factories.ChannelFactory(slug="north")
    factories.ChannelGroupFactory(slug="news").channels.add(channel)
    factories.ChannelGroupFactory(slug="empty")

    code, out, _ = cli("monitor", "--channels", "group:news", channel.pk, "--json")
    assert code == 0 and [row["channel"]["slug"] for row in json.loads(out)["channels"]] == ["north"]
    code, _, err = cli("monitor", "--channels", "group:empty")
    assert code == 2 and "No channel is meant by group:empty" in err


def test_a_member_of_a_wave_is_given_a_time_of_its_own():
    video = factories.VideoFactory()
    first, second = factories.ChannelFactory(), factories.ChannelFactory()
    words = ("wave", "--video", video.pk, "--channel", first.slug, second.slug, "--at", LATER.isoformat())
    own = LATER + timedelta(hours=3)

    code, out, err = cli(*words, "--override", video.pk, second.slug, own.isoformat(), "--json")

    assert (code, err) == (0, "")
    rows = {row.channel_id: row for row in Schedule.objects.filter(wave=json.loads(out)["wave"]["id"])}
    assert (rows[first.pk].publish_at, rows[first.pk].overridden) == (LATER, False)
    assert (rows[second.pk].publish_at, rows[second.pk].overridden) == (own, True)


@pytest.mark.parametrize(
    ("values", "fact"),
    [
        (("x", "a", "2031-05-04T18:00:00Z"), "'x' is not an id"),
        (("1", "a", "2031-05-04T18:00:00"), "has no offset"),
        (("1", "a"), "expected 3 arguments"),
    ],
)
def test_an_override_that_cannot_be_read_is_refused_by_its_option(values, fact):
    with pytest.raises(CommandError, match=f"--override.*{fact}"):
        cli("wave", "--video", "1", "--channel", "a", "--override", *values)


def test_an_override_is_checked_as_by_the_api():
    video, channel, other = factories.VideoFactory(), factories.ChannelFactory(), factories.ChannelFactory()
    words = ("wave", "--video", video.pk, "--channel", channel.slug)
    own = ("--override", video.pk, channel.slug, LATER.isoformat())

    code, _, err = cli(*words, *own, "--override", video.pk, channel.pk, LATER.isoformat())
    assert code == 2
    assert f"overrides: names video {video.pk} on channel {channel.pk} more than once" in err
    code, _, err = cli(*words, "--override", video.pk, other.slug, LATER.isoformat())
    assert (code, "not in this wave" in err) == (2, True)
    assert cli(*words, "--override", video.pk, "nobody", LATER.isoformat())[0] == 4
    assert not Schedule.objects.exists()


def test_channels_are_named_by_slug_or_id_and_a_slug_of_digits_wins():
    first, second = factories.ChannelFactory(), factories.ChannelFactory()
    digits = factories.ChannelFactory(slug=str(first.pk))

    _, out, _ = cli("monitor", "--json", "--channel", second.pk, first.pk, first.slug)

    shown = [report["channel"]["id"] for report in json.loads(out)["channels"]]
    assert sorted(shown) == sorted([second.pk, digits.pk, first.pk])


def test_a_channel_is_paused_by_its_slug():
    channel = factories.ChannelFactory()

    code, out, _ = cli("channel-pause", channel.slug)

    assert (code, out) == (0, f"Channel {channel.slug} is paused.\n")


@pytest.fixture
def paused_and_overdue():
    factories.SystemStateFactory(state="paused")
    return factories.ScheduleFactory(publish_at=timezone.now() - timedelta(hours=2))


def resumed_by(monkeypatch, answer=None, *words):
    stdin = StringIO(answer or "")
    stdin.isatty = lambda: answer is not None
    monkeypatch.setattr("sys.stdin", stdin)
    return cli("resume", *words)


def test_resume_shows_what_is_overdue_and_refuses_where_nobody_can_be_asked(
    paused_and_overdue, monkeypatch, capsys
):
    code, out, err = resumed_by(monkeypatch)

    assert (code, out) == (2, "")
    assert "1 overdue" in err
    assert "--yes" in err
    assert paused_and_overdue.channel.slug in capsys.readouterr().err
    assert SystemState.objects.get().state == "paused"


@pytest.mark.parametrize(
    ("answer", "state"), [("y\n", "running"), ("n\n", "paused"), ("\n", "paused"), ("", "paused")]
)
def test_resume_asks_whoever_sits_there(paused_and_overdue, monkeypatch, capsys, answer, state):
    code, _, _ = resumed_by(monkeypatch, answer)

    assert SystemState.objects.get().state == state
    assert (code == 0) == (state == "running")
    assert "Resume? [y/N]" in capsys.readouterr().err


def test_resume_does_not_ask_with_yes_and_only_looks_with_dry_run(paused_and_overdue, monkeypatch):
    code, out, _ = resumed_by(monkeypatch, None, "--dry-run")
    assert (code, SystemState.objects.get().state) == (0, "paused")
    assert "1 overdue" in out

    code, out, _ = resumed_by(monkeypatch, None, "--yes", "--json")
    assert (code, SystemState.objects.get().state) == (0, "running")
    assert json.loads(out)["state"] == "running"


def test_resume_asks_nothing_where_nothing_is_overdue(monkeypatch):
    factories.SystemStateFactory(state="paused")

    assert resumed_by(monkeypatch)[0] == 0
    assert SystemState.objects.get().state == "running"


SINCE = f"{LATER:%Y-%m-%dT%H:%MZ}"
SAME = (
    (("status",), "orchestration/status"),
    (("monitor",), "orchestration/monitor-channels"),
    (("preview-resume",), "orchestration/preview-resume"),
    (("forecast", "--days", "2"), "orchestration/forecast?days=2"),
    (("explain", "VIDEO", "CHANNEL"), "orchestration/explain?video_id=VIDEO&channel_id=CHANNEL"),
    (("statistics",), "statistics"),
    (("statistics", "--channel", "CHANNEL"), "statistics?channel_id=CHANNEL"),
    (("set-up",), "setup"),
    (("statistics-publications", "--days", "1"), "statistics/publications?days=1"),
    (("statistics-work", "--channel", "CHANNEL"), "statistics/work?channel_id=CHANNEL"),
    (("statistics-youtube", "--channels-from", "1"), "statistics/youtube?channels_from=1"),
    (
        (
            "earliest",
            "--video",
            "VIDEO",
            "--channel",
            "CHANNEL",
            "--override",
            "VIDEO",
            "CHANNEL",
            SINCE,
        ),
        f"orchestration/earliest-time?video_id=VIDEO&channel_id=CHANNEL&override=VIDEO,CHANNEL,{SINCE}",
    ),
    (
        ("earliest", "--video", "VIDEO", "--channel", "CHANNEL", "--since", SINCE),
        f"orchestration/earliest-time?video_id=VIDEO&channel_id=CHANNEL&since={SINCE}",
    ),
    (("wave-show", "WAVE"), "waves/WAVE"),
    (("pools",), "pools?limit=POOLS"),
    (("conflicts",), "conflicts?state=open&limit=1"),
)


@pytest.mark.parametrize(
    ("words", "path"), SAME, ids=lambda value: str(value[0]) if isinstance(value, tuple) else ""
)
def test_json_says_what_the_api_says(words, path):
    pools.ensure_defaults()
    rows = {
        "VIDEO": factories.VideoFactory().pk,
        "CHANNEL": factories.ChannelFactory().pk,
        "WAVE": factories.ScheduleFactory(wave=factories.WaveFactory()).wave_id,
        "POOLS": 12,
        "CONFLICT": factories.ConflictFactory().pk,
    }
    for name, pk in rows.items():
        path = path.replace(name, str(pk))
    _, text = tokens.issue("reader", "read")

    code, out, _ = cli(*(rows.get(word, word) for word in words), "--json")
    answer = ApiClient(text).get(path).json()

    assert code == 0
    assert _steady(json.loads(out)) == _steady(answer)


def _steady(value):
    """Leave out what the clock or the paging changes between two calls."""
    if isinstance(value, dict):
        moving = {
            "components",
            "starts_at",
            "ends_at",
            "limit",
            "made_at",
            "hours",
            "lateness_seconds",
            "scores",
            "stage_at",
            "until",
        }
        return {key: _steady(item) for key, item in value.items() if key not in moving}
    if isinstance(value, list):
        return [_steady(item) for item in value]
    return value


@pytest.mark.parametrize(
    "name", ["status", "preview-resume", "dashboard", "monitor", "sync", "forecast", "statistics"]
)
def test_each_report_has_a_text_that_can_be_read(name):
    factories.ScheduleFactory(channel__name="Weather", overdue=True)
    factories.JobFactory(running=True)

    code, out, err = cli(name)

    assert (code, err) == (0, "")
    assert out.strip()
    assert "None" not in out and "object at" not in out and "<" not in out


def test_a_wave_is_shown_before_it_is_made_and_then_made():
    cli("start")
    channels = factories.ChannelFactory.create_batch(2)
    video = factories.VideoFactory()
    words = (
        "wave",
        "--video",
        video.pk,
        "--channel",
        *(c.slug for c in channels),
        "--at",
        LATER.astimezone(ZoneInfo("Asia/Tokyo")).isoformat(),
        "--name",
        "Spring",
    )

    dry, shown, _ = cli(*words, "--dry-run")
    assert dry == 0
    assert "Dry run" in shown and f"{LATER:%Y-%m-%d %H:%M:%S} UTC" in shown
    assert not Activity.objects.filter(verb__contains="wave").exists()

    code, made, err = cli(*words)
    assert (code, err) == (0, "")
    assert "Spring" in made

    again, out, refusal = cli(*words, "--on-conflict", "reject")
    assert (again, out) == (3, "")
    assert "already" in refusal


def test_a_recall_shows_what_it_would_do_until_it_is_confirmed():
    schedule = factories.ScheduleFactory(published=True, wave=factories.WaveFactory(completed=True))
    schedule.distribution.wave = schedule.wave
    schedule.distribution.save()

    code, out, _ = cli("wave-recall", schedule.wave_id)

    assert code == 0
    assert f"wave-recall {schedule.wave_id} --confirm {schedule.distribution_id}" in out
    assert cli("wave-recall", schedule.wave_id, "--confirm", schedule.distribution_id + 1)[0] in (2, 3)


def test_pools_are_paused_by_name():
    pools.ensure_defaults()

    code, out, _ = cli("pool-pause", "upload", "--json")

    assert code == 0
    assert json.loads(out)["paused"] is True


def test_a_source_is_added_with_its_rights(settings):
    settings.HEADEND_SOURCE_NETWORKS = [ipaddress.ip_network("127.0.0.0/8")]

    code, out, _ = cli("source-add", "http://127.0.0.1:20001/feed.xml", "--rights", "owned")

    assert code == 0
    assert "rights: owned" in out
    assert cli("source-add", "http://127.0.0.1:20001/feed.xml")[0] == 2


def test_every_command_has_its_help():
    for name, command in COMMANDS.items():
        assert command.help, name
        with pytest.raises(SystemExit) as end:
            call_command("orchestration", name, "--help")
        assert end.value.code == 0


def test_a_refused_move_says_what_could_be_had_instead():
    channel = factories.ChannelFactory(min_gap_minutes=60)
    at = (timezone.now() + timedelta(days=1)).replace(microsecond=0)
    factories.ScheduleFactory(channel=channel, distribution__channel=channel, publish_at=at)
    row = factories.ScheduleFactory(
        channel=channel, distribution__channel=channel, publish_at=at + timedelta(days=1)
    )
    code, _, err = cli("move", row.pk, at.isoformat())
    assert code == 3
    assert f"    could be: publish on {channel.name} at {at + timedelta(hours=1):%Y-%m-%d %H:%M}" in err


def test_whatever_the_api_lists_can_be_looked_at():
    first, second = factories.VideoFactory(title="Ants"), factories.VideoFactory(title="Bees")
    code, out, _ = cli("get", "videos", "sort=id", "limit=1")
    assert code == 0 and "Ants" in out and "Bees" not in out
    assert "1 of 2; go on with page=2" in out
    _, out, _ = cli("get", "videos", "sort=id", "limit=1", "cursor=", "fields=id,title", "--json")
    page = json.loads(out)
    assert page["items"] == [{"id": first.pk, "title": "Ants"}]
    _, out, _ = cli("get", "videos", "sort=id", "fields=title", f"cursor={page['cursor']}")
    assert "Bees" in out and "Ants" not in out and "1 shown" in out
    _, out, _ = cli("get", f"videos/{second.pk}")
    assert ["title", "Bees"] in [line.split() for line in out.splitlines()]


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (("videos", "colour=red"), 2, "no filter colour"),
        (("videos/9999",), 4, "no video 9999"),
        (("nowhere",), 4, "/api/nowhere"),
        (("../me",), 4, "There is nothing"),
        (("orchestration/events/stream",), 2, "does not end"),
    ],
)
def test_a_look_that_fails_says_what_the_api_says(words, code, says):
    ended, out, err = cli("get", *words)
    assert (ended, out) == (code, "") and says in err


def test_a_look_is_no_way_to_change_anything():
    video = factories.VideoFactory()
    with pytest.raises(CommandError, match="NAME=VALUE"):
        cli("get", f"videos/{video.pk}", "DELETE")
    assert cli("get", "orchestration/start")[0] == 1
    assert not SystemState.objects.exists() or SystemState.objects.get().state != "running"


def test_a_command_that_does_not_exist_names_what_comes_near(capsys):
    with pytest.raises(SystemExit) as end:
        Looked().run_from_argv(["manage.py", "orchestration", "pol"])
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert "no command pol" in said and "pools" in said and "channel-add" not in said


@pytest.mark.slow
def test_a_wrong_option_ends_with_2_and_usage():
    ended = run(
        [executable, "manage.py", "orchestration", "pools", "--fly"],
        cwd=Path(settings.BASE_DIR),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 2
    assert "usage:" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_every_answer_has_a_text():
    cli("start")
    pools.ensure_defaults()
    channel, video = factories.ChannelFactory(), factories.VideoFactory()
    factories.PostingSlotFactory(channel=channel)
    factories.BlackoutFactory(channel=channel)
    wave = factories.WaveFactory()
    schedule = factories.ScheduleFactory(wave=wave, channel=channel, overdue=True)
    lease = factories.LeaseFactory(pool=Pool.objects.get(name="upload"))
    failed = factories.JobFactory(failed=True)
    source = factories.SourceFactory()
    conflict = factories.ConflictFactory()

    for words, says in (
        (("wave-show", wave.pk), wave.name),
        (("wave-pause", wave.pk), "is paused"),
        (("wave-recall", wave.pk), "Would become private again"),
        (("distribute", "--dry-run"), "Dry run"),
        (("explain", video.pk, channel.slug), f"Video {video.pk}"),
        (("earliest", "--video", video.pk, "--channel", channel.slug), "Fits as it is"),
        (("trigger", channel.slug, "--video", video.pk), "local_pipeline"),
        (("monitor", "--check"), "checks were started"),
        (("pools",), lease.holder),
        (("lease-release", lease.pk), "is released"),
        (("job-retry", failed.pk), "is queued"),
        (("source-pause", source.pk), "is paused"),
        (("conflicts",), "    0: "),
        (("conflict-dismiss", conflict.pk), "is dismissed"),
        (("conflicts",), "No conflict is open."),
        (("slot-add", channel.slug, 4, "18:30"), f"{channel.slug} posts on Friday at 18:30"),
        (("slot-remove", PostingSlot.objects.latest("pk").pk), "taken away"),
        (
            ("blackout-add", channel.slug, "2026-12-24", "2026-12-26", "--until-time", "18:00"),
            f"{channel.slug} publishes nothing from 2026-12-24 to 2026-12-26 18:00",
        ),
        (("blackout-remove", Blackout.objects.latest("pk").pk), "taken away"),
        (("hold", schedule.pk), "is held"),
        (("preview-resume",), "overdue"),
        (("stop", "--now"), "The system is"),
    ):
        code, out, err = cli(*words)
        assert (code, err) == (0, ""), words
        assert says in out, (words, out)
        assert "object at" not in out and "None" not in out
