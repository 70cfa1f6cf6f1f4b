"""Say in a query which publications may go out as far as approvals are concerned.

A query cannot see whether what was approved is still what would go out; `pipeline.approvals` does, before anything is armed
or made public, and takes back what is not.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from orchestration.models import Approval
from orchestration.states import Verdict


def needs_one() -> Q:
    """Return the condition that a schedule's channel or source wants an approval."""
    of_source = Q(distribution__video__source__needs_approval_since__isnull=False)
    return Q(channel__needs_approval_since__isnull=False) | of_source


def may_go() -> Q:
    """Return the condition that a schedule needs no approval, or has one."""
    of_source = Q(distribution__video__source__needs_approval_since__isnull=True)
    return Q(channel__needs_approval_since__isnull=True) & of_source | Q(_approved())


def waits() -> Q:
    """Return the condition that a schedule needs an approval and has none."""
    return needs_one() & ~Q(_approved())


def _approved() -> Exists:
    return Exists(Approval.objects.filter(distribution=OuterRef("distribution"), verdict=Verdict.APPROVED))
