"""Let time pass over rules and addresses: each step evaluates and sends, as beat would have it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import time_machine
from django.utils import timezone

from channels.models import Channel
from channels.states import ChannelHealth
from orchestration.core.heartbeats import beat
from orchestration.core.permissions import Actor
from orchestration.models import NotificationAddress, NotificationRule, SystemState
from orchestration.notify import addresses, evaluation, outbox, rules
from orchestration.service import CentralOrchestrationService
from orchestration.states import SystemStatus, Trigger
from tests import factories
from tests.receiver import Receiver


def door(scope: str = "admin") -> CentralOrchestrationService:
    return CentralOrchestrationService(actor=Actor("anna", scope), trigger=Trigger.BUTTON)


@dataclass
class Room:
    """A running system, one address that leads to the receiver, and a clock."""

    receiver: Receiver
    clock: time_machine.Traveller

    def address(self, name: str = "ops", **values: Any) -> NotificationAddress:
        return addresses.add_address(name=name, url=values.pop("url", self.receiver.url), **values)

    def rule(self, *to: NotificationAddress, name: str = "all", **values: Any) -> NotificationRule:
        channels = [channel.pk for channel in values.pop("channels", [])]
        ids = [address.pk for address in to] or [self.address().pk]
        return rules.add_rule(rules.RuleValues(name, ids, channel_ids=channels, **values))

    def broken_channel(self, **values: Any) -> Channel:
        return factories.ChannelFactory(
            health=ChannelHealth.FAILING, health_reason="the token is refused", **values
        )

    def mend(self, channel: Channel) -> None:
        Channel.objects.filter(pk=channel.pk).update(health=ChannelHealth.HEALTHY)

    def look(self) -> None:
        """Evaluate and send once, in a system whose processes live."""
        for component in ("beat", "worker"):
            beat(component)
        evaluation.evaluate(timezone.now())
        outbox.send_due()

    def pass_(self, seconds: float = 0, **span: float) -> None:
        self.clock.shift(timedelta(seconds=seconds, **span))
        self.look()

    def settle(self) -> None:
        """Let what has just arisen, or is just over, become certain."""
        self.look()
        self.pass_(61)


def running() -> None:
    SystemState.objects.update_or_create(pk=1, defaults={"state": SystemStatus.RUNNING})
