"""The API and the command line group channels, do one verb to many rows, and take it back, by the same service."""

import json
import re
from io import StringIO

import pytest
from django.core.management import call_command

from tests import factories
from tests.orchestration.api_client import ApiClient

pytestmark = pytest.mark.django_db


def cli(*words):
    out = StringIO()
    call_command("orchestration", *map(str, words), stdout=out)
    return out.getvalue()


def test_many_are_held_and_the_action_is_taken_back_through_the_api(api: ApiClient):
    channel = factories.ChannelFactory(slug="aurora")
    row = factories.ScheduleFactory(channel=channel)
    factories.ScheduleFactory()
    group = api.post("groups", {"name": "News", "channels": ["aurora"]})
    assert group.status_code == 201 and group.json()["members"] == 1
    asked = {"kind": "schedule", "verb": "hold", "filters": {"channels": ["group:news"]}}

    shown = api.post("bulk/preview", asked).json()
    assert (shown["done"], shown["dry_run"], shown["correlation_id"]) == ([row.pk], True, "")
    done = api.post("bulk/do", asked | {"reason": "storm"}).json()
    assert done["done"] == [row.pk]
    undone = api.post("bulk/undo", {"correlation_id": done["correlation_id"]})
    assert undone.status_code == 200 and len(undone.json()["done"]) == 1
    again = api.post("bulk/undo", {"correlation_id": done["correlation_id"]})
    assert again.status_code == 409 and "undone by" in again.json()["detail"]
    refused = api.post("bulk/do", asked | {"filters": {"colour": "red"}})
    assert refused.status_code == 422 and refused.json()["field"] == "filters.colour"
    assert api.post("bulk/do", {"kind": "schedule", "verb": "hold"}).json()["field"] == "ids"


def test_the_machines_user_does_the_same_on_the_command_line():
    rows = [factories.ChannelFactory(slug="aurora"), factories.ChannelFactory(slug="borealis")]
    assert "News" in cli("group-add", "News", "--channel", "aurora", "borealis")
    assert "1 went out" in cli("group-channels", "news", "--remove", "borealis")
    assert "changed on 2 channels" in cli("label", "--channel", "all", "--add", "de")
    assert "2" in cli("labels")

    shown = cli("bulk", "channel", "pause", "--filter", "group=news", "--dry-run")
    assert "1 of 1 would be changed" in shown
    done = cli("bulk", "channel", "pause", "--ids", rows[0].pk, rows[1].pk, "--json")
    assert len(json.loads(done)["done"]) == 2
    cid = json.loads(done)["correlation_id"]
    assert re.findall(r"undone: (\w+)", cli("undo", cid)) and rows[0].state == "active"
    assert "removed" in cli("group-remove", "news")
