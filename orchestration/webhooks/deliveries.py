"""Write out the stream for each endpoint, and send what waits: claimed in one transaction, sent outside any.

At least once. What is new is written out together with the cursor, so a process that dies in between has done nothing. An
endpoint is held by one sender at a time, for a minute, renewed while it sends; what a dead one held is sent once more.
Consumers tell repeats by `webhook-id`. First tries go in the stream's order; what failed is tried again later, alone, while
others go on. An endpoint that answers nothing is left alone for a growing while, and hears one event at a time until it
takes one. Each endpoint has a thread of its own, so that a slow one holds nobody.
"""

from __future__ import annotations

import logging
import random
import threading
import time
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import requests
from django.conf import settings
from django.db import close_old_connections, connection, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from channels.limits import Limit, limited_to
from channels.models import Channel
from channels.secrets import SecretUnreadable
from orchestration.core import audit, failpoints, sealing
from orchestration.models import WebhookDelivery, WebhookEndpoint
from orchestration.models.webhooks import OPEN_DELIVERIES, DeliveryOutcome
from orchestration.states import Trigger
from orchestration.webhooks import calls, payloads, stream

logger = logging.getLogger(__name__)

AT_ONCE = 50
MOST_THREADS = 16
HELD_FOR, RENEW_AFTER = timedelta(seconds=60), timedelta(seconds=15)
TRIED_FOR = timedelta(days=1)
PAUSE, LONGEST_PAUSE = timedelta(seconds=15), timedelta(hours=2)
PAUSED_AFTER = 3
"""Failures one after the other; from then on the endpoint itself is left alone for a while."""
DISABLED_AFTER = timedelta(days=3)
MOST_TRIES_KEPT = 20
WORKS_SECONDS = 20.0
_UNFINISHED = (*OPEN_DELIVERIES, DeliveryOutcome.SENDING)
_busy: set[int] = set()
_lock = threading.Lock()


def may_find() -> bool:
    """Return whether there is anybody to send to; one statement."""
    return WebhookEndpoint.objects.filter(enabled=True).exists()


def look(now: datetime | None = None) -> int:
    """Write out what is new, and begin to send what is due; returns how many events were written out."""
    ids = list(WebhookEndpoint.objects.filter(enabled=True).values_list("pk", flat=True))
    if not ids:
        return 0
    sealing.seal()
    written = sum(write_out_all(pk) for pk in ids)
    for pk in due(now or timezone.now()):
        _start(pk)
    return written


# --------------------------------------------------------------------------------------------------------- writing out


def write_out_all(endpoint_id: int, *, most: int = 40) -> int:
    """Write out what is new for an endpoint, in batches; returns how many entries were looked at."""
    seen = 0
    for _ in range(most):
        step = write_out(endpoint_id)
        seen += step
        if step < stream.AT_ONCE:
            break
    return seen


def write_out(endpoint_id: int) -> int:
    """Write the next batch of the stream into an endpoint's outbox, with its cursor, in one transaction."""
    ahead = WebhookEndpoint.objects.filter(pk=endpoint_id).values_list("cursor_block", "cursor_entry").first()
    if ahead is None or not stream.after(stream.Place(*ahead), 1):
        return 0
    with transaction.atomic():
        row = WebhookEndpoint.objects.locked_where_free().filter(pk=endpoint_id, enabled=True).first()
        if row is None:
            return 0  # another is at it
        places = stream.after(stream.Place(row.cursor_block, row.cursor_entry))
        if not places:
            return 0
        now = timezone.now()
        with limited_to(limit_of(row)):
            events = list(stream.events_of(places, row.events))
        WebhookDelivery.objects.bulk_create(
            [
                WebhookDelivery(
                    endpoint=row,
                    event_id=event.id,
                    entry=event.entry.pk,
                    type=event.type[:80],
                    created_at=now,
                    due_at=now,
                    give_up_at=now + TRIED_FOR,
                )
                for event in events
            ],
            update_conflicts=True,  # what is written out again is sent again
            unique_fields=["endpoint", "event_id"],
            update_fields=["outcome", "due_at", "give_up_at"],
        )
        reached = places[-1][0]
        WebhookEndpoint.objects.filter(pk=row.pk).update(
            cursor_block=reached.block, cursor_entry=reached.entry
        )
    failpoints.failpoint("webhook.written_out")
    return len(places)


