"""Say outside the database how far the chain had come, so that one which was made anew from its beginning is noticed.

Who may write every table may also compute every digest again. What has left the machine's database by then they cannot
reach: a line in a file that only grows (`audit_anchors.jsonl` in the data folder), a line in the log, and, if
HEADEND_AUDIT_ANCHOR_URL is set, a call to somebody else's machine (`orchestration/notify/anchor_call.py`).
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from orchestration.core.sealing import last_block
from orchestration.models import SealBlock

logger = logging.getLogger("headend.audit")
_AT_ONCE = 2000


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
            if "ended_from_block" in said:
                found = [anchor for anchor in found if anchor.block < said["ended_from_block"]]
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


def missed(known: Iterable[Anchor]) -> Iterator[tuple[Anchor, bool]]:
    """Return the anchors that the chain does not hold, each with whether it has such a block at all."""
    wanted = list(known)
    stands: dict[int, str] = {}
    for begin in range(0, len(wanted), _AT_ONCE):
        numbers = {anchor.block for anchor in wanted[begin : begin + _AT_ONCE]}
        stands |= dict(SealBlock.objects.filter(number__in=numbers).values_list("number", "digest"))
    for anchor in wanted:
        if stands.get(anchor.block) != anchor.digest:
            yield anchor, anchor.block in stands


def note_taken_over() -> None:
    """Let anchors end that this database does not hold: a person has said that it goes on from here, a restored backup."""
    try:
        lost = [anchor for anchor, _ in missed(read())]
    except ValueError as error:
        logger.error("the anchors cannot be read: %s", error)
        return
    if lost:
        logger.warning(
            "%d audit anchors end: this database, which was taken over, does not hold them", len(lost)
        )
        first = min(anchor.block for anchor in lost)
        _append({"at": timezone.now().isoformat(), "ended_from_block": first})


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
