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
# A machine that vanishes says no good-bye: without these its transaction would keep its locks for two hours, and who waits
# for an answer from a server that vanished would wait for a quarter of one. Found dead after 30 seconds, at either end.
KEEPALIVE = {
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
SERVER_KEEPALIVE = " ".join(
    f"-c tcp_{name}"
    for name in ("keepalives_idle=15", "keepalives_interval=5", "keepalives_count=3", "user_timeout=30000")
)


def settings_for(url: str | None, data_dir: Path, *, is_pooled: bool = False) -> dict[str, Any]:
    """Return Django's settings of the database; `is_pooled`: a server's session lasts one transaction and no longer.

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
            # Opening it anew costs more than what most tasks ask of it: connection, functions, pragmas, and for the last
            # one that is closed a checkpoint.
            "CONN_MAX_AGE": 60,
            # A file, as in an installation: a database in memory knows neither WAL nor a second connection.
            "TEST": {"NAME": data_dir / "test.sqlite3"},
        }
    settings = postgresql("DATABASE_URL", url)
    if not is_pooled:  # a pooler refuses them: it has settings of its own
        settings["OPTIONS"].setdefault("options", SERVER_KEEPALIVE)
    # A server's cursor outlives the transaction that opened it, and the session behind it is another's by then.
    return settings | {"DISABLE_SERVER_SIDE_CURSORS": is_pooled}


def postgresql(name: str, url: str) -> dict[str, Any]:
    """Return Django's settings of the PostgreSQL database at an address that a variable gives.

    Raises:
        ImproperlyConfigured: it is none.
    """
    if urlsplit(url).scheme not in ("postgres", "postgresql"):
        hint = "; leave it unset for the embedded SQLite." if name == "DATABASE_URL" else "."
        raise fault(name, f"must start with postgres://{hint}")
    try:
        settings = dj_database_url.parse(url, conn_max_age=60, conn_health_checks=True)
    except ValueError:
        raise fault(name, "is not a valid address.") from None
    if not settings.get("NAME"):
        raise fault(name, "names no database: postgres://user:password@host:5432/name")
    settings["OPTIONS"] = {"connect_timeout": 5, **KEEPALIVE, **settings.get("OPTIONS", {})}
    return dict(settings)
