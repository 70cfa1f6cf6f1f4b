"""Keep the queue of record: put jobs in, hand each to one holder, take outcomes back, rescue what was lost.

Lifecycle: queued -> running -> succeeded | failed | errored | cancelled | needs_review, or waiting (another try at
`run_at`) -> running. Only `claim` starts a job, only its holder ends it, only `reap` takes it from a holder that is lost.
"""

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from channels.models import Channel
from channels.states import ChannelState, Executor
from orchestration.core import audit, lookup, system_lock
from orchestration.core.bulk_insert import insert_set
from orchestration.core.transitions import transition
from orchestration.core.verbs import sort_out
from orchestration.core.wakeups import wake_workers
from orchestration.errors import LeaseLost, SystemNotRunning
from orchestration.models import Job, Schedule, WorkflowRun
from orchestration.models.querysets import JobQuerySet
from orchestration.planning.priority import AGEING_STEP_SECONDS
from orchestration.queue import holders, pools
from orchestration.queue.policy import POLICIES, SAFE_KINDS
from orchestration.states import (
    CLAIMABLE_JOBS,
    OPEN_RUNS,
    JobKind,
    JobState,
    SystemStatus,
    VideoState,
    WaveState,
)

logger = logging.getLogger(__name__)

LEASE_SECONDS = 60
RUN_HOLDER = "run:"
"""Begins the name of a holder that is a GitHub run."""


def rank_of(priority: int, run_at: datetime) -> float:
    """Return the claiming order of a job, lowest first.

    Effective priority is priority plus age over the ageing step; as age grows alike for all, its order is that of
    `run_at - priority x step`, which does not change with time and can be indexed. A waiting job of priority 0 therefore
    goes before every job of priority 10 that became due more than ten steps after it.
    """
    return run_at.timestamp() - priority * AGEING_STEP_SECONDS


def enqueue(
    kind: str,
    *,
    dedupe_key: str,
    channel: Any = None,
    source: Any = None,
    video: Any = None,
    distribution: Any = None,
    schedule: Any = None,
    executor: str = Executor.LOCAL,
    reason: str = "",
    asked: bool = False,
    skip_upload: bool = False,
    chosen: bool = False,
    priority: int | None = None,
    run_at: datetime | None = None,
    correlation_id: str | None = None,
) -> Job:
    """Put one job into the queue and wake a worker on commit; an open job with the same key is returned instead.

    Its lane, and its priority where none is named, are those of its kind (`policy`).
    """
    return _put(
        job_of(
            kind,
            dedupe_key=dedupe_key,
            channel=channel,
            source=source,
            video=video,
            distribution=distribution,
            schedule=schedule,
            executor=executor,
            reason=reason,
            asked=asked,
            skip_upload=skip_upload,
            chosen=chosen,
            priority=priority,
            run_at=run_at,
            correlation_id=correlation_id,
        )
    )


def _put(job: Job) -> Job:
    with transaction.atomic():
        existing = open_jobs(job.dedupe_key).first()
        if existing is not None:
            return existing
        try:
            with transaction.atomic():
                job.save(force_insert=True)
        except IntegrityError:
            existing = open_jobs(job.dedupe_key).first()
            if existing is None:
                raise
            return existing
        audit.record("job_queued", job, after={"kind": job.kind, "dedupe_key": job.dedupe_key})
        wake_workers(fast=job.fast)
    return job


def job_of(
    kind: str,
    *,
    dedupe_key: str,
    executor: str = Executor.LOCAL,
    priority: int | None = None,
    run_at: datetime | None = None,
    correlation_id: str | None = None,
    **what: Any,
) -> Job:
    """Return a job that is not in the queue yet; its lane, and its priority where none is named, are those of its kind."""
    run_at = run_at or timezone.now()
    policy = POLICIES[kind]
    priority = policy.priority if priority is None else priority
    return Job(
        kind=kind,
        executor=executor,
        fast=policy.by(executor).fast,
        dedupe_key=dedupe_key,
        priority=priority,
        run_at=run_at,
        rank=rank_of(priority, run_at),
        correlation_id=correlation_id or audit.acting().correlation_id or audit.new_correlation_id(),
        **what,
    )


