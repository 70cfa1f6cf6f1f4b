"""List what is wrong with channels, their configurations, sources and pools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Min, OuterRef, Q, QuerySet, Subquery

from channels.models import Channel, ConfigRevision
from channels.states import ChannelHealth, CredentialState
from orchestration.models import Schedule, Source
from orchestration.monitoring import checks, pool_reports
from orchestration.monitoring.problem_values import ERROR, INFO, WARNING, at, first_of, more_of, problem
from orchestration.states import OPEN_SCHEDULES, PoolKind, ScheduleState, SourceState

SOURCE_FAILING_AFTER = 3
LOST = {
    CredentialState.REVOKED: "was revoked",
    CredentialState.WRONG_CHANNEL: "belongs to another channel",
}
ENDING = f"the consent ends within {checks.EXPIRING_BEFORE.days} days"
DETAILS = {
    checks.CREDENTIAL: "the credential does not open the channel",
    checks.CONSENT: ENDING,
    checks.GITHUB: "GitHub refuses access",
    checks.REPOSITORY: "the repository is not as it should be",
    checks.VISIBILITY: "the repository is public",
    checks.WORKFLOW: "the workflow is missing",
    checks.DRIFT: "the repository was changed by hand",
    checks.DELIVERY: "runs cannot fetch the files",
    checks.SLOTS: "no posting slot is set",
    checks.CALENDAR: "publications lie in a blackout",
    checks.OUTCOMES: "something failed in the last 24 hours",
    checks.OVERDUE: "publications are overdue",
}
"""What channels have in common whose check says no."""


@dataclass(frozen=True, slots=True)
class _Unwell:
    """A channel as far as its problem is told; a thousand of them are read without their other columns."""

    pk: int
    name: str
    slug: str
    health: str
    health_reason: str
    health_checks: list[Mapping[str, Any]]
    credential: str
    credential_reason: str
    credential_since: datetime | None
    next_at: datetime | None


def unwell() -> QuerySet[Channel]:
    """Return the channels in use that are not healthy, or whose credential is lost or ends soon."""
    of_credential = Q(credential__state__in=[*LOST, CredentialState.EXPIRING])
    bad = Q(health__in=[ChannelHealth.FAILING, ChannelHealth.DEGRADED])
    return Channel.objects.enabled().filter(of_credential | bad)


def troubled_sources() -> QuerySet[Source]:
    """Return the active sources that could not be read, or of which nothing may be published."""
    return Source.objects.filter(state=SourceState.ACTIVE).filter(
        Q(consecutive_failures__gt=0) | Q(rights_basis="")
    )


def of_channels(most: int) -> list[dict[str, Any]]:
    """List the channels that are not well, each with its next publication; all of them are counted."""
    rows = unwell().order_by("name", "pk")
    fields = ("pk", "name", "slug", "health", "health_reason", "health_checks")
    of_credential = ("credential__state", "credential__reason", "credential__state_changed_at")
    found = list(rows.values_list(*fields, *of_credential)[: most + 1])
    more = rows.count() - most if len(found) > most else 0
    found = found[:most]
    live = OPEN_SCHEDULES - {ScheduleState.HELD}
    due = Schedule.objects.filter(channel__in=[row[0] for row in found], state__in=live).order_by()
    next_at = dict(due.values_list("channel").annotate(Min("publish_at"))) if found else {}
    listed = [_of_channel(_unwell_of(row, next_at.get(row[0]))) for row in found]
    return listed + more_of(more, WARNING, "channels", "channels are not healthy", "channel")


def _unwell_of(row: Sequence[Any], next_at: datetime | None) -> _Unwell:
    pk, name, slug, health, reason, looked, credential, why, since = row
    return _Unwell(pk, name, slug, health, reason, looked, credential or "", why or "", since, next_at)


def _of_channel(row: _Unwell) -> dict[str, Any]:
    reason = row.health_reason or row.credential_reason
    since, fold, detail = row.credential_since, row.credential, ""
    if row.credential in LOST:
        word = LOST[CredentialState(row.credential)]
        sentence = f"The credential of {row.name} {word}; connect the channel again. {row.credential_reason}".rstrip()
        severity, code, detail = ERROR, f"credential_{row.credential}", f"the credential {word}"
    elif row.health == ChannelHealth.FAILING:
        severity, code, sentence, since = ERROR, "channel_failing", f"{row.name} is failing: {reason}", None
    elif row.credential == CredentialState.EXPIRING:
        severity, code, detail = WARNING, "credential_expiring", ENDING
        sentence = f"The credential of {row.name} ends soon. {reason}"
    else:
        severity, code, sentence, since = (
            WARNING,
            "channel_degraded",
            f"{row.name} is degraded: {reason}",
            None,
        )
    if not detail:
        no = [str(look.get("check", "")) for look in row.health_checks if look.get("ok") is False]
        essential = [check for check in no if check in checks.ESSENTIAL]
        fold = (essential or no or ["other"])[0]
        detail = DETAILS.get(fold, row.health_reason)
    channel = Channel(pk=row.pk, name=row.name, slug=row.slug)
    return problem(severity, code, sentence, channel, since, fold=fold, detail=detail, deadline=row.next_at)


def of_configuration(most: int) -> list[dict[str, Any]]:
    newest = ConfigRevision.objects.filter(channel=OuterRef("pk")).order_by("-number")
    latest = Channel.objects.enabled().annotate(latest=Subquery(newest.values("pk")[:1]))
    rows = (
        ConfigRevision.objects.filter(pk__in=latest.order_by().values("latest"))
        .exclude(sync_error="")
        .select_related("channel")
        .order_by("created_at")
    )
    found, more = first_of(rows, most)
    listed = [
        problem(
            WARNING,
            "configuration_not_synced",
            f"Revision {row.number} of {row.channel}'s configuration is not in its repository: {row.sync_error}",
            row.channel,
            row.created_at,
            detail=f"the configuration is not in the repository: {row.sync_error}",
        )
        for row in found
    ]
    return listed + more_of(
        more, WARNING, "configuration_not_synced", "configurations are not synced", "channel"
    )


def of_sources(most: int) -> list[dict[str, Any]]:
    sources, more = first_of(troubled_sources().order_by("name"), most)
    found: list[dict[str, Any]] = []
    for source in sources:
        if source.consecutive_failures:
            severity = ERROR if source.consecutive_failures >= SOURCE_FAILING_AFTER else WARNING
            times = "1 time" if source.consecutive_failures == 1 else f"{source.consecutive_failures} times"
            sentence = f"Source {source} could not be read {times} in a row: {source.last_error}"
            found.append(
                problem(
                    severity,
                    "source_failing",
                    sentence,
                    source,
                    source.last_scraped_at,
                    detail=f"could not be read: {source.last_error}",
                )
            )
        else:
            sentence = f"Source {source} has no rights basis, so nothing of it is published."
            what = "no rights basis, so nothing of them is published"
            found.append(
                problem(INFO, "source_without_rights", sentence, source, source.created_at, detail=what)
            )
    return found + more_of(more, WARNING, "sources", "sources need a look", "source")


def of_pools() -> list[dict[str, Any]]:
    found = []
    for pool in pool_reports.report():
        if pool.kind == PoolKind.BUDGET and pool.used >= pool.capacity:
            sentence = f"{pool.label}: all {pool.capacity} of {pool.day} (Pacific) are spent; more at {at(pool.resets_at)}."
            found.append(
                problem(WARNING, "budget_exhausted", sentence, pool.label, None, kind="pool", row_id=pool.id)
            )
        elif pool.paused and pool.waiting:
            sentence = f"{pool.label} is paused while {pool.waiting} wait for it."
            found.append(
                problem(WARNING, "pool_paused", sentence, pool.label, None, kind="pool", row_id=pool.id)
            )
    return found
