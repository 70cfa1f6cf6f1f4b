"""Switch the whole system: start, stop, pause, resume, and say how it is."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from orchestration.core import audit, high_water, installation, media_tool, system_lock
from orchestration.core.heartbeats import component_ages
from orchestration.core.transitions import transition
from orchestration.core.verbs import require, require_version
from orchestration.core.wakeups import wake_tick
from orchestration.errors import IllegalTransition, InvalidRequest
from orchestration.models import Job, Schedule, SystemState
from orchestration.models.functions import CountOf
from orchestration.models.querysets import is_overdue
from orchestration.queue import pools
from orchestration.queue.policy import SAFE_KINDS
from orchestration.results.system import ResumePreview, SystemReport
from orchestration.scheduling import misfires, overdue_choices
from orchestration.scheduling.disarming import is_beyond_stopping
from orchestration.scheduling.rows import take_off
from orchestration.states import (
    CLAIMABLE_JOBS,
    OPEN_JOBS,
    JobKind,
    JobState,
    ScheduleState,
    SystemStatus,
)


def current() -> SystemState:
    """Return the one row, made stopped at the first call of an installation."""
    state, _ = SystemState.objects.get_or_create(pk=1)
    return state


def _locked() -> SystemState:
    current()
    system_lock.hold_alone()
    return SystemState.objects.locked().get(pk=1)


def start(reason: str = "", *, version: int | None = None) -> SystemReport:
    """Let due work be dispatched from now on; a copy or a restored backup is kept paused instead."""
    if keep_copy_paused():
        state = current()
        raise IllegalTransition(f"{state.reason} Use resume.", state=state.state)
    with transaction.atomic():
        state = _locked()
        require(state, "start", version=version)
        pools.ensure_defaults()
        _to(state, SystemStatus.RUNNING, "system_started", reason)
        wake_tick()
        return report()


def pause(reason: str = "", *, disarm: bool = False, version: int | None = None) -> SystemReport:
    """Start nothing new; what runs finishes, and what is armed goes public unless `disarm` takes it back."""
    with transaction.atomic():
        state = _locked()
        require_version(state, version)
        if not (disarm and state.state == SystemStatus.PAUSED):
            require(state, "pause")
            _to(state, SystemStatus.PAUSED, "system_paused", reason)
        if disarm:
            _disarm(state, reason)
        return report()


def resume(
    reason: str = "",
    *,
    version: int | None = None,
    choices: Mapping[int, str] | None = None,
    all_as: str = overdue_choices.POLICY,
) -> SystemReport:
    """Go on after a pause; a copy of another installation's database, or a restored backup, becomes this one's.

    The world may have moved on since that was made: what was due by now is read back before anything is decided. Else what
    is overdue goes the way that was chosen for it, by its id or `all_as`, instead of its misfire policy's.
    Raises: InvalidRequest, IllegalTransition, StaleVersion.
    """
    overdue_choices.check(choices or {}, all_as)
    mark = high_water.read()
    with transaction.atomic():
        state = _locked()
        standing = high_water.stand(mark)
        is_taken_over = not installation.is_up_to_date(mark, standing)
        require(state, "resume", version=version)
        taken = _taken_over(standing) if is_taken_over and standing else {}
        _to(state, SystemStatus.RUNNING, "system_resumed", reason, **taken)
        if overdue_choices.is_any(choices or {}, all_as):
            if is_taken_over:
                raise InvalidRequest(
                    "In a restored database YouTube is asked before anything is decided: resume, then choose.",
                    field="choices",
                )
            overdue_choices.apply(choices or {}, all_as, reason, timezone.now())
        if is_taken_over:
            misfires.read_back_first(timezone.now())
            transaction.on_commit(high_water.take_over)
        wake_tick()
        return report()


def _taken_over(standing: high_water.Standing) -> dict[str, datetime | None]:
    """Return what is written down when a restored backup or a copy is taken over."""
    now = timezone.now()
    return {
        "restored_at": now,
        "restored_from": standing.behind_since or standing.entry_at or now,
        "behind_since": None,
    }


def stop(
    *, now: bool = False, reason: str = "", disarm: bool = False, version: int | None = None
) -> SystemReport:
    """Drain: what runs finishes, then the system is stopped; with `now`, what runs is asked to cancel.

    What is armed goes public unless `disarm` takes it back.
    """
    with transaction.atomic():
        state = _locked()
        require_version(state, version)
        is_over = bool(state.why_not("stop")) or (state.state == SystemStatus.DRAINING and not now)
        if is_over and not disarm:
            raise IllegalTransition(f"The system is {state.state} already.", state=state.state)
        if not is_over:
            _stop(state, now=now, reason=reason)
        if disarm:
            _disarm(state, reason)
        wake_tick()
        return report()


def _stop(state: SystemState, *, now: bool, reason: str) -> None:
    running = _in_the_way().order_by("pk")
    if now:
        asked = list(running.filter(cancel_requested_at=None).values_list("pk", flat=True))
        Job.objects.filter(pk__in=asked, state=JobState.RUNNING).update(
            cancel_requested_at=timezone.now(), cancel_reason="stop_now"
        )
        audit.record(
            "system_stop_now",
            state,
            before={"state": state.state},
            after={"cancel_requested": len(asked)},
            reason=reason,
            members={"job": asked},
        )
    if state.state != SystemStatus.DRAINING:
        to = SystemStatus.DRAINING if running.exists() else SystemStatus.STOPPED
        _to(state, to, "system_stopped" if to == SystemStatus.STOPPED else "system_draining", reason)


def _disarm(state: SystemState, reason: str) -> None:
    """Take back what YouTube would publish by itself, however the system is; call it while the switch is held alone.

    The schedules stay staged, without their arming: after the next resume or start they are armed again, or their
    misfire policy decides. What its moment has come for can only be recalled.
    """
    if not installation.is_ours(state.installation_id):
        raise IllegalTransition(
            "This database is a copy: what is armed belongs to the original, and only that takes it back.",
            state=state.state,
        )
    if state.behind_since is not None:
        raise IllegalTransition(
            "This database was restored: what it calls armed may be public by now. Resume first, then it is looked at.",
            state=state.state,
        )
    armed = Schedule.objects.armed().filter(state=ScheduleState.STAGED).order_by("pk")
    rows = list(armed.locked().prefetch_related("channel", "distribution"))
    leaving = [row for row in rows if not is_beyond_stopping(row)]
    take_off(leaving, f"the system is {state.state}, and what was armed was taken back")
    audit.record(
        "system_disarmed",
        state,
        after={"taken_back": len(leaving), "too_late": len(rows) - len(leaving)},
        reason=reason,
        members={"schedule": [row.pk for row in leaving]},
    )


def _in_the_way() -> QuerySet[Job]:
    """Return what has to finish before the system is stopped; what may run in every state is let be."""
    return Job.objects.running().exclude(kind__in=SAFE_KINDS)


def keep_copy_paused() -> bool:
    """Pause a system whose database is a copy or a restored backup, and name the reason; called by every tick.

    A new database is given this installation's name. Returns whether it waits to be taken over; a resume does that.
    """
    found = current()
    if not found.installation_id:
        SystemState.objects.filter(pk=found.pk, installation_id="").update(
            installation_id=settings.HEADEND_INSTALLATION_ID
        )
        high_water.take_over()
        return False
    mark = high_water.read()
    standing = high_water.stand(mark)
    if installation.is_up_to_date(mark, standing):
        high_water.keep_up()
        return False
    if found.state == SystemStatus.PAUSED and found.behind_since is not None:
        return True
    with transaction.atomic():
        state = _locked()
        standing = high_water.stand(mark)
        if standing is None or installation.is_up_to_date(mark, standing):
            return False
        _pause_until_taken_over(state, standing, installation.why_not_up_to_date(mark, standing))
    return True


def _pause_until_taken_over(state: SystemState, standing: high_water.Standing, why: str) -> None:
    why = why or state.reason  # already found, and told then
    if state.behind_since is None:
        SystemState.objects.filter(pk=state.pk).update(behind_since=standing.entry_at or timezone.now())
    is_copy = not installation.is_ours(state.installation_id)
    verb = "system_copy_found" if is_copy else "system_restore_found"
    if state.state != SystemStatus.PAUSED:
        _to(state, SystemStatus.PAUSED, verb, why)
    elif state.reason != why:
        SystemState.objects.filter(pk=state.pk).update(reason=why[:300])
        audit.record(verb, state, before={"reason": state.reason}, after={"reason": why}, reason=why)


def finish_draining() -> bool:
    """Stop a draining system once nothing runs any more; called by the tick."""
    if not SystemState.objects.filter(pk=1, state=SystemStatus.DRAINING).exists():
        return False
    with transaction.atomic():
        state = _locked()
        if state.state != SystemStatus.DRAINING or _in_the_way().exists():
            return False
        _to(state, SystemStatus.STOPPED, "system_stopped", "everything that ran has finished")
    return True


def _to(state: SystemState, to: str, verb: str, reason: str, **changes: Any) -> None:
    changed_by = audit.acting().label[:150]
    SystemState.objects.filter(pk=state.pk).update(reason=reason[:300], changed_by=changed_by)
    if to == SystemStatus.RUNNING and state.installation_id != settings.HEADEND_INSTALLATION_ID:
        changes["installation_id"] = settings.HEADEND_INSTALLATION_ID
    since = state.state_changed_at.isoformat()
    transition(state, to, verb=verb, reason=reason, before={"since": since}, **changes)
    state.reason, state.changed_by = reason[:300], changed_by


def is_running() -> bool:
    """Return whether new work may be dispatched."""
    return SystemState.objects.filter(
        pk=1,
        state=SystemStatus.RUNNING,
        installation_id__in=["", settings.HEADEND_INSTALLATION_ID],
        behind_since=None,
    ).exists()


def report(now: datetime | None = None) -> SystemReport:
    """Return how the system is and how much it has to do."""
    now = now or timezone.now()
    counted = _counted(now)
    state = counted.first()
    if state is None:
        current()
        state = counted.get()
    counts = state.__dict__
    tool = media_tool.describe()
    return SystemReport(
        state=state.state,
        since=state.state_changed_at,
        changed_by=state.changed_by,
        reason=state.reason,
        actions=state.actions,
        version=state.version,
        running_jobs=counts["running"],
        queued_jobs=counts["queued"],
        open_schedules=counts["open"],
        overdue_schedules=counts["overdue"],
        armed_schedules=counts["armed"],
        disarming_schedules=counts["disarming"],
        components=component_ages(),
        ffmpeg=tool.text,
        ffmpeg_warning=tool.warning,
    )


def _counted(now: datetime) -> QuerySet[SystemState]:
    """Return the one row with what there is to do beside it, each count by an index of its own; all in one statement."""
    of_open = Schedule.objects.open()
    return SystemState.objects.filter(pk=1).annotate(
        running=CountOf(Job.objects.filter(state=JobState.RUNNING)),
        queued=CountOf(Job.objects.filter(state__in=CLAIMABLE_JOBS)),
        disarming=CountOf(Job.objects.filter(kind=JobKind.DISARM, state__in=OPEN_JOBS)),
        open=CountOf(of_open),
        overdue=CountOf(of_open.filter(is_overdue(now))),
        armed=CountOf(of_open.filter(armed_for__gt=now)),
    )


def preview_resume() -> ResumePreview:
    """Show what is overdue and what will happen to each."""
    now = timezone.now()
    shown = misfires.preview(now)
    channels = {item.schedule.channel_id for item in shown.items}
    calendars = misfires.calendars_for(channels, now)
    items = [
        replace(item, ways=overdue_choices.ways(item.schedule, calendars[item.schedule.channel_id], now))
        for item in shown.items
    ]
    return replace(shown, items=items)