def enqueue_each(jobs: Sequence[Job]) -> list[Job]:
    """Put jobs into the queue as `enqueue` does one, in a few statements; for an open one with the same key that one."""
    if not jobs:
        return []
    keys = [job.dedupe_key for job in jobs]
    known = {job.dedupe_key: job for job in Job.objects.open().filter(dedupe_key__in=keys).order_by("-pk")}
    new = {job.dedupe_key: job for job in jobs if job.dedupe_key not in known}
    try:
        with transaction.atomic():
            Job.objects.bulk_create(new.values())
            audit.record_all(
                [
                    audit.entry("job_queued", job, after={"kind": job.kind, "dedupe_key": job.dedupe_key})
                    for job in new.values()
                ]
            )
    except IntegrityError:  # somebody else put one of them there at this moment
        return [_put(job) for job in jobs]
    for fast in {job.fast for job in new.values()}:
        wake_workers(fast=fast)
    return [known.get(key) or new[key] for key in keys]


def publication_key(kind: str, distribution_id: int) -> str:
    """Return the key by which a publication has one open job of a kind."""
    return f"{kind}:distribution:{distribution_id}"


def enqueue_many(
    kind: str,
    schedules: Sequence[Schedule],
    *,
    now: datetime | None = None,
    released_late: bool = False,
    read_back_first: bool = False,
) -> None:
    """Put one job for each publication into the queue, in a statement or two, and wake workers on commit.

    As `enqueue`, but that what stands already is passed over by the constraint. What is read back first comes behind: it is
    late already, and what has its moment in these minutes goes before thousands of looks.
    """
    now = now or timezone.now()
    template = Job(
        kind=kind,
        released_late=released_late,
        read_back_first=read_back_first,
        state_changed_at=now,
        created_at=now,
    )
    # `bumped_at` is the one column that may be empty, so who was bumped is written apart.
    for bumped in (False, True):
        chosen = [row for row in schedules if (row.bumped_at is not None and not read_back_first) == bumped]
        if not chosen:
            continue
        columns = _columns_of(template, chosen, now)
        if bumped:
            columns |= {
                "bumped_at": [row.bumped_at for row in chosen],
                "rank": [-now.timestamp()] * len(chosen),
            }
        insert_set(template, columns, ignore_conflicts=not read_back_first)
        for fast in set(columns["fast"]):
            wake_workers(fast=fast)


def _columns_of(template: Job, schedules: Sequence[Schedule], now: datetime) -> dict[str, list[Any]]:
    """Return the columns in which the jobs of many publications differ."""
    policy, reads_back = POLICIES[template.kind], template.read_back_first
    executors = [row.channel.executor if policy.github else Executor.LOCAL for row in schedules]
    ways = [policy.by(executor) for executor in executors]
    run_at = [min(row.stage_at, now) if template.kind == JobKind.STAGE else now for row in schedules]
    priorities = [0 if reads_back else row.priority for row in schedules]
    return {
        "executor": [str(executor) for executor in executors],
        "fast": [way.fast for way in ways],
        "dedupe_key": [publication_key(template.kind, row.distribution_id) for row in schedules],
        "channel_id": [row.channel_id for row in schedules],
        "video_id": [row.distribution.video_id for row in schedules],
        "distribution_id": [row.distribution_id for row in schedules],
        "schedule_id": [row.pk for row in schedules],
        "priority": [row.priority for row in schedules],
        "run_at": run_at,
        "rank": [rank_of(priority, at) for priority, at in zip(priorities, run_at, strict=True)],
        "correlation_id": [audit.new_correlation_id() for _ in schedules],
    }


def enqueue_check(channel: Channel, *, asked: bool) -> Job:
    """Have a channel's health looked at; a person who asks (`asked`) gets Google's answer of now.

    Two keys: whoever asks does not wait for, or share, the routine check that is in the queue already.
    """
    return enqueue(
        JobKind.CHECK,
        dedupe_key=f"check:{channel.pk}" + ("" if asked else ":routine"),
        channel=channel,
        priority=8 if asked else None,
        asked=asked,
    )


