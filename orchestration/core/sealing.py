"""Chain what the record says, after it is committed: one sealer at a time, in blocks, each over the one before.

Entries are written unchained, in the transaction of the change: no writer ever waits for the chain, and a wave of ten
thousand publications costs nothing more. The sealer comes every few seconds, takes the committed entries that no seal
names, and writes their digests and a block over them; no row of the record itself is touched. A late commit with a lower id
is found all the same, since a seal names each entry that it covers.

An entry that says to be older than the last block by more than `LATEST_COMMIT` was not committed late: it is left unsealed,
and `manage.py verify_audit` names it as put in afterwards. Why so: docs/decisions/0008-sealed-record.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import timezone

from orchestration.core import seal_digests
from orchestration.models import Activity, Seal, SealBlock

MOST_ENTRIES = 1000
"""In a block; a transaction of the sealer is no longer than that."""
LATEST_COMMIT = timedelta(hours=1)
"""No transaction takes that long, and no machine's clock differs by that much."""
_SEALING = 7_310_003  # an advisory lock: one sealer at a time


def seal(*, most_blocks: int = 200, now: datetime | None = None) -> int:
    """Seal what is committed and not sealed yet; returns how many entries. Nothing where another sealer is at it."""
    done = 0
    for _ in range(most_blocks):
        written = _next_block(now or timezone.now())
        done += written
        if written < MOST_ENTRIES:
            break
    return done


def last_block() -> SealBlock | None:
    """Return the end of the chain."""
    return SealBlock.objects.order_by("-number").first()


def unsealed(last: SealBlock | None) -> QuerySet[Activity]:
    """Return the entries that wait for the sealer."""
    rows = Activity.objects.filter(~Exists(Seal.objects.filter(entry=OuterRef("pk")))).order_by("pk")
    return rows if last is None else rows.filter(timestamp__gte=last.sealed_at - LATEST_COMMIT)


def put_in_afterwards(last: SealBlock | None) -> QuerySet[Activity]:
    """Return the entries that no seal names and that are too old to have been committed late."""
    if last is None:
        return Activity.objects.none()
    rows = Activity.objects.filter(timestamp__lt=last.sealed_at - LATEST_COMMIT).order_by("pk")
    return rows.filter(~Exists(Seal.objects.filter(entry=OuterRef("pk"))))


def _next_block(now: datetime) -> int:
    with transaction.atomic():
        if not _alone():
            return 0
        last = last_block()
        digests = list(_digests(unsealed(last)[:MOST_ENTRIES]))
        if not digests:
            return 0
        block = SealBlock(
            number=last.number + 1 if last else 1,
            sealed_at=now,
            entries=len(digests),
            first_entry=digests[0][0],
            last_entry=digests[-1][0],
            previous=last.digest if last else "",
        )
        block.digest = seal_digests.of_block(block, digests)
        block.save(force_insert=True)
        Seal.objects.bulk_create(
            Seal(entry=entry, block=block.number, digest=digest) for entry, digest in digests
        )
    return len(digests)


def _digests(rows: QuerySet[Activity]) -> Iterator[tuple[int, str]]:
    for values in rows.values(*seal_digests.FIELDS):
        yield values["id"], seal_digests.of_entry(values)


def _alone() -> bool:
    """Return whether nobody else seals; on SQLite a transaction excludes every other writer anyway."""
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_SEALING])
        return bool(cursor.fetchone()[0])
