"""Check what addresses, rules and silences are called, and what they name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError

from orchestration.core import lookup
from orchestration.errors import InvalidRequest
from orchestration.models.notify import Category

MAX_NAME = 80


def check_kind(kind: str, field: str) -> str:
    """Return a category or a problem's code as it may be named. Raises: InvalidRequest."""
    kind = kind.strip().lower()
    if not kind or len(kind) > 60 or not kind.replace("_", "").isalnum() or not kind.isascii():
        raise InvalidRequest(
            f"{kind[:60]!r} is neither a category ({', '.join(Category.values)}) nor the code of a problem, "
            "such as needs_review.",
            field=field,
        )
    return kind


def usable_name(model: Any, name: str, *, but: int | None = None) -> str:
    """Return the name without surplus spaces, if no other row has it. Raises: InvalidRequest, naming `name`."""
    name = " ".join(name.split())
    if not name:
        raise InvalidRequest("Give it a name.", field="name")
    if len(name) > MAX_NAME:
        raise InvalidRequest(f"The name is longer than {MAX_NAME} characters.", field="name")
    if model.objects.filter(name=name).exclude(pk=but).exists():
        raise InvalidRequest(f"There is a {model._meta.verbose_name} named {name} already.", field="name")
    return name


class name_taken:
    """Turn the database's word on a name taken at the same moment into a sentence."""

    def __init__(self, what: str, name: str) -> None:
        self.sentence = f"There is a notification {what} named {name} already."

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, IntegrityError):
            raise InvalidRequest(self.sentence, field="name") from error


def all_of(model: Any, ids: Sequence[int], field: str) -> list[Any]:
    """Return the rows of these ids. Raises: NotFound, naming the missing ones."""
    rows = list(model.objects.filter(pk__in=set(ids)))
    lookup.check_found(model, ids, [row.pk for row in rows], field=field)
    return rows
