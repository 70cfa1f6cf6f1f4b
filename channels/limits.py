"""Show whoever is limited to groups of channels nothing of the others: one rule for every question asked of the database.

Who asks is known to the context (`limited_to`), and every manager that is made of `Lockable` narrows its rows by it
(`narrow`). What a row has to do with channels is a rule over its model's fields (`path_of`), or a condition beside it.
Without a limit, as for workers and the clock, nothing is narrowed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Q


@dataclass(frozen=True, slots=True)
class Limit:
    """The groups that somebody is limited to, and the channels in them at this moment."""

    groups: frozenset[int] = frozenset()
    channels: frozenset[int] = frozenset()


_LIMIT: ContextVar[Limit | None] = ContextVar("headend_limit", default=None)
CONDITIONS: dict[str, Callable[[Limit], Q]] = {}
"""Which rows of a model may be seen, by its label, where the rule over its fields does not say it."""
BY_WAY_OF = ("channel", "distribution", "schedule", "job")
"""The fields by which a row belongs to a channel, the nearest first."""


def current() -> Limit | None:
    """Return what whoever asks is limited to; None without a limit."""
    return _LIMIT.get()


def narrow_to(limit: Limit | None) -> None:
    """Limit what is asked from now on, until whoever called `limited_to` around this is done."""
    _LIMIT.set(limit)


@contextmanager
def limited_to(limit: Limit | None) -> Iterator[None]:
    """Limit what is asked within; None lifts a limit."""
    token = _LIMIT.set(limit)
    try:
        yield
    finally:
        _LIMIT.reset(token)


@functools.cache
def path_of(model: type[models.Model]) -> str | None:
    """Return how a row of a model leads to its channel, as a lookup; None if it belongs to none."""
    if model._meta.label_lower == "channels.channel":
        return "pk"
    for name in BY_WAY_OF:
        field: Any = next(
            (each for each in model._meta.fields if each.name == name and each.is_relation), None
        )
        onward = path_of(field.related_model) if field is not None else None
        if onward is not None:
            return f"{name}_id" if onward == "pk" else f"{name}__{onward}"
    return None


def condition_of(model: type[models.Model], limit: Limit) -> Q:
    """Return which rows of a model may be seen; what has nothing to do with channels is for everybody."""
    own = CONDITIONS.get(model._meta.label_lower)
    if own is not None:
        return own(limit)
    path = path_of(model)
    return Q() if path is None else Q(**{f"{path}__in": limit.channels})


def narrow(manager: type[models.Manager[Any]]) -> type[models.Manager[Any]]:
    """Let a manager of its own class ask only for what whoever asks may see."""
    whole: Any = manager.get_queryset

    def get_queryset(self: models.Manager[Any]) -> models.QuerySet[Any]:
        rows, limit = whole(self), _LIMIT.get()
        return rows if limit is None else rows.filter(condition_of(self.model, limit))

    manager.get_queryset = get_queryset  # type: ignore[method-assign,assignment]
    manager.narrows = True  # type: ignore[attr-defined]
    return manager
