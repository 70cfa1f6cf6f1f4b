"""Say outside the database how far the chain had come, so that one which was made anew from its beginning is noticed.

Who may write every table may also compute every digest again. What has left the machine's database by then they cannot
reach: a line in a file that only grows (`audit_anchors.jsonl` in the data folder), a line in the log, and, if
HEADEND_AUDIT_ANCHOR_URL is set, a call to somebody else's machine (`orchestration/notify/anchor_call.py`).
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from orchestration.core.sealing import last_block

logger = logging.getLogger("headend.audit")


@dataclass(frozen=True, slots=True)
class Anchor:
    """That at an instant the chain ended with this block."""

    at: datetime | None
    block: int
    digest: str


def path() -> Path:
    """Return where the anchors lie."""
    return Path(settings.AUDIT_ANCHORS_FILE)


def parse(text: str) -> Anchor:
    """Read an anchor as a log, a file or a person has it: BLOCK:DIGEST. Raises: ValueError."""
    number, _, digest = text.strip().partition(":")
    if not (
        number.isascii() and number.isdigit() and len(digest) == 64 and set(digest) <= set("0123456789abcdef")
    ):
        raise ValueError("is no anchor; it is the number of a block, a colon, and 64 hexadecimal digits")
    return Anchor(None, int(number), digest)


def read() -> list[Anchor]:
    """Return the anchors of this installation, oldest first; those that a take-over of an older database has ended, not.

    Raises: ValueError, naming the line that is no anchor.
    """
    found: list[Anchor] = []
    try:
        lines = path().read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    for number, line in enumerate(lines, 1):
        try:
            said = json.loads(line)
            if said["installation"] != settings.HEADEND_INSTALLATION_ID:
                continue
            if "taken_over_at_block" in said:
                found = [anchor for anchor in found if anchor.block <= said["taken_over_at_block"]]
            else:
                found.append(
                    Anchor(datetime.fromisoformat(said["at"]), int(said["block"]), str(said["digest"]))
                )
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"line {number} of {path().name} is no anchor") from error
    return found


def drop(now: datetime | None = None) -> Anchor | None:
    """Write down where the chain ends, if that is due and it has grown; returns what was written."""
    now = now or timezone.now()
    block = last_block()
    try:
        known = read()
    except ValueError as error:
        logger.error("the anchors cannot be read: %s", error)
        known = []
    if block is None or (known and known[-1].block >= block.number):
        return None
    every = timedelta(minutes=settings.HEADEND_AUDIT_ANCHOR_MINUTES)
    if known and known[-1].at is not None and now - known[-1].at < every:
        return None
    _append({"at": now.isoformat(), "block": block.number, "digest": block.digest})
    logger.info("audit anchor %s:%s", block.number, block.digest)
    return Anchor(now, block.number, block.digest)


def note_taken_over() -> None:
    """Keep that an older database goes on from its own last block: anchors of later ones are of a chain that has ended."""
    block = last_block()
    if path().exists():
        _append({"at": timezone.now().isoformat(), "taken_over_at_block": block.number if block else 0})


def _append(said: dict[str, object]) -> None:
    line = json.dumps({**said, "installation": settings.HEADEND_INSTALLATION_ID}) + "\n"
    try:
        path().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path(), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(handle, line.encode())
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        logger.error("the anchor cannot be written to %s: %s", path(), error.strerror)
