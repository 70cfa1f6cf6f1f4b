"""What was released: the migrations as they were, and rows of every kind. Written by `tests/drills/release.py`."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from django.db import connection
from django.db.migrations.loader import MigrationLoader

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent
OURS = ("channels", "orchestration", "dashboard", "config")


def digests() -> dict[str, str]:
    """Return the SHA-256 of each migration of ours, by its path."""
    files = sorted(file for app in OURS for file in (ROOT / app / "migrations").glob("[0-9]*.py"))
    return {file.relative_to(ROOT).as_posix(): sha256(file.read_bytes()).hexdigest() for file in files}


def nodes() -> list[list[str]]:
    """Return the last migration of each application, our libraries' too."""
    return sorted([app, name] for app, name in MigrationLoader(connection).graph.leaf_nodes())
