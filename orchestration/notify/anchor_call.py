"""Tell an anchor of the record to a machine that is not ours, if HEADEND_AUDIT_ANCHOR_URL names one."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

import requests
from django.conf import settings

from orchestration.core.anchors import Anchor
from orchestration.errors import InvalidRequest
from orchestration.notify import apprise_calls

logger = logging.getLogger(__name__)
PATIENCE_SECONDS = 10.0


def send(anchor: Anchor) -> str:
    """POST the anchor as JSON, once; returns why it was not taken. The next one tells no less, so none is repeated."""
    url = settings.HEADEND_AUDIT_ANCHOR_URL
    if not url:
        return ""
    said = {
        "installation": settings.HEADEND_INSTALLATION_ID,
        "at": anchor.at.isoformat() if anchor.at else None,
        "block": anchor.block,
        "digest": anchor.digest,
    }
    error = _post(url, said)
    if error:
        logger.warning("the anchor of block %s was not taken outside: %s", anchor.block, error)
    return error


def _post(url: str, said: dict[str, object]) -> str:
    parts = urlsplit(url)
    try:
        if not settings.HEADEND_NOTIFY_PRIVATE_HOSTS:
            apprise_calls.check_public(
                parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
            )
        answer = requests.post(url, json=said, timeout=PATIENCE_SECONDS, allow_redirects=False, stream=True)
        answer.close()
    except InvalidRequest as error:
        return error.message
    except requests.RequestException as error:
        return f"It could not be reached ({type(error).__name__})."
    return "" if answer.status_code < 300 else f"It answered {answer.status_code}."
