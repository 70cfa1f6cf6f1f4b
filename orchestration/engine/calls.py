"""Keep what a job's attempt asked of the outside: gathered while it works, written once it is over, deleted in time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.db import DatabaseError

from channels.gateways import observed
from orchestration.core import at_work
from orchestration.models import Call, Job

logger = logging.getLogger(__name__)

MOST_OF_AN_ATTEMPT = 200
"""The first so many requests of an attempt are kept; one more line says how many followed."""


@contextmanager
def recorded(job: Job) -> Iterator[None]:
    """Gather the requests made inside, and write them in one statement at the end, outside of the job's transactions.

    What cannot be written is lost: a record of calls must never end a job.
    """
    found: list[observed.Request] = []
    left = 0

    def hear(request: observed.Request) -> None:
        nonlocal left
        if len(found) < MOST_OF_AN_ATTEMPT:
            found.append(request)
        else:
            left += 1

    pk, attempt = job.pk, job.attempts
    try:
        with observed.observing(hear), at_work.on(pk):
            yield
    finally:
        if found:
            _write(pk, attempt, found, left)


def _write(job_id: int, attempt: int, found: list[observed.Request], left: int) -> None:
    rows = [
        Call(
            job_id=job_id,
            attempt=attempt,
            at=each.at,
            method=each.method,
            host=each.host[:255],
            path=each.path,
            status=each.status,
            request_id=each.request_id,
            duration_ms=round(each.seconds * 1000),
            error=each.error[:200],
        )
        for each in found
    ]
    if left:
        rows[-1].error = f"{left} more followed and are not kept"
    try:
        Call.objects.bulk_create(rows)
    except DatabaseError:
        logger.warning("the calls of job %s could not be kept", job_id, exc_info=True)


def prune(now: datetime) -> int:
    """Delete the calls that are older than HEADEND_CALLS_DAYS; returns how many."""
    before = now - timedelta(days=settings.HEADEND_CALLS_DAYS)
    deleted, _ = Call.objects.filter(at__lt=before).delete()
    return deleted
