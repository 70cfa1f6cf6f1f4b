"""Fetch packages of npm once, into a folder that several test processes share; nothing of them lies in this repository."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEPT_IN = Path(tempfile.gettempdir()) / f"headend-official-descriptions-{os.getuid()}"
SLOWEST_SECONDS = 180
TYPESCRIPT_CLIENT = ("@hey-api/openapi-ts@0.95.0", "typescript@5.9.3")
"""The last generator that runs with Node 20."""


class Unavailable(Exception):
    """The packages cannot be had here: there is no npm, or it reaches no registry."""


@contextmanager
def alone() -> Iterator[None]:
    """Be the only process that fetches."""
    KEPT_IN.mkdir(mode=0o700, exist_ok=True)
    with (KEPT_IN / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run(*arguments: str, folder: str | Path) -> None:
    """Run npm in a folder. Raises: Unavailable."""
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("npm is not installed")
    try:
        done = subprocess.run(
            [npm, *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=SLOWEST_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"npm {arguments[0]} took longer than {SLOWEST_SECONDS} s") from error
    if done.returncode:
        raise Unavailable(f"npm {' '.join(arguments)}: {done.stderr.strip()[-200:]}")


def installed(*packages: str) -> Path:
    """Return a folder whose `node_modules` holds these packages (`name@version`). Raises: Unavailable."""
    kept = KEPT_IN / f"installed-{hashlib.sha256(' '.join(packages).encode()).hexdigest()[:16]}"
    with alone():
        if not kept.exists():
            with tempfile.TemporaryDirectory(dir=KEPT_IN) as folder:
                part = Path(folder) / "part"
                part.mkdir()
                (part / "package.json").write_text('{"private": true}\n', "utf-8")
                # No script of a package is run, and no lock file is written: it would name the registry's host.
                options = ("--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund", "--silent")
                run("install", *options, *packages, folder=part)
                part.replace(kept)
    return kept
