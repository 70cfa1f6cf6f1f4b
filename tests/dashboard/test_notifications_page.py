"""The page of notifications: its forms and buttons lead to the service, and a secret is shown nowhere."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from orchestration.models import Activity, Notification, NotificationAddress, NotificationRule, Silence
from orchestration.notify import addresses
from orchestration.states import Trigger
from tests import factories
from tests.receiver import SECRET, Receiver

HTMX = {"HX-Request": "true"}


@pytest.fixture
def root(client, db):
    """Log an administrator in."""
    client.force_login(factories.UserFactory(admin=True, username="ada"))
    return client


def text_of(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_an_address_is_entered_tried_and_shown_without_its_secret(root, receiver: Receiver):
    answer = root.post("/notifications/addresses/add/", {"name": "ops", "url": receiver.url}, headers=HTMX)
    assert answer.headers["HX-Redirect"] == "/notifications/"
    row = NotificationAddress.objects.get()
    assert "The test went to ops" in text_of(
        root.post(f"/notifications/addresses/{row.pk}/test/", headers=HTMX)
    )
    assert len(receiver.taken) == 1
    receiver.status = 401
    answer = root.post(f"/notifications/addresses/{row.pk}/test/", headers=HTMX)
    assert "The test did not reach ops" in text_of(answer)
    assert "401" in text_of(answer)
    for page in (
        "/notifications/",
        "/notifications/log/",
        f"/notifications/addresses/{row.pk}/",
        "/activity/",
    ):
        shown = root.get(page).content.decode()
        assert SECRET not in shown
        assert str(receiver.port) not in shown
    assert set(
        Activity.objects.filter(trigger=Trigger.BUTTON)
        .exclude(verb="logged_in")
        .values_list("verb", flat=True)
    ) == {
        "notification_address_added",
        "notification_address_tested",
    }


def test_a_bad_address_is_a_sentence_that_names_the_field(root):
    answer = root.post("/notifications/addresses/add/", {"name": "ops", "url": "slak://a/b"}, headers=HTMX)
    assert answer.status_code == 422
    assert "Apprise does not know the scheme 'slak://'." in answer.content.decode().replace("&#x27;", "'")
    assert not NotificationAddress.objects.exists()


def test_a_rule_is_entered_and_changed_by_its_form(root, receiver: Receiver):
    row = addresses.add_address(name="ops", url=receiver.url)
    form = {
        "name": "nights",
        "addresses": [row.pk],
        "min_severity": "error",
        "kinds": "publication, needs_review",
        "quiet_from": "22:00",
        "quiet_until": "07:00",
        "zone": "Europe/Berlin",
        "reminder_hours": "12",
        "enabled": "on",
    }
    root.post("/notifications/rules/add/", form, headers=HTMX)
    rule = NotificationRule.objects.get()
    assert (rule.kinds, rule.send_recovery, rule.enabled) == (["publication", "needs_review"], False, True)
    shown = root.get(f"/notifications/rules/{rule.pk}/").content.decode()
    assert 'value="22:00"' in shown
    assert 'value="publication needs_review"' in shown
    root.post(f"/notifications/rules/{rule.pk}/change/", form | {"name": "days", "enabled": ""}, headers=HTMX)
    rule.refresh_from_db()
    assert (rule.name, rule.enabled) == ("days", False)
    root.post(f"/notifications/rules/{rule.pk}/remove/", headers=HTMX)
    assert not NotificationRule.objects.exists()


def test_an_operator_silences_but_changes_no_address(client, db, receiver: Receiver):
    client.force_login(factories.UserFactory(operator=True, username="olga"))
    row = addresses.add_address(name="ops", url=receiver.url)
    incident = factories.IncidentFactory()
    page = client.get("/notifications/").content.decode()
    assert "/notifications/silences/add/" in page
    assert "/notifications/addresses/add/" not in page
    answer = client.post("/notifications/silences/add/", {"cause": incident.key, "hours": "24"}, headers=HTMX)
    assert answer.status_code == 200, answer.content
    silence = Silence.objects.get()
    assert timedelta(hours=23) < silence.until - timezone.now() <= timedelta(hours=24)
    assert (silence.cause, silence.who) == (incident.key, "olga")
    client.post(f"/notifications/silences/{silence.pk}/end/", headers=HTMX)
    silence.refresh_from_db()
    assert silence.until <= timezone.now()
    assert client.post(f"/notifications/addresses/{row.pk}/remove/", headers=HTMX).status_code == 403
    assert NotificationAddress.objects.exists()


def test_an_address_is_switched_off_and_removed_and_the_log_keeps_its_name(root, receiver: Receiver):
    row = addresses.add_address(name="ops", url=receiver.url)
    addresses.test_address(row.pk)
    root.post(f"/notifications/addresses/{row.pk}/disable/", headers=HTMX)
    row.refresh_from_db()
    assert not row.enabled
    root.post(f"/notifications/addresses/{row.pk}/remove/", headers=HTMX)
    assert not NotificationAddress.objects.exists()
    message = Notification.objects.get()
    assert (message.address, message.address_name) == (None, "ops")
    assert "ops" in root.get("/notifications/log/").content.decode()


@pytest.mark.parametrize("value", ["a\x00b", "9" * 30, "<script>\u202e'\"", "²١"])
def test_no_form_falls_over_what_it_is_sent(root, receiver: Receiver, value):
    row = addresses.add_address(name="ops", url=receiver.url)
    rule = factories.NotificationRuleFactory()
    names = (
        "name",
        "url",
        "kinds",
        "zone",
        "quiet_from",
        "until",
        "reason",
        "cause",
        "hours",
        "kind",
        "channel",
    )
    form = dict.fromkeys((*names, "addresses", "min_severity", "reminder_hours"), value)
    for path in (
        "addresses/add/",
        f"addresses/{row.pk}/change/",
        "rules/add/",
        f"rules/{rule.pk}/change/",
        "silences/add/",
    ):
        for sent in (form, form | {"hours": "3"}):
            assert root.post(f"/notifications/{path}", sent, headers=HTMX).status_code < 500, path
