"""Keep what a run says of itself, in one shape, whether it called or left it behind as an artifact."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from channels.gateways import redaction
from channels.gateways.errors import RemoteError
from channels.gateways.github import GitHubGateway
from orchestration.core import audit
from orchestration.media import connections
from orchestration.media.addresses import IPNetwork
from orchestration.models import WorkflowRun

logger = logging.getLogger(__name__)

PUBLIC_GITHUB = "https://api.github.com"
LONGEST_WAIT = timedelta(hours=25)
"""A spent budget is refilled within a Pacific day, which may have 25 hours; no run makes us wait longer."""
OUTCOMES = frozenset({"staged", "failed"})


def said(
    *,
    run_id: int,
    run_attempt: int,
    outcome: str,
    youtube_video_id: str,
    error_code: str,
    error_message: str,
    again_at: datetime | None = None,
    bucket: str = "",
) -> dict[str, Any]:
    """Return what a run says of itself as `WorkflowRun.result` keeps it, cut to what is stored."""
    kept: dict[str, Any] = {
        "run_id": run_id,
        "run_attempt": run_attempt,
        "outcome": outcome,
        "youtube_video_id": youtube_video_id[:32],
        "error_code": error_code[:60],
        "error_message": redaction.hidden(error_message)[:500],
    }
    if again_at is not None:
        kept["again_at"] = min(again_at, timezone.now() + LONGEST_WAIT).isoformat()
    if bucket:
        kept["bucket"] = bucket[:40]
    return kept


def read_artifact(run: WorkflowRun, github: GitHubGateway) -> None:
    """Take the result that a run left behind, if it told none itself; it counts only once YouTube confirms it.

    A result that cannot be read, or speaks of another run, is logged and left: what the run did is looked for all the same.
    """
    if run.result or run.run_id is None:
        return
    try:
        with connections.only_to(_opened()):
            found = github.run_result(run.repository, run.run_id)
    except RemoteError as error:
        logger.info("run %s left no result that can be read: %s", run.correlation_id, error)
        return
    if found is None:
        return
    if found.get("correlation_id") != run.correlation_id or found.get("outcome") not in OUTCOMES:
        logger.warning("run %s left a result that is not its own", run.correlation_id)
        return
    failure = found.get("error") if isinstance(found.get("error"), dict) else {}
    result = said(
        run_id=run.run_id,
        run_attempt=run.run_attempt or 1,
        outcome=found["outcome"],
        youtube_video_id=_text(found, "youtube_video_id"),
        error_code=_text(failure, "code"),
        error_message=_text(failure, "message"),
        again_at=_instant(_text(failure, "again_at")),
        bucket=_text(failure, "bucket"),
    )
    with transaction.atomic():
        if WorkflowRun.objects.filter(pk=run.pk, result={}).update(result=result):
            audit.record("run_reported", run, after=result, reason="by the artifact that it left")
    run.refresh_from_db(fields=["result"])


def _opened() -> Sequence[IPNetwork]:
    """Return what GitHub may lead a download to beside the public internet: whatever a GitHub of one's own stands among.

    Never a cloud platform's own addresses.
    """
    return () if settings.GITHUB_API_URL == PUBLIC_GITHUB else connections.ANYWHERE


def _text(values: Any, name: str) -> str:
    value = values.get(name) if isinstance(values, dict) else None
    return value.replace("\x00", "") if isinstance(value, str) else ""


def _instant(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None
