"""Sign what is sent as Standard Webhooks says (https://www.standardwebhooks.com/): HMAC-SHA256 over id, time and body."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable

PREFIX = "whsec_"


def new_secret() -> str:
    """Return a fresh secret of 32 bytes, as consumers' libraries take it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def headers(event_id: str, sent_at: int, body: bytes, keys: Iterable[str]) -> dict[str, str]:
    """Return the three headers; `sent_at` in seconds since 1970, one signature for each of the secrets."""
    signed = f"{event_id}.{sent_at}.".encode() + body
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": " ".join(_signature(key, signed) for key in keys),
    }


def _signature(key: str, signed: bytes) -> str:
    raw = base64.b64decode(key.removeprefix(PREFIX))
    return "v1," + base64.b64encode(hmac.new(raw, signed, hashlib.sha256).digest()).decode()
