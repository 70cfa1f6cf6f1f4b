"""Keep lines of text readable beside each other."""

import re

_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")


def unturned(text: str) -> str:
    """Return text without the characters that turn the direction of writing.

    They reach past the name that holds them: one in a title writes the rest of a sentence about it backwards. Marks
    beside a letter (U+200E, U+200F), which Hebrew and Arabic need, stay.
    """
    return _TURNS.sub("", text)


_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]+")


def plain_line(text: str) -> str:
    """Return text as one line that any column holds: without controls, line ends, lone surrogates and turns of direction."""
    return " ".join(_UNSEEN.sub(" ", unturned(text)).split())
