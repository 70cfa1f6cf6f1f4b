"""Define what a problem is: one sentence about one subject, with what folds it with others and how much time is left."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from channels.models import Channel

ERROR, WARNING, INFO = "error", "warning", "info"
ORDER = {ERROR: 0, WARNING: 1, INFO: 2}
MAX_OF_A_KIND = 20
RECENT = timedelta(hours=24)


def problem(
    severity: str,
    code: str,
    sentence: str,
    subject: Any,
    since: datetime | None,
    *,
    kind: str = "",
    row_id: Any = None,
    cause: str = "",
    fold: str = "",
    detail: str = "",
    deadline: datetime | None = None,
    more: int = 0,
) -> dict[str, Any]:
    """Return a problem; those of one code and `fold` are one to a person, and `detail` says what they have in common.

    `deadline` is the moment of the first publication that it holds up; `more` counts what is not listed one by one.
    """
    return {
        "severity": severity,
        "code": code,
        "sentence": sentence,
        "subject": str(subject),
        "subject_type": kind or subject._meta.model_name,
        "subject_id": row_id if kind else subject.pk,
        "slug": getattr(subject, "slug", ""),
        "since": since,
        "cause": cause or code,
        "channel_id": channel_of(subject),
        "fold": fold or cause or code,
        "detail": detail,
        "deadline": deadline,
        "more": more,
    }


def channel_of(subject: Any) -> int | None:
    """Return the channel that a subject belongs to."""
    if isinstance(subject, Channel):
        return subject.pk
    return getattr(getattr(subject, "distribution", None) or subject, "channel_id", None)


def first_of(rows: QuerySet[Any], most: int = MAX_OF_A_KIND) -> tuple[list[Any], int]:
    """Return the first rows and how many more there are, counted only where there are more."""
    found = list(rows[: most + 1])
    return found[:most], rows.count() - most if len(found) > most else 0


def more_of(count: int, severity: str, code: str, what: str, kind: str) -> list[dict[str, Any]]:
    """Return the problem that says how many more there are of a kind; none where there are none."""
    return (
        [problem(severity, code, f"{count} more {what}.", what, None, kind=kind, more=count)] if count else []
    )


def at(instant: datetime | None) -> str:
    """Write an instant for a sentence."""
    return f"{instant:%Y-%m-%d %H:%M} UTC" if instant else "a time not known"
