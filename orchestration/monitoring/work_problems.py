"""List what failed, waits, or goes on too long: jobs, the GitHub runs that serve them, and what work waits for."""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Min, Q

from orchestration.models import Blocker, Job
from orchestration.monitoring import run_problems
from orchestration.monitoring.problem_values import ERROR, RECENT, WARNING, at, first_of, more_of, problem
from orchestration.queue.remedies import remedy_of
from orchestration.states import CLAIMABLE_JOBS, OPEN_JOBS, TAKING_BACK, JobKind, JobState

_ENDED = {
    JobState.FAILED: "failed",
    JobState.ERRORED: "broke off by a fault of ours",
    JobState.NEEDS_REVIEW: "needs review",
}


def conditions(now: datetime) -> list[Q]:
    """Return under which conditions a job may be a problem."""
    return [
        Q(state__in=[JobState.FAILED, JobState.ERRORED], finished_at__gte=now - RECENT),
        Q(state=JobState.NEEDS_REVIEW, schedule__isnull=True),
        Q(state=JobState.WAITING, kind__in=TAKING_BACK, error_code__gt=""),
    ]


def _due(job: Job) -> datetime | None:
    return job.schedule.publish_at if job.schedule else None


def of_jobs(now: datetime, most: int) -> list[dict[str, Any]]:
    """List failed and unclear jobs of the last day, but not those whose work was done, or begun, by a later job.

    And what cannot be taken back from YouTube for now, at any age: it may go public meanwhile.
    """
    rows = Job.objects.filter(reduce(or_, conditions(now))).order_by("-id")
    rows = rows.select_related("channel", "video", "source", "schedule", "distribution__video")
    found, more = first_of(rows, most)
    if not found:
        return []
    later = Job.objects.filter(
        pk__gt=found[-1].pk,
        dedupe_key__in={job.dedupe_key for job in found},
        state__in=[*OPEN_JOBS, JobState.SUCCEEDED],
    ).values_list("dedupe_key", "pk")
    done: dict[str, int] = {}
    for key, pk in later:
        done[key] = max(pk, done.get(key, 0))
    listed: list[dict[str, Any]] = []
    seen: set[str] = set()
    for job in found:
        if done.get(job.dedupe_key, 0) > job.pk or job.dedupe_key in seen:
            continue
        if job.kind == JobKind.SYNC and job.state == JobState.FAILED:
            continue  # its revision carries the sentence: `_of_configuration`
        seen.add(job.dedupe_key)
        if job.state == JobState.WAITING:
            listed.append(_not_taken_back(job))
            continue
        about = " · ".join(str(thing) for thing in (job.video or job.source, job.channel) if thing)
        unclear = job.state == JobState.NEEDS_REVIEW
        what = f"{job.get_kind_display()} {_ENDED[job.state]}{f' ({about})' if about else ''}"
        sentence = f"{what}: {job.error_message or 'no reason given'}"
        listed.append(
            problem(
                ERROR if unclear or job.state == JobState.ERRORED else WARNING,
                "job_needs_review" if unclear else f"job_{job.state}",
                sentence,
                job,
                job.finished_at or job.state_changed_at,
                cause=f"{job.kind}:{job.error_code or job.state}",
                detail=f"{job.get_kind_display()} {_ENDED[job.state]}: {job.error_message or 'no reason given'}",
                deadline=job.schedule.publish_at if job.schedule else None,
            )
        )
    return listed + more_of(more, WARNING, "job_failed", "jobs failed in the last 24 hours", "job")


def of_runs(now: datetime, most: int) -> list[dict[str, Any]]:
    """List the GitHub runs that wait for approval, are stuck, or go on too long; the subject is the job."""
    found, more = first_of(run_problems.slow_runs(now), most)
    listed = []
    for run in found:
        seen = run_problems.problem_of(run, now)
        severity = ERROR if seen.is_error else WARNING
        listed.append(
            problem(severity, seen.code, seen.sentence, run.job, seen.since, deadline=_due(run.job))
        )
    return listed + more_of(more, WARNING, "runs", "GitHub runs need a look", "job")


def of_blockers(most: int) -> list[dict[str, Any]]:
    """List what work waits for: one entry a condition, however many jobs wait."""
    rows = Blocker.objects.open().counted().filter(waiting__gt=0).select_related("channel", "source")
    rows = rows.annotate(due_at=Min("jobs__schedule__publish_at", filter=Q(jobs__state__in=CLAIMABLE_JOBS)))
    found, more = first_of(rows.order_by("since"), most)
    listed = [
        problem(
            WARNING if row.until is not None else ERROR,
            f"blocked_{row.code}",
            f"{row.waiting} {'job waits' if row.waiting == 1 else 'jobs wait'}: {row.sentence} "
            f"{remedy_of(row.code).sentence}",
            row,
            row.since,
            detail=remedy_of(row.code).title,
            deadline=row.due_at,
        )
        for row in found
    ]
    return listed + more_of(more, ERROR, "blocked", "conditions are waited for", "blocker")


def _not_taken_back(job: Job) -> dict[str, Any]:
    video = job.distribution.video if job.distribution else job.video
    sentence = (
        f"{video} on {job.channel} was to be made private and is not yet; until then it is or goes "
        f"public. {job.error_message} It is tried again at {at(job.run_at)}; make it private in YouTube Studio "
        "if that is too late."
    )
    return problem(ERROR, "not_taken_back", sentence, job, job.created_at, deadline=_due(job))
