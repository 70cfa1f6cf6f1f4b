"""Hold what a caller expects of a row against the row as it is under its lock.

A door says what is expected (`expecting`); where a row is locked to be changed, `hold` asks. Between a look before and the
lock, somebody else may have changed it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from django.db import models


@dataclass(frozen=True, slots=True)
class Expectation:
    """That a row is as its reader saw it; `check` refuses if it is not."""

    model: type[models.Model]
    key: str
    check: Callable[[], None]


_expected: ContextVar[Expectation | None] = ContextVar("expected", default=None)


@contextmanager
def expecting(expectation: Expectation) -> Iterator[None]:
    """Let the row be held against an expectation where it is locked; one that stands already counts further."""
    if _expected.get() is not None:
        yield
        return
    token = _expected.set(expectation)
    try:
        yield
    finally:
        _expected.reset(token)


def hold(model: type[models.Model], key: object) -> None:
    """Hold a locked row against what is expected of it, if anything is. Raises: what the expectation raises."""
    expected = _expected.get()
    if expected is None or expected.model is not model or expected.key != str(key):
        return
    token = _expected.set(None)  # what is asked to find out expects nothing
    try:
        expected.check()
    finally:
        _expected.reset(token)
