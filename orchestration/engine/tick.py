"""Let time pass: put what is due into the queue, rescue what was lost, close what is over. Any number may tick at once."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from orchestration.core import audit, planner_statistics, system_lock
from orchestration.core.quiet import Quiet
from orchestration.core.transitions import transition_all
from orchestration.core.wakeups import wake_workers
from orchestration.engine import control, waiting_reasons, worker
from orchestration.github import failover, rollouts
from orchestration.models import Distribution, Job, Schedule, SystemState, Video
from orchestration.models.querysets import ON_TIME, ScheduleQuerySet
from orchestration.pipeline import approvals, outcomes, renditions, watch_uploads
from orchestration.pipeline.trigger import ensure_prepared
from orchestration.queue import jobs as queue
from orchestration.scheduling import approval_marks, misfires, recall, waves
from orchestration.states import (
    USABLE_VIDEOS,
    DistributionState,
    JobKind,
    ScheduleState,
    SystemStatus,
    VideoState,
)

logger = logging.getLogger(__name__)

BATCH = 1000
MAX_VIDEOS = 100
LONGEST_REST = timedelta(seconds=14)
"""What no count and no known moment tells (a mark beside the database, a grace that ends) is looked at that often at least:
a tick may come every 15 s, and a worker that nobody wakes counts as silent after 30."""
QUIET = Quiet("channels", "plans", "jobs", "library", "pools", "system")
TO_ARM = (ScheduleState.STAGED, ScheduleState.PUBLISHING)
TO_STAGE = (
    "state",
    "version",
    "stage_at",
    "priority",
    "bumped_at",
    "channel__executor",
    "distribution__video_id",
    "distribution__youtube_video_id",
)
"""What staging reads of a schedule, its channel and its distribution: whole rows of a thousand took twice the time."""


def may_find(now: datetime | None = None) -> bool:
    """Return whether a tick may find anything to do: False, where nothing has changed or come due since one that did not.

    For beat, which comes every two seconds; one statement. Whoever knows that something has changed calls `tick`.
    """
    return not QUIET.holds(now or timezone.now())


def look(now: datetime | None = None) -> dict[str, int]:
    """As `tick`, and where nothing was to be done, remember until when that is so."""
    now = now or timezone.now()
    QUIET.forget()
    count = QUIET.count()
    done = tick(now)
    if not done:
        QUIET.begin(count, now, _rests_until(now))
    return done


def _rests_until(now: datetime) -> datetime:
    """Return until when time alone makes nothing due after a tick that found nothing: `now`, where anything is at work.

    A job that runs may be lost any moment; one whose time has come waits for room that time makes; what is late, for its
    turn. Rows whose moment has passed and that something else holds back are set free by a change, which is counted.
    """
    soon = now + timedelta(seconds=settings.HEADEND_ARM_SECONDS)
    at_work = Job.objects.running(), Job.objects.due(now), _to_publish().filter(_late(now))
    if any(rows.exists() for rows in at_work):
        return now
    waiting = Job.objects.claimable()
    arming = Schedule.objects.filter(state__in=TO_ARM, publish_at__gt=soon)
    moments = (
        _first(Schedule.objects.filter(state=ScheduleState.PLANNED, stage_at__gt=now), "stage_at"),
        _first(arming, "publish_at", ahead=soon - now),
        _first(waiting.filter(run_at__gt=now), "run_at"),
        _first(waiting.filter(blocked_on__until__gt=now), "blocked_on__until"),
        _first(Distribution.objects.filter(look_at__gt=now), "look_at"),
    )
    return min([now + LONGEST_REST, *(moment for moment in moments if moment is not None)])


def _first(rows: QuerySet[Any], field: str, *, ahead: timedelta = timedelta()) -> datetime | None:
    moment: datetime | None = rows.order_by(field).values_list(field, flat=True).first()
    return moment - ahead if moment is not None else None


def tick(now: datetime | None = None) -> dict[str, int]:
    """Do everything that is due, what has a moment first, each step in transactions of its own; returns what was done.

    A step that fails does not keep the others from their work: one broken row must not stop every publication. The
    first failure is raised at the end.
    """
    now = now or timezone.now()
    control.keep_copy_paused()
    steps: list[tuple[str, Callable[[datetime], int]]] = [
        ("drained", lambda _: int(control.finish_draining())),
        ("rescued", worker.reap),
    ]
    if control.is_running():
        steps += [
            ("looked at first", misfires.look_first),
            ("approvals taken back", approvals.take_back_changed),
            ("overdue", misfires.settle),
            ("unstageable", fail_unstageable),
            ("stranded", take_up_stranded),
            ("failed over", failover.hand_over_late),
            ("staging", stage_due),
            ("publishing", publish_due),
            ("released", release_late),
            ("preparing", keep_preparing),
            ("files", renditions.keep_making),
            ("rolled out", rollouts.advance),
        ]
    steps += [("looking", watch_uploads.queue_due)]
    steps += [("waves", lambda now: waves.complete(now) + recall.complete()), ("explained", _explain)]
    steps += [("told the planner", _tell_planner)]
    done: dict[str, int] = {}
    failures: list[Exception] = []
    for name, step in steps:
        try:
            done[name] = step(now)
        except Exception as error:
            logger.exception("the tick's step %r failed; the others go on", name)
            failures.append(error)
    _wake()
    if failures:
        raise failures[0]
    return {name: count for name, count in done.items() if count}


def _explain(now: datetime) -> int:
    waiting_reasons.refresh_waiting_reasons(now)
    return 0


def _tell_planner(_now: datetime) -> int:
    planner_statistics.refresh()
    return 0  # nothing that keeps a tick from resting


def _running_and_locked() -> bool:
    return queue.locked_status() == SystemStatus.RUNNING


def stage_due(now: datetime, most: int = BATCH) -> int:
    """Give each schedule whose staging is due one job, in one batch; what is uploaded already is staged at once."""
    with transaction.atomic():
        if not _running_and_locked():
            return 0
        due = (
            Schedule.objects.free()
            .filter(state=ScheduleState.PLANNED, stage_at__lte=now)
            .exclude(misfires.is_to_be_looked_at_first())
            .select_related("channel", "distribution")
            .only(*TO_STAGE)
            .order_by("stage_at", "id")
        )
        rows = list(due.locked_where_free()[:most])
        if not rows:
            return 0
        _claim_batch(rows, "schedules_staging")
    return len(rows)


def _claim_batch(rows: Sequence[Schedule], verb: str) -> None:
    system = SystemState(pk=1)
    uploaded = [row for row in rows if row.distribution.youtube_video_id]
    to_stage = [row for row in rows if not row.distribution.youtube_video_id]
    transition_all(uploaded, ScheduleState.STAGED, verb=verb, subject=system, reason="uploaded already")
    staging = transition_all(
        to_stage, ScheduleState.STAGING, verb=verb, subject=system, reason="staging is due"
    )
    queue.enqueue_many(JobKind.STAGE, staging)


def publish_due(now: datetime, most: int = BATCH) -> int:
    """Give each staged schedule that may be armed, or is due, one publish job; what is late is left to `release_late`."""
    horizon = now + timedelta(seconds=settings.HEADEND_ARM_SECONDS)
    with transaction.atomic():
        if not _running_and_locked():
            return 0
        due = _to_publish().filter(publish_at__lte=horizon).exclude(_late(now))
        rows = list(due.locked_where_free()[:most])
        _publish(rows)
    return len(rows)


def release_late(now: datetime, most: int = BATCH) -> int:
    """Give what is late its publish jobs, in due order and at a bounded rate, whatever number of ticks look."""
    if not _to_publish().filter(_late(now)).exists():
        return 0
    with transaction.atomic():
        system_lock.hold_alone()  # the rate is counted, so only one tick at a time may release
        if not _running_and_locked():
            return 0
        rows = list(_to_publish().filter(_late(now)).locked_where_free()[:most])
        released = misfires.within_rate(rows, now)
        _publish(released, late=True)
    return len(released)


def _late(now: datetime) -> Q:
    return Q(publish_at__lt=now - ON_TIME, armed_for=None)


def _to_publish() -> ScheduleQuerySet[Schedule]:
    has_job = Job.objects.open().filter(schedule=OuterRef("pk"), kind=JobKind.PUBLISH)
    return (
        Schedule.objects.free()
        .filter(
            state__in=TO_ARM,
            distribution__state=DistributionState.STAGED,
        )
        .filter(approval_marks.may_go())
        .exclude(Exists(has_job))
        .select_related("channel", "distribution")
        .order_by("publish_at", "-priority", "id")
    )


def _publish(rows: Sequence[Schedule], *, late: bool = False) -> None:
    if not rows:
        return
    ids = [row.pk for row in rows]
    queue.enqueue_many(JobKind.PUBLISH, rows, released_late=late)
    audit.record(
        "publications_released" if late else "publications_due",
        SystemState(pk=1),
        after={"publish_jobs": len(ids)},
        members={"schedule": ids},
    )


def take_up_stranded(now: datetime, most: int = BATCH) -> int:
    """Plan anew what is being staged by no job: the one that stood for it did something else, or was lost."""
    no_job = ~Exists(Job.objects.open().filter(distribution=OuterRef("distribution"), kind=JobKind.STAGE))
    with transaction.atomic():
        if not _running_and_locked():
            return 0
        stranded = Schedule.objects.filter(no_job, state=ScheduleState.STAGING).order_by("publish_at", "id")
        rows = list(stranded.locked_where_free()[:most])
        transition_all(
            rows,
            ScheduleState.PLANNED,
            verb="schedules_stranded",
            subject=SystemState(pk=1),
            reason="no job was staging it any more",
        )
    return len(rows)


def fail_unstageable(now: datetime, most: int = MAX_VIDEOS) -> int:
    """End the staging jobs that wait for a video which failed, turned out a duplicate or was withdrawn."""
    waiting = (
        Video.objects.filter(Exists(Job.objects.claimable().filter(video=OuterRef("pk"), kind=JobKind.STAGE)))
        .exclude(state__in=USABLE_VIDEOS)
        .order_by("id")[:most]
    )
    ended = 0
    for video in waiting:
        why = f"its video is {video.get_state_display()}"
        with transaction.atomic():
            ended += outcomes.fail_waiting_stages(
                video, f"{why}: {video.error_message}" if video.error_message else why
            )
    return ended


def keep_preparing(now: datetime) -> int:
    """See to it that every usable video that is not ready has a job which carries it on."""
    has_job = Job.objects.open().filter(video=OuterRef("pk"), kind__in=[JobKind.SCRAPE, JobKind.PROCESS])
    wanting = (
        Video.objects.filter(
            state__in=[VideoState.FOUND, VideoState.SCRAPING, VideoState.SCRAPED, VideoState.PROCESSING]
        )
        .exclude(Q(source__rights_basis="") | Q(source=None))
        .exclude(Exists(has_job))
        .select_related("source")
        .order_by("id")[:MAX_VIDEOS]
    )
    started = 0
    for video in wanting:
        started += ensure_prepared(video, priority=video.source.priority) is not None
    return started


def _wake() -> None:
    """Have both kinds of workers look; each that finds work wakes the next, and each look shows that it lives."""
    wake_workers(fast=True)
    wake_workers(fast=False)
