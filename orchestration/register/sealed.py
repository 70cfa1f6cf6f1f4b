"""Encrypt what is stored sealed with the newest key, so that an older one can be dropped.

Every sealed field stands in `FIELDS`; a test holds the list against the models. Rows are taken by their id in small batches,
and each is written only if it is still what was read: nothing is locked, nothing waits, and whoever seals a new secret
meanwhile wins. What is done is seen from the stored text itself, so that a call that was broken off is simply made again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import models, transaction

from channels import secrets
from channels.models import Credential
from orchestration.core import audit
from orchestration.errors import InvalidRequest
from orchestration.models import (
    Distribution,
    NotificationAddress,
    SecondFactor,
    Source,
    SystemState,
    WebhookEndpoint,
)

BATCH = 100


@dataclass(frozen=True, slots=True)
class SealedField:
    """One field that is stored sealed, and what a row's seal is bound to."""

    model: type[models.Model]
    name: str
    bound_to: Callable[[Any], str]

    @property
    def label(self) -> str:
        return f"{self.model._meta.label_lower}.{self.name}"


FIELDS = (
    SealedField(Credential, "client_secret_sealed", lambda row: row.bound_to("client_secret")),
    SealedField(Credential, "refresh_token_sealed", lambda row: row.bound_to("refresh_token")),
    SealedField(Source, "access_sealed", lambda row: row.bound_to()),
    SealedField(Distribution, "upload_session_sealed", lambda row: row.bound_to()),
    SealedField(SecondFactor, "secret_sealed", lambda row: row.bound_to()),
    SealedField(NotificationAddress, "url_sealed", lambda row: row.bound_to()),
    SealedField(WebhookEndpoint, "url_sealed", lambda row: row.bound_to("url")),
    SealedField(WebhookEndpoint, "secret_sealed", lambda row: row.bound_to("secret")),
    SealedField(WebhookEndpoint, "older_secret_sealed", lambda row: row.bound_to("older_secret")),
)


@dataclass(frozen=True, slots=True)
class SealedCount:
    """How many values of a field a key holds; `place` is the key's in the list from 1 on, 0: it is not configured."""

    field: str
    key: str
    place: int
    count: int


@dataclass(slots=True)
class Resealed:
    """What a call has encrypted anew, left because it was already, and could not read, by name."""

    done: int = 0
    current: int = 0
    unreadable: list[str] = field(default_factory=list)


def counted() -> list[SealedCount]:
    """Return how many values each key holds; reads every sealed value, and opens none."""
    known = secrets.ids()
    found = []
    for sealed in FIELDS:
        by_key: dict[str, int] = {}
        for row in _rows(sealed, BATCH * 10):
            key = secrets.sealed_with(getattr(row, sealed.name))
            by_key[key] = by_key.get(key, 0) + 1
        found += [
            SealedCount(sealed.label, key, known.index(key) + 1 if key in known else 0, count)
            for key, count in sorted(by_key.items())
        ]
    return found


def reseal(*, batch: int = BATCH, reason: str = "") -> Resealed:
    """Encrypt with the newest key what is encrypted with another. Raises: InvalidRequest, with `batch` as its field."""
    if not 1 <= batch <= 10_000:
        raise InvalidRequest(f"A batch has from 1 to 10,000 rows, not {batch}.", field="batch")
    newest, told = secrets.ids()[0], Resealed()
    for sealed in FIELDS:
        for row in _rows(sealed, batch):
            _reseal_one(sealed, row, newest, told)
    if told.done or told.unreadable:
        with transaction.atomic():
            after = {"done": told.done, "unreadable": len(told.unreadable), "key": newest}
            audit.record(
                "reseal_secrets", SystemState.objects.get_or_create(pk=1)[0], after=after, reason=reason
            )
    return told


def _reseal_one(sealed: SealedField, row: models.Model, newest: str, told: Resealed) -> None:
    stored = getattr(row, sealed.name)
    if secrets.sealed_with(stored) == newest:
        told.current += 1
        return
    bound_to = sealed.bound_to(row)
    try:
        fresh = secrets.encrypt(secrets.decrypt(stored, bound_to=bound_to), bound_to=bound_to)
    except secrets.SecretUnreadable:
        told.unreadable.append(bound_to)
        return
    same = sealed.model._base_manager.filter(pk=row.pk, **{sealed.name: stored})
    told.done += same.update(**{sealed.name: fresh})


def _rows(sealed: SealedField, batch: int) -> Iterator[Any]:
    """Give every row with a value, a batch at a time, by its id; what comes meanwhile is sealed with the newest key."""
    after = 0
    while rows := list(
        sealed.model._base_manager.filter(pk__gt=after).exclude(**{sealed.name: ""}).order_by("pk")[:batch]
    ):
        yield from rows
        after = rows[-1].pk


def note_change(which: str, what: str, reason: str = "") -> None:
    """Keep that a key was added or dropped; of the key itself nothing."""
    with transaction.atomic():
        audit.record(
            "rotate_keys",
            SystemState.objects.get_or_create(pk=1)[0],
            after={"key": which, "what": what},
            reason=reason,
        )
