"""Write configurations to a canary first and then cohort by cohort, and halt as soon as one channel's sync fails.

Whoever locks a rollout and channels locks the rollout first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.utils import timezone

from orchestration.core import audit, lookup
from orchestration.core.transitions import transition
from orchestration.core.verbs import require
from orchestration.errors import IllegalTransition, InvalidRequest
from orchestration.github import configuration
from orchestration.models import Rollout, RolloutMember
from orchestration.results.repositories import (
    CohortReport,
    RolloutMemberReport,
    RolloutReport,
    SyncOutcome,
    SyncResult,
)
from orchestration.states import (
    FINISHED_JOBS,
    OPEN_ROLLOUTS,
    BlockerScope,
    JobState,
    RolloutOutcome,
    RolloutState,
)

NAMED = 3
"""So many channels that failed are named with their facts; of more only the number."""

# ------------------------------------------------------------------------------------------------------------ beginning


def begin(
    channel_ids: Sequence[int] | None, canary_id: int | None, cohort_size: int | None, *, dry_run: bool
) -> SyncResult:
    """Begin to sync channels in cohorts: the canary, if there is one, then so many at once, or all the others.

    Its members are the channels where there is something to write now. A dry run names the cohort of each.

    Raises: InvalidRequest, naming `canary_id` or `cohort_size`; IllegalTransition, if another rollout is under way; what
    `configuration.sync` raises.
    """
    if cohort_size is not None and cohort_size < 1:
        raise InvalidRequest(
            f"cohort_size is {cohort_size}; it is a number of channels, 1 at least.", field="cohort_size"
        )
    if not dry_run:
        _refuse_another()
    with transaction.atomic():
        foreseen = configuration.sync(channel_ids, dry_run=True).outcomes
        if canary_id is not None:
            _require_canary(canary_id, foreseen)
        changed = [outcome.channel.pk for outcome in foreseen if outcome.outcome == "changed"]
        size = cohort_size or max(1, len(changed) - 1)
        cohorts = _cohorts(changed, canary_id, size)
        placed = [replace(outcome, cohort=cohorts.get(outcome.channel.pk)) for outcome in foreseen]
        if dry_run or not cohorts:
            return SyncResult(placed, dry_run=dry_run)
        rollout = _make(canary_id, size, cohorts)
        begun = {outcome.channel.pk: outcome for outcome in _start(rollout, list(rollout.members.all()))}
    return SyncResult(
        [_told(outcome, begun, rollout) for outcome in placed], dry_run=False, rollout_id=rollout.pk
    )


def _require_canary(canary_id: int, foreseen: Sequence[SyncOutcome]) -> None:
    canary = next((outcome for outcome in foreseen if outcome.channel.pk == canary_id), None)
    if canary is None:
        raise InvalidRequest(f"Channel {canary_id} is not among the channels to sync.", field="canary_id")
    if not canary.channel.repository:
        raise InvalidRequest(
            f"{canary.channel.name} has no repository: as a canary it would show nothing.", field="canary_id"
        )
    if canary.outcome != "changed":
        raise InvalidRequest(
            f"Nothing of {canary.channel.name} changed: as a canary it would show nothing.", field="canary_id"
        )


def _cohorts(channel_ids: Sequence[int], canary_id: int | None, size: int) -> dict[int, int]:
    """Return the number of each channel's cohort; the canary's is 0."""
    others = [channel_id for channel_id in channel_ids if channel_id != canary_id]
    canary = {} if canary_id is None else {canary_id: 0}
    return canary | {channel_id: 1 + place // size for place, channel_id in enumerate(others)}


def _refuse_another() -> None:
    other = Rollout.objects.filter(state__in=OPEN_ROLLOUTS).first()
    if other is not None:
        raise IllegalTransition(
            f"Rollout {other.pk} is {other.state}; one is under way at a time: let it end, or stop it.",
            state=other.state,
            rollout_id=other.pk,
        )


def _make(canary_id: int | None, size: int, cohorts: dict[int, int]) -> Rollout:
    first = min(cohorts.values())
    try:
        with transaction.atomic():
            rollout = Rollout.objects.create(
                canary_id=canary_id,
                cohort_size=size,
                cohort=first,
                started_by=audit.acting().label[:150],
            )
    except IntegrityError:
        _refuse_another()
        raise
    RolloutMember.objects.bulk_create(
        RolloutMember(rollout=rollout, channel_id=channel_id, cohort=cohort)
        for channel_id, cohort in cohorts.items()
    )
    audit.record(
        "rollout_begun",
        rollout,
        after={
            "state": rollout.state,
            "canary": canary_id,
            "cohort_size": size,
            "cohorts": len(set(cohorts.values())),
        },
        members={"channel": list(cohorts)},
    )
    return rollout


def _told(outcome: SyncOutcome, begun: dict[int, SyncOutcome], rollout: Rollout) -> SyncOutcome:
    """Return what is said of a channel as a rollout begins: what was begun, or in which cohort it follows."""
    if outcome.channel.pk in begun:
        return replace(begun[outcome.channel.pk], cohort=outcome.cohort)
    if outcome.cohort is None:
        return outcome
    why = outcome.message.removeprefix("Would be written: ")
    return replace(
        outcome, outcome="later", message=f"In cohort {outcome.cohort} of rollout {rollout.pk}: {why}"
    )


# -------------------------------------------------------------------------------------------------------------- going on


def advance(now: datetime) -> int:
    """Start the next cohort once the present one ended well, halt if not; returns 1 if anything was decided."""
    if not Rollout.objects.filter(state=RolloutState.RUNNING).exists():
        return 0
    with transaction.atomic():
        rollout = Rollout.objects.filter(state=RolloutState.RUNNING).locked_where_free().first()
        if rollout is None:
            return 0
        _note_ends(rollout)
        present = rollout.members.filter(cohort=rollout.cohort)
        failed = list(present.filter(outcome=RolloutOutcome.FAILED).select_related("channel"))
        if failed:
            why = _why_halted(rollout, failed)
            transition(rollout, RolloutState.HALTED, reason=why, halted_why=why)
            return 1
        if present.filter(outcome="").exists():
            return 0
        coming = rollout.members.filter(outcome="").first()
        if coming is None:
            transition(rollout, RolloutState.COMPLETED, ended_at=now)
            return 1
        Rollout.objects.filter(pk=rollout.pk).update(cohort=coming.cohort)
        rollout.cohort = coming.cohort
        _start(rollout, list(rollout.members.all()))
    return 1


def _note_ends(rollout: Rollout) -> None:
    """Write down how the syncs of the present cohort ended, of those that have."""
    under_way = rollout.members.filter(cohort=rollout.cohort, outcome="")
    ended = []
    for member in under_way.select_related("job__blocked_on"):
        member.outcome, member.fact = _end_of(member)
        if member.outcome:
            ended.append(member)
    RolloutMember.objects.bulk_update(ended, ["outcome", "fact"])


def _end_of(member: RolloutMember) -> tuple[str, str]:
    """Return how a channel's sync ended, and the fact if badly; what waits for its channel alone counts as failed."""
    job = member.job
    if job is None:
        return RolloutOutcome.FAILED, "its sync job is gone"
    if job.state == JobState.SUCCEEDED:
        return RolloutOutcome.DONE, ""
    if job.state in FINISHED_JOBS:
        return RolloutOutcome.FAILED, (job.error_message or f"its sync job is {job.state}")[:300]
    blocker = job.blocked_on
    if blocker is not None and blocker.ended_at is None and blocker.scope == BlockerScope.CHANNEL:
        return RolloutOutcome.FAILED, blocker.sentence[:300]
    return "", ""


