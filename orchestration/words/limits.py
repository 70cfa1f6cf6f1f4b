"""Count as YouTube does, and cut no character in two.

https://developers.google.com/youtube/v3/docs/videos#snippet.title (100 characters, no `<` and `>`),
`#snippet.description` (5,000 bytes, no `<` and `>`), `#snippet.tags[]` (500 characters, with a comma between two tags and
quotation marks around one with a space).

Google does not say what a character is. A title is counted here in UTF-16 units, as the counter of YouTube Studio (a
script in a browser) counts: an emoji is two. That is never less than the count of code points, so what fits here fits by
either way of counting.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Final

import regex

TITLE_CHARACTERS: Final = 100
DESCRIPTION_BYTES: Final = 5000
TAG_CHARACTERS: Final = 500
MARKER_CHARACTERS: Final = 40
"""Of Headend's marker, `headend:` and 32 hex digits, which stands in the tags and on the description's last line."""
DESCRIPTION_ROOM: Final = DESCRIPTION_BYTES - MARKER_CHARACTERS - 2
"""Bytes that a description has beside the marker and the empty line before it."""
TAG_ROOM: Final = TAG_CHARACTERS - MARKER_CHARACTERS - 1

_GRAPHEME = regex.compile(r"\X")
_UNSEEN = frozenset("\u115f\u1160\u3164\uffa0\u2800\u034f\u061c\u17b4\u17b5\u180e")
"""Letters and marks that show nothing: Hangul fillers, the empty Braille pattern, joiners."""


def characters(text: str) -> int:
    """Return how long a text is in UTF-16 units."""
    return len(text) + sum(1 for letter in text if ord(letter) > 0xFFFF)


def size_bytes(text: str) -> int:
    """Return how many bytes a text takes in UTF-8; half of a surrogate pair counts as three."""
    return len(text.encode("utf-8", "surrogatepass"))


def tag_characters(tag: str) -> int:
    """Return what a tag takes of the 500, without the comma before the next."""
    return characters(tag) + (2 if " " in tag else 0)


def tags_characters(tags: Sequence[str]) -> int:
    """Return what tags take together: quotation marks around those with a space, a comma between two."""
    return sum(tag_characters(tag) for tag in tags) + max(0, len(tags) - 1)


def graphemes(text: str) -> list[str]:
    """Return what a reader sees as single characters: an emoji family is one, a letter with its accents too."""
    return _GRAPHEME.findall(text) if not text.isascii() else list(text)


def cut(text: str, room: int, measure: Callable[[str], int]) -> str:
    """Return as much of a text as fits, ending after a whole character, without white space at its end."""
    if measure(text) <= room:
        return text
    kept: list[str] = []
    for piece in graphemes(text):
        room -= measure(piece)
        if room < 0:
            break
        kept.append(piece)
    return "".join(kept).rstrip()


def is_visible(text: str) -> bool:
    """Return whether a reader sees anything: not only blanks, joiners, controls, fillers and marks on nothing."""
    return any(letter not in _UNSEEN and unicodedata.category(letter)[0] not in "CZM" for letter in text)


def angles_out(text: str) -> str:
    """Return text with ‹ and › for what YouTube refuses in titles, descriptions and tags."""
    return text.replace("<", "‹").replace(">", "›")


def has_angles(text: str) -> bool:
    """Return whether `<` or `>` occurs."""
    return "<" in text or ">" in text


def unique_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Return tags in their order, each once whatever its case."""
    seen: dict[str, str] = {}
    for tag in tags:
        seen.setdefault(tag.casefold(), tag)
    return tuple(seen.values())


def first_that_fit(tags: Sequence[str], room: int) -> tuple[str, ...]:
    """Return the first tags that fit into so many characters together."""
    kept: list[str] = []
    for tag in tags:
        room -= tag_characters(tag) + (1 if kept else 0)
        if room < 0:
            break
        kept.append(tag)
    return tuple(kept)
