"""Choose the database: PostgreSQL by DATABASE_URL, else SQLite in the data folder."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import dj_database_url

from config import private
from config.env import fault

# WAL lets readers go on while one writes; FULL makes a committed intent survive a power cut, not NORMAL.
SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;"
)
SQLITE_BUSY_SECONDS = 20


def settings_for(url: str | None, data_dir: Path) -> dict[str, Any]:
    """Return Django's settings of the database.

    Raises:
        ImproperlyConfigured: DATABASE_URL is not the address of a PostgreSQL database.
    """
    if url is None:
        return {
            "ENGINE": "django.db.backends.sqlite3",
            # Its -wal and -shm get the rights of the file itself.
            "NAME": private.file(data_dir / "headend.sqlite3"),
            "OPTIONS": {
                # Django's default, DEFERRED, fails at once with "database is locked" when two writers meet.
                "transaction_mode": "IMMEDIATE",
                "timeout": SQLITE_BUSY_SECONDS,
                "init_command": SQLITE_PRAGMAS,
            },
            # A file, as in an installation: a database in memory knows neither WAL nor a second connection.
            "TEST": {"NAME": data_dir / "test.sqlite3"},
        }
    if urlsplit(url).scheme not in ("postgres", "postgresql"):
        raise fault("DATABASE_URL", "must start with postgres://; leave it unset for the embedded SQLite.")
    try:
        settings = dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True)
    except ValueError:
        raise fault("DATABASE_URL", "is not a valid address.") from None
    if not settings.get("NAME"):
        raise fault("DATABASE_URL", "names no database: postgres://user:password@host:5432/name")
    settings.setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
    return dict(settings)
