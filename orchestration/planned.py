"""Turn requests into plans and plans into rows: gather the values, plan, and write the whole or nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import F
from django.utils import timezone

from orchestration import activity, collisions, reserving, snapshots
from orchestration.bulk import insert_set
from orchestration.errors import (
    ChannelPaused,
    InvalidRequest,
    NoRightsBasis,
    NotFound,
    OrchestrationError,
    PlanOutdated,
    PlanRefused,
    StaleState,
    VideoNotReady,
)
from orchestration.models import Distribution, Job, Schedule, Video, Wave
from orchestration.planning import rules, types
from orchestration.planning.earliest import earliest_time
from orchestration.planning.members import UnknownMember
from orchestration.planning.slots import NaiveDatetime, require_aware
from orchestration.planning.waves import plan_wave, planning_window
from orchestration.states import (
    MOVABLE_SCHEDULES,
    DistributionState,
    OnConflict,
    ScheduleState,
    Timing,
)
from orchestration.taking_back import disarm
from orchestration.transitions import transition
from orchestration.wakeup import wake_tick

FURTHEST = timedelta(days=366 * 2)
PAST_TOLERANCE = timedelta(seconds=2)
SHOWN_REFUSALS = 3


def whole_second(at: datetime) -> datetime:
    """Return the instant in UTC in whole seconds, rounded up: YouTube counts in seconds, and nothing is early."""
    at = at.astimezone(UTC)
    return at if not at.microsecond else at.replace(microsecond=0) + timedelta(seconds=1)


def check_time(at: datetime | None, field: str, now: datetime) -> datetime | None:
    """Return an instant that may be planned. Raises: InvalidRequest for one that is naive, past or absurdly far."""
    if at is None:
        return None
    try:
        at = whole_second(require_aware(at, field))
    except NaiveDatetime as error:
        raise InvalidRequest(
            f"{field} {at.isoformat()} has no offset; write it as 2026-11-23T18:00:00+01:00.", field=field
        ) from error
    if at < now - PAST_TOLERANCE:
        raise InvalidRequest(
            f"{field} {at.isoformat()} lies in the past (now {now.isoformat()}).", field=field
        )
    if at > now + FURTHEST:
        raise InvalidRequest(f"{field} {at.isoformat()} is more than two years away.", field=field)
    return at


def check_ids(ids: Sequence[int], field: str) -> tuple[int, ...]:
    """Return a list of ids. Raises: InvalidRequest for an empty list or an id that stands twice."""
    if not ids:
        raise InvalidRequest(f"{field} is empty.", field=field)
    twice = sorted({item for item in ids if list(ids).count(item) > 1}) if len(set(ids)) != len(ids) else []
    if twice:
        raise InvalidRequest(f"{field} names {', '.join(map(str, twice))} more than once.", field=field)
    return tuple(ids)


def check_choice(value: str, choices: Any, field: str) -> str:
    """Return one of the words that are allowed. Raises: InvalidRequest naming them."""
    if value not in choices.values:
        raise InvalidRequest(f"{field} {value!r} is not one of {', '.join(choices.values)}.", field=field)
    return value


def check_priority(priority: int | None, default: int = 5) -> int:
    """Return a priority from 0 to 10. Raises: InvalidRequest."""
    if priority is None:
        return default
    if not 0 <= priority <= 10:
        raise InvalidRequest(f"priority {priority} is not between 0 and 10.", field="priority")
    return priority


def request_of(
    *,
    video_ids: Sequence[int],
    channel_ids: Sequence[int],
    timing: str,
    scheduled_at: datetime | None,
    delay_seconds: int,
    priority: int | None,
    on_conflict: str,
    overrides: Mapping[tuple[int, int], datetime] | None,
    acknowledge_policy: bool,
    videos_field: str = "video_ids",
) -> types.WaveRequest:
    """Return a checked request. Raises: InvalidRequest, naming the field."""
    now = timezone.now()
    videos = check_ids(video_ids, videos_field)
    channels = check_ids(channel_ids, "channel_ids")
    pinned = {}
    for member, at in (overrides or {}).items():
        if member[0] not in videos or member[1] not in channels:
            raise InvalidRequest(
                f"overrides names video {member[0]} on channel {member[1]}, not in this wave.",
                field="overrides",
            )
        pinned[member] = check_time(at, "overrides", now)
    if not 0 <= delay_seconds <= 30 * 86400:
        raise InvalidRequest(
            f"delay_seconds {delay_seconds} is not between 0 and 30 days.", field="delay_seconds"
        )
    return types.WaveRequest(
        videos=videos,
        channels=channels,
        timing=check_choice(timing, Timing, "timing"),
        scheduled_at=check_time(scheduled_at, "scheduled_at", now),
        delay_seconds=delay_seconds,
        priority=check_priority(priority),
        on_conflict=check_choice(on_conflict, OnConflict, "on_conflict"),
        overrides=pinned,
        acknowledge_policy=acknowledge_policy,
    )


def plan(request: types.WaveRequest, *, lock: bool = False) -> types.Plan:
    """Plan a request against what stands now; with `lock`, inside a transaction that keeps it standing.

    Raises: NotFound for an unknown id, naming the field.
    """
    channels = snapshots.channel_views(request.channels, lock=lock)
    if lock:
        reserving.hold_alone()
    now = timezone.now()
    videos = snapshots.video_views(request.videos)
    existing = snapshots.existing(videos)
    pools = snapshots.pool_views(now)
    since, until = planning_window(request, channels, now)
    while True:
        occupied = snapshots.occupied(request.channels, since, until)
        try:
            made = plan_wave(request, channels, videos, occupied, existing, pools, now=now)
        except UnknownMember as error:
            raise _unknown(error) from error
        if made.looked_until is None or made.looked_until <= until:
            return refuse_if_incomplete(request, made)
        until = made.looked_until + timedelta(days=7)


def earliest(request: types.WaveRequest) -> tuple[datetime | None, types.Plan]:
    """Find the first time at which nothing of a request has to move. Raises: NotFound for an unknown id."""
    now = timezone.now()
    channels = snapshots.channel_views(request.channels)
    videos = snapshots.video_views(request.videos)
    existing, pools = snapshots.existing(videos), snapshots.pool_views(now)
    since, until = planning_window(request, channels, now)
    while True:
        occupied = snapshots.occupied(request.channels, since, until)
        try:
            at, made = earliest_time(request, channels, videos, occupied, existing, pools, now=now)
        except UnknownMember as error:
            raise _unknown(error) from error
        if made.looked_until is None or made.looked_until <= until:
            return at, made
        until = made.looked_until + timedelta(days=7)


def _unknown(error: UnknownMember) -> NotFound:
    return NotFound(f"There is no {error.what} {error.member_id}.", field=f"{error.what}_ids")


def refuse_if_incomplete(request: types.WaveRequest, made: types.Plan) -> types.Plan:
    """Refuse the whole where a member would be left out and nobody said `skip`: a wave is all or nothing."""
    left_out = [
        c for c in made.conflicts if c.resolution in {types.Resolution.SKIPPED, types.Resolution.REJECTED}
    ]
    unacknowledged = [
        c
        for c in made.conflicts
        if c.rule == rules.SAME_ASSET_MANY_CHANNELS
        and not request.acknowledge_policy
        and request.on_conflict == OnConflict.REJECT
    ]
    blocking = left_out + unacknowledged
    if not blocking or (request.on_conflict == OnConflict.SKIP and not made.refused):
        return made
    reasons = "; ".join(c.message for c in blocking[:SHOWN_REFUSALS])
    more = f"; and {len(blocking) - SHOWN_REFUSALS} more" if len(blocking) > SHOWN_REFUSALS else ""
    # Leaving out what is all there is would leave nothing, and a warning leaves nobody out: then that is no advice.
    advice = " With “skip” on conflict such members are left out." if left_out and not made.refused else ""
    if unacknowledged:
        advice += " Acknowledge that the same video goes to many channels (acknowledge_policy) to go on."
    return replace(made, refused=True, summary=f"refused: {reasons}{more}.{advice}")


def refusal(made: types.Plan) -> OrchestrationError:
    """Return the error that names why a plan was refused; the plan is in its details."""
    turned_away = {types.Resolution.SKIPPED, types.Resolution.REJECTED}
    found = {c.rule for c in made.conflicts if c.resolution in turned_away}
    if found and found <= {rules.CHANNEL_PAUSED, rules.CHANNEL_DISABLED}:
        return ChannelPaused(made.summary, field="channel_ids", plan=made)
    if found == {rules.NO_RIGHTS_BASIS}:
        return NoRightsBasis(made.summary, field="video_ids", plan=made)
    if found == {rules.VIDEO_NOT_READY}:
        return VideoNotReady(made.summary, field="video_ids", plan=made)
    return PlanRefused(made.summary, plan=made)


def commit(
    request: types.WaveRequest,
    made: types.Plan,
    *,
    method: str,
    name: str,
    document: Mapping[str, Any],
) -> Wave:
    """Write a plan: wave, distributions, schedules, displacements, conflicts and one entry that names its members.

    Call it in the transaction that locked the channels and made the plan. What exceeds a pool's day is in the plan
    already; nothing is decided here.
    """
    who = activity.acting()
    now = timezone.now()
    wave = Wave(
        name=name or f"{request.timing} {made.first_at:%Y-%m-%d %H:%M} UTC",
        timing=request.timing,
        scheduled_at=request.scheduled_at or made.first_at,
        delay_seconds=request.delay_seconds,
        priority=request.priority,
        on_conflict=request.on_conflict,
        request=dict(document),
        summary=made.summary[:500],
        correlation_id=who.correlation_id or activity.new_correlation_id(),
        created_by=who.label[:150],
        created_at=now,
    )
    wave.save(force_insert=True)
    schedules = write_placements(
        made.placements, wave=wave, method=method, now=now, pinned=set(request.overrides)
    )
    displace(made.displacements, wave, now)
    collisions.record(made.conflicts, wave=wave, now=now)
    activity.record(
        "wave_scheduled",
        wave,
        after={
            "state": wave.state,
            "timing": wave.timing,
            "first_at": made.first_at.isoformat(),
            "last_at": made.last_at.isoformat(),
            "publications": len(schedules),
        },
        reason=made.summary,
        members={"schedule": schedules},
    )
    wake_tick()
    return wave


def write_placements(
    placements: Sequence[types.Placement],
    *,
    wave: Wave | None,
    method: str,
    now: datetime,
    pinned: set[tuple[int, int]] = frozenset(),
    explanations: Mapping[tuple[int, int], list[Any]] | None = None,
) -> list[int]:
    """Write distributions and schedules in sets; returns the ids of the schedules.

    A distribution that stands without a moment (staged by hand, missed, cancelled, failed) is taken up again.
    """
    explanations = explanations or {}
    wanted = {(p.video_id, p.channel_id): p for p in placements}
    again = _standing(set(wanted))
    _take_up_again(again, wave=wave, method=method)
    ids = {(row.video_id, row.channel_id): row.pk for row in again}
    uploaded = {row.pk for row in again if row.youtube_video_id}
    new = [p for key, p in wanted.items() if key not in ids]
    made = insert_set(
        Distribution(wave=wave, method=method, created_at=now, state_changed_at=now),
        {
            "video_id": [p.video_id for p in new],
            "channel_id": [p.channel_id for p in new],
            "reason": [p.reason[:300] for p in new],
            "explanation": [explanations.get((p.video_id, p.channel_id), []) for p in new],
        },
        returning=("video_id", "channel_id"),
    )
    ids.update(((video_id, channel_id), pk) for pk, video_id, channel_id in made)
    if again:
        for old in Schedule.objects.filter(distribution__in=again, armed_for__isnull=False):
            disarm(old, "planned anew")  # where nobody does: with the row goes what is known of it
        # Their jobs stay: one may still be disarming the old time, another may be a run that is winding down.
        Job.objects.filter(schedule__distribution__in=again).update(schedule=None)
        Schedule.objects.filter(distribution__in=again).delete()
    rows = [(ids[key], p, key in pinned) for key, p in wanted.items()]
    written = insert_set(
        Schedule(wave=wave, created_at=now, state_changed_at=now),
        {
            "distribution_id": [pk for pk, _, _ in rows],
            "channel_id": [p.channel_id for _, p, _ in rows],
            "publish_at": [p.at for _, p, _ in rows],
            "local_wall": [p.local_wall.isoformat(timespec="seconds") for _, p, _ in rows],
            "zone": [p.zone for _, p, _ in rows],
            "stage_at": [max(p.stage_at, now) for _, p, _ in rows],
            "priority": [p.priority for _, p, _ in rows],
            "state": [
                str(ScheduleState.STAGED if pk in uploaded else ScheduleState.PLANNED) for pk, _, _ in rows
            ],
            "overridden": [is_pinned for _, _, is_pinned in rows],
            "reason": [p.reason[:500] for _, p, _ in rows],
        },
    )
    return [row[0] for row in written]


def _standing(wanted: set[tuple[int, int]]) -> list[Distribution]:
    """Return the distributions of these videos and channels that stand already, under lock, their schedules before them."""
    of_these = {
        "video__in": {video for video, _ in wanted},
        "channel__in": {channel for _, channel in wanted},
    }
    found = [
        pk
        for pk, *member in Distribution.objects.filter(**of_these).values_list("pk", "video_id", "channel_id")
        if tuple(member) in wanted
    ]
    if not found:
        return []
    schedules = Schedule.objects.select_for_update(of=("self",)).filter(distribution__in=found)
    list(schedules.order_by("pk").values_list("pk"))  # not only NO KEY: they are deleted
    distributions = Distribution.objects.select_for_update(of=("self",), no_key=True)
    return list(distributions.filter(pk__in=found).order_by("pk"))


def _take_up_again(rows: Sequence[Distribution], *, wave: Wave | None, method: str) -> None:
    for row in rows:
        to = DistributionState.STAGED if row.youtube_video_id else DistributionState.ASSIGNED
        if row.state != to:
            transition(row, to, reason="planned again", error_code="", error_message="")
        Distribution.objects.filter(pk=row.pk).update(wave=wave, method=method)


def displace(displacements: Sequence[types.Displacement], wave: Wave | None, now: datetime) -> None:
    """Move, or hold, the schedules that give way; each gets an entry of its own."""
    if not displacements:
        return
    rows = (
        Schedule.objects.select_for_update(of=("self",), no_key=True)
        .select_related("channel", "distribution")
        .order_by("pk")
        .in_bulk([d.schedule_id for d in displacements])
    )
    moving = [(rows[d.schedule_id], d.to_at) for d in displacements if d.to_at is not None]
    stage_at = {row.pk: at for (row, _), at in zip(moving, reserving.stage_times(moving, now), strict=True)}
    for moved in displacements:
        row = rows[moved.schedule_id]
        if row.state not in MOVABLE_SCHEDULES or row.armed_for is not None:
            now_is = "armed on YouTube" if row.armed_for else row.state
            raise PlanOutdated(f"Schedule {row.pk} was to give way, but is {now_is} now; plan again.")
        if moved.to_at is None:
            transition(row, ScheduleState.HELD, verb="schedule_displaced", reason=moved.reason)
        else:
            retime(
                row,
                moved.to_at,
                stage_at=stage_at[row.pk],
                verb="schedule_displaced",
                reason=moved.reason,
            )


def retime(
    row: Schedule, at: datetime, *, stage_at: datetime, verb: str, reason: str, **changes: Any
) -> Schedule:
    """Give a schedule another instant: compare-and-swap on its version, wall clock and staging time with it.

    The caller holds its lock, has seen to anything that is armed on YouTube, and has reserved its staging
    (`reserving.stage_times`). Raises: StaleState.
    """
    local = at.astimezone(row.channel.zone).replace(tzinfo=None).isoformat(timespec="seconds")
    values = dict(
        publish_at=at,
        local_wall=local,
        zone=row.channel.timezone,
        stage_at=stage_at,
        armed_for=None,
        lateness_seconds=None,
        reason=reason[:500],
        **{"misfire_action": "", **changes},
    )
    before = {"publish_at": row.publish_at.isoformat()}
    written = Schedule.objects.filter(pk=row.pk, version=row.version).update(
        version=F("version") + 1, **values
    )
    if written != 1:
        raise StaleState(f"schedule {row.pk} changed in the meantime; look again.")
    row.version += 1
    for name, value in values.items():
        setattr(row, name, value)
    activity.record(verb, row, before=before, after={"publish_at": at.isoformat()}, reason=reason)
    return row


def known_video(video_id: int) -> Video:
    """Return a video. Raises: NotFound."""
    video = Video.objects.select_related("source").filter(pk=video_id).first()
    if video is None:
        raise NotFound(f"There is no video {video_id}.", field="video_id")
    return video
