"""A room from which other machines are told what happens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone
from standardwebhooks.webhooks import Webhook

from channels.models import Channel
from orchestration.core import audit, sealing
from orchestration.models import WebhookDelivery, WebhookEndpoint
from orchestration.register import tokens
from orchestration.webhooks import deliveries
from tests import factories
from tests.orchestration.api_client import ApiClient
from tests.orchestration.notify_room import door
from tests.receiver import Receiver


def happens(verb: str = "channel_paused", subject: Any = None, **details: Any) -> None:
    """Write an entry of the record, as whatever changes something does."""
    subject = subject or Channel.objects.first() or factories.ChannelFactory()
    with audit.acting_as(audit.Acting("anna")), transaction.atomic():
        audit.record(verb, subject, **({"after": {"state": "paused"}} | details))


@dataclass
class Hooks:
    """Endpoints that lead to a receiver, and a clock."""

    receiver: Receiver
    clock: Any = None

    def add(self, name: str = "newsroom", **values: Any) -> tuple[WebhookEndpoint, str]:
        url = values.pop("url", f"http://127.0.0.1:{self.receiver.port}/in")
        if not Channel.objects.exists():
            factories.ChannelFactory()
        row, secret = door().add_webhook_endpoint(name=name, url=url, **values)
        sealing.seal()
        deliveries.write_out_all(row.pk)
        WebhookDelivery.objects.all().delete()
        return row, secret

    def look(self) -> None:
        """Write out and send in this thread, as the clock has it done."""
        sealing.seal()
        for pk in WebhookEndpoint.objects.filter(enabled=True).values_list("pk", flat=True):
            deliveries.write_out_all(pk)
        with audit.acting_as(audit.Acting("webhooks")):
            for pk in deliveries.due(timezone.now()):
                deliveries.send_due(pk)

    def clock_now(self) -> datetime:
        return timezone.now()

    def pass_(self, **span: float) -> None:
        self.clock.shift(timedelta(**span))
        self.look()

    def verified(self, number: int, secret: str) -> dict[str, Any]:
        headers, body = self.receiver.raw[number]
        return Webhook(secret).verify(body, headers)


@pytest.fixture
def hooks(db, receiver: Receiver, settings) -> Iterator[Hooks]:
    settings.HEADEND_WEBHOOK_PRIVATE_HOSTS = True
    with time_machine.travel(datetime(2026, 11, 25, 12, 0, tzinfo=UTC), tick=True) as clock:
        yield Hooks(receiver, clock)


@pytest.fixture
def api(db):
    return ApiClient(tokens.issue("tests", "admin")[1])
