"""A rollout is begun, shown, let go on and stopped over the API, on the command line and in the console."""

import pytest
from django.core.management import call_command
from django.urls import reverse

from channels.models import Channel
from orchestration.models import Rollout
from tests import factories
from tests.engine_room import door

pytestmark = pytest.mark.django_db


@pytest.fixture
def channels() -> list[Channel]:
    """Give five channels with repositories, none of which has its configuration yet."""
    slugs = ("aurora", "borealis", "corona", "dawn", "eclipse")
    return [factories.ChannelFactory(github=True, slug=slug, name=slug.title()) for slug in slugs]


def test_over_the_api(api, channels):
    body = {"canary_id": channels[0].pk, "cohort_size": 3}
    begun = api.post("orchestration/sync-configs", body)
    assert begun.status_code == 202, begun.content
    rollout = begun.json()["rollout_id"]
    (listed,) = api.get("rollouts").json()["items"]
    assert (listed["id"], listed["actions"], len(listed["cohorts"])) == (rollout, ["stop"], 3)
    assert len(api.get(f"rollouts/{rollout}").json()["members"]) == 5
    assert api.post(f"rollouts/{rollout}/continue").status_code == 409
    assert api.post(f"rollouts/{rollout}/stop", {"reason": "wrong"}).json()["state"] == "stopped"
    assert api.get("rollouts/4711").status_code == 404
    assert api.post("orchestration/sync-configs", {"cohort_size": 0}).json()["field"] == "cohort_size"


def test_on_the_command_line(channels, capsys):
    call_command("orchestration", "sync", "--canary", "aurora", "--cohort", "2")
    rollout = Rollout.objects.get()
    assert f"Rollout {rollout.pk} has begun." in capsys.readouterr().out
    call_command("orchestration", "rollouts")
    assert "canary: under way, 0 of 1 done" in capsys.readouterr().out
    Rollout.objects.update(state="halted")
    call_command("orchestration", "rollout-continue", str(rollout.pk), "--reason", "mended")
    call_command("orchestration", "rollout-stop", str(rollout.pk))
    assert "stopped" in capsys.readouterr().out


def test_in_the_console(client, admin_user, channels):
    client.force_login(admin_user)
    page = reverse("dashboard:rollouts")
    assert "There was no rollout yet" in client.get(page).content.decode()
    rollout = door().sync_channel_configs(cohort_size=2).rollout_id
    Rollout.objects.update(state="halted", halted_why="Aurora: <no>")
    html = client.get(page).content.decode()
    assert "Aurora: &lt;no&gt;" in html
    assert {'data-action="continue"' in html, 'data-action="stop"' in html} == {True}
    client.post(reverse("dashboard:rollout_continue", args=[rollout]))
    assert Rollout.objects.get().state == "running"
    client.post(reverse("dashboard:rollout_stop", args=[rollout]))
    assert Rollout.objects.get().state == "stopped"
    assert page in client.get(reverse("dashboard:channels")).content.decode()
