"""Tell a database that was away from one that refused what it was asked."""

from __future__ import annotations

from django.db import InterfaceError, InternalError, OperationalError


def is_lost(error: BaseException) -> bool:
    """Return whether an error says that the database did not answer, so that the same may succeed a moment later.

    A server that dies behind PgBouncer answers one BEGIN twice, which psycopg calls an internal error of its own: without
    a state, which every error of the server's has.
    """
    if isinstance(error, OperationalError | InterfaceError):
        return True
    return isinstance(error, InternalError) and not getattr(error.__cause__, "sqlstate", None)