def limit_of(row: WebhookEndpoint) -> Limit | None:
    """Return what an endpoint is limited to at this moment; None without a limit."""
    if not row.is_limited:
        return None
    groups = frozenset(row.groups.values_list("pk", flat=True))
    members = Channel.groups.through.objects.filter(channelgroup__in=groups)
    return Limit(groups, frozenset(members.values_list("channel", flat=True)))


# -------------------------------------------------------------------------------------------------------------- sending


def due(now: datetime) -> list[int]:
    """Return the endpoints for which something is due, that nobody holds and that are not left alone."""
    waits = WebhookDelivery.objects.filter(endpoint=OuterRef("pk"), outcome__in=_UNFINISHED, due_at__lte=now)
    rows = WebhookEndpoint.objects.filter(Exists(waits), enabled=True)
    rows = rows.filter(Q(paused_until=None) | Q(paused_until__lte=now))
    return list(rows.filter(Q(held_until=None) | Q(held_until__lte=now)).values_list("pk", flat=True))


def _start(endpoint_id: int) -> None:
    with _lock:
        if endpoint_id in _busy or len(_busy) >= MOST_THREADS:
            return
        _busy.add(endpoint_id)
    threading.Thread(target=_run, args=(endpoint_id,), name=f"webhook {endpoint_id}", daemon=True).start()


def _run(endpoint_id: int) -> None:
    try:
        close_old_connections()
        with audit.acting_as(audit.Acting("webhooks", None, Trigger.BEAT)):
            send_due(endpoint_id)
    except Exception:
        logger.exception("sending to webhook endpoint %s broke off", endpoint_id)
    finally:
        connection.close()
        with _lock:
            _busy.discard(endpoint_id)


def send_due(endpoint_id: int, *, seconds: float = WORKS_SECONDS) -> int:
    """Send what is due to one endpoint, for about so long; returns how many events were sent, taken or not."""
    holder, ends, done = uuid.uuid4().hex, time.monotonic() + seconds, 0
    with requests.Session() as session:
        while time.monotonic() < ends:
            row, rows = claim(endpoint_id, holder)
            if row is None or not rows:
                break
            done += _send_batch(session, row, rows, holder)
    WebhookEndpoint.objects.filter(pk=endpoint_id, held_by=holder).update(held_by="", held_until=None)
    return done


def claim(endpoint_id: int, holder: str) -> tuple[WebhookEndpoint | None, list[WebhookDelivery]]:
    """Hold an endpoint, and take the next events for it; one, as long as it fails."""
    now = timezone.now()
    with transaction.atomic():
        row = WebhookEndpoint.objects.locked_where_free().filter(pk=endpoint_id, enabled=True).first()
        if row is None or (row.held_by not in ("", holder) and row.held_until and row.held_until > now):
            return None, []
        if row.paused_until and row.paused_until > now:
            return row, []
        mine = WebhookDelivery.objects.filter(endpoint=row)
        mine.filter(outcome=DeliveryOutcome.SENDING).exclude(entry=None).update(
            outcome=DeliveryOutcome.RETRYING,
            due_at=now,
            error="Its sender died while sending; it is sent once more and may arrive twice.",
        )
        lost_tests = mine.filter(outcome=DeliveryOutcome.SENDING, entry=None, created_at__lt=now - HELD_FOR)
        lost_tests.update(outcome=DeliveryOutcome.GIVEN_UP, error="Its sender died while sending.")
        mine.filter(outcome__in=OPEN_DELIVERIES, give_up_at__lte=now).update(
            outcome=DeliveryOutcome.GIVEN_UP,
            error=f"It was not taken within a day. {row.last_error}"[:300],
        )
        most = 1 if row.failures else AT_ONCE
        rows = list(mine.filter(outcome__in=OPEN_DELIVERIES, due_at__lte=now).order_by("id")[:most])
        taken = {"outcome": DeliveryOutcome.SENDING, "tried_at": now}
        mine.filter(pk__in=[each.pk for each in rows]).update(attempts=F("attempts") + 1, **taken)
        WebhookEndpoint.objects.filter(pk=row.pk).update(
            held_by=holder if rows else "", held_until=now + HELD_FOR if rows else None
        )
        for each in rows:
            each.attempts += 1
            each.outcome, each.tried_at = DeliveryOutcome.SENDING, now
    return row, rows


