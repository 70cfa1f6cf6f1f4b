"""Hold words that are to be set on YouTube against what we last set there and what it shows, field by field.

A field that a person changed on YouTube is theirs: it is not written over, and an edit of it waits for a decision. Fields
that are not edited are kept as YouTube shows them, whoever wrote them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

OF_STATUS: Final = frozenset({"licence", "embeddable", "made_for_kids", "synthetic_media"})
"""YouTube keeps these in the part that says who may see the video, and replaces such a part whole."""
COMPARED: Final = (
    "title",
    "description",
    "tags",
    "category_id",
    "language",
    "licence",
    "embeddable",
    "made_for_kids",
    "synthetic_media",
    "paid_promotion",
)
EXTRAS: Final = ("picture", "subtitles", "playlists")
"""What lies beside the video itself, each set by calls of its own."""
EDITABLE: Final = (*COMPARED, *EXTRAS)
ABRIDGED: Final = 120


@dataclass(frozen=True, slots=True)
class FieldOutside:
    """One field in its three values; `last_set` is None where we never set or saw it."""

    field: str
    last_set: Any
    seen: Any
    wanted: Any


@dataclass(frozen=True, slots=True)
class WordsComparison:
    """What of the wanted words is to be written, what somebody else changed, and what is as it should be."""

    to_write: Mapping[str, Any]
    changed_elsewhere: tuple[FieldOutside, ...]
    as_wanted: Mapping[str, Any]

    @property
    def sentence(self) -> str:
        """Say which fields somebody changed, each in its three values."""
        said = [
            f"{one.field} was changed on YouTube: {_short(one.seen)} there, {_short(one.last_set)} was ours, "
            f"{_short(one.wanted)} is wanted"
            for one in self.changed_elsewhere
        ]
        return "; ".join(said) + "." if said else ""


def compare(
    wanted: Mapping[str, Any],
    last_set: Mapping[str, Any],
    tried: Iterable[Mapping[str, Any]],
    seen: Mapping[str, Any],
) -> WordsComparison:
    """Compare fields that are wanted; `tried` are calls whose answer nobody heard: what they were to set is ours, too."""
    tries = list(tried)
    to_write, changed, as_wanted = {}, [], {}
    for name in COMPARED:
        if name not in wanted:
            continue
        shown = plain(name, seen.get(name))
        if shown == plain(name, wanted[name]):
            as_wanted[name] = wanted[name]
            continue
        ours = [plain(name, document[name]) for document in (last_set, *tries) if name in document]
        if not ours or shown in ours:
            to_write[name] = wanted[name]
        else:
            changed.append(FieldOutside(name, last_set.get(name), seen.get(name), wanted[name]))
    return WordsComparison(to_write, tuple(changed), as_wanted)


def differing(
    last_set: Mapping[str, Any], tried: Iterable[Mapping[str, Any]], seen: Mapping[str, Any]
) -> list[str]:
    """Return the fields that YouTube shows otherwise than we ever set them."""
    tries = list(tried)
    return [
        name
        for name in COMPARED
        if name in last_set
        and name in seen
        and plain(name, seen[name])
        not in [plain(name, document[name]) for document in (last_set, *tries) if name in document]
    ]


def plain(name: str, value: Any) -> Any:
    """Return a value as it is compared: YouTube trims text, and keeps the end of a line as it likes."""
    if name == "description":
        return "\n".join(line.rstrip() for line in str(value or "").splitlines()).strip()
    if name == "title":
        return str(value or "").strip()
    if name == "tags":
        return [str(tag) for tag in value or ()]
    return value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= ABRIDGED else f"{text[: ABRIDGED - 1]}…"
