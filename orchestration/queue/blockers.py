"""Let work wait for a condition to end: one open row for each cause and subject, and one probe a row.

Whoever meets the condition puts its job on the row (`block`); whoever sees it ended takes them all off (`clear`), at once
where Headend sees it happen, else at the next probe (`monitoring.probes`).
"""

import random
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from channels.models import Channel
from orchestration.core import audit, lookup
from orchestration.core.transitions import transition
from orchestration.core.wakeups import wake_workers
from orchestration.errors import StaleState
from orchestration.models import Blocker, Job
from orchestration.queue import pools
from orchestration.queue.remedies import remedy_of
from orchestration.results.causes import BlockerReport
from orchestration.states import CLAIMABLE_JOBS, BlockerScope, JobState

FIRST_PROBE = timedelta(minutes=1)
LONGEST_PROBE = timedelta(minutes=15)
SAME_AGAIN = timedelta(hours=1)
"""A condition that comes back within this time is asked about at the pace that it had reached."""
MAX_PROBES_AT_ONCE = 50
MAX_DOUBLINGS = 10

OF_CREDENTIAL = frozenset(
    {
        "credential_missing",
        "credential_revoked",
        "permission_missing",
        "secret_unreadable",
        "wrong_channel",
        "youtube_signup_required",
    }
)
"""What connecting a channel anew mends."""
OF_ACCESS = frozenset({"source_access_refused", "secret_unreadable"})
"""What another login, other cookies or headers of a source mend."""
OF_SETTINGS = frozenset(
    {"client_refused", "github_app_refused", "github_token_missing", "github_token_refused"}
)
"""What another value of a setting mends."""
OF_REPOSITORY = frozenset(
    {
        "branch_missing",
        "permission_missing",
        "repository_archived",
        "repository_changed",
        "repository_drifted",
        "repository_missing",
        "repository_public",
        "workflow_disabled",
        "workflow_missing",
        "workflow_unfit",
    }
)
"""What lies at a channel's repository."""


def block(
    job: Job,
    code: str,
    sentence: str,
    *,
    scope: str,
    detail: str = "",
    until: datetime | None = None,
) -> Blocker:
    """Let a running job, read under lock, wait for a condition to end; the try is not counted. Returns what it waits for.

    It keeps its rank, so that what waits goes on in the order it had. Raises: StaleState, if the job was taken meanwhile.
    """
    now = timezone.now()
    with transaction.atomic():
        row = _open_row(job, code, sentence, scope=scope, detail=detail, until=until)
        transition(
            job,
            JobState.WAITING,
            where={"holder": job.holder},
            reason=sentence,
            run_at=until or now,
            attempts=max(job.attempts - 1, 0),
            try_until=None,
            error_code=code[:60],
            error_message=sentence[:500],
            waits_for=sentence[:200],
            blocked_on=row,
        )
        pools.give_back(job, reason="it waits for a condition", spent=False, now=now)
    return row


def _open_row(
    job: Job, code: str, sentence: str, *, scope: str, detail: str, until: datetime | None
) -> Blocker:
    """Return the open row of a condition under lock, made where there is none; two that make it get the same one."""
    subject = _subject(job, scope)
    key = {
        "code": code[:60],
        "scope": subject["scope"],
        "subject_id": subject["subject_id"],
        "detail": detail[:80],
    }
    for _ in range(3):
        row = Blocker.objects.open().locked().filter(**key).first()
        if row is not None:
            _note_again(row, job, sentence, until)
            return row
        try:
            with transaction.atomic():
                return _make(key | subject, sentence, until, job)
        except IntegrityError:
            continue  # somebody else made it at the same moment
    raise StaleState(f"What {code} blocks changed in the meantime; look again.")


