"""Take an action back where the protocol allows it: by the inverse verb of each row, refused with the fact where it cannot.

What an action did is read from its entries in the activity log, which share its correlation id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from channels.models import Channel, ChannelGroup, Label
from channels.querysets import Lockable
from channels.states import ChannelState
from orchestration.core import audit
from orchestration.engine import jobs
from orchestration.errors import IllegalTransition, NotFound, OrchestrationError
from orchestration.models import Activity, Conflict, Job, Schedule, Source, SystemState, Wave
from orchestration.register import channels, groups, sources
from orchestration.scheduling import conflict_actions, reservations, schedules, waves
from orchestration.scheduling.rows import lock_channels
from orchestration.states import ConflictState, JobState, ScheduleState, SourceState, WaveState

VERB = "action_undone"
GOES_ON = frozenset({ScheduleState.PLANNED, ScheduleState.STAGED})
WAITED = frozenset({JobState.QUEUED, JobState.WAITING})
SUBJECTS = ("channel", "channelgroup", "label", "schedule", "conflict", "job", "source", "wave")


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What was taken back, by name, and what could not be, by its fact."""

    correlation_id: str
    of: str
    done: Sequence[str]
    refused: Sequence[str] = field(default_factory=tuple)


@dataclass(slots=True)
class _Change:
    """What one action did to one row: its first state before and its last one after, and its moments likewise."""

    model: str
    pk: int
    was: str = ""
    became: str = ""
    was_at: str = ""
    became_at: str = ""
    added: Sequence[int] = ()
    removed: Sequence[int] = ()
    times: Mapping[int, tuple[datetime, datetime]] = field(default_factory=dict)
    """Of a wave that was moved, by member that went with it: when it was due, and when from then on."""


class _Refused(Exception):
    """A fact that stands against taking one thing back."""


def can_be_undone(correlation_id: str) -> bool:
    """Return whether an action did anything for which there is an inverse; whether it is still free is seen in trying."""
    return any(_inverse_of(change) is not None for change in _changes(correlation_id))


def methods_of(correlation_id: str) -> set[str]:
    """Return the methods of the service that would do what taking an action back does."""
    return {METHODS[change.model] for change in _changes(correlation_id)}


def undo(correlation_id: str, reason: str = "") -> UndoResult:
    """Take back what an action did, as far as it can be; one row that cannot be keeps no other from it.

    A wave that was moved as a whole goes back so: if one member's time is taken meanwhile, none does.

    Raises: NotFound, if there was no such action; IllegalTransition, with the fact, if nothing of it can be taken back.
    """
    found = _changes(correlation_id)
    if not found:
        raise NotFound("No action that could be undone has this correlation id.", field="correlation_id")
    done: list[str] = []
    refused: list[str] = []
    with transaction.atomic():
        _lock(correlation_id, found)
        _refuse_if_undone(correlation_id)
        left = _take_back_in_sets(found, reason or "undone", done)
        for change in reversed(left):
            _take_back(change, reason or "undone", done, refused)
        if not done:
            raise IllegalTransition(
                f"It cannot be undone: {refused[0] if refused else 'nothing was changed'}", state="done"
            )
        audit.record(
            VERB,
            SystemState(pk=1),
            after={"of": correlation_id, "done": len(done), "refused": len(refused)},
            reason=reason,
        )
    return UndoResult(audit.acting().correlation_id, correlation_id, done, refused)


def _refuse_if_undone(correlation_id: str) -> None:
    entry = Activity.objects.filter(verb=VERB, after__of=correlation_id).order_by("-id").first()
    if entry is not None:
        raise IllegalTransition(
            f"It was undone by {entry.actor_label} at {entry.timestamp:%Y-%m-%d %H:%M} UTC.",
            state="undone",
        )


def _changes(correlation_id: str) -> list[_Change]:
    """Return what the entries of an action say, row by row, in the order in which it happened."""
    entries = Activity.objects.filter(cid=correlation_id, content_type__model__in=SUBJECTS).order_by("id")
    found: dict[tuple[str, int], _Change] = {}
    for entry in entries.select_related("content_type"):
        if entry.object_id is None:
            continue
        model = entry.content_type.model
        before, after = entry.before or {}, entry.after or {}
        members = (entry.additional_data or {}).get("members", {})
        if entry.verb == "wave_moved":
            _fold(found, entry.object_id, entry, members.get("schedule", ()))
            continue
        if not {"state", "publish_at"} & set(before) and not {"added", "removed"} & set(members):
            continue
        change = found.setdefault((model, entry.object_id), _Change(model, entry.object_id))
        if "state" in before and "state" in after:
            change.was = change.was or str(before["state"])
            change.became = str(after["state"])
        if "publish_at" in before and "publish_at" in after:
            change.was_at = change.was_at or before["publish_at"]
            change.became_at = after["publish_at"]
        change.added, change.removed = (
            members.get("added", change.added),
            members.get("removed", change.removed),
        )
    return list(found.values())


