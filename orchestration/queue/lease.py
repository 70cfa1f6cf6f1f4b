"""Hold a running job: extend its lease from a thread, pass its progress on, notice that it is to stop."""

import logging
import threading
import time
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from django.db import connection
from django.utils import timezone

from orchestration.core.heartbeats import beat
from orchestration.errors import LeaseLost, OrchestrationError
from orchestration.models import Job
from orchestration.queue import jobs as queue

logger = logging.getLogger(__name__)
LONGEST_SLEEP = timedelta(seconds=5)


class JobCancelled(Exception):
    """The job was asked to stop and does so."""


class WaitUntil(Exception):
    """The job has done what it can for now and goes on at an instant; not a failure, not counted as an attempt."""

    def __init__(self, at: datetime, note: str) -> None:
        super().__init__(note)
        self.at, self.note = at, note


class OutcomeUnknown(OrchestrationError):
    """Nobody knows whether the call took effect, and looking did not tell; a person must look."""

    code = "outcome_unknown"
    status = 409
    again = "unknown"


class JobLease:
    """The right of this process to work on one job, kept alive by a heartbeat every few seconds.

    `every_seconds` 0 switches the thread off: then `progress` and `check` beat themselves.
    """

    def __init__(self, job: Job, *, every_seconds: float = 5) -> None:
        self.job = job
        self.holder = job.holder
        self.version = job.version
        self.every_seconds = every_seconds
        self._cancelled = threading.Event()
        self._lost = threading.Event()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._beaten_at = time.monotonic()
        self._written_at = 0.0
        self._note = ""

    def __enter__(self) -> Self:
        """Begin to beat."""
        if self.every_seconds > 0:
            self._thread = threading.Thread(
                target=self._beat, name=f"lease of job {self.job.pk}", daemon=True
            )
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop beating; the lease itself ends with the job's outcome."""
        self._over.set()
        if self._thread is not None:
            self._thread.join(timeout=10)

    def cancelled(self) -> bool:
        """Return whether work should stop: asked to, or the lease is lost, or may be as it could not be extended."""
        if self._thread is None:
            self._look()
        elif time.monotonic() - self._beaten_at > queue.LEASE_SECONDS:
            self._lost.set()
        return self._cancelled.is_set() or self._lost.is_set()

    def check(self) -> None:
        """Go on only while the job is ours and wanted. Raises: LeaseLost, JobCancelled."""
        stop = self.cancelled()
        if self._lost.is_set():
            raise LeaseLost(f"job {self.job.pk} is not held by {self.holder} any more")
        if stop:
            raise JobCancelled(f"job {self.job.pk} was asked to stop")

    def progress(self, fraction: float, note: str = "") -> None:
        """Write how far the job is, at most about once a second or when the note changes. Raises: as `check`."""
        self.check()
        now = time.monotonic()
        if note == self._note and now - self._written_at < 0.8 and fraction < 1:
            return
        self._written_at, self._note = now, note
        queue.note_progress(self.job, self.holder, fraction, note)

    def keep(self) -> None:
        """Lock the job until the caller's transaction ends, so that it is still ours when that is committed.

        Raises: LeaseLost.
        """
        ours = queue.held(self.job, self.holder, self.version).locked()
        if ours.values_list("pk", flat=True).first() is None:
            raise LeaseLost(f"job {self.job.pk} is not held by {self.holder} any more")

    def wait_until(self, at: datetime) -> None:
        """Sleep until an instant, looking four times a second whether to stop. Raises: as `check`."""
        while (left := (at - timezone.now()).total_seconds()) > 0:
            self.check()
            before, pause = timezone.now(), min(left, 0.25)
            time.sleep(pause)
            if timezone.now() - before > timedelta(seconds=pause) + LONGEST_SLEEP:
                # Stopped, or its clock was set: what was known before the wait is looked at again.
                raise WaitUntil(timezone.now(), "the clock went on by itself while it was waited for")

    def _look(self) -> None:
        try:
            if queue.heartbeat(self.job, self.holder, version=self.version):
                self._cancelled.set()
            self._beaten_at = time.monotonic()
            beat("worker:control" if self.job.fast else "worker:work")
        except LeaseLost:
            self._lost.set()

    def _beat(self) -> None:
        try:
            while not self._over.wait(self.every_seconds):
                try:
                    self._look()
                except Exception as error:  # whatever it was: without a heartbeat, the job runs twice
                    logger.warning("no heartbeat for job %s: %s", self.job.pk, error)
                    connection.close()
        finally:
            connection.close()
