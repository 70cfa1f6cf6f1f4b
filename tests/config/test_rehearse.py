"""A rehearsal takes no secret along, waits until its wave is over, and keeps what it found here."""

import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from channels.states import Executor
from config.management.commands import rehearse
from orchestration.models import KeptReport
from orchestration.monitoring import rehearsal
from tests import factories

pytestmark = pytest.mark.django_db


class Second:
    """A second Headend that only answers: each look gets the next of what its command line would say."""

    def __init__(self, monkeypatch, *looks):
        self.looks, self.started, self.signals = list(looks), [], []
        monkeypatch.setattr(rehearse, "LOOK_SECONDS", 0.0)
        monkeypatch.setattr(rehearse, "_begin", self.begin)
        monkeypatch.setattr(rehearse, "_ask", self.ask)

    def begin(self, command, env, _):
        self.started.append((command, env, json.loads(Path(command[-1]).read_text(encoding="utf-8"))))
        return self

    def ask(self, environment, name, *_):
        if name == "statistics-work":
            return {"failures": [{"kind": "stage", "cause": "remote_rejected", "count": 2}]}
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def poll(self):
        return None

    def wait(self, _):
        return 0

    def send_signal(self, number):
        self.signals.append(number)


OVER = {"outcomes": {"published": 2}, "lateness": {"p50_seconds": 0.4, "max_seconds": 1.5}}


@pytest.fixture
def channels():
    """Return two channels in use, and one that is disabled."""
    first = factories.ChannelFactory(name="Aurora", priority=9, min_gap_minutes=45, timezone="Europe/Berlin")
    factories.CredentialFactory(channel=first)
    factories.PostingSlotFactory(channel=first)
    factories.PostingSlotFactory(channel=first, weekday=6, enabled=False)
    second = factories.ChannelFactory(name="Borealis", github=True)
    return first, second, factories.ChannelFactory(name="Gone", disabled=True)


def test_what_goes_in_is_like_ours_and_no_secret_or_address_of_ours(monkeypatch, channels, capsys):
    monkeypatch.setenv("HEADEND_SECRET", "ours")
    monkeypatch.setenv("DATABASE_URL", "sqlite:///ours")
    second = Second(monkeypatch, {}, {"outcomes": {"staged": 1, "published": 1}}, OVER)
    call_command("rehearse")

    [(command, environment, like)] = second.started
    assert "--demo" in command and not {"HEADEND_SECRET", "DATABASE_URL"} & set(environment)
    assert [row["name"] for row in like] == ["Aurora", "Borealis"]
    assert like[0]["min_gap_minutes"] == 45 and len(like[0]["slots"]) == 1
    assert set(like[0]) == {*rehearsal.COPIED, "slots"}
    said = capsys.readouterr().out
    assert "2 of 2 publications went public in the sandbox." in said and "most 1.5 s" in said
    assert "Failed there: stage: remote rejected, 2 times" in said
    assert second.signals, "and it is stopped"


def test_what_was_found_is_kept_with_what_would_fail_here(monkeypatch, channels, admin_client):
    Second(monkeypatch, OVER)
    call_command("rehearse", "--json")
    kept = KeptReport.objects.get().document
    assert kept["ok"] and kept["outcomes"] == {"published": 2}
    assert "Not connected with Google: Borealis." in kept["would_fail"]
    assert "No source has a rights basis, so nothing of it is published." in kept["would_fail"]
    assert not any("without a repository" in sentence for sentence in kept["would_fail"])
    page = admin_client.get("/set-up/rehearsal/").content.decode()
    assert "2 of 2 publications" in page and "Not connected with Google: Borealis." in page


def test_one_that_does_not_get_there_fails_and_says_how_far_it_came(monkeypatch, channels):
    Second(monkeypatch, {"outcomes": {"published": 1, "failed": 1}, "lateness": {}})
    with pytest.raises(CommandError):
        call_command("rehearse")
    assert KeptReport.objects.get().document["summary"] == "1 of 2 publications went public in the sandbox."
    Second(monkeypatch, {})
    with pytest.raises(CommandError):
        call_command("rehearse", minutes=0)
    assert KeptReport.objects.get().document["summary"] == "It did not get as far as a wave."


def test_without_a_channel_nothing_is_begun(monkeypatch):
    second = Second(monkeypatch, OVER)
    with pytest.raises(CommandError, match="no channel yet"):
        call_command("rehearse")
    assert not second.started and not KeptReport.objects.exists()


def test_six_channels_are_taken_at_most_by_priority():
    for priority in range(9):
        factories.ChannelFactory(priority=priority, executor=Executor.LOCAL)
    found = rehearsal.channels_like_ours()
    assert [row["priority"] for row in found] == [8, 7, 6, 5, 4, 3]