def _fold(
    found: dict[tuple[str, int], _Change], wave_id: int, entry: Activity, members: Sequence[int]
) -> None:
    """Read a wave's move as one change, in place of those of its members."""
    moved = [change for pk in members if (change := found.pop(("schedule", pk), None)) is not None]
    times = {
        change.pk: (datetime.fromisoformat(change.was_at), datetime.fromisoformat(change.became_at))
        for change in moved
    }
    if times:
        found["wave", wave_id] = _Change(
            "wave",
            wave_id,
            was_at=(entry.before or {}).get("scheduled_at") or "",
            became_at=(entry.after or {}).get("scheduled_at") or "",
            times=times,
        )


def _lock(correlation_id: str, found: Sequence[_Change]) -> None:
    """Lock the action's own first entry, so that it is taken back once, and the calendars of what it changed."""
    entries: Lockable[Activity] = Lockable(Activity).filter(cid=correlation_id).order_by("id")
    list(entries.locked().values_list("pk", flat=True)[:1])
    by_model: dict[str, set[int]] = {}
    for change in found:
        by_model.setdefault(change.model, set()).add(change.pk)
    ids = set(by_model.get("channel", ()))
    ids |= set(
        Schedule.objects.filter(pk__in=by_model.get("schedule", ())).values_list("channel_id", flat=True)
    )
    ids |= set(Job.objects.filter(pk__in=by_model.get("job", ())).values_list("channel_id", flat=True)) - {
        None
    }
    ids |= set(
        Schedule.objects.filter(wave__in=by_model.get("wave", ())).values_list("channel_id", flat=True)
    )
    lock_channels(sorted(ids))
    if "schedule" in by_model or "job" in by_model or any(change.times for change in found):
        reservations.hold_alone()


def _take_back_in_sets(found: Sequence[_Change], reason: str, done: list[str]) -> list[_Change]:
    """Take back in a few statements what many rows have in common; returns the changes that are to be tried one by one."""
    left: list[_Change] = []
    groups: dict[tuple[str, str, str], list[_Change]] = {}
    for change in found:
        groups.setdefault((change.model, change.became, change.was), []).append(change)
    for key, changes in groups.items():
        how = IN_SETS.get(key)
        if key == ("schedule", "", "") and len(changes) > 1:
            left += _give_times_back(changes, reason, done)
            continue
        if how is None or len(changes) == 1:
            left += changes
            continue
        rows = MODELS[key[0]]._default_manager.filter(pk__in=[change.pk for change in changes], state=key[1])
        if key[0] == "schedule":
            rows = rows.filter(publish_at__gt=timezone.now()).select_related("distribution__video", "channel")
        by_id = {row.pk: row for row in rows}
        try:
            with transaction.atomic():
                refused = how(sorted(by_id), reason)
        except OrchestrationError:
            refused = dict.fromkeys(by_id, "")
        done += [_name(row) for pk, row in by_id.items() if pk not in refused]
        left += [change for change in changes if change.pk not in by_id or change.pk in refused]
    return left


def _give_times_back(changes: Sequence[_Change], reason: str, done: list[str]) -> list[_Change]:
    """Give many publications the times back that they had, if nobody moved them since; returns the changes that are left."""
    rows = Schedule.objects.filter(pk__in=[change.pk for change in changes])
    by_id = {row.pk: row for row in rows.select_related("distribution__video", "channel")}
    times = {
        change.pk: datetime.fromisoformat(change.was_at)
        for change in changes
        if change.was_at
        and change.pk in by_id
        and by_id[change.pk].publish_at == datetime.fromisoformat(change.became_at)
    }
    try:
        with transaction.atomic():
            refused = schedules.move_to(times, reason)
    except OrchestrationError:
        return list(changes)
    back = times.keys() - refused.keys()
    done += [_name(by_id[pk]) for pk in times if pk in back]
    return [change for change in changes if change.pk not in back]


