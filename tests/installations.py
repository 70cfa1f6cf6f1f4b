"""An installation of its own, spoken to by its commands, on either database."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[1]


@dataclass
class Installation:
    """A data folder and its database, spoken to by its commands."""

    data_dir: Path
    environment: dict[str, str]

    def manage(self, *words: str, text: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, env=self.environment, input=text, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip

    def done(self, *words: str, text: str | None = None) -> str:
        ran = self.manage(*words, text=text)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def refused(self, *words: str) -> str:
        ran = self.manage(*words)
        assert ran.returncode == 1, ran.stdout
        assert "Traceback" not in ran.stderr
        return ran.stderr


def environment_of(data_dir: Path) -> dict[str, str]:
    """Return the environment of an installation that keeps everything in a folder."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HEADEND_", "DATABASE_"))
    }
    return kept | {
        "HEADEND_DATA_DIR": str(data_dir),
        "HEADEND_LOG_FILE": "no",
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "CELERY_BROKER_URL": "memory://",
    }


@contextmanager
def database_of(template: str = "template1") -> Iterator[str]:
    """Make a database on the PostgreSQL server of this test run, and give its URL."""
    import psycopg

    url = urlsplit(os.environ["DATABASE_URL"])
    name = f"installation_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(url._replace(path="/postgres").geturl(), autocommit=True) as server:
        server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        yield url._replace(path=f"/{name}").geturl()
        server.execute(f"DROP DATABASE {name} WITH (FORCE)")
