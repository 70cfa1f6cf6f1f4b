"""Tell what happened to one job: its attempts, its calls to the outside, and what the log says while it was at work."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from orchestration.core import lookup
from orchestration.models import Job
from orchestration.monitoring.attempts import attempts_of
from orchestration.results.jobs import JobHistory

MOST_CALLS = 500
MOST_LINES = 200
READ_BYTES = 2_000_000
"""So much is read from the end of each log file."""
LONGEST_LINE = 500


def history(job_id: int) -> JobHistory:
    """Return a job's attempts, calls and lines of the log. Raises: NotFound."""
    job = lookup.one(Job, job_id, field="job_id")
    calls = list(job.calls.order_by("-at", "-pk")[: MOST_CALLS + 1])
    return JobHistory(
        job=job,
        attempts=attempts_of([job]).get(job.pk, []),
        calls=calls[:MOST_CALLS][::-1],
        calls_left=max(len(calls) - MOST_CALLS, 0),
        lines=log_lines(job.pk),
    )


def log_lines(job_id: int, folder: Path | None = None) -> list[str]:
    """Return the latest lines that name a job, the oldest first; secrets were taken out when they were written."""
    folder = folder if folder is not None else _folder()
    if folder is None or not folder.is_dir():
        return []
    names = re.compile(rf'\[job {job_id}\]$|"job": {job_id}[,}}]|\bjob {job_id}\b')
    found = {line for path in sorted(folder.glob("*.log")) for line in _tail(path) if names.search(line)}
    return [line[:LONGEST_LINE] for line in sorted(found)[-MOST_LINES:]]


def _folder() -> Path | None:
    data = getattr(settings, "DATA_DIR", None)
    return Path(data) / "logs" if data else None


def _tail(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(size - READ_BYTES, 0))
            yield from file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return
