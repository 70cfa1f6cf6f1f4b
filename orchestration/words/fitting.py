"""Make the text of a source, which nobody here wrote, fit to be published."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from orchestration.text import unturned
from orchestration.words import limits, placeholders
from orchestration.words.placeholders import Moment, PlaceholderWrong

Measure = Callable[[str], int]
MORE = "…"


@lru_cache(maxsize=512)  # one video's texts are asked for on each of its channels
def source_line(text: str) -> str:
    """Return a source's title as one line that YouTube takes; empty where it shows nothing."""
    line = " ".join(_controls_out(text).split())
    return limits.angles_out(line) if limits.is_visible(line) else ""


@lru_cache(maxsize=512)
def source_text(text: str) -> str:
    """Return a source's description as YouTube takes it."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return limits.angles_out("\n".join(_controls_out(line).rstrip() for line in lines).strip())


def _controls_out(text: str) -> str:
    kept = (" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in unturned(text))
    return "".join(c for c in kept if not "\ud800" <= c <= "\udfff")


@dataclass(frozen=True, slots=True)
class CleanedTags:
    """A source's tags as YouTube takes them, and of how many something was taken away."""

    tags: tuple[str, ...]
    changed: int


def cleaned_tags(tags: Iterable[object]) -> CleanedTags:
    """Return tags without quotation marks and angle brackets; one with commas is several."""
    kept: list[str] = []
    changed = 0
    for tag in tags:
        text = " ".join(_controls_out(str(tag)).split())
        pieces = [" ".join(re.sub(r'[<>"]', " ", piece).split()) for piece in text.split(",")]
        changed += pieces != [text]
        kept.extend(piece for piece in pieces if limits.is_visible(piece))
    return CleanedTags(limits.unique_tags(kept), changed)


def names_in(template: str) -> frozenset[str]:
    """Return the placeholders of a template; none where it cannot be read."""
    try:
        return placeholders.names_in(template)
    except PlaceholderWrong:
        return frozenset()


def filled(template: str, values: Mapping[str, str], moment: Moment | None) -> str:
    """Return a template's text without white space around it. Raises: PlaceholderWrong."""
    return placeholders.fill(template, values, moment).strip()


def shortened(
    template: str, values: Mapping[str, str], part: str, moment: Moment | None, room: int, measure: Measure
) -> str | None:
    """Return a template's text with one of its values cut so that the whole fits; None where that is not enough.

    The rest of the template stays whole: it is a person's.
    """
    try:
        bare = placeholders.fill(template, {**values, part: ""}, moment)
        times = sum(isinstance(p, placeholders.Slot) and p.name == part for p in placeholders.parse(template))
    except PlaceholderWrong:
        return None
    left = (room - measure(bare)) // max(1, times) - measure(MORE)
    if left <= 0:
        return None
    short = limits.cut(values[part], left, measure) + MORE
    return placeholders.fill(template, {**values, part: short}, moment).strip()
