"""A channel's repository over the API, the command line and the console."""

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from dashboard.channel_forms import StagingForm
from orchestration.models import Activity, RepositoryRecord
from tests.factories import ChannelFactory
from tests.register_helpers import lead_to_sandbox

pytestmark = pytest.mark.django_db

STAGING = {"open": "staging"}
"""Opens the section of a channel's page that is about its repository."""


@pytest.fixture
def channel():
    return ChannelFactory(github=True, repository_id=700_000_001)


def test_what_is_known_is_shown(api, channel):
    answer = api.get(f"channels/{channel.pk}/repository").json()
    assert (answer["repository"], answer["environment"]) == (channel.repository, "headend")
    assert answer["public_acknowledged_at"] is None
    assert api.get("channels/4711/repository").status_code == 404


def test_a_public_repository_is_acknowledged_and_taken_back(api, channel):
    path = f"channels/{channel.pk}/repository/acknowledge-public"
    refused = api.post(path, {})
    assert (refused.status_code, refused.json()["field"]) == (422, "reason")
    assert api.post(path, {"reason": "old films"}).json()["public_acknowledged_reason"] == "old films"
    assert api.post(path, {"withdraw": True}).json()["public_acknowledged_at"] is None


def test_the_command_line_shows_and_acknowledges(channel, capsys):
    call_command("orchestration", "repository-acknowledge-public", channel.slug, "--reason", "old films")
    call_command("orchestration", "repository", channel.slug)
    assert "old films" in capsys.readouterr().out


def test_the_page_offers_it_where_the_check_found_it_public(client, admin_user, channel):
    look = {"check": "visibility", "ok": False, "sentence": "It is public."}
    type(channel).objects.update(health_checks=[look])
    client.force_login(admin_user)
    page = reverse("dashboard:channel", args=[channel.slug])
    assert "acknowledge-public" in client.get(page, STAGING).content.decode()
    client.post(reverse("dashboard:channel_acknowledge_public", args=[channel.slug]), {"reason": "old films"})
    assert RepositoryRecord.objects.get().public_acknowledged_by == admin_user.get_username()
    assert "old films" in client.get(page, STAGING).content.decode()


def test_what_was_changed_by_hand_is_settled_through_every_door(api, client, admin_user, channel, capsys):
    found = {"what": "file", "name": "headend/stage.py", "recorded": "1", "wanted": "2", "there": "3"}
    now = timezone.now()

    def drift() -> None:
        RepositoryRecord.objects.update_or_create(
            channel=channel,
            defaults={"repository_id": channel.repository_id, "drift": [found], "drift_found_at": now},
        )

    drift()
    assert api.get(f"channels/{channel.pk}/repository").json()["drift"] == [found]
    assert api.post(f"channels/{channel.pk}/repository/resolve", {"way": "guess"}).status_code == 422
    answer = api.post(f"channels/{channel.pk}/repository/resolve", {"way": "overwrite"})
    assert (answer.status_code, answer.json()["drift"]) == (200, [])
    drift()
    call_command("orchestration", "repository-resolve", channel.slug, "import")
    assert "kept as it is there: headend/stage.py" in capsys.readouterr().out
    drift()
    client.force_login(admin_user)
    page = client.get(reverse("dashboard:channel", args=[channel.slug]), STAGING).content.decode()
    assert "Changed by hand" in page
    client.post(reverse("dashboard:channel_resolve_drift", args=[channel.slug]), {"way": "overwrite"})
    assert RepositoryRecord.objects.get().drift == []


def test_failover_is_switched_through_every_door(api, client, admin_user, channel):
    assert api.post(f"channels/{channel.pk}/failover", {"on": True}).json()["failover"] is True
    assert api.post(f"channels/{channel.pk}/failover", {"on": "perhaps"}).status_code == 422
    call_command("orchestration", "failover", channel.slug, "off", "--reason", "enough")
    channel.refresh_from_db()
    assert channel.failover is False
    client.force_login(admin_user)
    assert Activity.objects.filter(verb="failover_set").count() == 2
    of_channel = StagingForm.of(channel).initial | {"section": "staging", "failover": "on"}
    client.post(reverse("dashboard:channel_change", args=[channel.slug]), of_channel)
    channel.refresh_from_db()
    assert channel.failover is True
    page = client.get(reverse("dashboard:channel", args=[channel.slug]), STAGING).content.decode()
    assert page.count('name="failover"') == 1 and "Switch off" not in page


def test_a_repository_is_provisioned_after_a_dry_run(api, settings, sandbox):
    lead_to_sandbox(settings, sandbox)
    channel = ChannelFactory()
    path, body = f"channels/{channel.pk}/repository/provision", {"repository": "a-company/x", "create": True}
    shown = api.post(path, {**body, "dry_run": True})
    assert (shown.status_code, shown.json()["job"], shown.json()["secrets"]) == (200, None, [])
    done = api.post(path, body)
    assert (done.status_code, done.json()["job"]["kind"]) == (202, "sync")
    assert api.post(path, {"repository": "x"}).json()["field"] == "repository"
