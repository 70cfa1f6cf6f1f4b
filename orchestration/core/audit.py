"""Record coordination actions: who acts is set once by the service, every change then names it."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction

from orchestration.models.activity import Activity
from orchestration.states import Trigger


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts, by which trigger, under which correlation id."""

    label: str = "system"
    user_id: int | None = None
    trigger: str = Trigger.SYSTEM
    correlation_id: str = ""


_NOBODY = Acting()
_acting: ContextVar[Acting] = ContextVar("acting", default=_NOBODY)


def new_correlation_id() -> str:
    """Return a fresh id that ties one coordination action together."""
    return uuid.uuid4().hex


def acting() -> Acting:
    """Return who acts now; the system itself where no method of the service was called."""
    return _acting.get()


@contextmanager
def acting_as(who: Acting) -> Iterator[Acting]:
    """Let `who` be named by every entry written inside; contexts may nest, the inner one counts."""
    if not who.correlation_id:
        who = Acting(who.label, who.user_id, who.trigger, new_correlation_id())
    token = _acting.set(who)
    try:
        yield who
    finally:
        _acting.reset(token)


@contextmanager
def correlated(correlation_id: str) -> Iterator[None]:
    """Keep who acts, but tie what is written inside to an action that began earlier."""
    who = acting()
    token = _acting.set(Acting(who.label, who.user_id, who.trigger, correlation_id))
    try:
        yield
    finally:
        _acting.reset(token)


def entry(
    verb: str,
    subject: models.Model,
    *,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    members: Mapping[str, Sequence[int]] | None = None,
) -> Activity:
    """Return an unsaved entry about `subject`; `members` names the rows that a bulk action changed."""
    who = acting()
    changed = {
        key: [_text((before or {}).get(key)), _text(value)]
        for key, value in (after or {}).items()
        if (before or {}).get(key) != value
    }
    return Activity(
        content_type=ContentType.objects.get_for_model(subject),
        object_pk=str(subject.pk),
        object_id=subject.pk if isinstance(subject.pk, int) else None,
        object_repr=str(subject)[:500],
        action=Activity.Action.UPDATE if before else Activity.Action.CREATE,
        changes=changed,
        cid=who.correlation_id or None,
        actor_id=who.user_id,
        actor_label=who.label,
        trigger=who.trigger,
        verb=verb,
        reason=reason[:500],
        before=dict(before) if before is not None else None,
        after=dict(after) if after is not None else None,
        additional_data={"members": {key: list(ids) for key, ids in members.items()}} if members else None,
    )


def record(verb: str, subject: models.Model, **details: Any) -> Activity:
    """Write one entry; call it in the transaction of the change it names.

    Raises: TransactionManagementError outside a transaction, since an entry without its change must not stand.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError(
            "activity.record belongs into the transaction of the change"
        )
    written = entry(verb, subject, **details)
    written.save()
    return written


def _text(value: Any) -> str:
    return "" if value is None else str(value)
