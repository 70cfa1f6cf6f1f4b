"""Record coordination actions: who acts is set once by the service, every change then names it.

An entry without an actor does not exist: where nobody has said who acts, recording is an error (`ActorMissing`), and the
database refuses the row, too. A request names its user, a task its part of the clock, a job its worker, a run itself; a
process that acts for one actor only (a command of `manage.py`, a worker) says so once, by `this_process_acts_as()`.
"""

import getpass
import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction

from orchestration.models.activity import Activity
from orchestration.states import Trigger


class ActorMissing(RuntimeError):
    """Something was to be recorded, and nobody had said who does it."""


@dataclass(frozen=True, slots=True)
class Acting:
    """Who acts, by which trigger, under which correlation id."""

    label: str
    user_id: int | None = None
    trigger: str = Trigger.SYSTEM
    correlation_id: str = ""

    def __post_init__(self) -> None:
        """Refuse an actor without a name."""
        if not self.label.strip():
            raise ActorMissing("An actor needs a name: a person's, a token's, a worker's or a run's.")


ENTRIES_AT_ONCE = 500
_acting: ContextVar[Acting | None] = ContextVar("acting", default=None)
_of_process: Acting | None = None


def new_correlation_id() -> str:
    """Return a fresh id that ties one coordination action together."""
    return uuid.uuid4().hex


def acting() -> Acting:
    """Return who acts now. Raises: ActorMissing, if nobody has said so."""
    who = _acting.get() or _of_process
    if who is None:
        raise ActorMissing("Nobody has said who acts; wrap it in acting_as().")
    return who


def this_process_acts_as(who: Acting | None) -> Acting | None:
    """Let `who` be named where nothing nearer is said, in all threads of this process; returns who was named before."""
    global _of_process
    before, _of_process = _of_process, who
    return before


def whoever_sits_here() -> Acting:
    """Return whoever typed a command at this machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return Acting(f"cli:{user}", None, Trigger.CLI)


@contextmanager
def acting_as(who: Acting) -> Iterator[Acting]:
    """Let `who` be named by every entry written inside; contexts may nest, the inner one counts."""
    if not who.correlation_id:
        who = replace(who, correlation_id=new_correlation_id())
    token = _acting.set(who)
    try:
        yield who
    finally:
        _acting.reset(token)


@contextmanager
def correlated(correlation_id: str) -> Iterator[None]:
    """Keep who acts, but tie what is written inside to an action that began earlier."""
    who = acting()
    token = _acting.set(replace(who, correlation_id=correlation_id))
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
    each: bool = False,
    was: Mapping[str, Any] | None = None,
    were: Mapping[str, Mapping[str, Sequence[int]]] | None = None,
) -> Activity:
    """Return an unsaved entry about `subject`; `members` names the rows that a bulk action changed.

    With `each`, `before` and `after` are each member's, and `were` names the ids by what a field was where they differed.
    `was` keeps what changed with it and is not worth telling: the record is read backwards, too (`monitoring.rewind`).
    """
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
        members_of=next(iter(members)) if members and each else "",
        additional_data=_beside(members, was, were),
    )


def _beside(
    members: Mapping[str, Sequence[int]] | None,
    was: Mapping[str, Any] | None,
    were: Mapping[str, Mapping[str, Sequence[int]]] | None,
) -> dict[str, Any] | None:
    kept: dict[str, Any] = {}
    if members:
        kept["members"] = {key: list(ids) for key, ids in members.items()}
    if was:
        kept["was"] = dict(was)
    if were:
        kept["were"] = {
            name: {old: list(ids) for old, ids in by_value.items()} for name, by_value in were.items()
        }
    return kept or None


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


def record_all(entries: Sequence[Activity]) -> None:
    """Write entries, made by `entry`, in a statement or two; in the transaction of the changes that they name.

    Raises: TransactionManagementError outside a transaction.
    """
    if not transaction.get_connection().in_atomic_block:
        raise transaction.TransactionManagementError("entries belong into the transaction of the changes")
    Activity.objects.bulk_create(entries, batch_size=ENTRIES_AT_ONCE)


def name_whoever_acts(sender: type[Activity], instance: Activity, **_: Any) -> None:
    """Name whoever acts on an entry that django-auditlog writes by itself; raises ActorMissing where that is nobody.

    A receiver of `pre_save`: that library knows the user of a request only, and tells it too late.
    """
    if instance.actor_label:
        return
    who = acting()
    instance.actor_label, instance.trigger = who.label, who.trigger
    instance.actor_id = instance.actor_id or who.user_id
    instance.cid = instance.cid or who.correlation_id or None


def _text(value: Any) -> str:
    return "" if value is None else str(value)
