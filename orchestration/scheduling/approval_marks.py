"""Say in a query which publications may go out as far as approvals are concerned.

A query cannot see whether what was approved is still what would go out; `pipeline.approvals` does, before anything is armed
or made public, and takes back what is not.
"""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from channels.models import Channel
from orchestration.models import Approval, Distribution, Source
from orchestration.states import Verdict


def needs_one() -> Q:
    """Return the condition that a schedule's channel or source wants an approval.

    Few want one: their rows are found first, and the schedules need no join to be held against them.
    """
    channels = Channel.objects.filter(needs_approval_since__isnull=False)
    of_sources = Distribution.objects.filter(video__source__needs_approval_since__isnull=False)
    return Q(channel__in=channels.values("pk")) | Q(distribution__in=of_sources.order_by().values("pk"))


def anybody_wants() -> bool:
    """Return whether any channel or source wants an approval: where none does, no publication has to be looked at."""
    wanting = Q(needs_approval_since__isnull=False)
    return Channel.objects.filter(wanting).exists() or Source.objects.filter(wanting).exists()


def may_go() -> Q:
    """Return the condition that a schedule needs no approval, or has one."""
    return ~needs_one() | Q(_approved())


def waits() -> Q:
    """Return the condition that a schedule needs an approval and has none."""
    return needs_one() & ~Q(_approved())


def _approved() -> Exists:
    return Exists(Approval.objects.filter(distribution=OuterRef("distribution"), verdict=Verdict.APPROVED))
