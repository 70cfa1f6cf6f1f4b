"""Read a source by the way its videos come in."""

from __future__ import annotations

from typing import Any

from orchestration.models import Job
from orchestration.pipeline import inbox, scrape, stored
from orchestration.queue.lease import JobLease
from orchestration.states import SourceKind


def run_scrape(job: Job, lease: JobLease) -> dict[str, Any]:
    """Look into a folder, list an address or a storage, or fetch one video's file. Raises: MediaError, WaitUntil."""
    kind = _kind_of(job)
    if job.video_id is not None:
        return scrape.run_scrape(job, lease, download=stored.fetch if kind == SourceKind.STORAGE else None)
    if kind == SourceKind.FOLDER:
        return inbox.look(job, lease)
    if kind == SourceKind.STORAGE:
        return stored.list_source(job, lease)
    return scrape.run_scrape(job, lease)


def _kind_of(job: Job) -> str:
    source = job.source or (job.video.source if job.video is not None else None)
    return source.kind if source is not None else SourceKind.ADDRESS
