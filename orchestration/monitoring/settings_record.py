"""Keep in the record what was set otherwise from outside: what the clock booted with, compared to its last boot.

A value is told as the page *Settings* tells it. Of a secret, and of what an address hides, only that it is another one: a
keyed fingerprint is compared, which without the key says nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from channels.log_redaction import redact
from orchestration.core import audit
from orchestration.models import KeptReport, SystemState

KEY = "settings booted with"
FINGERPRINT = 16
_BY_UP = "up"
"""Origins whose values `manage.py up` chooses anew at each start."""


def compare(raw: Mapping[str, str | None]) -> dict[str, Any]:
    """Record which settings are others than at the last boot, and return them; `raw` has what was given, secrets too."""
    now = {
        name: {"shown": _shown(name), "print": _print(name, raw.get(name) or "")}
        for name, read in settings.SETTINGS_READ.items()
        if read.origin != _BY_UP
    }
    with transaction.atomic():
        state, _ = SystemState.objects.get_or_create(pk=1)
        SystemState.objects.filter(pk=1).locked().first()  # two that boot at once come one after the other
        kept = KeptReport.objects.filter(key=KEY).first()
        before = kept.document if kept else None
        changed = {} if before is None else _differences(before, now)
        KeptReport.objects.update_or_create(
            key=KEY, defaults={"document": now, "computed_at": timezone.now(), "took_seconds": 0.0}
        )
        if before is None:
            audit.record(
                "settings_first_read", state, after={name: said["shown"] for name, said in now.items()}
            )
        elif changed:
            audit.record(
                "settings_changed",
                state,
                before={name: pair[0] for name, pair in changed.items()},
                after={name: pair[1] for name, pair in changed.items()},
            )
    return changed


def _differences(before: dict[str, Any], now: dict[str, Any]) -> dict[str, tuple[str, str]]:
    key_changed = before.get("SECRET_KEY", {}).get("print") != now.get("SECRET_KEY", {}).get("print")
    found = {}
    for name in sorted({*before, *now}):
        old, new = before.get(name), now.get(name)
        was, is_now = (old or {}).get("shown", "not read"), (new or {}).get("shown", "not read")
        # With another key every fingerprint is another one, and says nothing.
        is_other = (old or {}).get("print") != (new or {}).get("print") and (
            not key_changed or name == "SECRET_KEY"
        )
        if was != is_now:
            found[name] = (was, is_now)
        elif is_other:
            found[name] = (was, f"{is_now}, another one")
    return found


def _shown(name: str) -> str:
    read = settings.SETTINGS_READ[name]
    if read.is_secret:
        return "set" if read.is_set else "not set"
    return redact(read.given) if read.given is not None else "default"


def _print(name: str, value: str) -> str:
    told = hmac.new(settings.SECRET_KEY.encode(), f"{name}={value}".encode(), hashlib.sha256)
    return told.hexdigest()[:FINGERPRINT]