def _subject(job: Job, scope: str) -> dict[str, Any]:
    """Return for what a condition that a job met holds; for everything, where the job names nothing narrower."""
    if scope == BlockerScope.CHANNEL and job.channel_id:
        return {"scope": scope, "subject_id": job.channel_id, "channel_id": job.channel_id}
    source_id = job.source_id or (job.video.source_id if job.video else None)
    if scope == BlockerScope.SOURCE and source_id:
        return {"scope": scope, "subject_id": source_id, "source_id": source_id}
    return {"scope": BlockerScope.INSTALLATION, "subject_id": 0}


def _note_again(row: Blocker, job: Job, sentence: str, until: datetime | None) -> None:
    changes: dict[str, Any] = {}
    if until is not None and (row.until is None or until > row.until):
        changes["until"] = until
    if row.canary_id == job.pk:
        changes |= {"canary": None, "last_answer": sentence[:500]}
    if changes:
        Blocker.objects.filter(pk=row.pk).update(**changes)


def _make(values: dict[str, Any], sentence: str, until: datetime | None, job: Job) -> Blocker:
    now = timezone.now()
    before = (
        Blocker.objects.filter(
            code=values["code"],
            scope=values["scope"],
            subject_id=values["subject_id"],
            detail=values["detail"],
            ended_at__gt=now - SAME_AGAIN,
        )
        .order_by("-ended_at")
        .first()
    )
    probes = before.probes if before is not None else 0
    row = Blocker.objects.create(
        **values,
        sentence=sentence[:500],
        since=now,
        until=until,
        probes=probes,
        next_probe_at=now + pace(probes),
    )
    audit.record(
        "blocker_opened",
        row,
        after={"code": row.code, "scope": row.scope, "subject": row.subject},
        reason=sentence,
        members={"job": [job.pk]},
    )
    return row


def pace(probes: int) -> timedelta:
    """Return how long to wait before the next probe: doubling from one minute to a quarter of an hour, with jitter."""
    pause = min(FIRST_PROBE * 2 ** min(probes, MAX_DOUBLINGS), LONGEST_PROBE)
    return pause * random.uniform(0.9, 1.1)  # noqa: S311 - jitter, not a secret


def clear(blocker_id: int, how: str, *, now: datetime | None = None) -> int:
    """End a condition: everything that waited for it goes on, in the order it had. Returns how many jobs that are.

    Whoever puts a job on the row at the same moment does so before, and the job goes on too, or after, on a new row.
    """
    now = now or timezone.now()
    with transaction.atomic():
        row = Blocker.objects.open().locked().filter(pk=blocker_id).first()
        if row is None:
            return 0
        jobs = list(
            Job.objects.claimable().filter(blocked_on=row).locked().order_by("pk").values_list("pk", "fast")
        )
        waiting = [pk for pk, _ in jobs]
        Job.objects.filter(pk__in=waiting, state__in=CLAIMABLE_JOBS).update(
            blocked_on=None, run_at=now, attempts=0, try_until=None, waits_for=""
        )
        Blocker.objects.filter(pk=row.pk).update(
            ended_at=now, ended_how=how[:300], next_probe_at=None, canary=None
        )
        audit.record(
            "blocker_ended",
            row,
            before={"code": row.code, "subject": row.subject, "since": row.since.isoformat()},
            after={"code": row.code, "subject": row.subject, "jobs": len(waiting)},
            reason=how,
            members={"job": waiting},
        )
        for fast in {fast for _, fast in jobs}:
            wake_workers(fast=fast)
    return len(waiting)


def clear_of(channel: Channel, codes: Collection[str], how: str) -> int:
    """End what stands against a channel under these codes, since it was seen to be mended; returns how many jobs go on."""
    rows = Blocker.objects.open().filter(channel=channel, code__in=codes)
    return sum(clear(pk, how) for pk in rows.values_list("pk", flat=True))


def clear_of_source(source_id: int, codes: Collection[str], how: str) -> int:
    """End what stands against a source under these codes; returns how many jobs go on."""
    rows = Blocker.objects.open().filter(source=source_id, code__in=codes)
    return sum(clear(pk, how) for pk in rows.values_list("pk", flat=True))


