"""Show the state at an instant: the plan, the overview or a channel."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from channels.models import Channel
from orchestration.errors import InvalidRequest, NotFound
from orchestration.monitoring.rewind import channel as channels
from orchestration.monitoring.rewind import moments, overview, publications
from orchestration.monitoring.rewind.answers import Past
from orchestration.monitoring.rewind.log import Log

PAGES = ("schedule", "overview", "channel")
HOURS = (6, 24, 72, 168, 336)
SPANS = (1, 7, 30, 90)
MOST = 500


def at(
    instant: datetime,
    *,
    page: str = "schedule",
    slug: str = "",
    starts_at: datetime | None = None,
    hours: int = 24,
    number: int = 1,
    limit: int = 50,
    span_days: int = 7,
) -> Past:
    """Return how it stood at an instant. Raises: InvalidRequest (naming the field), NotFound (the channel)."""
    now = timezone.now()
    if instant > now:
        raise InvalidRequest(
            f"{instant:%Y-%m-%d %H:%M:%S} UTC has not come yet; only what was can be shown.", field="at"
        )
    if page not in PAGES:
        raise InvalidRequest(f"{page!r} is no page of the past; one of {', '.join(PAGES)} is.", field="page")
    if not 1 <= hours <= max(HOURS):
        raise InvalidRequest(f"hours is {hours}; at most {max(HOURS)} can be shown.", field="hours")
    if not 1 <= limit <= MOST:
        raise InvalidRequest(f"limit is {limit}; at most {MOST} can be shown.", field="limit")
    if page == "channel" and not slug:
        raise InvalidRequest("A channel's page needs the channel.", field="channel")
    row = _channel(slug) if slug else None
    record = Log(instant)
    around = moments.around(instant, row)
    starts = starts_at or (instant - timedelta(hours=hours / 8)).replace(minute=0, second=0, microsecond=0)
    shown = channels.channel(row, record) if row is not None and page == "channel" else None
    if page == "channel" and shown is None and row is not None:
        raise NotFound(f"{row.name} was not there yet at {instant:%Y-%m-%d %H:%M:%S} UTC.", field="at")
    return Past(
        at=instant,
        now=now,
        begins_at=around.begins_at,
        previous_at=around.previous_at,
        next_at=around.next_at,
        next_is=around.next_is,
        ticks=moments.ticks(now - timedelta(days=span_days), now, row),
        plan=publications.plan(
            record,
            starts,
            starts + timedelta(hours=hours),
            channel_id=row.pk if row is not None else None,
            page=number,
            limit=limit,
        )
        if page != "overview"
        else None,
        overview=overview.overview(record) if page == "overview" else None,
        channel=shown,
    )


def _channel(slug: str) -> Channel:
    row = Channel.objects.filter(slug=slug).first()
    if row is None:
        raise NotFound(f"There is no channel {slug}.", field="channel")
    return row
