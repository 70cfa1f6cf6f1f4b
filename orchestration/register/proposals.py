"""Keep what assistants propose, take a person's word on it, and let each confirmed change be made once, as it was shown."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from channels.querysets import Lockable
from orchestration.core import audit, lookup
from orchestration.core.permissions import Actor, confirmed
from orchestration.errors import ConfirmationNeeded, IllegalTransition, InvalidRequest, NotPermitted
from orchestration.models import Proposal
from orchestration.states import PROPOSAL_VERBS

MOST_WAITING = 50
"""Proposals of one token that may wait at once: nobody reads more with care."""
KEPT = timedelta(days=90)
"""So long a proposal is kept that is over; that it was made, and what was said to it, stays in the record."""
TOO_EARLY = frozenset({401, 403, 429})
OUTDATED = "plan_outdated"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the API answered to a change that was proposed."""

    status: int
    body: Any = None
    code: str = ""
    again: str = ""

    @property
    def is_final(self) -> bool:
        """Return whether that is how it ended; what may go otherwise in a moment leaves the proposal as it is."""
        if self.code == OUTDATED:
            return True
        return self.status < 500 and self.status not in TOO_EARLY and self.again != "again"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change as an assistant asks for it, with what a dry run said of it."""

    operation: str
    title: str
    needs: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    preview: Any = None
    seal: str = ""


def seal_of(preview: Any) -> str:
    """Return by what a preview is told from another one."""
    text = json.dumps(preview, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def rows_for(actor: Actor) -> Lockable[Proposal]:
    """Return the proposals that somebody sees: a token its own, a limited person none, everybody else all."""
    rows: Any = Proposal.objects.select_related("token")
    if actor.proposes:
        return rows.filter(token=actor.token_id)
    return rows.none() if actor.limit is not None else rows


def make(actor: Actor, wanted: Wanted, reason: str, correlation_id: str) -> Proposal:
    """Keep a change that an assistant proposes. Raises: NotPermitted, InvalidRequest."""
    if not actor.proposes or actor.token_id is None:
        raise NotPermitted(f"{actor.label} is no assistant's token: do it, there is nobody to ask.")
    actor.require(wanted.needs, wanted.operation)
    now = timezone.now()
    open_ones = Proposal.objects.filter(
        token=actor.token_id, ended_at=None, refused_at=None, expires_at__gt=now
    )
    if open_ones.count() >= MOST_WAITING:
        raise InvalidRequest(
            f"{MOST_WAITING} proposals of {actor.label} are open; wait until some are decided.",
            field="operation",
        )
    with transaction.atomic():
        row = Proposal.objects.create(
            token_id=actor.token_id,
            operation=wanted.operation,
            title=wanted.title,
            arguments=dict(wanted.arguments),
            needs=wanted.needs,
            preview=wanted.preview,
            seal=wanted.seal,
            reason=reason,
            correlation_id=correlation_id,
            created_at=now,
            expires_at=now + timedelta(minutes=settings.HEADEND_PROPOSAL_MINUTES),
        )
        audit.record("proposal_made", row, after={"operation": row.operation}, reason=reason)
    return row


def _locked(actor: Actor, proposal_id: int, verb: str) -> Proposal:
    row = lookup.one(rows_for(actor).locked(), proposal_id, field="proposal_id")
    if row.state not in PROPOSAL_VERBS[verb].states:
        raise IllegalTransition(f"The proposal is {row.state}.", state=row.state)
    return row


def confirm(actor: Actor, proposal_id: int, reason: str) -> Proposal:
    """Let a proposal be made, as it was shown. Raises: NotFound, NotPermitted, ConfirmationNeeded, IllegalTransition."""
    if actor.proposes:
        raise ConfirmationNeeded(f"{actor.label} is an assistant's: a person confirms what it proposes.")
    with transaction.atomic():
        row = _locked(actor, proposal_id, "confirm")
        actor.require(row.needs, f"confirming {row.operation}")
        row.confirmed_at, row.decided_by, row.decision_reason = timezone.now(), actor.label, reason
        row.save(update_fields=["confirmed_at", "decided_by", "decision_reason"])
        audit.record("proposal_confirmed", row, after={"operation": row.operation}, reason=reason)
    return row


def refuse(actor: Actor, proposal_id: int, reason: str) -> Proposal:
    """Let a proposal not be made; an assistant takes its own back by it.

    Raises: NotFound, NotPermitted, IllegalTransition.
    """
    with transaction.atomic():
        row = _locked(actor, proposal_id, "refuse")
        actor.require(row.needs, f"refusing {row.operation}")
        row.refused_at, row.decided_by, row.decision_reason = timezone.now(), actor.label, reason
        row.save(update_fields=["refused_at", "decided_by", "decision_reason"])
        audit.record("proposal_refused", row, after={"operation": row.operation}, reason=reason)
    return row


def commit(actor: Actor, proposal_id: int, run: Callable[[Proposal], Outcome]) -> tuple[Proposal, Outcome]:
    """Make a change that was confirmed, once: it and what became of it are written together, or neither is.

    `run` makes it. What could not be made yet leaves the proposal confirmed. Raises: NotFound, IllegalTransition,
    ConfirmationNeeded.
    """
    if not actor.proposes:
        raise NotPermitted(f"{actor.label} is no assistant's token; the one that proposed it commits it.")
    with transaction.atomic():
        row = lookup.one(rows_for(actor).locked(), proposal_id, field="proposal_id")
        if row.actions and "commit" not in row.actions:
            raise ConfirmationNeeded("Nobody has confirmed this proposal yet.", state=row.state)
        if not row.actions:
            raise IllegalTransition(f"The proposal is {row.state}.", state=row.state)
        with transaction.atomic(), confirmed():
            outcome = run(row)
            if outcome.status >= 400:
                transaction.set_rollback(True)
        if outcome.is_final:
            row.ended_at, row.status_code, row.answer = timezone.now(), outcome.status, outcome.body
            row.save(update_fields=["ended_at", "status_code", "answer"])
            ended = {"operation": row.operation, "status": outcome.status, "confirmed_by": row.decided_by}
            verb = "proposal_done" if outcome.status < 400 else "proposal_failed"
            audit.record(verb, row, after=ended | ({"code": outcome.code} if outcome.code else {}))
    return row, outcome


def prune(now: datetime) -> int:
    """Delete proposals that have been over for long; called by the clock. Returns how many."""
    return Proposal.objects.filter(expires_at__lt=now - KEPT).delete()[0]
