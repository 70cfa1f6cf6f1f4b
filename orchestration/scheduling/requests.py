"""Check what is asked for: instants, ids, choices, priorities; and say it as one request."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from channels.models import Channel
from orchestration.core import lookup
from orchestration.errors import (
    InvalidRequest,
)
from orchestration.models import Video
from orchestration.planning import types
from orchestration.planning.slots import NaiveDatetime, require_aware
from orchestration.states import (
    OnConflict,
    Timing,
)

FURTHEST = timedelta(days=366 * 2)
PAST_TOLERANCE = timedelta(seconds=2)


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


def wave_request(
    *,
    video_ids: Sequence[int],
    channel_ids: Sequence[int],
    timing: str = Timing.SIMULTANEOUS,
    scheduled_at: datetime | None = None,
    delay_seconds: int = 0,
    priority: int | None = None,
    on_conflict: str = OnConflict.SHIFT,
    overrides: Mapping[tuple[int, int], datetime] | None = None,
    acknowledge_policy: bool = False,
    videos_field: str = "video_ids",
) -> types.WaveRequest:
    """Return what the service was asked for as one checked value, which is handed on whole.

    Raises: InvalidRequest, naming the field.
    """
    now = timezone.now()
    videos = tuple(lookup.check_ids(video_ids, field=videos_field))
    channels = tuple(lookup.check_ids(channel_ids, field="channel_ids"))
    pinned = {}
    for member, at in (overrides or {}).items():
        if member[0] not in videos or member[1] not in channels:
            raise InvalidRequest(
                f"overrides names {_member(*member)}, not in this wave.",
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


def _member(video_id: int, channel_id: int) -> str:
    """Return how a person calls a video on a channel; what is not there by its number."""
    video = Video.objects.filter(pk=video_id).first() or f"video {video_id}"
    channel = Channel.objects.filter(pk=channel_id).first() or f"channel {channel_id}"
    return f"{video} on {channel}"


def known_video(video_id: int) -> Video:
    """Return a video. Raises: NotFound."""
    return lookup.one(Video.objects.select_related("source"), video_id, field="video_id")