def ended_its_try(job: Job) -> None:
    """End the condition that only a job's try could tell: it did not meet it any more."""
    for pk in Blocker.objects.open().filter(canary=job.pk).values_list("pk", flat=True):
        clear(pk, f"job {job.pk} was let try and did not meet it any more")


# ------------------------------------------------------------------------------------------------------------ the probes


def take_due(now: datetime) -> list[Blocker]:
    """Take the conditions to ask about, each for one prober: its next probe is set before this one begins."""
    with transaction.atomic():
        rows = list(
            Blocker.objects.open()
            .locked_where_free()
            .filter(next_probe_at__lte=now)
            .order_by("next_probe_at")[:MAX_PROBES_AT_ONCE]
        )
        for row in rows:
            _take(row, now)
    return rows


def ask_soon(now: datetime, **which: Any) -> int:
    """Let these conditions be asked about at the next occasion, since something of theirs changed; returns how many."""
    return Blocker.objects.open().filter(**which).update(next_probe_at=now, probes=0)


def take(blocker_id: int, now: datetime) -> Blocker | None:
    """Take one open condition to ask about now, whenever it was to be its turn; None, if it has ended."""
    with transaction.atomic():
        row = Blocker.objects.open().locked().filter(pk=blocker_id).first()
        if row is not None:
            _take(row, now)
    return row


def _take(row: Blocker, now: datetime) -> None:
    at = now + pace(row.probes + 1)
    Blocker.objects.filter(pk=row.pk).update(next_probe_at=at, probed_at=now, probes=F("probes") + 1)


def note_answer(row: Blocker, answer: str) -> None:
    """Write down what a probe was told that did not end the condition."""
    Blocker.objects.filter(pk=row.pk, ended_at=None).update(last_answer=answer[:500])


def let_one_try(row: Blocker, now: datetime) -> Job | None:
    """Let one of the jobs that wait for a condition try, the first in order, since only a try can tell; None, if none waits.

    One at a time: while it is under way, no other is let try.
    """
    with transaction.atomic():
        locked = Blocker.objects.open().locked().filter(pk=row.pk).first()
        if locked is None:
            return None
        trying = Job.objects.open().filter(pk=locked.canary_id or 0, blocked_on=None).first()
        if trying is not None:
            return trying
        waiting = Job.objects.blocked().filter(blocked_on=row)
        job = waiting.locked_where_free().order_by("rank", "id").first()
        if job is None:
            return None
        Job.objects.filter(pk=job.pk).update(blocked_on=None, run_at=now, waits_for="")
        Blocker.objects.filter(pk=row.pk).update(canary=job)
        wake_workers(fast=job.fast)
    return job


def reports() -> list[BlockerReport]:
    """Return the open conditions, those that most wait for first."""
    rows = Blocker.objects.open().counted().select_related("channel", "source").order_by("-waiting", "since")
    return [_report(row, row.waiting) for row in rows]


def report(blocker_id: int) -> BlockerReport:
    """Return one condition, ended or not. Raises: NotFound."""
    row = lookup.one(Blocker.objects.counted(), blocker_id, field="blocker_id")
    return _report(row, row.waiting)


def _report(row: Blocker, waiting: int) -> BlockerReport:
    remedy = remedy_of(row.code)
    return BlockerReport(
        id=row.pk,
        code=row.code,
        title=remedy.title,
        scope=row.scope,
        subject=row.subject,
        channel_id=row.channel_id,
        source_id=row.source_id,
        detail=row.detail,
        sentence=row.sentence,
        remedy=remedy.sentence,
        link=remedy.link,
        since=row.since,
        until=row.until,
        waiting=waiting,
        next_probe_at=row.next_probe_at,
        probed_at=row.probed_at,
        probes=row.probes,
        last_answer=f"ended: {row.ended_how}" if row.ended_at else row.last_answer,
    )
