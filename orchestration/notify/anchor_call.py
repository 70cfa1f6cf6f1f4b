"""Tell an anchor of the record to a machine that is not ours, if HEADEND_AUDIT_ANCHOR_URL names one."""

from __future__ import annotations

import logging

import requests
from django.conf import settings

from orchestration.core.anchors import Anchor
from orchestration.media import connections
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


def _post(url: str, said: dict[str, int | str | None]) -> str:
    watch = None
    try:
        with connections.only_to(apprise_calls.opened()) as watch:
            answer = requests.post(
                url, json=said, timeout=PATIENCE_SECONDS, allow_redirects=False, stream=True
            )
        answer.close()
    except requests.RequestException as error:
        return (watch and watch.refused) or f"It could not be reached ({type(error).__name__})."
    return "" if answer.status_code < 300 else f"It answered {answer.status_code}."
