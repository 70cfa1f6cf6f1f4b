"""Say of a kind of thing how it is written down, compared, made, changed and taken away."""

from __future__ import annotations

import hashlib
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Any

from django.db.models import Model

from channels.models import Channel
from orchestration.as_code.schemas import Thing
from orchestration.errors import InvalidRequest
from orchestration.models import Source

Values = dict[str, Any]
SECRET_PREFIX = "HEADEND_SECRET_"  # noqa: S105  # the beginning of a variable's name
REASON = "by a configuration file"


@dataclass(slots=True)
class Work:
    """What one application knows and notes on its way."""

    notes: list[str] = field(default_factory=list)
    checked: dict[tuple[str, str], Any] = field(default_factory=dict)
    """What the network said of things before anything was written, by section and key."""


class Kind(ABC):
    """One section of the file. Keys name its things; fields that are a mere set are compared sorted."""

    section: str
    thing: type[Thing]
    sets: tuple[str, ...] = ()
    secret: str = ""
    """The field that refers to a secret; it is never compared, only taken where nothing is stored."""

    @abstractmethod
    def export(self) -> dict[str, Values]:
        """Return everything by its key, every field of it, as `normal` writes them."""

    def normal(self, given: Values) -> Values:
        """Return given fields as they are compared. Raises: InvalidRequest, naming the field."""
        return {name: sorted(set(value)) if name in self.sets else value for name, value in given.items()}

    def has_secret(self, key: str) -> bool:
        """Return whether the secret of something is stored."""
        return False

    def look_outside(self, work: Work, key: str, wanted: Values) -> None:  # noqa: B027 (most need not)
        """Ask the network about something that is to be made, before the transaction. Raises: OrchestrationError."""

    @abstractmethod
    def make(self, work: Work, key: str, wanted: Values, given: set[str]) -> None:
        """Make something, with all its fields; `given` are those that the file says. Raises: OrchestrationError."""

    @abstractmethod
    def change(self, work: Work, key: str, wanted: Values, changed: set[str]) -> None:
        """Give something the fields that changed; `wanted` holds all. Raises: OrchestrationError."""

    def remove(self, key: str) -> None:
        """Take something away. Raises: OrchestrationError."""
        raise InvalidRequest("it cannot be taken away by a file")

    def removable(self, key: str) -> bool:
        """Return whether something that the file does not name is taken away with `prune`."""
        return True

    def finish(self, work: Work, wanted: Mapping[str, Values]) -> None:  # noqa: B027 (most need not)
        """Do what is done best for all of a section at once, after all of it is there."""


def clock(at: time | None) -> str:
    """Return a wall-clock time as it is written; empty for none."""
    return f"{at:%H:%M}" if at is not None else ""


def read_clock(text: str, name: str) -> time | None:
    """Read a wall-clock time; empty is none. Raises: InvalidRequest."""
    if not text:
        return None
    if not re.fullmatch(r"[0-2]?\d:[0-5]\d", text) or int(text.partition(":")[0]) > 23:
        raise InvalidRequest(f"{text[:40]!r} is no time such as 18:00", field=name)
    hour, _, minute = text.partition(":")
    return time(int(hour), int(minute))


def ids_of_channels(slugs: Iterable[str], name: str) -> list[int]:
    """Return the ids of channels by their slugs. Raises: InvalidRequest, naming one that there is not."""
    return _ids(Channel, "slug", slugs, name, "channel")


def ids_of_sources(keys: Iterable[str], name: str) -> list[int]:
    """Return the ids of sources by their keys. Raises: InvalidRequest, naming one that there is not."""
    return _ids(Source, "canonical_url", keys, name, "source")


def _ids(model: type[Model], column: str, keys: Iterable[str], name: str, word: str) -> list[int]:
    wanted = list(dict.fromkeys(keys))
    found = dict(model._default_manager.filter(**{f"{column}__in": wanted}).values_list(column, "pk"))
    if absent := [key for key in wanted if key not in found]:
        raise InvalidRequest(f"there is no {word} {absent[0][:100]}", field=name)
    return [found[key] for key in wanted]


def secret_names(section: str, keys: Iterable[str]) -> dict[str, str]:
    """Return which variable is asked for the secret of each thing of a section."""
    plain = {key: re.sub(r"[^A-Z0-9]+", "_", key.upper()).strip("_")[:60] or "X" for key in keys}
    seen = list(plain.values())
    names = {}
    for key, word in plain.items():
        more = f"_{hashlib.sha256(key.encode()).hexdigest()[:6].upper()}" if seen.count(word) > 1 else ""
        names[key] = f"{SECRET_PREFIX}{section.upper()}_{word}{more}"
    return names


def secret_of(reference: Mapping[str, str] | None) -> str:
    """Return the secret that a reference names; empty where nobody has set it."""
    return os.environ.get(reference["secret"], "").strip() if reference else ""