def _send_batch(
    session: requests.Session, row: WebhookEndpoint, rows: Sequence[WebhookDelivery], holder: str
) -> int:
    """Send claimed events one after the other; after a failure the others are put back."""
    held = timezone.now()
    bodies = _bodies(row, rows)
    for done, delivery in enumerate(rows, 1):
        now = timezone.now()
        if now - held > RENEW_AFTER:
            if not _renew(row, holder, now):
                return done - 1
            held = now
        body = bodies.get(delivery.event_id)
        if body is None:
            _give_up(delivery, "The record does not hold its entry any more.")
            continue
        answer = _call(session, row, delivery, body)
        failpoints.failpoint("webhook.sent")
        if not settle(row, delivery, answer):
            left = [each.pk for each in rows[done:]]
            WebhookDelivery.objects.filter(pk__in=left, outcome=DeliveryOutcome.SENDING).update(
                outcome=DeliveryOutcome.WAITING, attempts=F("attempts") - 1
            )
            return done
    return len(rows)


def _bodies(row: WebhookEndpoint, rows: Sequence[WebhookDelivery]) -> dict[str, bytes]:
    places = [(stream.Place(0, each.entry), each.event_id) for each in rows if each.entry is not None]
    with limited_to(limit_of(row)):
        documents = payloads.documents(list(stream.events_of(places)))
    return {document["data"]["id"]: calls.body_of(document) for document in documents}


def body_of(delivery: WebhookDelivery) -> bytes | None:
    """Return what a delivery sends; None if the record does not hold its entry any more, or it is a test."""
    return _bodies(delivery.endpoint, [delivery]).get(delivery.event_id)


def _renew(row: WebhookEndpoint, holder: str, now: datetime) -> bool:
    return bool(
        WebhookEndpoint.objects.filter(pk=row.pk, held_by=holder, enabled=True).update(
            held_until=now + HELD_FOR
        )
    )


def _call(
    session: requests.Session, row: WebhookEndpoint, delivery: WebhookDelivery, body: bytes
) -> calls.Answer:
    try:
        keys = [row.opened("secret")]
        if row.older_secret_until and row.older_secret_until > timezone.now():
            keys.append(row.opened("older_secret"))
        url = row.opened("url")
    except SecretUnreadable:
        return calls.Answer("The stored address or secret cannot be decrypted; enter it again.")
    return calls.post(session, url, delivery.event_id, body, keys)


def send_test(row: WebhookEndpoint, delivery: WebhookDelivery) -> None:
    """Send a test, and write what became of it; one that arrives ends an endpoint's pause."""
    document = payloads.of_test(delivery.event_id, row.name, delivery.created_at)
    with requests.Session() as session:
        answer = _call(session, row, delivery, calls.body_of(document))
    settle(row, delivery, answer)


