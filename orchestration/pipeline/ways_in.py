"""Read a source by the way its videos come in."""

from __future__ import annotations

from typing import Any

from orchestration.models import Job
from orchestration.pipeline import inbox, scrape
from orchestration.queue.lease import JobLease
from orchestration.states import SourceKind


def run_scrape(job: Job, lease: JobLease) -> dict[str, Any]:
    """Look into a folder, list a source at an address, or fetch one video's file. Raises: MediaError, WaitUntil."""
    if job.video_id is None and job.source is not None and job.source.kind == SourceKind.FOLDER:
        return inbox.look(job, lease)
    return scrape.run_scrape(job, lease)