def _take_back(change: _Change, reason: str, done: list[str], refused: list[str]) -> None:
    how = _inverse_of(change)
    row = MODELS[change.model]._default_manager.filter(pk=change.pk).first()
    name = _name(row) if row is not None else f"{change.model} {change.pk}"
    if row is None:
        refused.append(f"{name} is not there any more.")
        return
    if how is None:
        refused.append(f"{name}: there is no way back from {change.became.replace('_', ' ') or 'this'}.")
        return
    try:
        with transaction.atomic():
            stays = how(row, change, reason)
    except _Refused as fact:
        refused.append(f"{name}: {fact}")
    except OrchestrationError as error:
        refused.append(f"{name}: {error.message}")
    else:
        done.append(name)
        refused += stays or ()


def _name(row: Any) -> str:
    if isinstance(row, Schedule):
        return f"{row.distribution.video} on {row.channel}"
    if isinstance(row, Job):
        return f"{row.get_kind_display()} {row.pk}"
    return row.message if isinstance(row, Conflict) else str(row)


Inverse = Callable[[Any, _Change, str], Sequence[str] | None]
"""Takes a change back; returns what of it stays all the same, if a change has parts."""


def _inverse_of(change: _Change) -> Inverse | None:
    """Return what takes a change back; None where nothing does."""
    if change.model in {"channelgroup", "label"}:
        return _members if change.added or change.removed else None
    if change.model == "schedule":
        if change.became in {ScheduleState.HELD, ScheduleState.CANCELLED}:
            return (
                _schedule_state
                if change.was in GOES_ON | {ScheduleState.STAGING, ScheduleState.HELD}
                else None
            )
        if change.became in GOES_ON and change.was in {ScheduleState.HELD, ScheduleState.CANCELLED}:
            return _schedule_back
        return _schedule_time if change.was_at and not change.became else None
    if change.times:
        return _wave_time
    ways: dict[tuple[str, str], Inverse | None] = {
        ("channel", ChannelState.PAUSED): _channel,
        ("channel", ChannelState.ACTIVE): _channel,
        ("channel", ChannelState.DISABLED): _channel,
        ("source", SourceState.PAUSED): _source,
        ("source", SourceState.ACTIVE): _source,
        ("wave", WaveState.PAUSED): _wave,
        ("wave", WaveState.SCHEDULED): _wave,
        ("conflict", ConflictState.DISMISSED): _conflict,
        ("job", JobState.CANCELLED): _job if change.was in WAITED else None,
    }
    return ways.get((change.model, change.became))


def _refuse_if_changed(row: Any, change: _Change) -> None:
    if row.state != change.became:
        raise _Refused(f"it is {row.get_state_display()} by now.")


def _channel(row: Channel, change: _Change, reason: str) -> None:
    _refuse_if_changed(row, change)
    if row.state != ChannelState.ACTIVE:
        channels.resume_channel(row.pk, reason)
    if change.was == ChannelState.PAUSED:
        channels.pause_channel(row.pk, reason)
    elif change.was == ChannelState.DISABLED:
        channels.disable_channel(row.pk, reason)


def _source(row: Source, change: _Change, reason: str) -> None:
    _refuse_if_changed(row, change)
    (sources.resume if change.became == SourceState.PAUSED else sources.pause)(row.pk, reason)


def _wave(row: Wave, change: _Change, reason: str) -> None:
    _refuse_if_changed(row, change)
    (waves.resume if change.became == WaveState.PAUSED else waves.pause)(row.pk, reason)


def _wave_time(row: Wave, change: _Change, reason: str) -> Sequence[str]:
    """Move a wave back as it was moved, its members all or none, if nobody moved it since; what was moved since stays."""
    if (row.scheduled_at.isoformat() if row.scheduled_at else "") != change.became_at:
        raise _Refused("it was moved once more.")
    at = datetime.fromisoformat(change.was_at) if change.was_at else None
    return waves.move_back(row.pk, change.times, at, reason)


def _conflict(row: Conflict, change: _Change, reason: str) -> None:
    _refuse_if_changed(row, change)
    conflict_actions.reopen_all([row.pk], reason)


def _job(row: Job, change: _Change, reason: str) -> None:
    _refuse_if_changed(row, change)
    jobs.retry(row.pk, reason)