def settle(row: WebhookEndpoint, delivery: WebhookDelivery, answer: calls.Answer) -> bool:
    """Write the outcome of one try, unless the event was taken from us meanwhile; returns whether it arrived."""
    now = timezone.now()
    tries = [*delivery.tries, _told(now, answer)][-MOST_TRIES_KEPT:]
    values: dict[str, Any] = {
        "tried_at": now,
        "status": answer.status,
        "answer": answer.said,
        "duration_ms": answer.duration_ms,
        "error": answer.error,
        "tries": tries,
    }
    mine = WebhookDelivery.objects.filter(pk=delivery.pk, outcome=DeliveryOutcome.SENDING)
    if not answer.error:
        mine.update(outcome=DeliveryOutcome.DELIVERED, **values)
        if row.failures or row.last_error:
            WebhookEndpoint.objects.filter(pk=row.pk).update(
                failures=0, failing_since=None, paused_until=None, last_error=""
            )
        return True
    is_test = delivery.entry is None
    pause = _pause(delivery.attempts, answer.wait_seconds)
    over = is_test or now + pause > delivery.give_up_at or answer.is_gone
    outcome = DeliveryOutcome.GIVEN_UP if over else DeliveryOutcome.RETRYING
    logger.warning("an event did not reach webhook endpoint %s: %s", row.name, answer.error)
    with transaction.atomic():
        mine.update(outcome=outcome, due_at=delivery.due_at if over else now + pause, **values)
        if not is_test:
            _count_failure(row, answer, now)
    return False


def _told(now: datetime, answer: calls.Answer) -> dict[str, Any]:
    return {
        "at": now.isoformat(timespec="milliseconds"),
        "status": answer.status,
        "ms": answer.duration_ms,
        "error": answer.error,
    }


def _pause(attempts: int, wanted: float | None) -> timedelta:
    """Return how long to wait after so many tries: doubled each time, a fifth more or less; never shorter than asked."""
    pause = min(PAUSE * 2 ** min(max(attempts, 1) - 1, 12), LONGEST_PAUSE)
    pause *= random.uniform(0.8, 1.2)  # noqa: S311 - so that not all come back at once
    return max(pause, timedelta(seconds=min(wanted or 0.0, TRIED_FOR.total_seconds())))


def _count_failure(row: WebhookEndpoint, answer: calls.Answer, now: datetime) -> None:
    """Leave an endpoint alone that fails again and again; switch it off if it is gone, or has failed for days."""
    fresh = WebhookEndpoint.objects.locked().filter(pk=row.pk, enabled=True).first()
    if fresh is None:
        return
    fresh.failures += 1
    fresh.failing_since = fresh.failing_since or now
    fresh.last_error = answer.error
    if fresh.failures >= PAUSED_AFTER or answer.wait_seconds:
        fresh.paused_until = now + _pause(max(1, fresh.failures - PAUSED_AFTER + 1), answer.wait_seconds)
    if answer.is_gone:
        _disable(fresh, "It answered 410: it wants no events any more.", now)
    elif now - fresh.failing_since >= DISABLED_AFTER:
        _disable(fresh, f"Nothing has arrived for {DISABLED_AFTER.days} days. {answer.error}", now)
    fresh.save()
    row.failures = fresh.failures


def _disable(row: WebhookEndpoint, why: str, now: datetime) -> None:
    row.enabled, row.disabled_because, row.disabled_at = False, why[:300], now
    audit.record(
        "webhook_endpoint_disabled", row, before={"enabled": True}, after={"enabled": False}, reason=why
    )
    give_up_all(row, f"The endpoint was switched off. {why}")


def _give_up(delivery: WebhookDelivery, why: str) -> None:
    WebhookDelivery.objects.filter(pk=delivery.pk, outcome=DeliveryOutcome.SENDING).update(
        outcome=DeliveryOutcome.GIVEN_UP, error=why
    )


def give_up_all(row: WebhookEndpoint, why: str) -> None:
    """Let nothing wait for an endpoint."""
    rows = WebhookDelivery.objects.filter(endpoint=row, outcome__in=_UNFINISHED)
    rows.update(outcome=DeliveryOutcome.GIVEN_UP, error=why[:300])


def begin_anew(row: WebhookEndpoint) -> None:
    """Forget how an endpoint answered before; the caller saves it."""
    row.failures, row.failing_since, row.paused_until, row.last_error = 0, None, None, ""


def prune(now: datetime | None = None) -> int:
    """Delete what became of old events; called by the clock."""
    oldest = (now or timezone.now()) - timedelta(days=settings.HEADEND_KEEP_WEBHOOK_DAYS)
    rows = WebhookDelivery.objects.filter(created_at__lt=oldest).exclude(outcome__in=_UNFINISHED)
    return rows.delete()[0]
