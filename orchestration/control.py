"""Switch the whole system: start, stop, pause, resume, and say how it is."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Q
from django.utils import timezone

from orchestration import activity, overdue, pools
from orchestration.errors import IllegalTransition
from orchestration.models import Job, Schedule, SystemState
from orchestration.monitoring import component_ages
from orchestration.results import ResumePreview, SystemReport
from orchestration.states import (
    CLAIMABLE_JOBS,
    OPEN_SCHEDULES,
    SYSTEM_ACTIONS,
    JobState,
    ScheduleState,
    SystemStatus,
)
from orchestration.transitions import transition
from orchestration.wakeup import wake_tick

OVERDUE_AFTER = timedelta(seconds=15)
"""A publication this much past its moment is shown as overdue; the read-back of one in time takes a few seconds."""


def current() -> SystemState:
    """Return the one row, made stopped at the first call of an installation."""
    state, _ = SystemState.objects.get_or_create(pk=1)
    return state


def _locked() -> SystemState:
    current()
    return SystemState.objects.select_for_update().get(pk=1)


def start(reason: str = "") -> SystemReport:
    """Let due work be dispatched from now on."""
    with transaction.atomic():
        state = _locked()
        if state.state not in {SystemStatus.STOPPED, SystemStatus.DRAINING}:
            hint = " Use resume." if state.state == SystemStatus.PAUSED else ""
            raise IllegalTransition(f"The system is {state.state} already.{hint}", state=state.state)
        pools.ensure_defaults()
        _to(state, SystemStatus.RUNNING, "system_started", reason)
        wake_tick()
    return report()


def pause(reason: str = "") -> SystemReport:
    """Start nothing new; what runs finishes."""
    with transaction.atomic():
        state = _locked()
        if state.state != SystemStatus.RUNNING:
            raise IllegalTransition(
                f"The system is {state.state}; only a running system can be paused.", state=state.state
            )
        _to(state, SystemStatus.PAUSED, "system_paused", reason)
    return report()


def resume(reason: str = "") -> SystemReport:
    """Go on after a pause."""
    with transaction.atomic():
        state = _locked()
        if state.state != SystemStatus.PAUSED:
            hint = " Use start." if state.state == SystemStatus.STOPPED else ""
            raise IllegalTransition(
                f"The system is {state.state}; only a paused system can be resumed.{hint}", state=state.state
            )
        _to(state, SystemStatus.RUNNING, "system_resumed", reason)
        wake_tick()
    return report()


def stop(*, now: bool = False, reason: str = "") -> SystemReport:
    """Drain: what runs finishes, then the system is stopped; with `now`, what runs is asked to cancel."""
    with transaction.atomic():
        state = _locked()
        if state.state == SystemStatus.STOPPED or (state.state == SystemStatus.DRAINING and not now):
            raise IllegalTransition(f"The system is {state.state} already.", state=state.state)
        running = Job.objects.filter(state=JobState.RUNNING)
        if now:
            asked = list(running.filter(cancel_requested_at=None).values_list("pk", flat=True))
            Job.objects.filter(pk__in=asked).update(
                cancel_requested_at=timezone.now(), cancel_reason="stop_now"
            )
            activity.record(
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
        wake_tick()
    return report()


def finish_draining() -> bool:
    """Stop a draining system once nothing runs any more; called by the tick."""
    if not SystemState.objects.filter(pk=1, state=SystemStatus.DRAINING).exists():
        return False
    with transaction.atomic():
        state = _locked()
        if state.state != SystemStatus.DRAINING or Job.objects.filter(state=JobState.RUNNING).exists():
            return False
        _to(state, SystemStatus.STOPPED, "system_stopped", "everything that ran has finished")
    return True


def _to(state: SystemState, to: str, verb: str, reason: str) -> None:
    state.reason = reason[:300]
    state.changed_by = activity.acting().label[:150]
    SystemState.objects.filter(pk=state.pk).update(reason=state.reason, changed_by=state.changed_by)
    transition(state, to, verb=verb, reason=reason, before={"since": state.state_changed_at.isoformat()})


def is_running() -> bool:
    """Say whether new work may be dispatched."""
    return SystemState.objects.filter(pk=1, state=SystemStatus.RUNNING).exists()


def report(now: datetime | None = None) -> SystemReport:
    """Say how the system is and how much it has to do."""
    now = now or timezone.now()
    state = current()
    jobs = Job.objects.aggregate(
        running=Count("pk", filter=Q(state=JobState.RUNNING)),
        queued=Count("pk", filter=Q(state__in=CLAIMABLE_JOBS)),
    )
    schedules = Schedule.objects.filter(state__in=OPEN_SCHEDULES).aggregate(
        open=Count("pk"),
        overdue=Count("pk", filter=Q(publish_at__lt=now - OVERDUE_AFTER) & ~Q(state=ScheduleState.HELD)),
        armed=Count("pk", filter=Q(armed_for__isnull=False, armed_for__gt=now)),
    )
    return SystemReport(
        state=state.state,
        since=state.state_changed_at,
        changed_by=state.changed_by,
        reason=state.reason,
        actions=SYSTEM_ACTIONS[state.state],
        running_jobs=jobs["running"],
        queued_jobs=jobs["queued"],
        open_schedules=schedules["open"],
        overdue_schedules=schedules["overdue"],
        armed_schedules=schedules["armed"],
        components=component_ages(),
    )


def preview_resume() -> ResumePreview:
    """Show what is overdue and what will happen to each."""
    return overdue.preview(timezone.now())
