"""Say what the digest of an entry and of a block is: the same on both engines, and for as long as the record is kept.

An entry's digest is over its fields by name, those without a value left out: so a column that a later version adds, and
that old entries do not have, changes no digest. It has to be nullable. A field, once named here, stays.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from orchestration.models import SealBlock

FIELDS = (
    "id",
    "timestamp",
    "content_type_id",
    "object_pk",
    "object_id",
    "object_repr",
    "action",
    "verb",
    "trigger",
    "actor_id",
    "actor_label",
    "actor_email",
    "reason",
    "before",
    "after",
    "changes",
    "changes_text",
    "additional_data",
    "serialized_data",
    "members_of",
    "cid",
    "remote_addr",
    "remote_port",
)
"""Every column of an entry, by attribute."""


def of_entry(values: Mapping[str, Any]) -> str:
    """Return the digest of an entry's content, as it is read from the database."""
    return hashlib.sha256(text_of(values).encode()).hexdigest()


def text_of(values: Mapping[str, Any]) -> str:
    """Return what the digest of an entry is over: its fields that have a value, written down in the one way."""
    return canonical({name: values[name] for name in FIELDS if values[name] is not None})


def canonical(document: Mapping[str, Any]) -> str:
    """Return the one way to write a document down: keys sorted, no spaces, instants in UTC."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, default=_instant)


def _instant(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    raise TypeError(f"{type(value).__name__} has no digest")


def of_block(block: SealBlock, seals: Iterable[tuple[int, str]]) -> str:
    """Return the digest of a block: its own words, the block before it, and its seals by entry in ascending order."""
    head = {
        "number": block.number,
        "sealed_at": block.sealed_at,
        "entries": block.entries,
        "first_entry": block.first_entry,
        "last_entry": block.last_entry,
        "previous": block.previous,
    }
    told = hashlib.sha256(canonical(head).encode())
    for entry, digest in seals:
        told.update(f"\n{entry}:{digest}".encode())
    return told.hexdigest()
