"""Jobs, what they wait for, and the pools that they draw from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import F

from orchestration.core.permissions import action
from orchestration.engine import by_cause, jobs
from orchestration.models import (
    Job,
    Lease,
    OrphanUpload,
    Pool,
)
from orchestration.monitoring import job_history, pool_reports, probes
from orchestration.queue import blockers, pool_actions
from orchestration.results.causes import BlockerReport, CauseCount, CauseResult
from orchestration.results.jobs import JobHistory
from orchestration.results.pools import PoolReport
from orchestration.scheduling import (
    reviews,
)
from orchestration.service.base import Door

MOST_ORPHANS = 500


class Work(Door):
    """Jobs, what they wait for, and the pools that they draw from."""

    @action("operate")
    def cancel_job(self, *, job_id: int, reason: str = "", version: int | None = None) -> Job:
        """Cancel a waiting job, or ask a running one to stop."""
        return jobs.cancel(job_id, reason, version=version)

    @action("operate")
    def retry_job(
        self, *, job_id: int, next_free: bool = False, reason: str = "", version: int | None = None
    ) -> Job:
        """Queue a job that failed or was cancelled once more; with `next_free` at another time, if its own is gone."""
        return jobs.retry(job_id, reason, next_free=next_free, version=version)

    @action("read")
    def get_job_history(self, *, job_id: int) -> JobHistory:
        """Return what happened to a job: its attempts, its calls to the outside, its lines of the log. Raises: NotFound."""
        return job_history.history(job_id)

    @action("read")
    def get_blockers(self) -> list[BlockerReport]:
        """Return what work waits for: each open condition with its remedy, what waits, and when it is asked about next."""
        return blockers.reports()

    @action("operate")
    def probe_blocker(self, *, blocker_id: int) -> BlockerReport:
        """Ask now whether a condition has ended; if so, all that waited goes on. Raises: NotFound."""
        blockers.report(blocker_id)
        probes.probe(blocker_id)
        return blockers.report(blocker_id)

    @action("operate")
    def take_over_branch(self, *, blocker_id: int, reason: str = "") -> BlockerReport:
        """Let a channel whose branch is gone use its repository's default branch. Raises: NotFound, IllegalTransition."""
        probes.take_over_branch(blocker_id, reason)
        return blockers.report(blocker_id)

    @action("read")
    def get_causes(self) -> list[CauseCount]:
        """Return by which codes jobs ended badly, and how many by each."""
        return by_cause.causes()

    @action("operate")
    def retry_by_cause(
        self,
        *,
        cause: str,
        channel_ids: Sequence[int] = (),
        next_free: bool = False,
        reason: str = "",
        dry_run: bool = False,
    ) -> CauseResult:
        """Queue once more all jobs that ended by one error code; a dry run tells what would become of each."""
        return by_cause.retry(
            cause, channel_ids=channel_ids, next_free=next_free, reason=reason, dry_run=dry_run
        )

    @action("schedule")
    def release_by_cause(
        self, *, cause: str, channel_ids: Sequence[int] = (), reason: str = "", dry_run: bool = False
    ) -> CauseResult:
        """Release all publications that one cause holds; a dry run tells what would become of each."""
        return by_cause.release(cause, channel_ids=channel_ids, reason=reason, dry_run=dry_run)

    @action("schedule")
    def move_by_cause(
        self,
        *,
        cause: str,
        channel_ids: Sequence[int] = (),
        after: datetime | None = None,
        reason: str = "",
        dry_run: bool = False,
    ) -> CauseResult:
        """Move all publications that wait for, or ended by, one cause to free slots; a dry run tells where to."""
        return by_cause.move(cause, channel_ids=channel_ids, after=after, reason=reason, dry_run=dry_run)

    @action("operate")
    def bump_job(self, *, job_id: int, reason: str = "", version: int | None = None) -> Job:
        """Move a waiting job to the front."""
        return jobs.bump(job_id, reason, version=version)

    @action("operate")
    def review_job(
        self,
        *,
        job_id: int,
        outcome: str,
        youtube_video_id: str = "",
        reason: str = "",
        version: int | None = None,
    ) -> Job:
        """Settle a job that needs review: staged, planned, failed or cancelled; of a recall: recalled or published."""
        return reviews.review_job(job_id, outcome, youtube_video_id, reason, version=version)

    @action("operate")
    def note_orphan_deleted(self, *, orphan_id: int, reason: str = "") -> OrphanUpload:
        """Note that somebody deleted, at YouTube, an upload that belongs to nothing."""
        return reviews.note_orphan_deleted(orphan_id, reason)

    @action("read")
    def get_pools(self) -> list[PoolReport]:
        """Show every shared resource: capacity, holders, waiters, and of a budget each Pacific day that is drawn on."""
        return pool_reports.report(with_days=True)

    @action("operate")
    def pause_pool(self, *, pool_id: int, reason: str = "") -> Pool:
        """Take nothing new from a pool."""
        return pool_actions.pause(pool_id, reason)

    @action("operate")
    def resume_pool(self, *, pool_id: int, reason: str = "") -> Pool:
        """Let a pool be used again."""
        return pool_actions.resume(pool_id, reason)

    @action("admin")
    def change_pool(
        self,
        *,
        pool_id: int,
        label: str | None = None,
        capacity: int | None = None,
        window_seconds: int | None = None,
        reserve: int | None = None,
        reason: str = "",
    ) -> Pool:
        """Set what a pool holds, in force at the next claim; what is left out stays."""
        return pool_actions.change(
            pool_id,
            label=label,
            capacity=capacity,
            window_seconds=window_seconds,
            reserve=reserve,
            reason=reason,
        )

    @action("read")
    def get_orphans(self) -> list[OrphanUpload]:
        """List uploads at YouTube that belong to nothing, those that were deleted there last."""
        rows = OrphanUpload.objects.select_related("distribution__channel", "distribution__video")
        return list(rows.order_by(F("deleted_at").desc(nulls_first=True), "-found_at")[:MOST_ORPHANS])

    @action("operate")
    def release_lease(self, *, lease_id: int, reason: str = "") -> Lease:
        """Take a resource back from its holder; its job is asked to stop."""
        return pool_actions.release_by_hand(lease_id, reason)