def _why_halted(rollout: Rollout, failed: Sequence[RolloutMember]) -> str:
    said = [f"{member.channel.name}: {member.fact}" for member in failed[:NAMED]]
    more = [f"and {len(failed) - NAMED} more"] if len(failed) > NAMED else []
    place = "the canary" if rollout.cohort == 0 else f"cohort {rollout.cohort}"
    return f"In {place} {len(failed)} failed. {'; '.join([*said, *more])}"[:500]


def _start(rollout: Rollout, members: Sequence[RolloutMember]) -> list[SyncOutcome]:
    """Sync the channels among `members` that belong to the present cohort and have not ended.

    Where nothing has to be written it is done at once; a channel that was disabled in the meantime has failed.
    """
    mine = {m.channel_id: m for m in members if m.cohort == rollout.cohort and not m.outcome}
    for member in list(mine.values()):
        if refused := member.channel.why_not("sync"):
            member.outcome, member.fact = RolloutOutcome.FAILED, refused[:300]
            member.save(update_fields=["outcome", "fact"])
            del mine[member.channel_id]
    outcomes = configuration.sync(list(mine)).outcomes if mine else []
    for outcome in outcomes:
        member = mine[outcome.channel.pk]
        member.job, member.fact = outcome.job, ""
        member.outcome = "" if outcome.job else RolloutOutcome.DONE
    RolloutMember.objects.bulk_update(mine.values(), ["job", "outcome", "fact"])
    audit.record(
        "rollout_cohort_started",
        rollout,
        after={"cohort": rollout.cohort, "channels": len(mine)},
        members={"channel": list(mine)},
    )
    return outcomes


