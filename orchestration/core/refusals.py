"""Keep who was refused in the record, a bounded number of entries whatever they try.

Each refusal raises a counter in the database. The clock tells each counter to the activity log: at once the first time, then
at most once an hour, with how many there were. At most `MOST` callers have a counter of their own at a time; who comes
beyond that is counted together. So the record grows by some fifty entries an hour at most, under any attack.
"""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime, timedelta

from django.db import DatabaseError, transaction
from django.db.models import F
from django.utils import timezone

from channels.querysets import Lockable
from orchestration.core import audit
from orchestration.core.audit import Acting, acting_as
from orchestration.models import Refusal, SystemState

logger = logging.getLogger(__name__)
MOST = 50
EVERY = timedelta(hours=1)
OTHERS = "many callers"
CALL, LOGIN = "call_refused", "login_failed"


def note(verb: str, who: Acting, *, address: str | None, what: str, now: datetime | None = None) -> None:
    """Count a refusal. It never raises: a database that is away must not make another answer of it."""
    now = now or timezone.now()
    try:
        key = _key(verb, who.label, address or "")
        if _count(key, now):
            return
        if Refusal.objects.count() >= MOST:
            who, address, what = Acting(OTHERS, None, who.trigger), None, ""
            key = _key(verb, OTHERS, "")
            if _count(key, now):
                return
        Refusal.objects.get_or_create(
            key=key,
            defaults={
                "verb": verb,
                "actor_label": who.label[:150],
                "actor_id": who.user_id,
                "trigger": who.trigger,
                "address": address,
                "what": what[:200],
                "first_at": now,
                "last_at": now,
            },
        )
        _count(key, now)
    except DatabaseError:
        logger.exception("a refusal could not be counted")


def tell(now: datetime | None = None) -> int:
    """Write what was counted to the activity log, as each counter is due; returns how many entries."""
    now = now or timezone.now()
    Refusal.objects.filter(count=0, last_at__lt=now - EVERY).delete()
    due = Refusal.objects.filter(count__gt=0).exclude(told_at__gt=now - EVERY)
    told = 0
    for pk in list(due.values_list("pk", flat=True)):
        with transaction.atomic():
            row = Lockable(Refusal).filter(pk=pk, count__gt=0).locked().first()
            if row is not None:
                _write(row)
                Refusal.objects.filter(pk=pk).update(count=0, told_at=now)
                told += 1
    return told


def _write(row: Refusal) -> None:
    state, _ = SystemState.objects.get_or_create(pk=1)
    with acting_as(Acting(row.actor_label, row.actor_id, row.trigger)):
        entry = audit.entry(
            row.verb,
            state,
            after={
                "times": row.count,
                "first_at": row.first_at.isoformat(),
                "last_at": row.last_at.isoformat(),
                "what": row.what,
            },
        )
        entry.remote_addr = row.address
        entry.save()


def _count(key: str, now: datetime) -> bool:
    """Raise a counter; a counter that was told begins anew."""
    anew = Refusal.objects.filter(key=key, count=0).update(count=1, first_at=now, last_at=now)
    return bool(anew or Refusal.objects.filter(key=key).update(count=F("count") + 1, last_at=now))


def _key(*parts: str) -> str:
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()
