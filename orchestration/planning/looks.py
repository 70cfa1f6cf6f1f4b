"""Say when an upload is looked at next: between its staging and its moment, and in the first day of being public."""

from datetime import datetime, timedelta

AFTER_STAGING = tuple(timedelta(minutes=minutes) for minutes in (3, 10, 30, 120, 360, 1440))
"""Processing fails within minutes, where it does; the lead is there to upload anew."""
EVERY = timedelta(days=1)
"""How often what was staged long ahead is looked at after that."""
AFTER_PUBLICATION = tuple(timedelta(minutes=minutes) for minutes in (10, 60, 360, 1440))


def next_look_before(staged_at: datetime, publish_at: datetime, now: datetime) -> datetime | None:
    """Return the next look at what is staged; None, where arming or publishing looks first."""
    later = (staged_at + after for after in AFTER_STAGING)
    at = next((each for each in later if each > now), None)
    if at is None:
        days = (now - staged_at) // EVERY + 1
        at = staged_at + days * EVERY
    return at if at < publish_at else None


def next_look_after(published_at: datetime, now: datetime) -> datetime | None:
    """Return the next look at what is public; None after the first day."""
    return next((at for after in AFTER_PUBLICATION if (at := published_at + after) > now), None)
