"""Take a wave back: what is public becomes private again, through the same protocol, after a confirmation that lists it."""

from collections.abc import Sequence

from django.db import transaction

from orchestration import activity, publication, queue, waves
from orchestration.errors import IllegalTransition, InvalidRequest
from orchestration.models import Distribution, Job, Schedule, Wave
from orchestration.results import RecallPreview
from orchestration.scheduling import cancel_row
from orchestration.states import (
    OPEN_JOBS,
    OPEN_SCHEDULES,
    DistributionState,
    JobKind,
    ScheduleState,
    WaveState,
)
from orchestration.transitions import transition


def preview(wave_id: int) -> RecallPreview:
    """List what a recall would make private, and what it would only cancel."""
    wave = waves.known(wave_id)
    public = Distribution.objects.filter(wave=wave, state=DistributionState.PUBLISHED)
    still_open = Schedule.objects.filter(wave=wave, state__in=OPEN_SCHEDULES)
    return RecallPreview(
        wave=wave,
        public=list(public.select_related("video", "channel").order_by("channel__name")),
        cancelled=list(still_open.select_related("distribution__video", "channel").order_by("publish_at")),
    )


def recall_wave(wave_id: int, confirmed_ids: Sequence[int], reason: str = "") -> Wave:
    """Make every public member private again and cancel the rest.

    Raises: InvalidRequest, if `confirmed_ids` are not exactly the publications that are public now: something changed
    since the confirmation was shown, and nothing is taken back unseen.
    """
    with transaction.atomic():
        wave, rows = waves.locked(wave_id)
        if not wave.can_become(WaveState.RECALLING):
            raise IllegalTransition(
                f"Wave {wave.name} is {wave.state} and cannot be recalled.", state=wave.state
            )
        public = list(
            Distribution.objects.select_for_update(of=("self",))
            .select_related("channel")
            .filter(wave=wave, state=DistributionState.PUBLISHED)
        )
        if {row.pk for row in public} != set(confirmed_ids):
            raise InvalidRequest(
                f"{len(public)} publications are public now, {len(set(confirmed_ids))} were confirmed; look again.",
                field="confirmed_ids",
                public=[row.pk for row in public],
            )
        for row in rows:
            if row.state != ScheduleState.PUBLISHING and not publication.is_beyond_stopping(row):
                cancel_row(row, reason or "its wave was recalled")
        transition(wave, WaveState.RECALLING, reason=reason)
        for distribution in public:
            queue.enqueue(
                JobKind.RECALL,
                dedupe_key=f"recall:{distribution.pk}",
                channel=distribution.channel,
                distribution=distribution,
                schedule=Schedule.objects.filter(distribution=distribution).first(),
                params={"why": "recall"},
                priority=10,
                max_attempts=20,
            )
        activity.record(
            "wave_recalled",
            wave,
            after={"public": len(public), "cancelled": len(rows)},
            reason=reason,
            members={"distribution": [row.pk for row in public], "schedule": [row.pk for row in rows]},
        )
    return wave


def complete() -> int:
    """Close the recalls of which nothing is public or under way any more; called by the tick."""
    closed = 0
    for wave in Wave.objects.filter(state=WaveState.RECALLING):
        busy = Job.objects.filter(distribution__wave=wave, kind=JobKind.RECALL, state__in=OPEN_JOBS).exists()
        public = Distribution.objects.filter(wave=wave, state=DistributionState.PUBLISHED).exists()
        if not busy and not public:
            with transaction.atomic(), activity.correlated(wave.correlation_id):
                transition(wave, WaveState.RECALLED, reason="everything that was public is private again")
            closed += 1
    return closed
