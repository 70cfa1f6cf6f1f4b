"""Standing rules over the API and on the command line: the same as by the service, bad fields named."""

import json
from io import StringIO

import pytest
from django.core.management import call_command

from orchestration.models import StandingRule
from orchestration.queue import pools
from tests import factories
from tests.orchestration.api_client import ApiClient

pytestmark = pytest.mark.django_db


def test_a_rule_lives_through_the_api(api: ApiClient):
    pools.ensure_defaults()
    channel = factories.ChannelFactory()
    video = factories.VideoFactory()
    body = {
        "name": "News",
        "kind": "series",
        "source_id": video.source_id,
        "channel_ids": [channel.pk],
        "times": [{"weekday": 1, "at": "18:00"}],
    }
    made = api.post("standing", body)
    assert made.status_code == 201
    rule = made.json()
    assert rule["times"] == [{"weekday": 1, "at": "18:00"}]
    where = f"standing/{rule['id']}"
    assert api.get(where).json()["name"] == "News"
    assert len(api.get(f"{where}/preview").json()["placed"]) == 1
    assert api.post(f"{where}/run", {}).json()["placed"]
    assert api.post(f"{where}/episodes", {"video_id": video.pk}).status_code == 200
    changed = api.client.put(
        f"/api/{where}",
        headers=api.headers,
        content_type="application/json",
        data={**body, "name": "Newsreel"},
    )
    assert changed.json()["name"] == "Newsreel"
    assert api.post(f"{where}/remove", {}).status_code == 204
    assert api.get(where).status_code == 404


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"every_minutes": 1}, "every_minutes"),
        ({"kind": "series"}, "source_id"),
        ({"times": [{"weekday": 9, "at": "18:00"}]}, "times.0.weekday"),
        ({"since": "2026-11-01T00:00:00"}, "since"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_field_is_named(api: ApiClient, given, field):
    answer = api.post("standing", {"name": "x", **given})
    assert answer.status_code in (400, 422)
    assert answer.json()["field"] == field, answer.content
    assert StandingRule.objects.count() == 0


def test_the_command_line_enters_shows_and_runs_rules():
    pools.ensure_defaults()
    channel = factories.ChannelFactory(slug="aurora")
    video = factories.VideoFactory()
    say = lambda *words: _said("orchestration", *words)  # noqa: E731
    say(
        "standing-add",
        "News",
        "--source",
        str(video.source_id),
        "--channel",
        channel.slug,
        "--times",
        "tue 18:00",
    )
    rule = StandingRule.objects.get()
    assert "tue 18:00" in say("standing")
    assert "It would plan" in say("standing-run", str(rule.pk), "--dry-run")
    assert json.loads(say("standing-run", str(rule.pk), "--json"))["placed"]
    say("series-skip", str(rule.pk), str(video.pk))
    assert list(rule.skipped.all()) == [video]
    say("standing-remove", str(rule.pk))
    assert StandingRule.objects.count() == 0


def _said(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out)
    return out.getvalue()
