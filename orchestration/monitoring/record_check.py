"""Find out whether the record is as it was sealed, and name what was changed, taken away or put in.

The whole chain is read: each entry against its seal, each block's seals against its digest, each block against the one
before, and the chain against its anchors outside the database. Of what retention took away the digest alone is left, and
that only where an entry of the chain says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from orchestration.core import anchors, append_only, seal_digests, sealing
from orchestration.core.anchors import Anchor
from orchestration.models import Activity, Seal, SealBlock

PRUNED = "record_pruned"
"""The verb of the entry that says how far retention has taken entries away."""
_AT_ONCE = 2000
"""Entries that are compared in one go."""
MOST_FOUND = 1000


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was sealed; `kind` is changed, removed, inserted, chain, anchor or guard."""

    kind: str
    subject: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at, and what was found; at most the first thousand findings."""

    blocks: int
    entries: int
    pruned_blocks: int
    unsealed: int
    anchors: int
    end: str
    """The anchor of the last block, to be kept somewhere else; empty without a block."""
    findings: list[Finding]

    @property
    def is_whole(self) -> bool:
        """Return whether the record is as it was sealed."""
        return not self.findings


def verify(*, given: Iterable[Anchor] = (), since: datetime | None = None) -> Verified:
    """Compare the record with its chain and the chain with its anchors, of the file and those `given`.

    With `since`, only blocks that were sealed after it are read, and the link to the one before them. Reads only.
    """
    check = _Check(since)
    found = [*_guards(), *check.chain(), *check.put_in()]
    known, unreadable = _known_anchors()
    known += given
    found += [*unreadable, *_against(known)]
    last = sealing.last_block()
    return Verified(
        blocks=check.blocks,
        entries=check.entries,
        pruned_blocks=check.pruned_until,
        unsealed=sealing.unsealed(last).count(),
        anchors=len(known),
        end=f"{last.number}:{last.digest}" if last else "",
        findings=found[:MOST_FOUND],
    )


def pruned_until() -> int:
    """Return the last block that retention has taken away, as the newest entry of it says; 0: none."""
    entry = Activity.objects.filter(verb=PRUNED).order_by("-pk").first()
    return int((entry.after or {}).get("last_block", 0)) if entry is not None else 0


def _guards() -> Iterator[Finding]:
    for table, what in append_only.missing():
        where = table or "the database"
        yield Finding(
            "guard", where, f"{where[:1].upper()}{where[1:]} {what}; `manage.py migrate` puts it up."
        )


class _Check:
    """One reading of the chain from its beginning to its end."""

    def __init__(self, since: datetime | None) -> None:
        self.since = since
        self.pruned_until = pruned_until()
        self.blocks = self.entries = 0

    def chain(self) -> Iterator[Finding]:
        """Read block after block, some thousand entries at a time."""
        blocks = SealBlock.objects.order_by("number")
        before: SealBlock | None = None
        if self.since is not None:
            before = blocks.filter(sealed_at__lt=self.since).last()
            blocks = blocks.filter(number__gt=before.number if before else 0)
        for some in _together(blocks.iterator()):
            seals: dict[int, list[tuple[int, str]]] = defaultdict(list)
            rows = Seal.objects.filter(block__gte=some[0].number, block__lte=some[-1].number)
            for entry, number, digest in rows.order_by("entry").values_list("entry", "block", "digest"):
                seals[number].append((entry, digest))
            for block in some:
                yield from self._link(before, block, seals[block.number])
                before = block
            yield from self._entries(some, seals)
        if self.since is None:
            yield from self._seals_of_no_block()

    def _link(
        self, before: SealBlock | None, block: SealBlock, seals: list[tuple[int, str]]
    ) -> Iterator[Finding]:
        self.blocks += 1
        expected = before.number + 1 if before else 1
        name = f"block {block.number}"
        if block.number != expected:
            gone = f"{expected}" if block.number == expected + 1 else f"{expected} to {block.number - 1}"
            yield Finding("chain", name, f"Blocks are missing before block {block.number}: {gone}.")
        elif block.previous != (before.digest if before else ""):
            yield Finding("chain", name, f"Block {block.number} does not follow from the block before it.")
        if block.number <= self.pruned_until and not seals:
            return
        if seal_digests.of_block(block, seals) != block.digest:
            yield Finding(
                "chain",
                name,
                f"Block {block.number} (entries {block.first_entry} to {block.last_entry}, sealed "
                f"{block.sealed_at:%Y-%m-%d %H:%M} UTC) is not as it was sealed: its row, or the seals in it, were changed.",
            )

    def _entries(self, some: list[SealBlock], seals: dict[int, list[tuple[int, str]]]) -> Iterator[Finding]:
        ids = [entry for block in some for entry, _ in seals[block.number]]
        self.entries += len(ids)
        rows = Activity.objects.filter(pk__in=ids).order_by().values(*seal_digests.FIELDS)
        stands = {row["id"]: (seal_digests.of_entry(row), row["verb"], row["object_repr"]) for row in rows}
        for block in some:
            for entry, digest in seals[block.number]:
                when = f"sealed {block.sealed_at:%Y-%m-%d %H:%M:%S} UTC in block {block.number}"
                if entry not in stands:
                    yield Finding("removed", f"entry {entry}", f"Entry {entry} was taken away ({when}).")
                elif stands[entry][0] != digest:
                    _, verb, about = stands[entry]
                    yield Finding(
                        "changed",
                        f"entry {entry}",
                        f"Entry {entry} was changed; it now says {verb} of {about[:80]} ({when}).",
                    )

    def _seals_of_no_block(self) -> Iterator[Finding]:
        lost = Seal.objects.exclude(block__in=SealBlock.objects.values("number"))
        for entry, number in lost.order_by("entry").values_list("entry", "block")[:MOST_FOUND]:
            yield Finding(
                "chain",
                f"entry {entry}",
                f"The seal of entry {entry} names block {number}, which is not there.",
            )

    def put_in(self) -> Iterator[Finding]:
        """Find entries that no seal names and that are too old to wait for one."""
        rows = sealing.put_in_afterwards(sealing.last_block())
        if self.since is not None:
            rows = rows.filter(timestamp__gte=self.since)
        for pk, at, verb, about in rows.values_list("pk", "timestamp", "verb", "object_repr")[:MOST_FOUND]:
            yield Finding(
                "inserted",
                f"entry {pk}",
                f"Entry {pk} ({verb} of {about[:80]}) says {at:%Y-%m-%d %H:%M:%S} UTC, and no seal of that time names it: "
                f"it was put in afterwards, or its seal was taken away.",
            )


def _together(blocks: Iterable[SealBlock]) -> Iterator[list[SealBlock]]:
    some: list[SealBlock] = []
    held = 0
    for block in blocks:
        some.append(block)
        held += block.entries
        if held >= _AT_ONCE:
            yield some
            some, held = [], 0
    if some:
        yield some


def _known_anchors() -> tuple[list[Anchor], list[Finding]]:
    try:
        return anchors.read(), []
    except ValueError as error:
        return [], [Finding("anchor", anchors.path().name, f"The anchors cannot be read: {error}.")]


def _against(known: list[Anchor]) -> Iterator[Finding]:
    for anchor, has_block in anchors.missed(known):
        of = f"of {anchor.at:%Y-%m-%d %H:%M} UTC " if anchor.at else ""
        wrong = (
            "which has another digest: the chain was made anew"
            if has_block
            else "which is not there: the end of the chain was taken away, or this database is an older one"
        )
        yield Finding(
            "anchor", f"block {anchor.block}", f"The anchor {of}names block {anchor.block}, {wrong}."
        )
