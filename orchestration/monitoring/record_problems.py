"""List what waits in records of their own: conflicts, lost uploads, addresses, rollouts, standing rules; and the tool."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from orchestration.core import media_tool
from orchestration.models import (
    Conflict,
    NotificationAddress,
    OrphanUpload,
    Proposal,
    Rollout,
    StandingRule,
    WebhookEndpoint,
)
from orchestration.monitoring.problem_values import (
    ERROR,
    MAX_OF_A_KIND,
    WARNING,
    at,
    first_of,
    more_of,
    problem,
)
from orchestration.planning.rules import TITLE_OF_RULE
from orchestration.states import RolloutState


def of_conflicts(most: int) -> list[dict[str, Any]]:
    found, more = first_of(Conflict.objects.open().order_by("-created_at"), most)
    listed = [
        problem(
            WARNING,
            "conflict_open",
            f"Conflict ({row.kind}): {row.message}",
            row,
            row.created_at,
            fold=row.rule,
            detail=TITLE_OF_RULE.get(row.rule, row.kind),
            deadline=row.moved_to or row.wanted_at,
        )
        for row in found
    ]
    return listed + more_of(more, WARNING, "conflict_open", "conflicts are open", "conflict")


def of_orphans(most: int) -> list[dict[str, Any]]:
    rows = OrphanUpload.objects.undeleted().select_related("distribution__channel")
    found, more = first_of(rows.order_by("found_at"), most)
    listed = [
        problem(
            WARNING,
            "orphan_upload",
            f"The upload {row.youtube_video_id} on {row.distribution.channel} is private and belongs to nothing; "
            f"delete it at YouTube. {row.reason}".rstrip(),
            row,
            row.found_at,
        )
        for row in found
    ]
    return listed + more_of(more, WARNING, "orphan_upload", "uploads belong to nothing", "orphan")


def of_webhooks(most: int) -> list[dict[str, Any]]:
    rows = WebhookEndpoint.objects.filter(enabled=False, disabled_at__isnull=False)
    found, more = first_of(rows.order_by("disabled_at"), most)
    listed = [
        problem(
            ERROR,
            "webhook_disabled",
            f"The webhook endpoint {row} was switched off: {row.disabled_because}",
            row,
            row.disabled_at,
        )
        for row in found
    ]
    return listed + more_of(
        more, ERROR, "webhook_disabled", "webhook endpoints were switched off", "webhookendpoint"
    )


def of_notifications(most: int) -> list[dict[str, Any]]:
    rows = NotificationAddress.objects.filter(enabled=True, gave_up_at__isnull=False)
    found, more = first_of(rows.order_by("gave_up_at"), most)
    listed = [
        problem(
            ERROR,
            "notification_failed",
            f"Nothing reaches the notification address {row}: a message was tried for a day and given up. "
            f"{row.last_error}".rstrip(),
            row,
            row.gave_up_at,
        )
        for row in found
    ]
    return listed + more_of(
        more, ERROR, "notification_failed", "notification addresses are not reached", "notificationaddress"
    )


def of_rollouts() -> list[dict[str, Any]]:
    """List the rollout that was halted: the other channels keep their old configuration until a person decides."""
    return [
        problem(
            WARNING,
            "rollout_halted",
            f"The rollout of configurations is halted: {row.halted_why} Mend that and let it go on, or stop it.",
            row,
            row.created_at,
        )
        for row in Rollout.objects.filter(state=RolloutState.HALTED)
    ]


def of_proposals(now: datetime, most: int) -> list[dict[str, Any]]:
    """List what assistants propose and nobody has said anything to: it lapses by itself."""
    waiting = Proposal.objects.waiting(now).select_related("token").order_by("expires_at", "pk")
    found, more = first_of(waiting, most)
    listed = [
        problem(
            WARNING,
            "proposal_waits",
            f"Assistant {row.token.name} proposes: {row.title}. Confirm or refuse it until {at(row.expires_at)}.",
            row,
            row.created_at,
        )
        for row in found
    ]
    return listed + more_of(more, WARNING, "proposal_waits", "proposals wait for a person's word", "proposal")


def of_the_tool() -> list[dict[str, Any]]:
    """List that films are prepared with another ffmpeg than the tested one, or cannot be at all."""
    warning = media_tool.describe().warning
    return [problem(WARNING, "ffmpeg", warning, "ffmpeg", None, kind="system", row_id=1)] if warning else []


def of_standing_rules() -> list[dict[str, Any]]:
    """List what the last run of a standing rule left to a person: an episode that holds up a series, a low backlog."""
    found = []
    rows = StandingRule.objects.filter(enabled=True).exclude(last_problem="", last_low=[])
    for row in rows.order_by("name")[:MAX_OF_A_KIND]:
        if row.last_problem:
            sentence = f"Standing rule {row}: {row.last_problem}"
            found.append(problem(WARNING, "standing_rule", sentence, row, row.last_run_at))
        if row.last_low:
            named = ", ".join(row.last_low[:5])
            more = f" and {len(row.last_low) - 5} more" if len(row.last_low) > 5 else ""
            sentence = f"{named}{more}: fewer than {row.backlog_floor} publications ahead, by the standing rule {row}."
            found.append(problem(WARNING, "backlog_low", sentence, row, row.last_run_at))
    return found
