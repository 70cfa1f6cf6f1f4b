"""Turn requests into plans, and have a plan written whole or not at all."""

from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from channels.models import Channel
from orchestration.core import lookup
from orchestration.errors import (
    ChannelPaused,
    NoRightsBasis,
    NotFound,
    OrchestrationError,
    PlanOutdated,
    PlanRefused,
    VideoNotReady,
)
from orchestration.models import Distribution, Video
from orchestration.planning import rules, types
from orchestration.planning.differences import compared, compared_earliest
from orchestration.planning.earliest import earliest_time
from orchestration.planning.eligibility import UnknownMember
from orchestration.planning.waves import plan_wave, planning_window
from orchestration.results.plans import EarliestResult, WaveResult
from orchestration.scheduling import conflict_records, plan_words, reservations, snapshots
from orchestration.scheduling.plan_writer import commit
from orchestration.scheduling.requests import known_video
from orchestration.states import (
    OnConflict,
)

SHOWN_REFUSALS = 3


def coordinate(request: types.WaveRequest, *, dry_run: bool, fingerprint: str = "") -> WaveResult:
    """Plan and write one video over channels. Raises: NotFound; as `schedule_wave`."""
    (video_id,) = request.videos
    name = str(known_video(video_id))
    method = Distribution.Method.COORDINATED
    return _plan_and_write(request, method=method, name=name, dry_run=dry_run, fingerprint=fingerprint)


def schedule_wave(
    request: types.WaveRequest, *, name: str, dry_run: bool, fingerprint: str = ""
) -> WaveResult:
    """Plan and write a wave, whole or not at all; with the `fingerprint` of a plan that was shown, that one or none.

    Raises: what `refusal` names; NotFound; PlanOutdated, with the plan as it is now.
    """
    method = Distribution.Method.WAVE
    return _plan_and_write(
        request, method=method, name=name.strip(), dry_run=dry_run, fingerprint=fingerprint
    )


def _plan_and_write(
    request: types.WaveRequest, *, method: str, name: str, dry_run: bool, fingerprint: str
) -> WaveResult:
    if dry_run:
        return WaveResult(plan=plan(request), wave=None, dry_run=True)
    with transaction.atomic():
        made = plan(request, lock=True)
        if not made.refused:
            if fingerprint and made.fingerprint != fingerprint:
                raise PlanOutdated(
                    f"The plan is another one than was shown: {made.difference.sentence}. Look at it again.",
                    field="fingerprint",
                    plan=made,
                )
            wave = commit(request, made, method=method, name=name[:120])
            return WaveResult(plan=made, wave=wave, dry_run=False)
        if request.on_conflict == OnConflict.REJECT:
            conflict_records.record_refused(request, made, timezone.now())
    raise refusal(made)


def find_earliest(request: types.WaveRequest) -> EarliestResult:
    """Find the first time at which a wave fits as it is; writes nothing. Raises: NotFound for an unknown id.

    Members with a time of their own (`overrides`) keep it.
    """
    at, made = earliest(request)
    return EarliestResult(at=at, plan=made)


def plan(request: types.WaveRequest, *, lock: bool = False) -> types.Plan:
    """Plan a request against what stands now; with `lock`, inside a transaction that keeps it standing.

    Raises: NotFound for an unknown id, naming the field.
    """
    channels = snapshots.channel_views(request.channels, lock=lock)
    if lock:
        reservations.hold_alone()
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
            made = plan_words.with_words(request, made)
            return compared(request, refuse_if_incomplete(request, made), channels)
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
            return at, compared_earliest(request, at, made, channels)
        until = made.looked_until + timedelta(days=7)


def _unknown(error: UnknownMember) -> NotFound:
    model = {"video": Video, "channel": Channel}[error.what]
    return lookup.missing(model, error.member_id, field=f"{error.what}_ids")


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