def _schedule_state(row: Schedule, change: _Change, reason: str) -> None:
    """Release what was held, or reopen what was cancelled at its own time, if that is ahead and still free."""
    _refuse_if_changed(row, change)
    if row.publish_at <= timezone.now():
        raise _Refused(f"its time, {row.publish_at:%Y-%m-%d %H:%M} UTC, is over.")
    if change.became == ScheduleState.HELD:
        schedules.release(row.pk, reason)
        return
    schedules.reopen(row.pk, reason)
    if change.was == ScheduleState.HELD:
        schedules.hold(row.pk, reason)


def _schedule_back(row: Schedule, change: _Change, reason: str) -> None:
    """Hold again what was released, or cancel again what was reopened."""
    if row.state not in GOES_ON | {ScheduleState.STAGING}:
        raise _Refused(f"it is {row.get_state_display()} by now.")
    (schedules.hold if change.was == ScheduleState.HELD else schedules.cancel)(row.pk, reason)


def _schedule_time(row: Schedule, change: _Change, reason: str) -> None:
    """Give it the time back that it had, if nobody moved it since."""
    if row.publish_at != datetime.fromisoformat(change.became_at):
        raise _Refused(f"it was moved once more, to {row.publish_at:%Y-%m-%d %H:%M} UTC.")
    schedules.move(row.pk, datetime.fromisoformat(change.was_at), reason)


def _members(row: ChannelGroup | Label, change: _Change, reason: str) -> None:
    """Take out what came in, and put back what went out, as far as these channels are still there."""
    there = set(Channel.objects.filter(pk__in=[*change.added, *change.removed]).values_list("pk", flat=True))
    comes, goes = [pk for pk in change.removed if pk in there], [pk for pk in change.added if pk in there]
    if not comes and not goes:
        raise _Refused("its channels are not there any more.")
    if isinstance(row, ChannelGroup):
        if comes:
            groups.add_channels(row.pk, comes, reason)
        if goes:
            groups.remove_channels(row.pk, goes, reason)
        return
    if comes:
        groups.add_labels(comes, [row.name], reason)
    if goes:
        groups.remove_labels(goes, [row.name], reason)


METHODS = {
    "channel": "resume_channel",
    "channelgroup": "set_group_channels",
    "label": "set_channel_labels",
    "schedule": "reopen_schedule",
    "conflict": "apply_alternative",
    "job": "retry_job",
    "source": "resume_source",
    "wave": "resume_wave",
}

IN_SETS: dict[tuple[str, str, str], Callable[[Sequence[int], str], dict[int, str]]] = {
    ("channel", ChannelState.PAUSED, ChannelState.ACTIVE): channels.resume_all,
    ("channel", ChannelState.DISABLED, ChannelState.ACTIVE): channels.resume_all,
    ("channel", ChannelState.ACTIVE, ChannelState.PAUSED): channels.pause_all,
    ("channel", ChannelState.ACTIVE, ChannelState.DISABLED): channels.disable_all,
    **{
        ("schedule", ScheduleState.HELD, was): schedules.release_all
        for was in (ScheduleState.PLANNED, ScheduleState.STAGING, ScheduleState.STAGED)
    },
    **{("schedule", became, ScheduleState.HELD): schedules.hold_all for became in sorted(GOES_ON)},
    **{
        ("schedule", ScheduleState.CANCELLED, was): schedules.reopen_all
        for was in (ScheduleState.PLANNED, ScheduleState.STAGING, ScheduleState.STAGED)
    },
    **{("schedule", became, ScheduleState.CANCELLED): schedules.cancel_all for became in sorted(GOES_ON)},
    ("source", SourceState.PAUSED, SourceState.ACTIVE): sources.resume_all,
    ("source", SourceState.ACTIVE, SourceState.PAUSED): sources.pause_all,
    ("wave", WaveState.PAUSED, WaveState.SCHEDULED): waves.resume_all,
    ("wave", WaveState.SCHEDULED, WaveState.PAUSED): waves.pause_all,
    ("conflict", ConflictState.DISMISSED, ConflictState.OPEN): conflict_actions.reopen_all,
}
"""What takes many alike changes back at once, by kind of row, state after and state before."""

MODELS: dict[str, Any] = {
    "channel": Channel,
    "channelgroup": ChannelGroup,
    "label": Label,
    "schedule": Schedule,
    "conflict": Conflict,
    "job": Job,
    "source": Source,
    "wave": Wave,
}
