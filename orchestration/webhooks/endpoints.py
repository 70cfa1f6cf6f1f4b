"""Enter, change, remove and try endpoints, give them other secrets, and send again what they missed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from auditlog.context import disable_auditlog
from django.db import IntegrityError, transaction
from django.utils import timezone

from channels.secrets import SecretUnreadable
from orchestration.core import audit, lookup, scope
from orchestration.errors import IllegalTransition, InvalidRequest
from orchestration.models import WebhookDelivery, WebhookEndpoint
from orchestration.models.webhooks import OPEN_DELIVERIES, DeliveryOutcome
from orchestration.notify.names import usable_name
from orchestration.webhooks import calls, deliveries, signing, stream
from orchestration.webhooks.event_types import TEST, check_patterns

MOST_ENDPOINTS = 50
MOST_OVERLAP_HOURS = 168


def every() -> list[WebhookEndpoint]:
    """Return all endpoints, by name."""
    return list(WebhookEndpoint.objects.prefetch_related("groups").order_by("name"))


def one(endpoint_id: int) -> WebhookEndpoint:
    """Return an endpoint. Raises: NotFound."""
    return lookup.one(WebhookEndpoint, endpoint_id, field="endpoint_id")


def add(
    *,
    name: str,
    url: str,
    events: Sequence[str] = (),
    groups: Sequence[str] = (),
    enabled: bool = True,
    shown: str = "",
) -> tuple[WebhookEndpoint, str]:
    """Enter an endpoint, which hears what happens from now on; returns its secret, this once.

    Raises: InvalidRequest, naming `name`, `url` or `events`; NotFound, naming `groups`.
    """
    name, url = usable_name(WebhookEndpoint, name), url.strip()
    shown = shown or calls.check(url)
    wanted, within = check_patterns(list(events)), scope.check_groups(groups)
    if WebhookEndpoint.objects.count() >= MOST_ENDPOINTS:
        raise InvalidRequest(f"There are {MOST_ENDPOINTS} endpoints already.", field="name")
    secret, place = signing.new_secret(), stream.end()
    try:
        with transaction.atomic(), disable_auditlog():
            row = WebhookEndpoint.objects.create(
                name=name,
                shown=shown,
                events=wanted,
                enabled=enabled,
                is_limited=bool(within),
                created_by=audit.acting().label[:150],
                cursor_block=place.block,
                cursor_entry=place.entry,
            )
            row.groups.set(within)
            row.seal("url", url)
            row.seal("secret", secret)
            row.save()
            audit.record("webhook_endpoint_added", row, after=_of(row))
    except IntegrityError as error:
        raise InvalidRequest(f"There is a webhook endpoint named {name} already.", field="name") from error
    return row, secret


def change(
    endpoint_id: int,
    *,
    name: str | None = None,
    url: str | None = None,
    events: Sequence[str] | None = None,
    groups: Sequence[str] | None = None,
    enabled: bool | None = None,
) -> WebhookEndpoint:
    """Change what is given of an endpoint. Switched on, it hears what happens from now on; switched off, nothing waits.

    Raises: NotFound; InvalidRequest, naming `name`, `url` or `events`.
    """
    one(endpoint_id)
    if name is not None:
        name = usable_name(WebhookEndpoint, name, but=endpoint_id)
    url = (url or "").strip()
    shown = calls.check(url) if url else ""
    wanted = None if events is None else check_patterns(list(events))
    within = None if groups is None else scope.check_groups(groups)
    try:
        with transaction.atomic(), disable_auditlog():
            row = lookup.one(WebhookEndpoint.objects.locked(), endpoint_id, field="endpoint_id")
            before, was_on = _of(row), row.enabled
            row.name = row.name if name is None else name
            row.events = row.events if wanted is None else wanted
            row.enabled = row.enabled if enabled is None else enabled
            if within is not None:
                row.groups.set(within)
                row.is_limited = bool(within)
            if url:
                row.shown = shown
                row.seal("url", url)
            if url or (row.enabled and not was_on):
                deliveries.begin_anew(row)
            if row.enabled and not was_on:
                row.disabled_because, row.disabled_at = "", None
                place = stream.end()
                row.cursor_block, row.cursor_entry = place.block, place.entry
            elif was_on and not row.enabled:
                deliveries.give_up_all(row, "The endpoint was switched off.")
            row.save()
            after = _of(row) | ({"url": "changed"} if url else {})
            audit.record("webhook_endpoint_changed", row, before=before, after=after)
    except IntegrityError as error:
        raise InvalidRequest(f"There is a webhook endpoint named {name} already.", field="name") from error
    return row


def remove(endpoint_id: int, reason: str = "") -> None:
    """Remove an endpoint with its deliveries; what waits is not sent. Raises: NotFound."""
    with transaction.atomic(), disable_auditlog():
        row = lookup.one(WebhookEndpoint.objects.locked(), endpoint_id, field="endpoint_id")
        audit.record("webhook_endpoint_removed", row, before=_of(row), after={}, reason=reason)
        row.delete()


def rotate(endpoint_id: int, overlap_hours: float = 24, reason: str = "") -> tuple[WebhookEndpoint, str]:
    """Give an endpoint another secret and return it, this once; the one before it signs for some hours yet, too.

    Raises: NotFound; InvalidRequest, naming `overlap_hours`.
    """
    if not 0 <= overlap_hours <= MOST_OVERLAP_HOURS:
        raise InvalidRequest(
            f"The secret before it signs for 0 to {MOST_OVERLAP_HOURS} hours yet, not {overlap_hours:g}.",
            field="overlap_hours",
        )
    secret = signing.new_secret()
    with transaction.atomic(), disable_auditlog():
        row = lookup.one(WebhookEndpoint.objects.locked(), endpoint_id, field="endpoint_id")
        older = _older(row) if overlap_hours else ""
        row.seal("older_secret", older)
        row.older_secret_until = timezone.now() + timedelta(hours=overlap_hours) if older else None
        row.seal("secret", secret)
        row.save()
        after = {"overlap_hours": overlap_hours}
        audit.record("webhook_secret_rotated", row, after=after, reason=reason)
    return row, secret


def _older(row: WebhookEndpoint) -> str:
    """Return the secret that is to be replaced; empty, if no key opens it any more."""
    try:
        return row.opened("secret")
    except SecretUnreadable:
        return ""


def try_out(endpoint_id: int) -> WebhookDelivery:
    """Send a test to an endpoint now, outside any transaction; returns it with its outcome. Raises: NotFound."""
    row, now = one(endpoint_id), timezone.now()
    with transaction.atomic():
        delivery = WebhookDelivery.objects.create(
            endpoint=row,
            event_id=f"test-{uuid.uuid4().hex}",
            type=TEST,
            outcome=DeliveryOutcome.SENDING,
            attempts=1,
            created_at=now,
            due_at=now,
            give_up_at=now,
        )
        audit.record("webhook_endpoint_tested", row, after={"delivery": delivery.pk})
    deliveries.send_test(row, delivery)
    delivery.refresh_from_db()
    return delivery


def resend(delivery_id: int) -> WebhookDelivery:
    """Let an event be sent once more, whatever became of it. Raises: NotFound; IllegalTransition; InvalidRequest."""
    with transaction.atomic():
        delivery = lookup.one(WebhookDelivery.objects.locked(), delivery_id, field="delivery_id")
        _require_on(delivery.endpoint)
        if delivery.entry is None:
            raise InvalidRequest("A test is not sent again; make another.", field="delivery_id")
        if delivery.outcome == DeliveryOutcome.SENDING:
            raise IllegalTransition("It is being sent at this moment.", state=delivery.outcome)
        now = timezone.now()
        delivery.outcome, delivery.due_at = DeliveryOutcome.WAITING, now
        delivery.give_up_at, delivery.error = now + deliveries.TRIED_FOR, ""
        delivery.save()
        audit.record(
            "webhook_delivery_resent",
            delivery.endpoint,
            after={"delivery": delivery.pk, "event": delivery.event_id},
        )
    return delivery


def resend_since(endpoint_id: int, since: datetime) -> WebhookEndpoint:
    """Go back in the stream: send everything anew that happened at or after an instant, and that the endpoint wants.

    Raises: NotFound; IllegalTransition, if it is switched off; InvalidRequest, naming `since`.
    """
    if since > timezone.now():
        raise InvalidRequest("This instant is yet to come.", field="since")
    with transaction.atomic(), disable_auditlog():
        row = lookup.one(WebhookEndpoint.objects.locked(), endpoint_id, field="endpoint_id")
        _require_on(row)
        place = min(stream.place_since(since), stream.Place(row.cursor_block, row.cursor_entry))
        row.cursor_block, row.cursor_entry = place.block, place.entry
        deliveries.begin_anew(row)
        row.save()
        audit.record("webhook_events_resent", row, after={"since": since.isoformat()})
    return row


def waiting(row: WebhookEndpoint) -> int:
    """Return how many events wait for an endpoint."""
    return row.deliveries.filter(outcome__in=OPEN_DELIVERIES).count()


def _require_on(row: WebhookEndpoint) -> None:
    if not row.enabled:
        raise IllegalTransition(f"{row.name} is switched off; switch it on first.", state="disabled")


def _of(row: WebhookEndpoint) -> dict[str, Any]:
    return {
        "name": row.name,
        "shown": row.shown,
        "events": row.events,
        "groups": sorted(group.slug for group in row.groups.all()),
        "enabled": row.enabled,
    }
