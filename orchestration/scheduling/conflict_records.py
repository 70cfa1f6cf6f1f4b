"""Write down what collided: by which rule, with whom, who gave way, and what else can still be done about it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from orchestration.core import audit
from orchestration.models import Conflict, Schedule, Wave
from orchestration.planning import types
from orchestration.states import ConflictState


def record(
    conflicts: Sequence[types.Conflict],
    *,
    wave: Wave | None,
    now: datetime,
    schedule: Schedule | None = None,
    request: types.WaveRequest | None = None,
) -> list[Conflict]:
    """Write what collided, by which rule, who gave way, and what else could have been done.

    Where there is no wave to tell it, each alternative keeps what the `request` wanted: it is to be carried out like it.
    """
    wanted = {}
    if request is not None:
        wanted = {
            "priority": request.priority,
            "timing": str(request.timing),
            "delay_seconds": request.delay_seconds,
        }
    who = audit.acting()
    by_member: dict[tuple[int, int], int] = {}
    if wave is not None and any(c.video_id and c.channel_id for c in conflicts):
        by_member = {
            (video, channel): pk
            for video, channel, pk in Schedule.objects.filter(wave=wave).values_list(
                "distribution__video_id", "channel_id", "pk"
            )
        }
    known = set(
        Schedule.objects.filter(pk__in={c.other.schedule_id for c in conflicts if c.other}).values_list(
            "pk", flat=True
        )
    )
    rows = [
        Conflict(
            kind=str(c.kind),
            rule=c.rule,
            message=c.message[:500],
            state=ConflictState.OPEN
            if c.resolution in {types.Resolution.OPEN, types.Resolution.SKIPPED, types.Resolution.REJECTED}
            else ConflictState.RESOLVED,
            resolution=str(c.resolution),
            yielded=str(c.yielded),
            wave=wave,
            video_id=c.video_id,
            channel_id=c.channel_id,
            schedule_id=schedule.pk if schedule else by_member.get((c.video_id, c.channel_id)),
            other_schedule_id=c.other.schedule_id if c.other and c.other.schedule_id in known else None,
            wanted_at=c.at,
            moved_to=c.moved_to,
            alternatives=[
                alternative_document(a)
                | wanted
                | ({"channel_ids": list(c.channel_ids)} if c.channel_ids else {})
                for a in c.alternatives
            ],
            correlation_id=who.correlation_id or audit.new_correlation_id(),
            created_at=now,
            state_changed_at=now,
        )
        for c in conflicts
    ]
    return Conflict.objects.bulk_create(rows)


def record_refused(request: types.WaveRequest, made: types.Plan, now: datetime) -> list[Conflict]:
    """Write what a refused plan ran into, so that one of its alternatives can still be taken; twice the same is one.

    What has another time to offer stays open; of the rest the record is all there is to have.
    """
    refused = [c for c in made.conflicts if c.resolution == types.Resolution.REJECTED]
    existing = (
        Conflict.objects.open()
        .filter(wave=None, resolution=types.Resolution.REJECTED)
        .values_list("rule", "video_id", "channel_id", "wanted_at")
    )
    known = set(existing)
    rows = record(
        [c for c in refused if (c.rule, c.video_id, c.channel_id, c.at) not in known],
        wave=None,
        now=now,
        request=request,
    )
    hopeless = [row.pk for row in rows if not any(offer["at"] for offer in row.alternatives)]
    Conflict.objects.filter(pk__in=hopeless).update(state=ConflictState.RESOLVED)
    return rows


def alternative_document(alternative: types.Alternative) -> dict[str, Any]:
    """Return an alternative as it is stored and shown."""
    return {
        "kind": str(alternative.kind),
        "at": alternative.at.isoformat() if alternative.at else None,
        "minutes_later": alternative.minutes_later,
        "units": alternative.units,
        "sentence": alternative.sentence,
    }
