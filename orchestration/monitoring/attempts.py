"""Tell a job's attempts from the log: when each began and ended, at whom, how, and how long the pause after it was."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.utils.dateparse import parse_datetime

from orchestration.models import Activity, Job
from orchestration.results.jobs import Attempt
from orchestration.states import JobState

MOST_ENTRIES = 2_000


def attempts_of(jobs: Sequence[Job]) -> dict[int, list[Attempt]]:
    """Return the attempts of jobs by their id, the first one first: one statement for all of them."""
    ids = [job.pk for job in jobs]
    entries = Activity.objects.filter(content_type=ContentType.objects.get_for_model(Job), object_id__in=ids)
    rows = entries.exclude(after=None).order_by("object_id", "timestamp", "pk")
    found: dict[int, list[Attempt]] = defaultdict(list)
    for pk, at, before, after, reason in rows.values_list(
        "object_id", "timestamp", "before", "after", "reason"
    )[:MOST_ENTRIES]:
        if pk is not None and isinstance(after, dict):
            _take(found[pk], at, before if isinstance(before, dict) else {}, after, reason)
    return found


def _take(
    found: list[Attempt], at: datetime, before: Mapping[str, Any], after: Mapping[str, Any], reason: str
) -> None:
    state = after.get("state")
    if state == JobState.RUNNING:
        found.append(Attempt(number=len(found) + 1, began_at=at, worker=str(after.get("holder") or "")))
    elif state and before.get("state") == JobState.RUNNING:
        began = found.pop() if found and found[-1].ended_at is None else None
        next_at = parse_datetime(str(after["run_at"])) if after.get("run_at") else None
        found.append(
            Attempt(
                number=len(found) + 1,
                began_at=began.began_at if began else None,
                worker=began.worker if began else "",
                ended_at=at,
                outcome=str(state),
                code=str(after.get("error_code") or ""),
                message=str(reason or after.get("error_message") or ""),
                next_at=next_at if state == JobState.WAITING else None,
            )
        )
