"""Tell other machines what happens: the stream of events, and the endpoints to which it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet

from orchestration.core import lookup
from orchestration.core.permissions import action
from orchestration.models import WebhookDelivery, WebhookEndpoint
from orchestration.service.base import Door
from orchestration.webhooks import endpoints, reading, stream


class Webhooks(Door):
    """Tell other machines what happens: the stream of events, and the endpoints to which it is sent."""

    @action("read")
    def get_events(
        self,
        *,
        after: str = "",
        since: datetime | None = None,
        types: Sequence[str] = (),
        limit: int = 100,
    ) -> stream.Page:
        """Return the next events after one, or since an instant, oldest first; without either, from the oldest kept."""
        return reading.events(after=after, since=since, types=types, limit=limit)

    @action("admin")
    def get_webhook_endpoints(self) -> list[WebhookEndpoint]:
        """Show the endpoints, by name; of an address only scheme and host."""
        return endpoints.every()

    @action("admin")
    def get_webhook_endpoint(self, *, endpoint_id: int) -> WebhookEndpoint:
        """Show an endpoint."""
        return endpoints.one(endpoint_id)

    @action("admin")
    def get_webhook_deliveries(self) -> QuerySet[WebhookDelivery]:
        """Show what was sent and what waits, newest first."""
        return WebhookDelivery.objects.select_related("endpoint").order_by("-id")

    @action("admin")
    def get_webhook_delivery(self, *, delivery_id: int) -> WebhookDelivery:
        """Show what became of one event."""
        return lookup.one(self.get_webhook_deliveries(), delivery_id, field="delivery_id")

    @action("admin")
    def add_webhook_endpoint(
        self,
        *,
        name: str,
        url: str,
        events: Sequence[str] = (),
        groups: Sequence[str] = (),
        enabled: bool = True,
    ) -> tuple[WebhookEndpoint, str]:
        """Enter an endpoint, which hears what happens from now on; returns its secret, this once."""
        return endpoints.add(name=name, url=url, events=events, groups=groups, enabled=enabled)

    @action("admin")
    def change_webhook_endpoint(
        self,
        *,
        endpoint_id: int,
        name: str | None = None,
        url: str | None = None,
        events: Sequence[str] | None = None,
        groups: Sequence[str] | None = None,
        enabled: bool | None = None,
    ) -> WebhookEndpoint:
        """Change what is given of an endpoint; without `url` the sealed one stays."""
        return endpoints.change(
            endpoint_id, name=name, url=url, events=events, groups=groups, enabled=enabled
        )

    @action("admin")
    def remove_webhook_endpoint(self, *, endpoint_id: int, reason: str = "") -> None:
        """Remove an endpoint with its log; what waits for it is not sent."""
        endpoints.remove(endpoint_id, reason)

    @action("admin")
    def rotate_webhook_secret(
        self, *, endpoint_id: int, overlap_hours: float = 24, reason: str = ""
    ) -> tuple[WebhookEndpoint, str]:
        """Give an endpoint another secret, shown this once; the one before it signs for some hours yet, too."""
        return endpoints.rotate(endpoint_id, overlap_hours, reason)

    @action("admin")
    def test_webhook_endpoint(self, *, endpoint_id: int) -> WebhookDelivery:
        """Send a test to an endpoint now, and say what became of it."""
        return endpoints.try_out(endpoint_id)

    @action("admin")
    def resend_webhook_delivery(self, *, delivery_id: int) -> WebhookDelivery:
        """Send one event once more."""
        return endpoints.resend(delivery_id)

    @action("admin")
    def resend_webhook_events(self, *, endpoint_id: int, since: datetime) -> WebhookEndpoint:
        """Send everything anew that happened since an instant and that the endpoint wants."""
        return endpoints.resend_since(endpoint_id, since)
