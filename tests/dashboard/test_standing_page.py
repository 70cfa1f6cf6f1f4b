"""The page of standing rules: entered, previewed, run and removed by buttons; a bad field is named."""

import pytest
from django.urls import reverse

from orchestration.models import Schedule, StandingRule
from orchestration.queue import pools
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def olga(client):
    """Return a browser in which an operator is logged in, with the system running."""
    client.force_login(factories.UserFactory(operator=True, username="olga"))
    factories.SystemStateFactory(running=True)
    pools.ensure_defaults()
    return client


TYPED = {
    "name": "Fill",
    "kind": "distribute",
    "horizon_days": "14",
    "backlog_floor": "0",
    "every_minutes": "60",
    "zone": "UTC",
    "enabled": "on",
}


def test_a_rule_is_entered_changed_previewed_run_and_removed(olga):
    channel = factories.ChannelFactory()
    for day in range(7):
        factories.PostingSlotFactory(channel=channel, weekday=day)
    factories.VideoFactory(title="The film")
    olga.post(reverse("dashboard:standing_rule_add"), TYPED)
    rule = StandingRule.objects.get()
    address = reverse("dashboard:standing_rule", args=[rule.pk])
    assert "1 placement" in olga.get(f"{address}?preview=1").content.decode()
    assert Schedule.objects.count() == 0
    olga.post(reverse("dashboard:standing_rule_run", args=[rule.pk]))
    assert Schedule.objects.count() == 1
    olga.post(reverse("dashboard:standing_rule_change", args=[rule.pk]), {**TYPED, "name": "Fill up"})
    assert "Fill up" in olga.get(reverse("dashboard:standing_rules")).content.decode()
    olga.post(reverse("dashboard:standing_rule_remove", args=[rule.pk]))
    assert StandingRule.objects.count() == 0
    assert Schedule.objects.count() == 1


def test_a_series_is_typed_with_its_times_and_an_episode_is_passed_over_by_a_button(olga):
    channel = factories.ChannelFactory()
    video = factories.VideoFactory(title="Pilot")
    given = {"kind": "series", "source": video.source_id, "channels": [channel.pk], "times": "tue 18:00"}
    olga.post(reverse("dashboard:standing_rule_add"), {**TYPED, **given, "since": "2026-01-01T00:00"})
    rule = StandingRule.objects.get()
    assert rule.times == [[1, "18:00"]]
    address = reverse("dashboard:standing_rule", args=[rule.pk])
    assert "tue 18:00" in olga.get(address).content.decode()
    olga.post(reverse("dashboard:episode_skip", args=[rule.pk]), {"video": video.pk})
    assert list(rule.skipped.all()) == [video]
    assert "passed over" in olga.get(address).content.decode()
    olga.post(reverse("dashboard:episode_take_in", args=[rule.pk]), {"video": video.pk})
    assert not rule.skipped.exists()


@pytest.mark.parametrize(
    ("field", "value"), [("times", "someday 18:00"), ("every_minutes", "1"), ("kind", "hourly"), ("name", "")]
)
def test_what_makes_no_sense_is_refused_and_nothing_is_entered(olga, field, value):
    said = olga.post(
        reverse("dashboard:standing_rule_add"), {**TYPED, field: value}, headers={"HX-Request": "true"}
    )
    assert said.status_code >= 400
    assert StandingRule.objects.count() == 0


def test_a_reader_sees_rules_and_no_button(client):
    client.force_login(factories.UserFactory(username="rita"))
    rule = factories.StandingRuleFactory(name="Fill")
    page = client.get(reverse("dashboard:standing_rules")).content.decode()
    assert "Fill" in page
    assert "Run now" not in page
    assert client.post(reverse("dashboard:standing_rule_run", args=[rule.pk])).status_code in (302, 403)
    rule.refresh_from_db()
    assert rule.last_run_at is None
