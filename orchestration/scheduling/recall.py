"""Take a wave back: what is public becomes private again, through the same protocol, after a confirmation that lists it."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Exists, OuterRef

from orchestration.core import audit
from orchestration.core.transitions import transition
from orchestration.core.verbs import require
from orchestration.errors import InvalidRequest
from orchestration.models import Distribution, Job, Schedule, Wave
from orchestration.queue import jobs as queue
from orchestration.results.waves import RecallPreview
from orchestration.scheduling import waves
from orchestration.scheduling.disarming import disarm
from orchestration.scheduling.rows import cancel_rows
from orchestration.states import (
    TAKING_BACK,
    DistributionState,
    JobKind,
    ScheduleState,
    WaveState,
)


def preview(wave_id: int) -> RecallPreview:
    """List what a recall would make private, and what it would only cancel."""
    wave = waves.known(wave_id)
    public = Distribution.objects.published().filter(wave=wave)
    still_open = Schedule.objects.open().filter(wave=wave)
    return RecallPreview(
        wave=wave,
        public=list(public.select_related("video", "channel").order_by("channel__name")),
        cancelled=list(still_open.select_related("distribution__video", "channel").order_by("publish_at")),
    )


def recall_wave(
    wave_id: int, confirmed_ids: Sequence[int], reason: str = "", *, version: int | None = None
) -> Wave:
    """Make every public member private again and cancel the rest.

    Raises: InvalidRequest, if `confirmed_ids` are not exactly the publications that are public now: something changed
    since the confirmation was shown, and nothing is taken back unseen.
    """
    with transaction.atomic():
        wave, rows = waves.locked(wave_id)
        require(wave, "recall", version=version)
        public = list(
            Distribution.objects.locked()
            .select_related("channel")
            .published()
            .filter(wave=wave)
            .order_by("pk")
        )
        if {row.pk for row in public} != set(confirmed_ids):
            raise InvalidRequest(
                f"{len(public)} publications are public now, {len(set(confirmed_ids))} were confirmed; look again.",
                field="confirmed_ids",
                public=[row.pk for row in public],
            )
        leaving = [row for row in rows if not waves.is_going_out(row)]
        for row in leaving:
            require(row, "cancel")
        cancel_rows(leaving, reason or "its wave was recalled")
        transition(wave, WaveState.RECALLING, reason=reason)
        unclear = Distribution.objects.unclear().select_related("channel").filter(wave=wave)
        _take_back([*public, *unclear])
        audit.record(
            "wave_recalled",
            wave,
            after={"public": len(public), "cancelled": len(leaving), "going_out": len(rows) - len(leaving)},
            reason=reason,
            members={"distribution": [row.pk for row in public], "schedule": [row.pk for row in leaving]},
        )
    return wave


def _take_back(distributions: Sequence[Distribution]) -> None:
    plans = {row.distribution_id: row for row in Schedule.objects.filter(distribution__in=distributions)}
    queue.enqueue_each(
        [
            queue.job_of(
                JobKind.RECALL,
                dedupe_key=f"recall:{row.pk}",
                channel=row.channel,
                distribution=row,
                schedule=plans.get(row.pk),
            )
            for row in distributions
        ]
    )


def complete() -> int:
    """See recalls through, and whatever else YouTube must not publish; called by the tick in every system state.

    A member that went public while its wave was being recalled is taken back too. A wave is recalled once nothing of it
    is public, going public, under way or unclear.
    """
    take_back_strays()
    closed = 0
    for wave in Wave.objects.filter(state=WaveState.RECALLING):
        with transaction.atomic(), audit.correlated(wave.correlation_id):
            public = list(Distribution.objects.published().filter(wave=wave).select_related("channel"))
            _take_back(public)
            unclear = Distribution.objects.unclear().filter(wave=wave)
            going_out = Schedule.objects.open().filter(wave=wave)
            busy = Job.objects.open().filter(distribution__wave=wave, kind__in=TAKING_BACK)
            if public or unclear.exists() or going_out.exists() or busy.exists():
                continue
            fresh = Wave.objects.locked().get(pk=wave.pk)
            if fresh.state == WaveState.RECALLING:
                transition(fresh, WaveState.RECALLED, reason="nothing of it is public any more")
                closed += 1
    return closed


MAY_BE_ARMED = frozenset(
    {ScheduleState.STAGED, ScheduleState.PUBLISHING, ScheduleState.PUBLISHED, ScheduleState.NEEDS_REVIEW}
)


def take_back_strays() -> int:
    """Disarm what is armed on YouTube and not wanted any more, however it came to that; returns how many.

    Whoever takes a time away has it disarmed in the same transaction; this finds what ended on another way (its job was
    cancelled, or failed) or whose disarming was lost.
    """
    under_way = Job.objects.open().filter(distribution=OuterRef("distribution"), kind__in=TAKING_BACK)
    strays = (
        Schedule.objects.armed()
        .exclude(state__in=MAY_BE_ARMED)
        .exclude(distribution__state=DistributionState.NEEDS_REVIEW)
        .exclude(Exists(under_way))
        .select_related("channel", "distribution")
    )
    count = 0
    for row in strays[:200]:
        disarm(row, f"the schedule is {row.state}")
        count += 1
    return count
