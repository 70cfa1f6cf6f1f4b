"""What a check is told, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db import models

HISTORY = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Look:
    """The moment of a check, whether the clock runs, and how far back to read."""

    now: datetime
    ticking: bool
    everything: bool = False

    @property
    def since(self) -> datetime:
        """Return from when on history is read."""
        return self.now - (HISTORY if not self.everything else timedelta(days=36_500))


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken promise: the number it has in DESIGN, its short name, the row and what is wrong with it."""

    sentence: str
    subject: str = ""
    number: int = 0
    name: str = ""

    def named(self, number: int, name: str) -> Violation:
        """Return it with the promise that it breaks."""
        return replace(self, number=number, name=name)

    def __str__(self) -> str:
        return f"{self.number} {self.name}: {self.sentence}"


def broken(row: models.Model, sentence: str) -> Violation:
    """Return a violation by one row."""
    subject = f"{row._meta.model_name} {row.pk}"
    return Violation(f"{subject} {sentence}", subject)