def claimable(now: datetime, *, fast: bool | None = None, status: str) -> JobQuerySet[Job]:
    """Return the jobs that may start now as far as states say; pools and budgets are looked at when claiming."""
    jobs = Job.objects.due(now)
    if fast is not None:
        jobs = jobs.filter(fast=fast)
    # YouTube makes an armed publication public by itself; what is left to do is to look.
    is_armed = jobs.of_its("schedule", armed_for__lte=now)
    only_looks = Q(kind__in=SAFE_KINDS) | Q(is_armed, kind=JobKind.PUBLISH)
    if status != SystemStatus.RUNNING:
        return jobs.filter(only_looks)
    is_active = jobs.of_its("channel", state=ChannelState.ACTIVE)
    free_channel = Q(channel=None) | Q(kind=JobKind.SYNC) | Q(is_active)
    ready = ~Q(kind=JobKind.STAGE) | Q(jobs.of_its("video", state=VideoState.READY))
    free_wave = Q(schedule=None) | ~Q(jobs.of_its("schedule", wave__state=WaveState.PAUSED))
    return jobs.filter(only_looks | (free_channel & ready & free_wave))


def claim(
    *, fast: bool | None = None, limit: int = 1, holder: str = "", now: datetime | None = None
) -> list[Job]:
    """Take up to `limit` jobs, highest effective priority first, each with its pool slots and budget; all or nothing.

    One transaction: the system state is read under a shared lock (so that after `pause` has answered nothing more is
    claimed), pools are locked by name, jobs with SKIP LOCKED; one audit entry names the batch.
    """
    now = now or timezone.now()
    holder = holder or holders.me()
    with transaction.atomic():
        status, is_ours = system_lock.read()
        if not is_ours:
            return []  # not even what is safe elsewhere: a copy must not take back what the original published
        room = pools.locked_room(now, fast=fast)
        taken: list[Job] = []
        if fast is not None:
            _in_claiming_order()
        while len(taken) < limit:
            short = pools.shortages(now, room)
            found = _candidates(now, fast, status, short, passed=taken)[: limit - len(taken)]
            more, waiting = room.take(found, limit=limit - len(taken))
            taken += more
            for reason, ids in waiting.items():
                Job.objects.filter(pk__in=ids).exclude(waits_for=reason).update(waits_for=reason)
            # Nothing more is there, or what was left waits for a pool that is known to be full by now.
            if not waiting or not more:
                break
        if not taken:
            return []
        room.write(holder=holder, lease_seconds=LEASE_SECONDS)
        before = {job.pk: job.state for job in taken}
        expires = now + timedelta(seconds=LEASE_SECONDS)
        changed = {
            "holder": holder,
            "lease_expires_at": expires,
            "heartbeat_at": now,
            "started_at": now,
            "waits_for": "",
            "blocked_on": None,
        }
        for job in taken:
            job.state = JobState.RUNNING
            job.version += 1
            job.attempts += 1
            job.state_changed_at = now
            for name, value in changed.items():
                setattr(job, name, value)
        _write_claims(taken, now, changed)
        with audit.correlated(taken[0].correlation_id):
            audit.record(
                "job_claimed" if len(taken) == 1 else "jobs_claimed",
                taken[0],
                before={"state": before[taken[0].pk]},
                after={"state": JobState.RUNNING, "holder": holder},
                members={"job": [job.pk for job in taken]} if len(taken) > 1 else None,
                each=True,
                were=_by_state(before) if len(set(before.values())) > 1 else None,
            )
    return taken


def _by_state(before: Mapping[int, str]) -> dict[str, dict[str, list[int]]]:
    """Return the ids of jobs by the state they were in, for the entry that names them."""
    found: dict[str, list[int]] = defaultdict(list)
    for pk, state in before.items():
        found[state].append(pk)
    return {"state": found}


def _candidates(
    now: datetime, fast: bool | None, status: str, short: Sequence[pools.Shortage], *, passed: Sequence[Job]
) -> JobQuerySet[Job]:
    """Return the jobs to look at, best rank first, without those whose pool has no room."""
    found = claimable(now, fast=fast, status=status).order_by("rank", "id")
    for shortage in short:
        found = found.exclude(shortage.waiting)
    if passed:
        found = found.exclude(pk__in=[job.pk for job in passed])
    return found.locked_where_free()


