"""Settle what somebody changed on YouTube, in one of two ways: what they set holds, or ours is set again."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from orchestration.core import lookup
from orchestration.core.transitions import transition
from orchestration.core.verbs import require
from orchestration.core.wakeups import wake_tick
from orchestration.errors import IllegalTransition, InvalidRequest
from orchestration.models import Distribution, Schedule
from orchestration.pipeline.compare import last_seen_of, note_set
from orchestration.pipeline.replacing import let_go
from orchestration.planning.answers import MisfireAction
from orchestration.planning.outside import Seen, Visibility
from orchestration.scheduling.disarming import disarm
from orchestration.scheduling.reviews import close_jobs
from orchestration.scheduling.rows import locked, retime
from orchestration.states import DistributionState, ScheduleState

TAKE_THEIRS, PUT_OURS_BACK = "take_theirs", "put_ours_back"
WAYS = (TAKE_THEIRS, PUT_OURS_BACK)
EARLY = timedelta(seconds=1)
CLEARED: dict[str, Any] = {"error_code": "", "error_message": ""}


def settle_change(
    distribution_id: int, way: str, reason: str = "", *, version: int | None = None
) -> Schedule:
    """Settle a change that was made elsewhere, by what YouTube showed at the last look; `version` is the publication's.

    Raises: NotFound, InvalidRequest (the way), IllegalTransition, StaleVersion.
    """
    if way not in WAYS:
        raise InvalidRequest(f"way {way!r} is not one of {', '.join(WAYS)}.", field="way")
    now = timezone.now()
    found = lookup.one(Distribution, distribution_id, field="distribution_id")
    schedule_id = Schedule.objects.filter(distribution=found).values_list("pk", flat=True).first()
    if schedule_id is None:
        raise IllegalTransition(f"Distribution {found.pk} has no publication to settle.", state=found.state)
    with transaction.atomic():
        row = locked(schedule_id)
        distribution = row.distribution = Distribution.objects.locked().get(pk=row.distribution_id)
        require(row, way, version=version)
        seen = last_seen_of(distribution)
        if seen is None:
            raise IllegalTransition("Nobody has looked at it on YouTube yet.", state=row.state)
        if way == TAKE_THEIRS:
            _take_theirs(row, distribution, seen, reason or "what was set on YouTube holds", now)
        else:
            _put_ours_back(row, distribution, seen, reason or "ours is set again", now)
        wake_tick()
    return row


# -------------------------------------------------------------------------------------------------------------- theirs


def _take_theirs(row: Schedule, distribution: Distribution, seen: Seen, why: str, now: datetime) -> None:
    if seen.is_gone:
        _end(
            row, distribution, DistributionState.FAILED, ScheduleState.FAILED, f"{why}: it was deleted there"
        )
        return
    note_set(distribution, Visibility(seen.privacy_status, seen.publish_at))
    if seen.privacy_status == "public":
        _published_by_hand(row, distribution, why, now)
    elif distribution.published_at is not None:
        end = f"{why}: it is {seen.privacy_status} there"
        _end(row, distribution, DistributionState.RECALLED, ScheduleState.CANCELLED, end)
    elif row.called_off is not None or seen.privacy_status != "private":
        end = f"{why}: it is {seen.privacy_status} there"
        _end(row, distribution, DistributionState.CANCELLED, ScheduleState.CANCELLED, end)
    elif seen.publish_at is not None:
        close_jobs(distribution, "staged")
        retime(
            row,
            seen.publish_at,
            stage_at=row.stage_at,
            verb="schedule_moved",
            reason=f"{why}: the time that is set there",
            overridden=True,
        )
        Schedule.objects.filter(pk=row.pk).update(armed_for=seen.publish_at)
        _goes_on(row, distribution, ScheduleState.STAGED, why)
    else:
        close_jobs(distribution, "staged")
        _goes_on(row, distribution, ScheduleState.HELD, f"{why}: it has no time there", armed_for=None)


def _published_by_hand(row: Schedule, distribution: Distribution, why: str, now: datetime) -> None:
    """Record when it became public, and move the publication to that where it was ahead of its moment."""
    said = parse_datetime(str(distribution.last_seen.get("published_at") or "")) or now
    at = distribution.published_at or min(said, now)
    close_jobs(distribution, "published")
    if at < row.publish_at - EARLY:
        retime(row, at, stage_at=row.stage_at, verb="schedule_moved", reason=why, overridden=True)
    transition(
        distribution,
        DistributionState.PUBLISHED,
        verb="change_settled",
        reason=why,
        published_at=at,
        verified_at=now,
        **CLEARED,
    )
    lateness = max((at - row.publish_at).total_seconds(), 0.0)
    transition(
        row,
        ScheduleState.PUBLISHED,
        verb="change_settled",
        reason=why,
        lateness_seconds=lateness,
        armed_for=None,
    )


def _end(row: Schedule, distribution: Distribution, to: str, schedule_to: str, why: str) -> None:
    outcome = "recalled" if to == DistributionState.RECALLED else "cancelled"
    close_jobs(distribution, outcome)
    changes: dict[str, Any] = dict(CLEARED)
    if to == DistributionState.FAILED:
        changes = {"error_code": "deleted_elsewhere", "error_message": why[:500]}
        changes |= let_go(distribution, why, is_gone=True)
    transition(distribution, to, verb="change_settled", reason=why, **changes)
    transition(row, schedule_to, verb="change_settled", reason=why, armed_for=None)


# ---------------------------------------------------------------------------------------------------------------- ours


def _put_ours_back(row: Schedule, distribution: Distribution, seen: Seen, why: str, now: datetime) -> None:
    """Let the publication go on over what is there; what is past its moment by now goes out as soon as may be."""
    wave = row.called_off
    if wave is not None:
        raise IllegalTransition(
            f"It belongs to wave {wave.name}, which is {wave.state}; take theirs, or cancel it by a review.",
            state=row.state,
        )
    if seen.is_gone:
        close_jobs(distribution, "planned")
        _goes_on(row, distribution, ScheduleState.PLANNED, why, **let_go(distribution, why, is_gone=True))
        return
    note_set(distribution, Visibility(seen.privacy_status, seen.publish_at))
    close_jobs(distribution, "staged")
    if row.publish_at <= now:
        retime(
            row,
            now,
            stage_at=row.stage_at,
            verb="schedule_moved",
            reason=why,
            misfire_action=MisfireAction.PUBLISH_LATE,
        )
    elif seen.privacy_status != "private":
        disarm(row, why)  # YouTube takes a time for what is private only
    _goes_on(row, distribution, ScheduleState.STAGED, why, armed_for=None)


def _goes_on(row: Schedule, distribution: Distribution, to: str, why: str, **changes: Any) -> None:
    """Bring both back among what is still to happen; `armed_for` is the schedule's, the other columns the distribution's."""
    of_row = {name: changes.pop(name) for name in ("armed_for",) if name in changes}
    back = DistributionState.ASSIGNED if to == ScheduleState.PLANNED else DistributionState.STAGED
    transition(distribution, back, verb="change_settled", reason=why, **CLEARED, **changes)
    transition(row, to, verb="change_settled", reason=why, **of_row)
