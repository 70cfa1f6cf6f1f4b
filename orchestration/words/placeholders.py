"""Fill `{title}`, `{date:%d %B}` and the like into a person's text, in one pass, from a fixed set of names.

No attribute and no index can be reached, and what is filled in is never looked at again. `{{` writes a brace.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError

BUILT_IN: Final = ("title", "description", "channel", "date", "source")
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
DAY: Final = "%Y-%m-%d"
"""How a date is written where its placeholder does not say."""

_PARTS = re.compile(r"\{\{|\}\}|\{([^{}]*)\}?|[^{}]+|\}")


class PlaceholderWrong(ValueError):
    """A placeholder that nobody can fill in; its message names it."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A place to be filled: which name, and for a date in which form."""

    name: str
    form: str = ""

    def __str__(self) -> str:
        return f"{{{self.name}:{self.form}}}" if self.form else f"{{{self.name}}}"


@dataclass(frozen=True, slots=True)
class Moment:
    """A publication's wall-clock time in its channel's zone, and the language in which months are named."""

    local: datetime
    language: str = ""


@lru_cache(maxsize=4096)
def parse(template: str) -> tuple[str | Slot, ...]:
    """Return a template's texts and slots in their order. Raises: PlaceholderWrong."""
    found: list[str | Slot] = []
    for match in _PARTS.finditer(template):
        piece = match[0]
        if piece in ("{{", "}}"):
            found.append(piece[0])
        elif piece.startswith("{"):
            if not piece.endswith("}"):
                raise PlaceholderWrong(
                    f"“{piece[:30]}” opens a placeholder and does not close it; write {{{{ for a brace"
                )
            found.append(_slot(match[1]))
        else:
            found.append(piece)
    return tuple(found)


def _slot(inner: str) -> Slot:
    name, colon, form = inner.partition(":")
    if not NAME.fullmatch(name):
        raise PlaceholderWrong(
            f"{{{inner[:40]}}} is no placeholder: write {{{{ for a brace; a name has small letters, digits and _"
        )
    if colon and name != "date":
        raise PlaceholderWrong(f"{{{inner[:40]}}}: only {{date:…}} takes a form")
    if name == "date":
        _check_form(form)
    return Slot(name, form)


def _check_form(form: str) -> None:
    for match in re.finditer(r"%(-?.)?", form, re.DOTALL):
        if match[1] not in _CODES:
            raise PlaceholderWrong(
                f"{{date:{form[:30]}}}: {match[0]} is no code for a date; there are {KNOWN_CODES}"
            )


def names_in(template: str) -> frozenset[str]:
    """Return the names that a template asks for. Raises: PlaceholderWrong."""
    return frozenset(part.name for part in parse(template) if isinstance(part, Slot))


def require_known(template: str, own: Collection[str], *, built_in: Collection[str] = BUILT_IN) -> None:
    """Refuse a template with a placeholder that is neither built in nor an own field. Raises: PlaceholderWrong."""
    for part in parse(template):
        if isinstance(part, Slot) and part.name not in built_in and part.name not in own:
            there_are = ", ".join(f"{{{name}}}" for name in (*built_in, *sorted(own)))
            raise PlaceholderWrong(
                f"{part} is not known here; there are {there_are}, and {{{{ writes a brace"
            )


def fill(template: str, values: Mapping[str, str], moment: Moment | None) -> str:
    """Return a template's text. Raises: PlaceholderWrong, naming what has no value."""
    filled = []
    for part in parse(template):
        if isinstance(part, str):
            filled.append(part)
        elif part.name == "date":
            if moment is None:
                raise PlaceholderWrong(f"{part} needs a moment, and this publication has none")
            filled.append(written(moment, part.form or DAY))
        elif part.name in values:
            filled.append(values[part.name])
        else:
            raise PlaceholderWrong(f"{part} has no value: no own field of that name is set")
    return "".join(filled)


def written(moment: Moment, form: str) -> str:
    """Return a wall-clock time in a form of safe codes, months and weekdays in the moment's language, else in English."""
    return re.sub(r"%(-?.)", lambda match: _CODES[match[1]](moment), form, flags=re.DOTALL)


@lru_cache(maxsize=256)
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language, sep="-") if language else Locale("en")
    except (UnknownLocaleError, ValueError):
        return Locale("en")


def _name(kind: str, width: str, index: Callable[[datetime], int]) -> Callable[[Moment], str]:
    def named(moment: Moment) -> str:
        names = getattr(_locale(moment.language), kind)
        return str(names["format"][width][index(moment.local)])

    return named


_CODES: Final[dict[str, Callable[[Moment], str]]] = {
    "d": lambda m: f"{m.local.day:02}",
    "-d": lambda m: str(m.local.day),
    "m": lambda m: f"{m.local.month:02}",
    "-m": lambda m: str(m.local.month),
    "y": lambda m: f"{m.local.year % 100:02}",
    "Y": lambda m: f"{m.local.year:04}",
    "b": _name("months", "abbreviated", lambda at: at.month),
    "B": _name("months", "wide", lambda at: at.month),
    "a": _name("days", "abbreviated", lambda at: at.weekday()),
    "A": _name("days", "wide", lambda at: at.weekday()),
    "H": lambda m: f"{m.local.hour:02}",
    "M": lambda m: f"{m.local.minute:02}",
    "j": lambda m: str(m.local.timetuple().tm_yday),
    "V": lambda m: f"{m.local.isocalendar().week:02}",
    "%": lambda m: "%",
}
"""What a date's form may say; ours, not the C library's, whose codes differ from machine to machine."""
KNOWN_CODES: Final = " ".join(f"%{code}" for code in _CODES)
