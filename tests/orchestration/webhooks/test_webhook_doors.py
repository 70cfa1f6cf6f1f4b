"""Console, API and command line lead to the same service; a secret is shown once, to an administrator."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from orchestration.models import Activity, WebhookDelivery, WebhookEndpoint
from orchestration.register import tokens
from orchestration.webhooks import deliveries
from tests import factories
from tests.orchestration.api_client import ApiClient
from tests.orchestration.notify.test_doors import cli
from tests.orchestration.webhooks.conftest import Hooks, happens

pytestmark = pytest.mark.django_db


@pytest.fixture
def root() -> Client:
    client = Client()
    client.force_login(factories.UserFactory(role="admin"))
    return client


def url_of(hooks: Hooks) -> str:
    return f"http://127.0.0.1:{hooks.receiver.port}/in/t0ken-9f2b"


def test_an_endpoint_by_the_console_from_its_entry_to_its_end(hooks: Hooks, root: Client):
    factories.ChannelFactory()
    made = root.post("/hooks/add/", {"name": "newsroom", "url": url_of(hooks), "events": "channel.* wave.*"})
    row = WebhookEndpoint.objects.get()
    secret = row.opened("secret")
    assert secret in made.content.decode()
    assert row.events == ["channel.*", "wave.*"]
    root.post(f"/hooks/{row.pk}/test/")
    assert hooks.verified(-1, secret)["type"] == "webhook.test"
    hooks.receiver.status = 500
    happens()
    hooks.look()
    delivery = WebhookDelivery.objects.latest("id")
    pages = (
        "/hooks/",
        f"/hooks/{row.pk}/",
        "/hooks/deliveries/?outcome=retrying",
        f"/hooks/deliveries/{delivery.pk}/",
    )
    for page in pages:
        html = root.get(page).content.decode()
        assert "It answered 500." in html, page
        assert secret not in html and "t0ken-9f2b" not in html
    hooks.receiver.status = 200
    root.post(f"/hooks/deliveries/{delivery.pk}/resend/")
    hooks.look()
    delivery.refresh_from_db()
    assert delivery.outcome == "delivered"
    again = root.post(f"/hooks/{row.pk}/rotate/", {"overlap_hours": "2"})
    row.refresh_from_db()
    assert row.opened("secret") in again.content.decode() and row.opened("older_secret") == secret
    root.post(f"/hooks/{row.pk}/change/", {"name": "desk", "url": "", "events": ""})
    row.refresh_from_db()
    assert (row.name, row.events, row.opened("url")) == ("desk", [], url_of(hooks))
    since = hooks.clock_now().strftime("%Y-%m-%dT%H:%M")
    root.post(f"/hooks/{row.pk}/resend/", {"since": since, "zone": "UTC"})
    root.post(f"/hooks/{row.pk}/disable/")
    row.refresh_from_db()
    assert not row.enabled
    root.post(f"/hooks/{row.pk}/enable/")
    root.post(f"/hooks/{row.pk}/remove/")
    assert not WebhookEndpoint.objects.exists()
    verbs = set(Activity.objects.filter(verb__startswith="webhook_").values_list("verb", flat=True))
    assert verbs == {
        "webhook_endpoint_added",
        "webhook_endpoint_tested",
        "webhook_delivery_resent",
        "webhook_secret_rotated",
        "webhook_endpoint_changed",
        "webhook_events_resent",
        "webhook_endpoint_removed",
    }


def test_what_is_typed_wrongly_is_refused_and_nothing_is_stored(hooks: Hooks, root: Client):
    for typed in ({"name": "", "url": url_of(hooks)}, {"name": "x", "url": "ftp://example.org"}):
        answer = root.post("/hooks/add/", typed, headers={"HX-Request": "true"})
        assert answer.status_code == 422
    assert not WebhookEndpoint.objects.exists()


def test_by_the_api_and_an_answer_with_a_secret_is_kept_nowhere(hooks: Hooks, api: ApiClient):
    body = {"name": "newsroom", "url": url_of(hooks), "events": ["channel.*"]}
    made = api.post("webhooks", body, Idempotency_Key="k1")
    assert made.status_code == 201
    row, secret = made.json()["endpoint"], made.json()["secret"]
    assert api.post("webhooks", body, Idempotency_Key="k1").status_code == 409
    assert secret not in api.get(f"webhooks/{row['id']}").content.decode()
    assert api.post(f"webhooks/{row['id']}/test").json()["outcome"] == "delivered"
    happens()
    hooks.look()
    found = api.get("webhooks/deliveries?type=channel.paused").json()["items"]
    assert [each["tries"][0]["status"] for each in found] == [200]
    assert api.get(f"webhooks/deliveries/{found[0]['id']}").json() == found[0]
    assert api.post(f"webhooks/deliveries/{found[0]['id']}/resend").json()["outcome"] == "waiting"
    assert api.post(f"webhooks/{row['id']}/resend", {"since": "2026-11-25T00:00:00Z"}).status_code == 200
    assert api.post(f"webhooks/{row['id']}/change", {"enabled": False}).json()["enabled"] is False
    assert api.post(f"webhooks/deliveries/{found[0]['id']}/resend").status_code == 409
    assert api.delete(f"webhooks/{row['id']}").status_code == 204
    refused = api.post("webhooks", {"name": "x", "url": "https://user:pw@example.org/"})
    assert (refused.status_code, refused.json()["field"]) == (422, "url")


def test_nobody_below_an_administrator_sees_or_changes_endpoints(hooks: Hooks):
    row, _ = hooks.add()
    operator = ApiClient(tokens.issue("operator", "operate")[1])
    console = Client()
    console.force_login(factories.UserFactory(operator=True))
    for path in ("webhooks", f"webhooks/{row.pk}", "webhooks/deliveries"):
        assert operator.get(path).status_code == 403
    assert operator.post(f"webhooks/{row.pk}/test").status_code == 403
    for path in ("/hooks/", f"/hooks/{row.pk}/", "/hooks/deliveries/"):
        assert console.get(path).status_code == 403
    assert console.post(f"/hooks/{row.pk}/remove/").status_code in (302, 403)
    assert WebhookEndpoint.objects.exists()
    assert operator.get("orchestration/events").status_code == 200


def test_by_the_command_line(hooks: Hooks):
    factories.ChannelFactory()

    def say(*words: str) -> str:
        code, out, err = cli(*words)
        assert code == 0, err
        return out

    made = json.loads(say("webhook-add", "newsroom", url_of(hooks), "--events", "channel.*", "--json"))
    pk = str(made["endpoint"]["id"])
    assert made["secret"].startswith("whsec_")
    assert "delivered" in say("webhook-test", pk)
    happens()
    hooks.look()
    assert "channel.paused" in say("webhook-deliveries", "--outcome", "delivered")
    assert "channel.paused" in say("events", "--types", "channel.*")
    assert "whsec_" in say("webhook-rotate", pk, "--overlap-hours", "0")
    assert "desk" in say("webhook-change", pk, "--name", "desk")
    say("webhook-resend", pk, "2026-11-25T00:00:00Z")
    say("webhook-delivery-resend", str(WebhookDelivery.objects.exclude(entry=None).latest("id").pk))
    assert "desk" in say("webhooks")
    say("webhook-remove", pk)
    assert not WebhookEndpoint.objects.exists()
    code, _, err = cli("webhook-add", "x", "ftp://example.org")
    assert code != 0 and "https" in err


def test_a_copy_of_a_database_sends_nothing(hooks: Hooks, monkeypatch):
    from orchestration import tasks

    hooks.add(events=["channel.*"])
    happens()
    monkeypatch.setattr(tasks, "is_copy", lambda: True)
    tasks.send_webhooks()
    assert not WebhookDelivery.objects.exists()
    monkeypatch.setattr(tasks, "is_copy", lambda: False)
    monkeypatch.setattr(deliveries, "_start", lambda pk: None)
    tasks.send_webhooks()
    assert WebhookDelivery.objects.filter(outcome="waiting").count() == 1
