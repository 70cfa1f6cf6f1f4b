"""Say of which kinds of problems there is anything, in one statement, so that the others are not asked for."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from channels.models import Channel, ConfigRevision
from channels.quota import pacific_day
from orchestration.models import (
    Blocker,
    BudgetEntry,
    Conflict,
    Job,
    NotificationAddress,
    OrphanUpload,
    Pool,
    Proposal,
    Rollout,
    Schedule,
    Source,
    StandingRule,
    SystemState,
    WebhookEndpoint,
)
from orchestration.monitoring import channel_problems, run_problems, work_problems
from orchestration.queue import pools
from orchestration.states import PoolKind, RolloutState


def seen(now: datetime) -> Mapping[str, Any]:
    """Return the state of the system, and of each kind whether there may be a problem; all, before its first start."""
    kinds = _kinds(now)
    row = SystemState.objects.filter(pk=1).values("state", **kinds).first()
    return row if row is not None else dict.fromkeys(kinds, True)


def _kinds(now: datetime) -> dict[str, Any]:
    wanting = {"needs_approval_since__isnull": False}
    return {
        "needs_review": Exists(Schedule.objects.needing_review()),
        "approvals": Exists(Channel.objects.filter(**wanting)) | Exists(Source.objects.filter(**wanting)),
        "jobs": _any(*(Job.objects.filter(condition) for condition in work_problems.conditions(now))),
        "runs": Exists(run_problems.slow_runs(now).select_related(None).order_by()),
        "blockers": Exists(Blocker.objects.open()),
        "channels": Exists(channel_problems.unwell()),
        "configuration": Exists(ConfigRevision.objects.exclude(sync_error="")),
        "sources": Exists(channel_problems.troubled_sources()),
        "pools": Exists(Pool.objects.filter(paused=True)) | Exists(_spent_budgets(now)),
        "conflicts": Exists(Conflict.objects.open()),
        "orphans": Exists(OrphanUpload.objects.undeleted()),
        "notifications": Exists(NotificationAddress.objects.filter(enabled=True, gave_up_at__isnull=False)),
        "webhooks": Exists(WebhookEndpoint.objects.filter(enabled=False, disabled_at__isnull=False)),
        "proposals": Exists(Proposal.objects.waiting(now)),
        "rollouts": Exists(Rollout.objects.filter(state=RolloutState.HALTED)),
        "standing_rules": Exists(
            StandingRule.objects.filter(enabled=True).exclude(last_problem="", last_low=[])
        ),
    }


def _any(first: QuerySet[Any], *others: QuerySet[Any]) -> Any:
    found: Any = Exists(first)
    for rows in others:
        found = found | Exists(rows)
    return found


def _spent_budgets(now: datetime) -> QuerySet[Pool]:
    entries = BudgetEntry.objects.filter(pool=OuterRef("pk"), day=pacific_day(now), state__in=pools.SPENT)
    spent = entries.order_by().values("pool").annotate(units=Sum("units")).values("units")
    rows = Pool.objects.filter(kind=PoolKind.BUDGET).annotate(spent=Coalesce(Subquery(spent), 0))
    return rows.filter(spent__gte=F("capacity"))
