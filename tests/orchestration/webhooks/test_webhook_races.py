"""Workers that race, late commits and a killed sender, on a database that lets them: nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import time_machine
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from orchestration.core import audit, sealing
from orchestration.models import WebhookDelivery, WebhookEndpoint
from orchestration.models.webhooks import DeliveryOutcome
from orchestration.webhooks import deliveries
from tests import factories
from tests.orchestration.engine import no_errors, together
from tests.orchestration.notify_room import door
from tests.orchestration.webhooks.conftest import Hooks, happens
from tests.patience import PATIENCE_SECONDS
from tests.receiver import Receiver

pytestmark = [pytest.mark.postgres_only, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def crowd(transactional_db, receiver: Receiver, settings) -> Iterator[Hooks]:
    settings.HEADEND_WEBHOOK_PRIVATE_HOSTS = True
    hooks = Hooks(receiver)
    hooks.add(events=["channel.paused"])
    yield hooks


def told(hooks: Hooks) -> list[str]:
    return [each["data"]["reason"] for each in hooks.receiver.taken]


def test_many_who_write_out_and_send_at_once_send_each_event_once_and_in_order(crowd: Hooks):
    for number in range(60):
        happens(reason=str(number))
    no_errors(together(*[crowd.look] * 4))
    crowd.look()
    assert told(crowd) == [str(number) for number in range(60)]
    assert set(WebhookDelivery.objects.values_list("outcome", "attempts")) == {(DeliveryOutcome.DELIVERED, 1)}


def test_what_is_committed_late_under_a_lower_id_is_sent_all_the_same(crowd: Hooks):
    written, commit = threading.Event(), threading.Event()
    channel = factories.ChannelFactory()

    def late():
        with audit.acting_as(audit.Acting("anna")), transaction.atomic():
            audit.record("channel_paused", channel, after={"state": "paused"}, reason="late")
            written.set()
            assert commit.wait(PATIENCE_SECONDS)

    def others():
        assert written.wait(PATIENCE_SECONDS)
        try:
            happens(subject=channel, reason="early")
            crowd.look()
        finally:
            commit.set()

    no_errors(together(late, others))
    assert told(crowd) == ["early"]
    crowd.look()
    assert told(crowd) == ["early", "late"]


SENDER = """
import django; django.setup()
from orchestration.models import WebhookEndpoint
from orchestration.webhooks import deliveries
deliveries.send_due(WebhookEndpoint.objects.get().pk)
"""


def test_what_a_killed_sender_sent_and_did_not_note_is_sent_once_more_with_the_same_id(crowd: Hooks):
    for number in range(3):
        happens(reason=str(number))
    sealing.seal()
    row = WebhookEndpoint.objects.get()
    deliveries.write_out_all(row.pk)
    crowd.receiver.hold = threading.Event()
    database = connection.settings_dict
    login = f"{database['USER']}:{database['PASSWORD']}@{database['HOST']}:{database['PORT'] or 5432}"
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgres://{login}/{database['NAME']}",
        "HEADEND_ENCRYPTION_KEYS": ",".join(settings.HEADEND_ENCRYPTION_KEYS),
        "HEADEND_WEBHOOK_PRIVATE_HOSTS": "yes",
    }
    with subprocess.Popen([sys.executable, "-c", SENDER], env=environment, cwd=settings.BASE_DIR) as sender:
        assert crowd.receiver.asked.wait(PATIENCE_SECONDS)
        sender.kill()
    crowd.receiver.hold.set()
    crowd.receiver.hold = None
    crowd.look()  # its endpoint is held for a while yet
    assert WebhookDelivery.objects.filter(outcome=DeliveryOutcome.SENDING).count() == 3
    with time_machine.travel(timezone.now() + deliveries.HELD_FOR, tick=True):
        crowd.look()
    assert set(WebhookDelivery.objects.values_list("outcome", flat=True)) == {DeliveryOutcome.DELIVERED}
    assert sorted(told(crowd)) == ["0", "0", "1", "2"]
    ids = [headers["webhook-id"] for headers, _ in crowd.receiver.raw]
    assert ids[0] == ids[1]


def test_one_who_dies_after_writing_out_has_lost_nothing(crowd: Hooks, monkeypatch):
    class Killed(BaseException):
        pass

    def kill(name: str) -> None:
        if name == "webhook.written_out":
            raise Killed

    happens(reason="1")
    sealing.seal()
    with monkeypatch.context() as patch:
        patch.setattr(deliveries.failpoints, "failpoint", kill)
        with pytest.raises(Killed):
            deliveries.write_out_all(WebhookEndpoint.objects.get().pk)
    crowd.look()
    assert told(crowd) == ["1"]


def test_resending_while_others_write_out_loses_nothing(crowd: Hooks):
    since = timezone.now()
    for number in range(30):
        happens(reason=str(number))
    row = WebhookEndpoint.objects.get()
    again = lambda: door().resend_webhook_events(endpoint_id=row.pk, since=since)  # noqa: E731
    no_errors(together(crowd.look, again, crowd.look, again))
    with time_machine.travel(timezone.now() + deliveries.HELD_FOR, tick=True):
        crowd.look()
    assert set(told(crowd)) == {str(number) for number in range(30)}


def test_a_slow_endpoint_holds_no_other(crowd: Hooks, receiver: Receiver, monkeypatch):
    slow, done = threading.Event(), threading.Event()
    first = WebhookEndpoint.objects.get()
    second, _ = crowd.add("second", events=["channel.paused"])
    post = deliveries.calls.post

    def waits(session, url, event_id, body, keys):
        if threading.current_thread().name == f"webhook {first.pk}":
            slow.set()
            assert done.wait(PATIENCE_SECONDS)
        return post(session, url, event_id, body, keys)

    monkeypatch.setattr(deliveries.calls, "post", waits)
    happens()
    deliveries.look()
    assert slow.wait(PATIENCE_SECONDS)
    try:
        assert receiver.asked.wait(PATIENCE_SECONDS)
        assert len(receiver.raw) == 1
    finally:
        done.set()
        for thread in threading.enumerate():
            if thread.name.startswith("webhook "):
                thread.join(PATIENCE_SECONDS)
    assert len(receiver.raw) == 2
    assert set(WebhookDelivery.objects.values_list("endpoint", "outcome")) == {
        (first.pk, DeliveryOutcome.DELIVERED),
        (second.pk, DeliveryOutcome.DELIVERED),
    }
