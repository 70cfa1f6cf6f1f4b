"""Give one effect and one answer to requests that carry the same Idempotency-Key.

The record and the effect share a transaction: a crash leaves neither, so a repeat starts afresh; a concurrent
repeat waits at the record's unique constraint and then reads the first one's answer.

A request that looks at the network before it writes may not lie inside a transaction. Its record is committed
first, *apart*, and a repeat is refused until the answer stands; after a crash the key can be used again once
`UNDER_WAY_FOR` has passed. Such requests must be safe to double by a unique constraint of their own.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

from orchestration.errors import IdempotencyConflict, InvalidRequest
from orchestration.models import IdempotencyRecord

KEPT_FOR = timedelta(hours=24)
UNDER_WAY_FOR = timedelta(minutes=2)
WAIT_SECONDS = 20
PURGED_AT_ONCE = 100
MAX_KEY_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """What was, or is to be, answered. One that is not `final` had no effect and leaves its key free."""

    status: int
    body: str
    headers: dict[str, str] = field(default_factory=dict)
    final: bool = True
    replayed: bool = False


def check_key(key: str) -> str:
    """Return the key if it can be used. Raises: InvalidRequest."""
    if not key or len(key) > MAX_KEY_LENGTH or not key.isascii() or not key.isprintable():
        raise InvalidRequest(
            f"An Idempotency-Key has 1 to {MAX_KEY_LENGTH} printable ASCII characters.",
            field="Idempotency-Key",
        )
    return key


def fingerprint(method: str, path: str, body: bytes) -> str:
    """Return a keyed SHA-256 of a request; two JSON bodies that differ in order or white space only are the same.

    Keyed, since a body may hold a password: from a plain hash one could find it by trying.
    """
    with suppress(ValueError, RecursionError):  # not JSON: the bytes themselves count
        body = json.dumps(json.loads(body), sort_keys=True, separators=(",", ":")).encode()
    text = b"\n".join((method.encode(), path.encode(), body))
    return salted_hmac("orchestration.api.idempotency", text, algorithm="sha256").hexdigest()


def once(
    caller: str, key: str, request_fingerprint: str, run: Callable[[], Answer], *, apart: bool = False
) -> Answer:
    """Return the answer given to this key before, or run the request and keep its answer with its effect.

    Raises: IdempotencyConflict, if the key came with another request, or its first request is still under way.
    """
    answer = _replay(caller, key, request_fingerprint)
    if answer is None:
        try:
            keep = _run_apart if apart else _run_and_keep
            answer = keep(caller, key, request_fingerprint, run)
        except _AlreadyThere:
            answer = _replay(caller, key, request_fingerprint)
            if answer is None:  # the first request ended without an effect just now
                raise IdempotencyConflict(
                    "Another request with this Idempotency-Key was under way; send it again.",
                    field="Idempotency-Key",
                ) from None
    return answer


def purge() -> int:
    """Delete some records older than a day; called after each new record, so they never pile up."""
    old = IdempotencyRecord.objects.filter(created_at__lt=timezone.now() - KEPT_FOR)
    count, _ = IdempotencyRecord.objects.filter(
        pk__in=list(old.values_list("pk", flat=True)[:PURGED_AT_ONCE])
    ).delete()
    return count


class _AlreadyThere(Exception):
    """Somebody else's record for the key was committed first."""


def _replay(caller: str, key: str, request_fingerprint: str) -> Answer | None:
    record = IdempotencyRecord.objects.filter(caller=caller, key=key).first()
    if record is None:
        return None
    age = timezone.now() - record.created_at
    if age > KEPT_FOR or (record.status_code is None and age > UNDER_WAY_FOR):
        record.delete()
        return None
    if record.fingerprint != request_fingerprint:
        raise IdempotencyConflict(
            "This Idempotency-Key was used for another request.", field="Idempotency-Key"
        )
    if record.status_code is None:
        raise IdempotencyConflict(
            "The first request with this Idempotency-Key is still under way.", field="Idempotency-Key"
        )
    kept = record.body or {}
    return Answer(record.status_code, kept.get("body", ""), kept.get("headers") or {}, replayed=True)


def _run_and_keep(caller: str, key: str, request_fingerprint: str, run: Callable[[], Answer]) -> Answer:
    with transaction.atomic():
        record = _insert(caller, key, request_fingerprint)
        answer = run()
        if not answer.final or connection.needs_rollback:
            transaction.set_rollback(True)
            return answer
        _keep(record, answer)
    purge()
    return answer


def _run_apart(caller: str, key: str, request_fingerprint: str, run: Callable[[], Answer]) -> Answer:
    record = _insert(caller, key, request_fingerprint)
    answer = None
    try:
        answer = run()
    finally:
        if answer is not None and answer.final:
            _keep(record, answer)
        else:
            record.delete()
    purge()
    return answer


def _keep(record: IdempotencyRecord, answer: Answer) -> None:
    record.status_code = answer.status
    record.body = {"body": answer.body, "headers": answer.headers}
    record.save(update_fields=["status_code", "body"])


def _insert(caller: str, key: str, request_fingerprint: str) -> IdempotencyRecord:
    """Write the record; on PostgreSQL this waits for a first request that is still under way, but not for ever."""
    bounded = connection.vendor == "postgresql"
    try:
        with transaction.atomic():
            if bounded:
                _set_lock_timeout(f"{WAIT_SECONDS}s")
            record = IdempotencyRecord.objects.create(caller=caller, key=key, fingerprint=request_fingerprint)
            if bounded:
                _set_lock_timeout(None)
    except IntegrityError as error:
        raise _AlreadyThere from error
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != "55P03":  # lock_not_available
            raise
        raise IdempotencyConflict(
            "The first request with this Idempotency-Key is still under way.", field="Idempotency-Key"
        ) from error
    return record


def _set_lock_timeout(value: str | None) -> None:
    with connection.cursor() as cursor:
        if value is None:
            cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
        else:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [value])
