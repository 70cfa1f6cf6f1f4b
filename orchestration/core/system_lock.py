"""Hold the system's switch: many who dispatch at once, or one who turns it.

Whoever dispatches reads the switch in the transaction of what it begins, and keeps it from being turned until that is
committed; so when `pause` has answered, nothing more begins. Take it before any other lock.

On PostgreSQL an advisory lock and not the row's own: sharers of a row lock go past whoever waits to change the row, and
busy workers kept a pause waiting without end. On SQLite a transaction excludes every other writer anyway.
"""

from django.db import connection

from orchestration.core import high_water, installation
from orchestration.states import SystemStatus

# 1212498244 is "HEAD" in ASCII: one number for this lock, in a database that is Headend's own.
_SHARE = "SELECT pg_advisory_xact_lock_shared(1212498244)"
_ALONE = "SELECT pg_advisory_xact_lock(1212498244)"


def read() -> tuple[str, bool]:
    """Return the system's state and whether the database may be worked from; the state stands until the transaction ends.

    It may not while it belongs to another installation, or is older than its own: a copy, a restored backup.
    """
    mark = high_water.read()  # before the database, which may come further meanwhile
    query = high_water.standing_query(mark)
    if connection.vendor != "postgresql":
        row = query.first()
    else:
        sql, values = query.query.sql_with_params()
        with connection.cursor() as cursor:
            # Two statements in one round trip: the second must not see what stood before the lock was granted.
            cursor.execute(f"{_SHARE}; {sql}", values)
            cursor.nextset()
            row = cursor.fetchone()
    standing = high_water.standing_of(row)
    status = standing.status if standing else SystemStatus.STOPPED
    return status, installation.is_up_to_date(mark, standing)


def hold_alone() -> None:
    """Wait for all who dispatch, and let nobody begin before this transaction ends."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(_ALONE)
