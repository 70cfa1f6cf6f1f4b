"""Show the end of what the processes have logged; what looks like a secret is hidden once more on the way out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from django.conf import settings

from channels.log_redaction import redact
from orchestration.errors import InvalidRequest, NotFound

MOST_LINES = 2_000
MOST_BYTES = 1_000_000
LONGEST_LINE = 2_000
_NAME = re.compile(r"[a-z][a-z0-9_-]*\.log(\.1)?")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True)
class LogFile:
    """One file of the folder of logs."""

    name: str
    size_bytes: int
    written_at: datetime


@dataclass(frozen=True, slots=True)
class LogTail:
    """The last lines of a file; `is_cut` says whether it has more."""

    name: str
    lines: list[str]
    is_cut: bool
    size_bytes: int


def folder() -> Path:
    """Return where logs lie."""
    return Path(settings.HEADEND_DATA_DIR) / "logs"


def listed() -> list[LogFile]:
    """List the files of logs, by name."""
    found = []
    try:
        paths = sorted(folder().iterdir())
    except OSError:
        return []
    for path in paths:
        if _NAME.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            stat = path.stat()
            found.append(LogFile(path.name, stat.st_size, datetime.fromtimestamp(stat.st_mtime, UTC)))
    return found


def tail(name: str, lines: int = 200) -> LogTail:
    """Return the last lines of a file, without secrets. Raises: NotFound; InvalidRequest, if too many are asked for."""
    if not 1 <= lines <= MOST_LINES:
        raise InvalidRequest(f"1 to {MOST_LINES:,} lines can be shown.", field="lines")
    # The name is looked for among those that are there: no path is ever made of what somebody typed.
    if name not in {file.name for file in listed()}:
        raise NotFound(f"There is no log {name[:80]!r}.", field="name")
    try:
        with (folder() / name).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - MOST_BYTES))
            content = file.read(MOST_BYTES)
    except OSError as error:
        raise NotFound(f"{name} cannot be read: {error.strerror}.", field="name") from error
    whole = content.decode("utf-8", "replace")
    if size > MOST_BYTES:
        whole = whole.partition("\n")[
            2
        ]  # its first line may be half of one, and half a secret is not seen as one
    # Hidden before it is cut into lines: a private key goes over many.
    said = _UNSEEN.sub("\ufffd", redact(whole)).splitlines()
    shown = [line[:LONGEST_LINE] for line in said[-lines:]]
    return LogTail(name, shown, size > MOST_BYTES or len(said) > lines, size)
