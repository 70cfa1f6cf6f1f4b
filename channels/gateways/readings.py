"""Read what YouTube, Google's token endpoint and GitHub answer, by the one table that the channel's script reads, too.

The table is data, `channels/template/headend/readings.json`, and says itself what its columns mean. A test runs this
reader and the script's over every row and compares what they say.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from channels import quota
from channels.gateways.errors import QuotaExhausted, RemoteError, by_code

TABLE = Path(__file__).resolve().parent.parent / "template" / "headend" / "readings.json"
NOT_JSON = "not_json"
LIMIT_IN_HEADERS = "limit_in_headers"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one answer means. `wait_seconds` is what it asks for; `resets_at` when a budget is refilled."""

    kind: str
    code: str
    bucket: str = ""
    wait_seconds: float | None = None
    resets_at: datetime | None = None

    def error(self, text: str, *, status: int | None = None) -> RemoteError:
        """Return the error that carries this reading; one for renewing a token means that a new one did not help."""
        known = by_code(self.code) or RemoteError
        if issubclass(known, QuotaExhausted):
            return known(text, bucket=self.bucket, resets_at=self.resets_at, status=status)
        return known(text, status=status, retry_after_seconds=self.wait_seconds)


@cache
def rows() -> tuple[dict[str, Any], ...]:
    """Return the table's rows, in their order."""
    return tuple(json.loads(TABLE.read_text(encoding="utf-8"))["rows"])


def read(
    service: str,
    where: str,
    status: int | None,
    document: Any,
    headers: Mapping[str, Any] | None = None,
    *,
    writes: bool = False,
    now: datetime | None = None,
) -> Reading:
    """Return what an answer means. `document` is its parsed body, anything but a dictionary if it is no JSON object.

    Status is None where a library keeps it to itself. `where` names the call, `writes` whether it changes something.
    """
    now = now or datetime.now(UTC)
    told = {str(name).lower(): str(value) for name, value in (headers or {}).items()}
    reasons, message = said(document)
    if "retry-after" in told or told.get("x-ratelimit-remaining") == "0":
        reasons.append(LIMIT_IN_HEADERS)
    places = {"any", where} if where.startswith("upload_") else {"any", where, "write" if writes else "read"}
    for row in rows():
        if row["service"] == service and _fits(row, places, status, reasons, message):
            return _reading(row, told, now)
    raise LookupError(f"no row for {service}")


def said(document: Any) -> tuple[list[str], str]:
    """Return the reasons that an answer's body gives, in its own words, and its message."""
    if not isinstance(document, dict):
        return [NOT_JSON], ""
    error = document.get("error")
    if not isinstance(error, dict):
        text = document.get("error_description") or document.get("message") or ""
        return [error] if isinstance(error, str) else [], str(text)
    listed = error.get("errors")
    found = (
        [item.get("reason") for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    )
    return [str(reason) for reason in (*found, error.get("status")) if reason], str(
        error.get("message") or ""
    )


def _fits(
    row: Mapping[str, Any], places: set[str], status: int | None, reasons: Iterable[str], message: str
) -> bool:
    if not places.intersection(_each(row["where"])):
        return False
    if row["status"] != "any" and not any(_within(status, part) for part in _each(row["status"])):
        return False
    if "reason" in row and not any(
        _named(name, reason) for name in _each(row["reason"]) for reason in reasons
    ):
        return False
    words = _each(row.get("message_contains", ""))
    return any(word.lower() in message.lower() for word in words)


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _within(status: int | None, part: int | str) -> bool:
    if status is None or isinstance(part, int):
        return status == part
    first, _, last = part.partition("-")
    return int(first) <= status <= int(last)


def _named(name: str, reason: str) -> bool:
    return reason.startswith(name[:-1]) if name.endswith("*") else reason == name


def _reading(row: Mapping[str, Any], headers: Mapping[str, str], now: datetime) -> Reading:
    wait, seconds, resets_at = row.get("wait"), None, None
    if wait == "retry_after":
        seconds = _asked_seconds(headers, now)
    elif wait == "pacific_midnight":
        resets_at = quota.next_reset(now)
    elif isinstance(wait, str):
        resets_at = now + timedelta(hours=int(wait.removeprefix("hours:")))
    elif wait is not None:
        seconds = float(wait)
    return Reading(row["class"], row["code"], row.get("bucket", ""), seconds, resets_at)


def _asked_seconds(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return how long the answer wants us to wait: Retry-After, else until GitHub's limit resets."""
    asked, resets = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    if asked.isdecimal():
        return float(asked)
    if headers.get("x-ratelimit-remaining") == "0" and resets.isdecimal():
        return max(1.0, float(resets) - now.timestamp())
    return None
