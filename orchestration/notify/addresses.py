"""Enter, change, remove and try the addresses to which messages go."""

from __future__ import annotations

import uuid
from typing import Any

from auditlog.context import disable_auditlog
from django.db import transaction
from django.utils import timezone

from orchestration.core import audit, lookup
from orchestration.errors import InvalidRequest
from orchestration.models import Notification, NotificationAddress
from orchestration.models.notify import HEARTBEAT, OPEN_OUTCOMES, NotificationKind, NotificationOutcome
from orchestration.notify import apprise_calls, outbox
from orchestration.notify.names import name_taken, usable_name

TEST_TITLE = "Headend: a test"
TEST_BODY = "This is a test of this address. Nothing is wrong, and nothing has to be done."


def add_address(
    *,
    name: str,
    url: str,
    heartbeat: bool = False,
    enabled: bool = True,
    checked: apprise_calls.Checked | None = None,
) -> NotificationAddress:
    """Enter an address; it is checked first and sealed. Raises: InvalidRequest, naming `name` or `url`."""
    name = usable_name(NotificationAddress, name)
    url = url.strip()
    checked = checked or apprise_calls.check(url, heartbeat=heartbeat)
    with name_taken("address", name), transaction.atomic(), disable_auditlog():
        row = NotificationAddress.objects.create(
            name=name, kind=checked.kind, shown=checked.shown, enabled=enabled
        )
        row.seal(url)
        row.save(update_fields=["url_sealed"])
        audit.record("notification_address_added", row, after=_of_address(row))
    return row


def change_address(
    address_id: int,
    *,
    name: str | None = None,
    url: str | None = None,
    enabled: bool | None = None,
    checked: apprise_calls.Checked | None = None,
) -> NotificationAddress:
    """Change what is given of an address. Raises: NotFound; InvalidRequest, naming `name` or `url`."""
    kind = lookup.one(NotificationAddress, address_id, field="address_id").kind
    if name is not None:
        name = usable_name(NotificationAddress, name, but=address_id)
    if url:
        url = url.strip()
        checked = checked or apprise_calls.check(url, heartbeat=kind == HEARTBEAT)
    with name_taken("address", name or ""), transaction.atomic(), disable_auditlog():
        row = lookup.one(NotificationAddress.objects.locked(), address_id, field="address_id")
        before = _of_address(row)
        row.name = row.name if name is None else name
        row.enabled = row.enabled if enabled is None else enabled
        if url and checked:
            row.kind, row.shown = checked.kind, checked.shown
            row.last_error, row.gave_up_at = "", None
            row.seal(url)
        row.save()
        after = _of_address(row) | ({"url": "changed"} if url else {})
        audit.record("notification_address_changed", row, before=before, after=after)
    return row


def remove_address(address_id: int, reason: str = "") -> None:
    """Remove an address; what waits for it is not sent, the log keeps its name. Raises: NotFound."""
    with transaction.atomic(), disable_auditlog():
        row = lookup.one(NotificationAddress.objects.locked(), address_id, field="address_id")
        row.notifications.filter(outcome__in=OPEN_OUTCOMES).update(
            outcome=NotificationOutcome.WITHDRAWN, error="Its address was removed."
        )
        audit.record("notification_address_removed", row, before=_of_address(row), after={}, reason=reason)
        row.delete()


def test_address(address_id: int) -> Notification:
    """Send a test to an address now, outside any transaction, and return the log's row with its outcome.

    Raises: NotFound; InvalidRequest, if it is a heartbeat, which takes no message.
    """
    address = lookup.one(NotificationAddress, address_id, field="address_id")
    if address.kind == HEARTBEAT:
        raise InvalidRequest(
            f"{address} is a heartbeat: it is called, and takes no message.", field="address_id"
        )
    now = timezone.now()
    with transaction.atomic():
        row = Notification.objects.create(
            once=f"test:{uuid.uuid4().hex}",
            kind=NotificationKind.TEST,
            address=address,
            address_name=address.name,
            title=TEST_TITLE,
            body=TEST_BODY,
            outcome=NotificationOutcome.SENDING,
            created_at=now,
            due_at=now,
            claimed_at=now,
            attempts=1,
            message_id=uuid.uuid4().hex,
        )
        audit.record("notification_address_tested", address, after={"notification": row.pk})
    outbox.send([row])
    row.refresh_from_db()
    return row


test_address.__test__ = False  # type: ignore[attr-defined]  # pytest takes it for a test where it is imported


def _of_address(row: NotificationAddress) -> dict[str, Any]:
    return {"name": row.name, "kind": row.kind, "shown": row.shown, "enabled": row.enabled}
