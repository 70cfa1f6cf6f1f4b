"""Set the scene for tests of the engine: a running system, jobs that are held, runners that end as told."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from django.db import connections
from django.utils import timezone

from orchestration.engine import worker
from orchestration.models import Job, Schedule, SystemState
from orchestration.queue import jobs as queue
from orchestration.queue import pools
from orchestration.queue.lease import JobLease
from orchestration.states import JobKind, ScheduleState, SystemStatus, VideoState
from tests.factories import (
    DistributionFactory,
    JobFactory,
    ScheduleFactory,
    SystemStateFactory,
    VideoFactory,
    in_,
)
from tests.patience import PATIENCE_SECONDS


def running(state: str = SystemStatus.RUNNING, **values: Any) -> SystemState:
    """Let the system be in a state, with the pools that it draws on."""
    pools.Pool.objects.bulk_create([pools.Pool(**values) for values in pools.DEFAULTS], ignore_conflicts=True)
    row = SystemStateFactory()
    SystemState.objects.filter(pk=row.pk).update(state=state, **values)
    row.refresh_from_db()
    return row


def capacity(**figures: int) -> None:
    """Give pools other capacities."""
    pools.ensure_defaults()
    for name, figure in figures.items():
        assert pools.Pool.objects.filter(name=name).update(capacity=figure) == 1


def stage_job(**values: Any) -> Job:
    """Make a stage job that waits to be claimed, with the schedule that waits for it."""
    schedule = values.pop("schedule", None) or staging_schedule()
    distribution = schedule.distribution
    return JobFactory(
        **{
            "kind": JobKind.STAGE,
            "dedupe_key": f"stage:distribution:{distribution.pk}",
            "channel": distribution.channel,
            "video": distribution.video,
            "distribution": distribution,
            "schedule": schedule,
            "rank": queue.rank_of(5, timezone.now()),
        }
        | values
    )


def staging_schedule(**values: Any) -> Schedule:
    """Make a schedule whose staging has begun."""
    values = {"state": ScheduleState.STAGING, "stage_at": in_(minutes=-1)} | values
    return ScheduleFactory(**values)


def publish_job(*, armed: bool = False, **values: Any) -> Job:
    """Make a publish job for a staged schedule, armed on YouTube or not."""
    schedule = values.pop("schedule", None) or ScheduleFactory(staged=True)
    if armed:
        Schedule.objects.filter(pk=schedule.pk).update(armed_for=schedule.publish_at)
        schedule.refresh_from_db()
    return JobFactory(
        **{
            "kind": JobKind.PUBLISH,
            "fast": True,
            "dedupe_key": f"publish:distribution:{schedule.distribution_id}",
            "channel": schedule.channel,
            "video": schedule.distribution.video,
            "distribution": schedule.distribution,
            "schedule": schedule,
        }
        | values
    )


def process_job(**values: Any) -> Job:
    """Make a job that prepares a fetched video."""
    video = values.pop("video", None) or VideoFactory(state=VideoState.SCRAPED)
    values = {"kind": JobKind.PROCESS, "channel": None, "video": video} | values
    return JobFactory(**{"dedupe_key": f"process:video:{video.pk}"} | values)


def plain_job(kind: str = JobKind.COLLECT, **values: Any) -> Job:
    """Make a job that needs no pool and has no consequence."""
    return JobFactory(**{"kind": kind, "channel": None, "fast": True} | values)


def claimed(job: Job, holder: str = "test") -> Job:
    """Have a job claimed through the queue, whatever waits beside it."""
    others = Job.objects.exclude(pk=job.pk).filter(state__in=["queued", "waiting"])
    kept = dict(others.values_list("pk", "run_at"))
    others.update(run_at=in_(days=1))
    taken = queue.claim(holder=holder)
    for pk, run_at in kept.items():
        Job.objects.filter(pk=pk).update(run_at=run_at)
    assert [row.pk for row in taken] == [job.pk], f"{Job.objects.get(pk=job.pk).waits_for!r}"
    return taken[0]


def ends_by(monkeypatch: Any, outcome: BaseException | Mapping[str, Any] | Callable | None) -> None:
    """Let every runner raise, or return, `outcome`, or do what it says with the job and its lease."""

    def runner(job: Job, lease: JobLease) -> Mapping[str, Any] | None:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome(job, lease) if callable(outcome) else outcome

    monkeypatch.setattr(worker, "RUNNERS", dict.fromkeys(worker.RUNNERS, runner))


def staged_distribution(**values: Any):
    """Make a distribution whose video lies private on YouTube."""
    return DistributionFactory(staged=True, **values)


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Make calls at the same moment, each on a connection of its own; returns what came of each, errors too."""
    ready = threading.Barrier(len(calls))
    outcomes: list[Any] = [None] * len(calls)

    def one(number: int) -> None:
        try:
            ready.wait(PATIENCE_SECONDS)
            outcomes[number] = calls[number]()
        except Exception as error:
            outcomes[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=one, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def no_errors(outcomes: list[Any]) -> list[Any]:
    """Return outcomes, none of which may be an error."""
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome
    return outcomes
