"""The past and what changed since, by API and command line."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orchestration.core import audit
from orchestration.core.permissions import Actor
from orchestration.models import Activity, Preferences
from orchestration.register import tokens
from orchestration.service import CentralOrchestrationService
from orchestration.states import Trigger
from tests import factories
from tests.engine_room import door
from tests.orchestration.api_client import ApiClient
from tests.orchestration.engine import running
from tests.orchestration.test_cli import cli

pytestmark = pytest.mark.django_db


@pytest.fixture
def moved():
    """Return a publication that was moved an hour ago by two hours, and when it stood where it was."""
    now = timezone.now()
    with time_machine.travel(now - timedelta(hours=3)):
        running()
        row = factories.ScheduleFactory(publish_at=now + timedelta(hours=5))
        before = timezone.now() + timedelta(minutes=1)
    with time_machine.travel(now - timedelta(hours=1)):
        door().move_schedule(schedule_id=row.pk, publish_at=now + timedelta(hours=7), reason="rain")
    return row, before, now


def reader() -> ApiClient:
    return ApiClient(tokens.issue("reader", "read")[1])


def test_the_api_shows_the_plan_as_it_was_and_what_is_otherwise_now(moved):
    _, before, now = moved
    answer = reader().get(f"rewind?at={before:%Y-%m-%dT%H:%M:%SZ}")
    assert answer.status_code == 200, answer.content
    (found,) = answer.json()["plan"]["publications"]
    assert found["publish_at"][:16] == f"{now + timedelta(hours=5):%Y-%m-%dT%H:%M}"
    assert [each["field"] for each in found["differences"]] == ["publish_at", "overridden"]
    assert answer.json()["next_is"] == "schedule_moved"


@pytest.mark.parametrize("page", ["overview", "channel"])
def test_the_api_shows_the_other_pages_of_the_past(moved, page):
    row, before, _ = moved
    answer = reader().get(f"rewind?at={before:%Y-%m-%dT%H:%M:%SZ}&page={page}&channel={row.channel.slug}")
    assert answer.status_code == 200, answer.content
    assert answer.json()[page]


def test_what_has_not_come_yet_is_refused_by_name():
    api = reader()
    answer = api.get("rewind?at=2999-01-01T00:00:00Z")
    assert (answer.status_code, answer.json()["field"]) == (422, "at")
    answer = api.get("rewind?at=2020-01-01T00:00:00Z&page=channel&channel=nobody")
    assert (answer.status_code, answer.json()["field"]) == (404, "channel")


def test_the_command_line_says_the_same(moved):
    row, before, _ = moved
    at = f"{before:%Y-%m-%dT%H:%M:%SZ}"
    code, out, err = cli("rewind", "--at", at)
    assert (code, err) == (0, "") and "is now" in out
    code, out, err = cli("rewind", "--at", at, "--channel", row.channel.slug, "--json")
    assert (code, err) == (0, "") and json.loads(out)["channel"]["channel"]["slug"] == row.channel.slug
    code, out, err = cli("rewind", "--at", at, "--page", "overview")
    assert (code, err) == (0, "") and "The system was running" in out
    code, out, err = cli("since")
    assert (code, err) == (0, "") and "schedule moved" in out and "olga" in out


def test_an_action_of_many_rows_is_one_line_since_then(moved):
    rows = factories.ScheduleFactory.create_batch(3, wave=factories.WaveFactory())
    door().cancel_wave(wave_id=rows[0].wave_id)
    groups = {group.key: group for group in door().get_changes_since().groups}
    cancelled = next(line for line in groups["moved"].lines if line.entry.verb == "schedule_cancelled")
    assert cancelled.count == 3
    assert groups["moved"].count == 5  # with the wave itself, and the move of the fixture
    assert groups["moved"].more == 0


def test_what_a_person_has_seen_is_not_told_again(moved):
    user = factories.UserFactory()
    service = CentralOrchestrationService(actor=Actor.of_user(user))
    assert service.count_changes_since().counts == {"moved": 1}
    assert service.get_changes_since().is_first
    seen = service.mark_changes_seen()
    assert Preferences.objects.get(user=user).seen_until == seen
    assert service.count_changes_since().count == 0
    assert service.mark_changes_seen(until=seen - timedelta(days=1)) == seen, "never back again"
    assert not Activity.objects.filter(actor=user).exists()


@pytest.mark.parametrize(("scope", "refused"), [("read", 403), ("operate", 422)])
def test_a_token_of_any_level_is_nobody_who_was_away_and_whoever_is_logged_in_is(scope, refused, client):
    answer = ApiClient(tokens.issue("robot", scope)[1]).post("since/seen", {})
    assert answer.status_code == refused
    assert ApiClient(tokens.issue("another", scope)[1]).get("since").status_code == 200
    user = factories.UserFactory(role=scope)
    client.force_login(user)
    said = client.post("/api/since/seen", {}, content_type="application/json")
    assert said.status_code == 200 and Preferences.objects.get(user=user).seen_until


def test_an_edit_in_the_midst_of_an_action_names_who_acts():
    with audit.acting_as(audit.Acting("demo", None, Trigger.CLI, "abc")):
        factories.ChannelFactory()
    factories.ChannelFactory()
    entries = Activity.objects.filter(verb="create", content_type__model="channel").order_by("id")
    assert list(entries.values_list("actor_label", "trigger", "cid")) == [
        ("demo", "cli", "abc"),
        ("a test", "system", None),
    ]
