"""Know which job this thread is at, so that a line of the log can name it; imports nothing of Django."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_job: ContextVar[int] = ContextVar("job", default=0)


def job_id() -> int:
    """Return the job that is being worked on; 0 where none is."""
    return _job.get()


@contextmanager
def on(job: int) -> Iterator[None]:
    """Say that this job is worked on inside."""
    token = _job.set(job)
    try:
        yield
    finally:
        _job.reset(token)
