"""Channels are set up on the command line as by the API."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from channels.models import Channel, Credential
from tests import factories

pytestmark = pytest.mark.django_db


def cli(*words: object) -> tuple[int, str]:
    """Run a command; return its exit code, and what it said."""
    out, err = StringIO(), StringIO()
    try:
        call_command("orchestration", *map(str, words), stdout=out, stderr=err)
    except CommandError as error:
        return 2, str(error)
    except SystemExit as end:
        return int(end.code or 0), err.getvalue()
    return 0, out.getvalue()


def test_a_channel_is_made_filled_changed_and_brought_back():
    assert cli("channel-add", "North", "--timezone", "Europe/Oslo", "--set", "daily_cap=4")[0] == 0
    code, said = cli("slots-add", "north", "--day", "mon", "fri", "--at", "18:00", "18:20")
    assert code == 0 and "Monday 18:00 and Monday 18:20 are 20 min apart" in said
    assert cli("week-set", "north", "mon 18:00", "tue 9:30")[0] != 0, "a time has two digits"
    assert cli("week-set", "north", "mon 18:00", "tue 09:30 off")[0] == 0
    assert cli("day-copy", "north", "mon", "--to", "wed")[0] == 0
    assert (
        cli("channel-change", "north", "--set", 'filters={"min_height": 720}', "--set", "daily_cap=2")[0] == 0
    )
    row = Channel.objects.get()
    assert (row.daily_cap, row.filters, row.slots.count()) == (2, {"min_height": 720}, 3)
    code, said = cli("channel-roll-back", "north", 1, "--dry-run")
    assert code == 0 and "publishing.daily_cap" in said
    assert cli("channel-roll-back", "north", 1)[0] == 0
    assert Channel.objects.get().daily_cap == 4
    assert "publishing.slots" in cli("revision-diff", "north", 1, 2)[1]
    assert len(json.loads(cli("channel-revisions", "north", "--json")[1])["items"]) == 6


def test_what_cannot_be_is_refused_by_its_field_and_ends_with_2():
    factories.ChannelFactory(slug="north")
    assert cli("channel-change", "north", "--set", "daily_cap")[0] == 2
    code, said = cli("channel-change", "north", "--set", "timezone=Mars")
    assert code == 2 and "timezone" in said
    code, said = cli("channel-change", "north", "--set", "colour=red")
    assert code == 2 and "colour" in said


def test_a_secret_is_read_from_a_file(tmp_path):
    factories.ChannelFactory(slug="north")
    for name in ("secret", "token"):
        (tmp_path / name).write_text(f"the {name}\n")
    code, said = cli(
        "channel-credential",
        "north",
        "me",
        "--client-secret",
        tmp_path / "secret",
        "--refresh-token",
        tmp_path / "token",
    )
    assert code == 0 and "the token" not in said
    assert Credential.objects.get().refresh_token == "the token"


def test_words_are_tried_and_slots_switched_and_a_channel_removed():
    slot = factories.PostingSlotFactory(channel__slug="north")
    video = factories.VideoFactory(title="A walk")
    assert "A walk!" in cli("channel-try-words", "north", "--set", "title={title}!", "--video", video.pk)[1]
    assert cli("slot-disable", slot.pk)[0] == 0
    assert "off" in cli("channel-week", "north")[1]
    assert cli("channel-remove", "north")[0] == 0
    assert not Channel.objects.exists()
