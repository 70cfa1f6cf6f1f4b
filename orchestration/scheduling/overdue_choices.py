"""Do with what is overdue at a resume what a person chose, each in its own way, instead of what its misfire policy says."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.conf import settings

from orchestration.core import audit
from orchestration.errors import IllegalTransition, InvalidRequest
from orchestration.models import Schedule, SystemState
from orchestration.planning.answers import MisfireAction, MisfireDecision
from orchestration.planning.calendar import ChannelCalendar
from orchestration.planning.types import Occupied
from orchestration.results.system import ResumeWay
from orchestration.scheduling import misfires, reservations
from orchestration.scheduling.rows import lock_channels, retime, withdraw_jobs
from orchestration.states import JobKind

POLICY, PUBLISH_NOW, NEXT_SLOT, HOLD, SKIP = "policy", "publish_now", "next_slot", "hold", "skip"
CHOICES = (POLICY, PUBLISH_NOW, NEXT_SLOT, HOLD, SKIP)
SOON = timedelta(seconds=60)
"""How long after the resume the first of what is to be published now has its moment: arming takes some seconds."""
LOOK_AHEAD = timedelta(days=14)


def check(choices: Mapping[int, str], all_as: str) -> None:
    """Refuse what is not one of `CHOICES`. Raises: InvalidRequest."""
    for field, value in [("all_as", all_as), *(("choices", value) for value in choices.values())]:
        if value not in CHOICES:
            raise InvalidRequest(f"{value!r} is not one of {', '.join(CHOICES)}.", field=field)


def is_any(choices: Mapping[int, str], all_as: str) -> bool:
    """Return whether anything is chosen but what the policies say."""
    return all_as != POLICY or any(choice != POLICY for choice in choices.values())


def apply(choices: Mapping[int, str], all_as: str, reason: str, now: datetime) -> int:
    """Do what was chosen, in due order, in the transaction of the resume; returns with how many.

    What nobody chose for follows `all_as`, and with "policy" its channel's misfire policy, by the next tick.
    Raises: InvalidRequest, naming what is not overdue any more, or has no time left to go to; nothing is done then.
    """
    found = list(misfires.overdue_schedules(now))
    unknown = sorted(set(choices) - {row.pk for row in found})
    if unknown:
        raise InvalidRequest(
            f"Publication {', '.join(map(str, unknown))} is not overdue, or waits for something else; look again.",
            field="choices",
        )
    chosen = {row.pk: choices.get(row.pk, all_as) for row in found}
    chosen = {pk: choice for pk, choice in chosen.items() if choice != POLICY}
    lock_channels([row.channel_id for row in found if row.pk in chosen])
    reservations.hold_alone()
    rows = Schedule.objects.locked().filter(pk__in=chosen).prefetch_related("channel", "distribution", "wave")
    calendars = misfires.calendars_for({row.channel_id for row in found if row.pk in chosen}, now)
    soonest = now + SOON
    for row in sorted(rows, key=lambda row: (row.publish_at, -row.priority, row.pk)):
        way = _way(row, chosen[row.pk], calendars[row.channel_id], now, soonest)
        if chosen[row.pk] == PUBLISH_NOW:
            soonest += timedelta(minutes=1) / settings.HEADEND_RELEASES_PER_MINUTE
        _do(row, way, reason, now)
        if way.at is not None:
            calendars[row.channel_id].add(
                Occupied(row.channel_id, way.at, row.pk, row.priority, f"publication {row.pk}", False)
            )
    if chosen:
        audit.record(
            "overdue_chosen",
            SystemState(pk=1),
            after={"chosen": {str(pk): choice for pk, choice in chosen.items()}},
            reason=reason,
            members={"schedule": list(chosen)},
        )
    return len(chosen)


def ways(row: Schedule, calendar: ChannelCalendar, now: datetime) -> list[ResumeWay]:
    """Return the other ways for one overdue publication, as if it were alone."""
    found = []
    for choice in CHOICES[1:]:
        try:
            found.append(_way(row, choice, calendar, now, now + SOON))
        except InvalidRequest:
            continue
    return found


def _way(
    row: Schedule, choice: str, calendar: ChannelCalendar, now: datetime, soonest: datetime
) -> ResumeWay:
    if choice == PUBLISH_NOW:
        at = calendar.free_from(soonest, now + LOOK_AHEAD)
        said = "it is published as soon as its channel's calendar allows"
    elif choice == NEXT_SLOT:
        slot = calendar.free_slot_from(soonest)
        at, said = slot.at if slot else None, "it moves to its channel's next free slot"
    else:
        return ResumeWay(
            choice, None, "it is held until a person decides" if choice == HOLD else "it is skipped"
        )
    if at is None:
        raise InvalidRequest(
            f"Publication {row.pk} cannot be chosen for {choice}: channel {row.channel.name} has no free time ahead.",
            field="choices",
        )
    return ResumeWay(choice, at, f"{said}, {at:%Y-%m-%d %H:%M} UTC")


def _do(row: Schedule, way: ResumeWay, reason: str, now: datetime) -> None:
    if row.state not in misfires.WAITING or row.armed_for is not None:
        raise IllegalTransition(f"Publication {row.pk} is {row.state} by now; look again.", state=row.state)
    why = f"chosen at the resume: {way.sentence}" + (f" ({reason})" if reason else "")
    if way.at is not None:
        withdraw_jobs([row.pk], "its time was chosen at the resume", kinds=[JobKind.PUBLISH])
        stage_at = reservations.stage_times([(row, way.at)], now)[0]
        retime(row, way.at, stage_at=stage_at, verb="schedule_moved", reason=why, overridden=True)
        return
    action = MisfireAction.HOLD if way.choice == HOLD else MisfireAction.SKIP
    late = max(0, int((now - row.publish_at).total_seconds()))
    misfires.apply(
        row, MisfireDecision(action, row.channel.misfire_policy, row.publish_at, None, late, why), now
    )