def go_on(rollout_id: int, reason: str = "") -> RolloutReport:
    """Sync once more what failed in a rollout that halted; then it continues. Raises: NotFound, IllegalTransition."""
    with transaction.atomic():
        rollout = lookup.one(Rollout.objects.locked(), rollout_id, field="rollout_id")
        require(rollout, "continue")
        failed = list(
            rollout.members.filter(cohort=rollout.cohort, outcome=RolloutOutcome.FAILED).select_related(
                "channel"
            )
        )
        transition(rollout, RolloutState.RUNNING, verb="rollout_continued", reason=reason, halted_why="")
        for member in failed:
            member.outcome = ""
        _start(rollout, failed)
        return report(rollout_id)


def stop(rollout_id: int, reason: str = "") -> RolloutReport:
    """End a rollout: what is being written is finished, no other channel follows. Raises: NotFound, IllegalTransition."""
    with transaction.atomic():
        rollout = lookup.one(Rollout.objects.locked(), rollout_id, field="rollout_id")
        require(rollout, "stop")
        transition(rollout, RolloutState.STOPPED, reason=reason, ended_at=timezone.now())
        return report(rollout_id)


# --------------------------------------------------------------------------------------------------------------- reading


def reports() -> list[RolloutReport]:
    """Return all rollouts with their cohorts, the newest first."""
    rows = list(Rollout.objects.all())
    cohorts = _cohort_reports(rows)
    return [_report(row, cohorts[row.pk]) for row in rows]


def report(rollout_id: int) -> RolloutReport:
    """Return one rollout with its cohorts and its members. Raises: NotFound."""
    row = lookup.one(Rollout, rollout_id, field="rollout_id")
    members = [
        RolloutMemberReport(
            channel_id=member.channel_id,
            channel=member.channel.name,
            cohort=member.cohort,
            job_id=member.job_id,
            outcome=member.outcome,
            fact=member.fact,
        )
        for member in row.members.select_related("channel")
    ]
    return replace(_report(row, _cohort_reports([row])[row.pk]), members=members)


def _report(row: Rollout, cohorts: list[CohortReport]) -> RolloutReport:
    return RolloutReport(
        id=row.pk,
        state=row.state,
        canary_id=row.canary_id,
        cohort_size=row.cohort_size,
        cohort=row.cohort,
        started_by=row.started_by,
        created_at=row.created_at,
        ended_at=row.ended_at,
        halted_why=row.halted_why,
        actions=row.actions,
        cohorts=cohorts,
    )


def _cohort_reports(rows: Sequence[Rollout]) -> dict[int, list[CohortReport]]:
    """Count the members of each rollout's cohorts, in one query for all."""
    under_way = {row.pk: row.cohort for row in rows}
    counted = (
        RolloutMember.objects.filter(rollout__in=rows)
        .values("rollout_id", "cohort")
        .annotate(
            channels=Count("*"),
            done=Count("pk", filter=Q(outcome=RolloutOutcome.DONE)),
            failed=Count("pk", filter=Q(outcome=RolloutOutcome.FAILED)),
        )
        .order_by("rollout_id", "cohort")
    )
    found: dict[int, list[CohortReport]] = defaultdict(list)
    for row in counted:
        if row["failed"]:
            state = "failed"
        elif row["done"] == row["channels"]:
            state = "done"
        else:
            state = "under way" if row["cohort"] == under_way[row["rollout_id"]] else "later"
        found[row["rollout_id"]].append(
            CohortReport(row["cohort"], state, row["channels"], row["done"], row["failed"])
        )
    return found
