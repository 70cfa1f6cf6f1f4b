"""Keep the sandbox's state: JSON-able dictionaries behind one lock, optionally in a file.

Each service has a section (``"github"``, ``"youtube"``, ``"site"``) that is an ordinary dictionary with string keys::

    with store.change("youtube") as youtube:
        youtube.setdefault("videos", {})[video_id] = {...}

What is changed inside `change` is on disk before the answer to the request is sent, if there is a data folder.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

STATE_FILE = "sandbox.json"


def iso(moment: datetime) -> str:
    """Write an instant as GitHub and YouTube do: UTC, whole seconds, with a Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """Hold everything the sandbox remembers.

    `lock` is re-entrant. Never wait, sleep or do network work while holding it.
    """

    def __init__(self, data_dir: Path | None = None) -> None:
        self.lock = threading.RLock()
        self._write_lock = threading.Lock()
        self._temporary: tempfile.TemporaryDirectory[str] | None = None
        self.persistent = data_dir is not None
        if data_dir is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="headend-sandbox-")
            data_dir = Path(self._temporary.name)
        self.data_dir = data_dir
        self.data_dir.mkdir(parents=True, exist_ok=True)
        self._data: dict[str, dict[str, Any]] = {}
        self._version = 0
        self._saved_version = 0
        self._load()

    # -- time ----------------------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return the sandbox's own time: the machine's clock, plus what `advance` added."""
        with self.lock:
            ahead = float(self._section("clock").get("ahead_seconds", 0))
        return datetime.now(UTC) + timedelta(seconds=ahead)

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock forward (or back, with a negative number)."""
        with self.change("clock") as clock:
            clock["ahead_seconds"] = float(clock.get("ahead_seconds", 0)) + seconds

    # -- state ---------------------------------------------------------------------------------------------------

    @contextmanager
    def read(self, section: str) -> Iterator[dict[str, Any]]:
        """Give a section to read under the lock. Copy what is needed after leaving."""
        with self.lock:
            yield self._section(section)

    @contextmanager
    def change(self, section: str) -> Iterator[dict[str, Any]]:
        """Give a section to change under the lock, and remember that it has to be saved."""
        with self.lock:
            self._version += 1
            yield self._section(section)

    def next_id(self, name: str, first: int = 1) -> int:
        """Return the next number of a named sequence, never the same twice."""
        with self.change("sequences") as sequences:
            number = int(sequences.get(name, first - 1)) + 1
            sequences[name] = number
            return number

    def snapshot(self) -> dict[str, Any]:
        """Return a deep copy of all state."""
        with self.lock:
            return json.loads(json.dumps(self._data))

    def folder(self, name: str) -> Path:
        """Return a folder for files (uploaded bytes, generated videos), making it if needed."""
        path = self.data_dir / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    # -- file ----------------------------------------------------------------------------------------------------

    def save(self) -> None:
        """Write the state to its file if it changed since the last time; atomic, so a kill leaves a whole file."""
        if not self.persistent:
            return
        with self._write_lock:
            with self.lock:
                if self._version == self._saved_version:
                    return
                version, text = self._version, json.dumps(self._data)
            temporary = self.data_dir / f"{STATE_FILE}.new"
            with temporary.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.data_dir / STATE_FILE)
            self._saved_version = version

    def close(self) -> None:
        """Save for the last time and remove the temporary folder, if there is one."""
        self.save()
        if self._temporary is not None:
            self._temporary.cleanup()

    def _load(self) -> None:
        path = self.data_dir / STATE_FILE
        if self.persistent and path.exists():
            self._data = json.loads(path.read_text(encoding="utf-8"))

    def _section(self, name: str) -> dict[str, Any]:
        return self._data.setdefault(name, {})
