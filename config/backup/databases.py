"""Copy a database while it is in use, and put a copy in its place: SQLite by its backup API, PostgreSQL by its tools."""

import os
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, connections

from config.backup.errors import BackupRefused

SQLITE = "database.sqlite3"
POSTGRESQL = "database.dump"
SIDE_FILES = ("", "-wal", "-shm", "-journal")


def part_name() -> str:
    """Return what the database is called in a backup of this engine."""
    return POSTGRESQL if connection.vendor == "postgresql" else SQLITE


def copy_to(target: Path) -> None:
    """Write a consistent copy of the database.

    Raises:
        BackupRefused: PostgreSQL's tools are missing, too old, or failed.
    """
    if connection.vendor == "postgresql":
        _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={target}")
        return
    with (
        closing(sqlite3.connect(connection.settings_dict["NAME"])) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)


def look_at(copy: Path) -> None:
    """Refuse a copy that cannot be read as a database. Raises: BackupRefused."""
    if connection.vendor == "postgresql":
        _run("pg_restore", "--list", str(copy), connects=False)
        return
    try:
        with closing(sqlite3.connect(f"file:{copy}?mode=ro", uri=True)) as opened:
            answer = opened.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise BackupRefused(f"The backup's database cannot be read: {error}.") from error
    if answer != "ok":
        raise BackupRefused(f"The backup's database is damaged: {answer}.")


def put_in_place(copy: Path, put_aside: Path) -> None:
    """Let the copy be the database, all of it or nothing; what was there is kept in the folder `put_aside`.

    Raises:
        BackupRefused: PostgreSQL refused it; the database is as it was.
    """
    if connection.vendor == "postgresql":
        if connection.introspection.table_names():
            copy_to(put_aside / POSTGRESQL)
        connections.close_all()
        _run(
            "pg_restore", "--single-transaction", "--exit-on-error", "--clean", "--if-exists", "--no-owner",
            "--no-privileges", f"--dbname={_direct()['NAME']}", str(copy),
        )  # fmt: skip
        return
    database = Path(connection.settings_dict["NAME"])
    connections.close_all()
    for side in SIDE_FILES:
        file = database.with_name(database.name + side)
        if file.exists():
            file.rename(put_aside / file.name)
    copy.rename(database)


def _run(tool: str, *arguments: str, connects: bool = True) -> None:
    """Run one of PostgreSQL's tools, its password in its environment and not among its arguments."""
    found = shutil.which(tool)
    if found is None:
        raise BackupRefused(
            f"{tool} is not on the PATH: install PostgreSQL's client programs (postgresql-client)."
        )
    if connects:
        _refuse_older(tool, found)
    done = subprocess.run(
        [found, *arguments], env=_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["no reason given"])[0]
        raise BackupRefused(f"{tool} failed: {said[:300]}")


def _refuse_older(tool: str, found: str) -> None:
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"(\d+)", said)
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version_num")
        server = int(cursor.fetchone()[0]) // 10000
    if number is None or int(number[1]) < server:
        raise BackupRefused(
            f"{tool} is of version {number[1] if number else 'unknown'}, and the server of {server}: install the client "
            f"programs of PostgreSQL {server} or newer."
        )


def _direct() -> dict[str, Any]:
    """Return where the database is without a pooler in between, for a session of its own."""
    return settings.HEADEND_DATABASE_DIRECT or settings.DATABASES["default"] | connection.settings_dict


def _environment() -> dict[str, str]:
    kept = _direct()
    values = {
        "PGHOST": kept.get("HOST"),
        "PGPORT": kept.get("PORT"),
        "PGUSER": kept.get("USER"),
        "PGPASSWORD": kept.get("PASSWORD"),
        "PGDATABASE": kept.get("NAME"),
        "PGSSLMODE": kept.get("OPTIONS", {}).get("sslmode"),
    }
    return dict(os.environ) | {name: str(value) for name, value in values.items() if value}
