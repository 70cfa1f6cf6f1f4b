"""Say whether the database is of a newer version than this code, as it is while a newer one takes over part by part."""

from __future__ import annotations

from django.db import connection
from django.db.migrations.loader import MigrationLoader


def unknown_migrations() -> list[str]:
    """Return the migrations that the database has seen and this code does not have, of the applications of both."""
    loader = MigrationLoader(connection, ignore_no_migrations=True)
    ours = set(loader.migrated_apps)
    known = loader.disk_migrations or {}
    return sorted(
        f"{app}.{name}" for app, name in loader.applied_migrations if app in ours and (app, name) not in known
    )
