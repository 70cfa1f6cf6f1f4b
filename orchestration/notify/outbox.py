"""Send what waits in the outbox: claim in one transaction, send outside any, write the outcome in another.

At least once: a row whose sender died is sent once more, and says so; a second death is the end of it. What fails is tried
again with growing pauses for a day, then given up, which is a problem of its own.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from channels.secrets import SecretUnreadable
from orchestration.models import Notification, NotificationAddress
from orchestration.models.notify import OPEN_OUTCOMES, NotificationKind, NotificationOutcome
from orchestration.notify import apprise_calls, messages

logger = logging.getLogger(__name__)

SEPARATELY = 3
"""How many messages to one address go one by one; where more wait, all go as one."""
MOST_AT_ONCE = 500
DEAD_AFTER = timedelta(minutes=5)
TRIED_FOR = timedelta(days=1)
PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
WORKS_SECONDS = 20.0
_JOINABLE = (NotificationKind.PROBLEM, NotificationKind.REMINDER, NotificationKind.RECOVERY)
REMOVED = "Its address was removed or switched off."
DIED = "Its sender died twice while sending; nobody knows whether it arrived."


def send_due(now: datetime | None = None, *, seconds: float = WORKS_SECONDS) -> int:
    """Send what is due, for about so long; returns how many messages went out to a service."""
    take_back_from_the_dead(now or timezone.now())
    ends = time.monotonic() + seconds
    done = 0
    waiting = Notification.objects.filter(outcome__in=OPEN_OUTCOMES, due_at__lte=now or timezone.now())
    waiting.filter(address=None).update(outcome=NotificationOutcome.WITHDRAWN, error=REMOVED)
    for address_id in set(waiting.order_by().values_list("address_id", flat=True)) - {None}:
        assert address_id is not None  # noqa: S101 - for the type checker
        while time.monotonic() < ends:
            rows = claim(address_id, now or timezone.now())
            if not rows:
                break
            send(rows)
            done += 1
    return done


def claim(address_id: int, now: datetime) -> list[Notification]:
    """Take the next message to an address, or several as one; none beyond the rate, and none that others hold."""
    with transaction.atomic():
        address = NotificationAddress.objects.locked_where_free().filter(pk=address_id).first()
        due = Notification.objects.filter(
            address_id=address_id, outcome__in=OPEN_OUTCOMES, due_at__lte=now
        ).order_by("due_at", "id")
        if address is None:
            return []  # another sends to it, or it was removed a moment ago
        if not address.enabled:
            due.update(outcome=NotificationOutcome.WITHDRAWN, error=REMOVED)
            return []
        lately = Notification.objects.filter(
            address=address, claimed_at__gt=now - timedelta(minutes=1), message_id__gt=""
        )
        if lately.order_by().values("message_id").distinct().count() >= settings.HEADEND_NOTIFY_PER_MINUTE:
            return []
        rows = _next(list(due.select_related("address")[:MOST_AT_ONCE]))
        if not rows:
            return []
        taken = {
            "outcome": NotificationOutcome.SENDING,
            "claimed_at": now,
            "message_id": uuid.uuid4().hex,
        }
        Notification.objects.filter(pk__in=[row.pk for row in rows]).update(
            attempts=F("attempts") + 1, **taken
        )
        for row in rows:
            row.attempts += 1
            for name, value in taken.items():
                setattr(row, name, value)
        return rows


def _next(due: Sequence[Notification]) -> list[Notification]:
    joinable = [row for row in due if row.kind in _JOINABLE]
    if len(joinable) > SEPARATELY:
        return joinable
    return list(due[:1])


def send(rows: Sequence[Notification]) -> str:
    """Send claimed rows as one message, outside any transaction, and write what became of it; returns the error."""
    address = rows[0].address
    assert address is not None  # noqa: S101 - it was claimed by its address
    title, body, html, severity = rows[0].title, rows[0].body, rows[0].html, rows[0].severity
    if len(rows) > 1:
        title, body, severity = messages.joined(rows)
    if any(row.broken_off for row in rows):
        body = f"{body}\n\n{messages.AGAIN}"
    try:
        error = apprise_calls.send(address.url, title=title, body=body, html=html, severity=severity)
    except SecretUnreadable:
        error = "The stored address cannot be decrypted; enter it again."
    _settle(rows, address, error)
    return error


def _settle(rows: Sequence[Notification], address: NotificationAddress, error: str) -> None:
    """Write the outcome of one try, unless the rows were taken from us meanwhile."""
    now = timezone.now()
    mine = Notification.objects.filter(message_id=rows[0].message_id, outcome=NotificationOutcome.SENDING)
    with transaction.atomic():
        if not error:
            mine.update(outcome=NotificationOutcome.SENT, sent_at=now, error="")
            NotificationAddress.objects.filter(pk=address.pk).update(
                last_tried_at=now, last_error="", gave_up_at=None
            )
            return
        logger.warning("a notification to %s did not arrive: %s", address.name, error)
        NotificationAddress.objects.filter(pk=address.pk).update(last_tried_at=now, last_error=error)
        for row in rows:
            _put_off(row, error, now)


def _put_off(row: Notification, error: str, now: datetime) -> None:
    """Try again later, or give up after a day."""
    ends = row.give_up_at or now + TRIED_FOR
    pause = min(PAUSE * 2 ** min(row.attempts - 1, 10), LONGEST_PAUSE)
    over = now + pause > ends or row.kind == NotificationKind.TEST
    changed = Notification.objects.filter(
        pk=row.pk, message_id=row.message_id, outcome=NotificationOutcome.SENDING
    ).update(
        outcome=NotificationOutcome.GIVEN_UP if over else NotificationOutcome.RETRYING,
        due_at=row.due_at if over else now + pause,
        give_up_at=ends,
        error=error[:300],
    )
    if changed and over and row.kind != NotificationKind.TEST and row.address_id:
        NotificationAddress.objects.filter(pk=row.address_id, gave_up_at=None).update(gave_up_at=now)


def take_back_from_the_dead(now: datetime) -> int:
    """Put back what a dead sender held, once; returns how many rows that were."""
    lost = Notification.objects.filter(outcome=NotificationOutcome.SENDING, claimed_at__lt=now - DEAD_AFTER)
    lost.filter(broken_off__gte=1).update(outcome=NotificationOutcome.GIVEN_UP, error=DIED)
    return lost.filter(broken_off=0).update(
        outcome=NotificationOutcome.RETRYING,
        broken_off=1,
        due_at=now,
        error="Its sender died while sending; it is sent once more and may arrive twice.",
    )
