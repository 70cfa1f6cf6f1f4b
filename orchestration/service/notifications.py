"""Tell people what happens: addresses, rules and silences."""

from __future__ import annotations

from datetime import datetime

from orchestration.core.permissions import action
from orchestration.models import (
    Notification,
    NotificationAddress,
    NotificationRule,
    Silence,
)
from orchestration.notify import addresses, board, silences
from orchestration.notify import rules as notify_rules
from orchestration.service.base import Door


class Notifications(Door):
    """Tell people what happens: addresses, rules and silences."""

    @action("read")
    def get_notification_board(self) -> board.NotificationBoard:
        """Show who is told what: addresses, rules, silences, and what stands and is told."""
        return board.show()

    @action("admin")
    def add_notification_address(
        self, *, name: str, url: str, heartbeat: bool = False, enabled: bool = True
    ) -> NotificationAddress:
        """Enter an Apprise address, or one that is called as long as Headend works; it is checked, and sealed."""
        return addresses.add_address(name=name, url=url, heartbeat=heartbeat, enabled=enabled)

    @action("admin")
    def change_notification_address(
        self, *, address_id: int, name: str | None = None, url: str | None = None, enabled: bool | None = None
    ) -> NotificationAddress:
        """Change what is given of an address; without `url` the sealed one stays."""
        return addresses.change_address(address_id, name=name, url=url, enabled=enabled)

    @action("admin")
    def remove_notification_address(self, *, address_id: int, reason: str = "") -> None:
        """Remove an address; what waits for it is not sent."""
        addresses.remove_address(address_id, reason)

    @action("operate")
    def test_notification_address(self, *, address_id: int) -> Notification:
        """Send a test to an address now, and say what became of it."""
        return addresses.test_address(address_id)

    @action("admin")
    def add_notification_rule(self, *, values: notify_rules.RuleValues) -> NotificationRule:
        """Enter a rule: which problems are told to which addresses, and when."""
        return notify_rules.add_rule(values)

    @action("admin")
    def change_notification_rule(self, *, rule_id: int, values: notify_rules.RuleValues) -> NotificationRule:
        """Give a rule all its values anew."""
        return notify_rules.change_rule(rule_id, values)

    @action("admin")
    def remove_notification_rule(self, *, rule_id: int, reason: str = "") -> None:
        """Remove a rule."""
        notify_rules.remove_rule(rule_id, reason)

    @action("operate")
    def add_silence(
        self,
        *,
        until: datetime,
        kind: str = "",
        channel_id: int | None = None,
        group: str = "",
        cause: str = "",
        reason: str = "",
    ) -> Silence:
        """Tell nobody of something until an end; what stands then is told then. `group` is a group's slug."""
        return silences.add_silence(
            until=until, kind=kind, channel_id=channel_id, group=group, cause=cause, reason=reason
        )

    @action("operate")
    def end_silence(self, *, silence_id: int, reason: str = "") -> Silence:
        """End a silence now."""
        return silences.end_silence(silence_id, reason)
