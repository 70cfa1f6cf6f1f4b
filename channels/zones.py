"""Know the names of the time zones: the database of zones is many files, so it is looked through once for each process."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones


@cache
def zone_names() -> frozenset[str]:
    """Return the name of every time zone that there is."""
    return frozenset(available_timezones())
