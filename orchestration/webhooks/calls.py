"""Make one call to an endpoint: guarded as it connects, no redirect followed, and nothing secret kept of the answer."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from django.conf import settings

from channels.gateways import redaction
from orchestration.errors import InvalidRequest
from orchestration.media import connections
from orchestration.media.addresses import IPNetwork
from orchestration.media.errors import MediaError, SourceUnreachable, UnsafeUrl
from orchestration.media.urls import check_form, resolve_fetchable
from orchestration.notify.apprise_calls import redacted
from orchestration.webhooks import signing

MAX_URL = 2000
CONNECT_SECONDS, READ_SECONDS = 5.0, 10.0
MOST_ANSWER_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one call; `error` is empty if it was taken."""

    error: str
    status: int | None = None
    said: str = ""
    duration_ms: int = 0
    wait_seconds: float | None = None

    @property
    def is_gone(self) -> bool:
        """Return whether the endpoint wants no events any more (410)."""
        return self.status == 410


def opened() -> Sequence[IPNetwork]:
    """Return the networks that may be reached beside the public internet; never a cloud platform's own addresses."""
    return connections.ANYWHERE if settings.HEADEND_WEBHOOK_PRIVATE_HOSTS else ()


def check(url: str) -> str:
    """Return what may be shown of an address, if events can go there. Raises: InvalidRequest, naming `url`."""
    if len(url) > MAX_URL:
        raise _refused(f"The address is longer than {MAX_URL} characters.")
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"}:
        raise _refused("An endpoint is called by https or http: https://example.org/hooks/headend.")
    if parts.username or parts.password:
        raise _refused("The address holds a name or a password; what comes is proved by its signature.")
    try:
        host, port = check_form(url)
        resolve_fetchable(host, port, allowed_networks=opened())
    except UnsafeUrl:
        raise _refused(
            "The address leads to a host that is not public; HEADEND_WEBHOOK_PRIVATE_HOSTS would allow those of your "
            "own network."
        ) from None
    except SourceUnreachable:
        pass  # its name may be found later
    except MediaError as error:
        raise _refused(str(error)) from error
    if not settings.HEADEND_WEBHOOK_PRIVATE_HOSTS and parts.scheme == "http":
        raise _refused("Events go over the internet by https only.")
    return f"{parts.scheme}://{parts.netloc}"[:120]


def _refused(sentence: str) -> InvalidRequest:
    return InvalidRequest(sentence, field="url")


def body_of(document: dict[str, Any]) -> bytes:
    """Return an event as it is sent: the same bytes at each try."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def post(session: requests.Session, url: str, event_id: str, body: bytes, keys: Sequence[str]) -> Answer:
    """Send an event once."""
    begun = time.monotonic()
    watch = None
    with redaction.knowing(url, *keys):
        try:
            with connections.only_to(opened()) as watch:
                answer = session.post(
                    url,
                    data=body,
                    headers={
                        "Content-Type": "application/json",
                        "User-Agent": "Headend-Webhooks/1",
                        **signing.headers(event_id, int(time.time()), body, keys),
                    },
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                    allow_redirects=False,
                    stream=True,
                )
                said = _beginning(answer)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            sentence = watch.refused if watch is not None else ""
            return Answer(
                redacted(sentence or f"It could not be reached ({type(error).__name__}).", url),
                duration_ms=_since(begun),
            )
        taken = 200 <= answer.status_code < 300
        return Answer(
            "" if taken else f"It answered {answer.status_code}.",
            answer.status_code,
            redacted(said, url),
            _since(begun),
            _wait(answer.headers.get("Retry-After", "")),
        )


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)


def _beginning(answer: requests.Response) -> str:
    """Return what one reading of an answer gives; one that is short is read whole, so that its connection serves again."""
    try:
        text = answer.raw.read1(MOST_ANSWER_BYTES).decode("utf-8", "replace")
    finally:
        if answer.raw.length_remaining != 0:
            answer.close()
    return re.sub(r"[^\x20-\x7e\xa0-\U0010ffff]+", " ", text)


def _wait(text: str) -> float | None:
    """Return the seconds that a Retry-After asks for, as a number or as an instant."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 9:
        return float(text)
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
