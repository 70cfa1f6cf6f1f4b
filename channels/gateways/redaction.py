"""Hide what is sent in secret in every text that comes back: a proxy may repeat a request in its refusal.

Whoever speaks to the outside is held here while it lives, by a weak reference, and asked for its secrets whenever an error
is worded (`hidden`) or an answer is taken (`hidden_in`). So no place that words or keeps one can forget it, and nothing is
kept of a gateway that is gone. This is the source: what comes through it may be stored.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import quote, quote_plus
from weakref import WeakSet

from channels.log_redaction import HIDDEN, SHORTEST_SECRET, redact_known, redact_sentence


class Holder(Protocol):
    """Whatever knows secrets: a gateway, or its connection."""

    def secrets(self) -> Iterable[str | None]: ...


class _Secrets:
    """Secrets that are known for the length of a block."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = tuple(secrets)

    def secrets(self) -> Iterable[str]:
        return self._secrets


_holders: WeakSet[Holder] = WeakSet()
_lock = threading.Lock()


def hold(holder: Holder) -> None:
    """Ask `holder` for its secrets from now on, for as long as it lives."""
    with _lock:
        _holders.add(holder)


@contextmanager
def knowing(*secrets: str) -> Iterator[None]:
    """Hide these secrets in every error that is made in the block."""
    held = _Secrets(secrets)
    hold(held)
    yield
    del held


def hidden(text: str) -> str:
    """Return what another system said without what is sent now, what is ours, and what looks like a secret."""
    return redact_sentence(_without_what_is_sent(text))


def hidden_in(value: Any) -> Any:
    """Return an answer without the secrets that are sent now or are this installation's, in every text of it.

    What merely looks like a secret stays: titles and descriptions are compared with what was sent.
    """
    if isinstance(value, str):
        return redact_known(_without_what_is_sent(value))
    if isinstance(value, list | tuple):
        return type(value)(hidden_in(item) for item in value)
    if isinstance(value, dict):
        return {name: hidden_in(item) for name, item in value.items()}
    return value


def _without_what_is_sent(text: str) -> str:
    """Return the text without what a gateway knows now: as it is, as in an address, and as in JSON."""
    with _lock:
        holders = list(_holders)
    known = {secret for holder in holders for secret in holder.secrets() if secret}
    forms = {form for secret in known if len(secret) >= SHORTEST_SECRET for form in _forms(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, HIDDEN)
    return text


def _forms(secret: str) -> tuple[str, ...]:
    return secret, quote(secret, safe=""), quote(secret), quote_plus(secret), json.dumps(secret)[1:-1]
