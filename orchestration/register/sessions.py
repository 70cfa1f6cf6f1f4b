"""Know by which browsers a person is logged in, and end that; a session's row names nobody, so each is looked into."""

from __future__ import annotations

from collections.abc import Iterator

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.utils import timezone


def count(user_id: int) -> int:
    """Return with how many browsers a person is logged in."""
    return sum(1 for _ in _of(user_id))


def end(user_id: int, *, but: str = "") -> int:
    """Log a person out of every browser but one; returns of how many."""
    keys = [key for key in _of(user_id) if key != but]
    Session.objects.filter(session_key__in=keys).delete()
    return len(keys)


def _of(user_id: int) -> Iterator[str]:
    for row in Session.objects.filter(expire_date__gt=timezone.now()).iterator(chunk_size=500):
        if row.get_decoded().get(SESSION_KEY) == str(user_id):
            yield row.session_key