def _in_claiming_order() -> None:
    """Have PostgreSQL read a lane of the queue along its index until this transaction ends, and stop at what is wanted.

    Its planner takes the queue for short where it was when it last looked, and would ask all that is due whether it may
    start, sort that, and take the first: 116 ms in place of 0.2 ms beside 10,000 due jobs.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_sort = off")


def locked_status() -> str:
    """Return the system's state, kept from change until the end of this transaction; take it before any other lock.

    A copy of another installation's database counts as paused.
    """
    status, is_ours = system_lock.read()
    return status if is_ours else SystemStatus.PAUSED


def require_running(what: str) -> None:
    """Go on only while the system runs, and keep it so until this transaction ends. Raises: SystemNotRunning."""
    status = locked_status()
    if status != SystemStatus.RUNNING:
        raise SystemNotRunning(f"The system is {status}; {what}.", state=status)


def _write_claims(jobs: Sequence[Job], now: datetime, changed: Mapping[str, Any]) -> None:
    written = Job.objects.filter(pk__in=[job.pk for job in jobs], state__in=CLAIMABLE_JOBS).update(
        state=JobState.RUNNING,
        version=F("version") + 1,
        attempts=F("attempts") + 1,
        state_changed_at=now,
        **changed,
    )
    if written != len(jobs):
        raise LeaseLost("another dispatcher claimed one of these jobs in the meantime")


# --------------------------------------------------------------------------------------------------- the holder's side


def held(job: Job, holder: str, version: int | None = None) -> JobQuerySet[Job]:
    """Return the job while it is still this holder's; none, once it was taken away.

    The version tells one claim from the next, since the name of a thread can come back and a claim cannot.
    """
    version = job.version if version is None else version
    return Job.objects.filter(pk=job.pk, holder=holder, version=version, state=JobState.RUNNING)


def heartbeat(job: Job, holder: str, *, version: int | None = None, seconds: int = LEASE_SECONDS) -> bool:
    """Extend the lease of a running job; returns whether it was asked to cancel.

    Raises: LeaseLost, if the job is not this holder's any more.
    """
    now = timezone.now()
    expires = now + timedelta(seconds=seconds)
    ours = held(job, holder, version)
    if not ours.update(heartbeat_at=now, lease_expires_at=expires):
        raise LeaseLost(f"job {job.pk} is not held by {holder} any more")
    pools.extend(job, expires=expires, now=now)
    return ours.filter(cancel_requested_at__isnull=False).exists()


def note_progress(job: Job, holder: str, fraction: float, note: str) -> None:
    """Write how far a running job is. Raises: LeaseLost."""
    fraction = min(max(fraction, 0.0), 1.0)
    written = held(job, holder).update(
        progress=fraction, progress_note=note[:200], heartbeat_at=timezone.now()
    )
    if not written:
        raise LeaseLost(f"job {job.pk} is not held by {holder} any more")
    job.progress, job.progress_note = fraction, note


def hand_over(job: Job, holder: str, to: str, *, seconds: int) -> None:
    """Give the lease of a running job to another holder, for example to the GitHub run that serves it now."""
    expires = timezone.now() + timedelta(seconds=seconds)
    if not held(job, holder).update(holder=to, lease_expires_at=expires):
        raise LeaseLost(f"job {job.pk} is not held by {holder} any more")
    job.holder = to
    pools.extend(job, expires=expires, now=timezone.now(), holder=to)


def finish(
    job: Job,
    state: str,
    *,
    result: Mapping[str, Any] | None = None,
    error_code: str = "",
    error_message: str = "",
    uncertain: bool = False,
) -> Job:
    """End a running job and give back what it held; its leases are released exactly once.

    Raises: StaleState, if the job was taken from its holder in the meantime; nothing is written then.
    """
    now = timezone.now()
    changes: dict[str, Any] = {
        "finished_at": now,
        "error_code": error_code,
        "error_message": error_message[:500],
    }
    if result is not None:
        changes["result"] = dict(result)
    if state == JobState.SUCCEEDED:
        changes["progress"] = 1.0
    with transaction.atomic():
        transition(job, state, where={"holder": job.holder}, reason=error_message, **changes)
        pools.give_back(job, reason=state, spent=state == JobState.SUCCEEDED or uncertain, now=now)
    return job


def try_again(
    job: Job, *, at: datetime, error_code: str, error_message: str, counted: bool = True, **changes: Any
) -> Job:
    """Let a running job wait for another try at `at`; a wait that is not `counted` lets the pauses grow no further."""
    changes = {
        "run_at": at,
        "rank": -job.bumped_at.timestamp() if job.bumped_at else rank_of(job.priority, at),
        "error_code": error_code[:60],
        "error_message": error_message[:500],
        "waits_for": f"another try: {error_message}"[:200],
        **changes,
    }
    if not counted:
        changes["attempts"] = max(job.attempts - 1, 0)
    with transaction.atomic():
        transition(job, JobState.WAITING, where={"holder": job.holder}, reason=error_message, **changes)
        pools.give_back(job, reason="another try", spent=False, now=timezone.now())
    return job


def lost(now: datetime) -> list[Job]:
    """Return the running jobs whose holder is gone or whose lease ran out.

    Jobs that a GitHub run serves are left to `github.watch`, which asks GitHub first, as long as it looks at the run.
    """
    running = Job.objects.running()
    of_workers = [job for job in running.exclude(holder__startswith=RUN_HOLDER) if why_lost(job, now)]
    of_runs = running.filter(holder__startswith=RUN_HOLDER).exclude(
        pk__in=_watched_runs(now).values("job_id")
    )
    return [*of_workers, *of_runs]


def why_lost(job: Job, now: datetime) -> str:
    """Return how a running job was lost; empty while it is held."""
    if job.holder.startswith(RUN_HOLDER):
        return "" if _watched_runs(now).filter(job=job).exists() else "its run ended without it"
    if holders.is_gone(job.holder):
        return "its worker is gone"
    if job.lease_expires_at is None or job.lease_expires_at <= now:
        return "its lease ran out"
    return ""


def _watched_runs(now: datetime) -> QuerySet[WorkflowRun]:
    """Return the runs that somebody looks at, or has just closed and is about to end the job of."""
    return WorkflowRun.objects.filter(
        Q(state__in=OPEN_RUNS) | Q(state_changed_at__gt=now - timedelta(seconds=LEASE_SECONDS))
    )


# ------------------------------------------------------------------------------------------------------------ under lock


def open_jobs(dedupe_key: str) -> JobQuerySet[Job]:
    """Return the open job with a key: at most one, by constraint."""
    return Job.objects.open().filter(dedupe_key=dedupe_key)


def locked(job_id: int) -> Job:
    """Return a job under lock. Raises: NotFound."""
    return lookup.one(Job.objects.locked(), job_id, field="job_id")


def bump_rows(jobs: Sequence[Job], reason: str) -> None:
    """Put waiting jobs before all others, latest bump first; call under lock."""
    now = timezone.now()
    rank = -now.timestamp()
    ids = [job.pk for job in jobs]
    Job.objects.filter(pk__in=ids).update(bumped_at=now, rank=rank)
    Job.objects.filter(pk__in=ids, run_at__gt=now).update(run_at=now)
    for job in jobs:
        job.bumped_at, job.rank = now, rank
    before, after = {"rank": "by priority"}, {"rank": "first"}
    audit.record_all(
        [audit.entry("job_bumped", job, before=before, after=after, reason=reason) for job in jobs]
    )


def bump_all(job_ids: Sequence[int], reason: str) -> dict[int, str]:
    """Move many waiting jobs before all others; returns by id why some stay where they are."""
    with transaction.atomic():
        rows = list(Job.objects.locked().filter(pk__in=job_ids).order_by("pk"))
        taken, refused = sort_out(rows, "bump")
        bump_rows(taken, reason)
        for fast in {job.fast for job in taken}:
            wake_workers(fast=fast)
    return refused
