"""Take old entries out of the activity log: exported first, in whole blocks from the beginning, and the chain goes on.

The export holds what is taken away, with its seals, as JSON lines under gzip in `audit_exports/` of the data folder, and its
SHA-256 beside it. Then, in one transaction, entries and seals go and an entry says which blocks, into which file, with which
digest; it is part of the chain like any other. The blocks stay, so that an export can be held against their digests.
"""

from __future__ import annotations

import gzip
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from orchestration.core import append_only, audit, seal_digests
from orchestration.errors import InvalidRequest, OrchestrationError
from orchestration.models import Activity, Seal, SealBlock, SystemState
from orchestration.monitoring import record_check

FEWEST_DAYS, MOST_DAYS = 31, 36_500
"""*Since you left* reads that far back; more than a century is a slip of the pen."""
MOST_BLOCKS = 20_000
"""At once: what is left is taken the next time."""


class RecordNotWhole(OrchestrationError):
    """What should be taken away is not as it was sealed."""

    code = "record_not_whole"
    status = 409


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was, or would be, taken away; `file` is empty where nothing was."""

    first_block: int
    last_block: int
    entries: int
    file: str
    sha256: str


def prune_due() -> Pruned | None:
    """Take away what HEADEND_KEEP_AUDIT_DAYS keeps no longer; None where everything is kept."""
    days = settings.HEADEND_KEEP_AUDIT_DAYS
    return prune(days, reason=f"HEADEND_KEEP_AUDIT_DAYS is {days}") if days else None


def require_enough(days: int) -> None:
    """Refuse to keep too little, or longer than calendars go. Raises: InvalidRequest."""
    if days < FEWEST_DAYS:
        raise InvalidRequest(f"Entries are kept for {FEWEST_DAYS} days at least.", field="days")
    if days > MOST_DAYS:
        raise InvalidRequest(f"Entries are kept for {MOST_DAYS} days at most, or for good.", field="days")


def prune(days: int, *, dry_run: bool = False, reason: str = "") -> Pruned:
    """Export the blocks that were sealed more than so many days ago, and take their entries away.

    Raises: InvalidRequest, if that is too few days; RecordNotWhole, if one of them is not as it was sealed.
    """
    require_enough(days)
    done = record_check.pruned_until()
    old = SealBlock.objects.filter(number__gt=done, sealed_at__lt=timezone.now() - timedelta(days=days))
    blocks = list(old.order_by("number")[:MOST_BLOCKS])
    # An entry of a later block may be older than one of these; that is kept with its block.
    if not blocks:
        return Pruned(done + 1, done, 0, "", "")
    first, last = blocks[0].number, blocks[-1].number
    entries = sum(block.entries for block in blocks)
    if dry_run:
        return Pruned(first, last, entries, "", "")
    file, told = _export(blocks)
    with transaction.atomic():
        state, _ = SystemState.objects.get_or_create(pk=1)
        SystemState.objects.filter(pk=1).locked().first()  # two who prune at once come one after the other
        if record_check.pruned_until() != done:
            raise RecordNotWhole("Somebody else has taken entries away in the meantime.")
        with append_only.may_take_away():
            gone = Seal.objects.filter(block__gte=first, block__lte=last)
            for ids in _some(gone):
                Activity.objects.filter(pk__in=ids)._raw_delete(gone.db)
            gone._raw_delete(gone.db)
        audit.record(
            record_check.PRUNED,
            state,
            after={
                "first_block": first,
                "last_block": last,
                "entries": entries,
                "file": file.name,
                "sha256": told,
            },
            reason=reason,
        )
    return Pruned(first, last, entries, str(file), told)


def _some(seals) -> Iterator[list[int]]:
    ids = list(seals.order_by("entry").values_list("entry", flat=True))
    for begin in range(0, len(ids), 5000):
        yield ids[begin : begin + 5000]


def _export(blocks: list[SealBlock]) -> tuple[Path, str]:
    """Write the blocks with their entries to a file, and see it onto the disk; return it with its SHA-256."""
    folder = Path(settings.AUDIT_EXPORTS)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / f"audit-{blocks[0].number:09d}-{blocks[-1].number:09d}.jsonl.gz"
    draft = file.with_suffix(".part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as raw:
        with gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as packed:
            for block in blocks:
                _write_block(packed, block)
        raw.flush()
        os.fsync(raw.fileno())
    with draft.open("rb") as written:
        told = hashlib.file_digest(written, "sha256").hexdigest()
    draft.replace(file)
    file.with_name(f"{file.name}.sha256").write_text(f"{told}  {file.name}\n", encoding="ascii")
    folder_handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder_handle)
    finally:
        os.close(folder_handle)
    return file, told


def _write_block(packed: gzip.GzipFile, block: SealBlock) -> None:
    """Write one line for a block and one for each of its entries, if they are as they were sealed."""
    seals = list(Seal.objects.filter(block=block.number).order_by("entry").values_list("entry", "digest"))
    rows = {
        row["id"]: row
        for row in Activity.objects.filter(pk__in=[entry for entry, _ in seals])
        .order_by()
        .values(*seal_digests.FIELDS)
    }
    whole = seal_digests.of_block(block, seals) == block.digest and all(
        entry in rows and seal_digests.of_entry(rows[entry]) == digest for entry, digest in seals
    )
    if not whole:
        raise RecordNotWhole(
            f"Block {block.number} is not as it was sealed, so nothing is taken away; "
            "`manage.py verify_audit` says what is wrong with it."
        )
    head = {field.attname: getattr(block, field.attname) for field in SealBlock._meta.concrete_fields}
    packed.write(f'{{"block":{seal_digests.canonical(head)}}}\n'.encode())
    for entry, digest in seals:
        packed.write(f'{{"digest":"{digest}","entry":{seal_digests.text_of(rows[entry])}}}\n'.encode())
