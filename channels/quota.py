"""Count YouTube's days and costs: a Google project's budget is refilled at midnight in California.

Costs and buckets are those of 2026-06-01: ``videos.insert`` has a bucket of its own, 100 calls a day;
everything else here shares 10,000 units a day. Both belong to the Google project, that is to the OAuth
client, and not to the channel: all channels that use one client share them.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

PACIFIC = ZoneInfo("America/Los_Angeles")

UPLOADS = "youtube_uploads"
UNITS = "youtube_units"
CHANNEL_UPLOADS = "channel_uploads"
"""The cap YouTube puts on a channel itself. Its size is not published and it opens again after 24 hours."""

DAILY_LIMITS: dict[str, int] = {UPLOADS: 100, UNITS: 10_000}

READ_UNITS = 1
WRITE_UNITS = 50
CAPTION_LIST_UNITS = 50
CAPTION_INSERT_UNITS = 400
CAPTION_UPDATE_UNITS = 450

QUOTA_COST: dict[str, tuple[str, int]] = {
    "my_channel": (UNITS, READ_UNITS),
    "require_channel": (UNITS, READ_UNITS),
    "videos": (UNITS, READ_UNITS),  # for every 50 ids begun
    "upload": (UPLOADS, 1),
    "set_publish_at": (UNITS, READ_UNITS + WRITE_UNITS),
    "publish_now": (UNITS, READ_UNITS + WRITE_UNITS),
    "make_private": (UNITS, READ_UNITS + WRITE_UNITS),
    "set_words": (UNITS, WRITE_UNITS),  # after a look that is charged apart
    "set_thumbnail": (UNITS, WRITE_UNITS),
    "playlist_item": (UNITS, READ_UNITS),
    "add_to_playlist": (UNITS, WRITE_UNITS),
    "remove_from_playlist": (UNITS, WRITE_UNITS),
    "captions": (UNITS, CAPTION_LIST_UNITS),
    "add_captions": (UNITS, CAPTION_INSERT_UNITS),
    "replace_captions": (UNITS, CAPTION_UPDATE_UNITS),
    "find_by_marker": (UNITS, 5 * READ_UNITS),  # the playlist's name once, then 200 uploads at 50 a page
    "delete": (UNITS, WRITE_UNITS),
}
"""The most one call of a gateway method costs: bucket and amount, to be reserved before the call."""


def pacific_day(instant: datetime) -> date:
    """Return the quota day that an instant falls in. Raises ValueError for a time without a zone."""
    return _aware(instant).astimezone(PACIFIC).date()


def pacific_day_bounds(day: date) -> tuple[datetime, datetime]:
    """Return a quota day's first instant and the first one after it, in UTC: 23, 24 or 25 hours apart."""
    return _midnight(day), _midnight(day + timedelta(days=1))


def next_reset(instant: datetime) -> datetime:
    """Return when the budgets that are in force at `instant` are refilled, in UTC."""
    return pacific_day_bounds(pacific_day(instant))[1]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=PACIFIC).astimezone(UTC)


def _aware(instant: datetime) -> datetime:
    if instant.utcoffset() is None:
        raise ValueError(f"a quota day needs an instant with a time zone, not {instant.isoformat()}")
    return instant
