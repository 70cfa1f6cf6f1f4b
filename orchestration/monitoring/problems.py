"""List what a person should look at, worst first: each problem is one sentence about one subject.

The sentences hold no ages, so that the list stays the same while nothing changes; `since` says how long it is so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from channels.models import Channel, ConfigRevision
from channels.states import ChannelHealth, ChannelState, CredentialState
from orchestration.core import media_tool
from orchestration.core.heartbeats import SILENT_AFTER_SECONDS, component_ages, woken_by
from orchestration.models import (
    Blocker,
    Conflict,
    Job,
    NotificationAddress,
    OrphanUpload,
    Rollout,
    Schedule,
    Source,
    StandingRule,
    SystemState,
)
from orchestration.monitoring import pool_reports, run_problems
from orchestration.queue.remedies import remedy_of
from orchestration.results import PoolReport
from orchestration.scheduling import approval_marks
from orchestration.states import (
    OPEN_JOBS,
    OPEN_SCHEDULES,
    TAKING_BACK,
    JobKind,
    JobState,
    PoolKind,
    RolloutState,
    SourceState,
    SystemStatus,
)

ERROR, WARNING, INFO = "error", "warning", "info"
ORDER = {ERROR: 0, WARNING: 1, INFO: 2}
MAX_OF_A_KIND = 20
RECENT = timedelta(hours=24)
APPROVAL_SOON = timedelta(hours=2)
SOURCE_FAILING_AFTER = 3
COMPONENTS = {
    "beat": "without it nothing that falls due is started.",
    "worker": "without it no job is done.",
}


_ENDED = {
    JobState.FAILED: "failed",
    JobState.ERRORED: "broke off by a fault of ours",
    JobState.NEEDS_REVIEW: "needs review",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What the caller has read already, so that it is not read twice; None is read here."""

    status: str | None = None
    overdue: int | None = None
    components: dict[str, float] | None = None
    channels: Sequence[Channel] | None = None
    sources: Sequence[Source] | None = None
    pools: Sequence[PoolReport] | None = None


def problems(known: Known | None = None, now: datetime | None = None) -> list[dict[str, Any]]:
    """Return what needs a person, errors first, then the longest standing; a bounded number of queries.

    Each problem has `severity` (error, warning, info), `code`, `sentence`, `subject` (its name), `subject_type`,
    `subject_id`, `slug` (channels only) and `since`. For whoever tells people: `cause` and `channel_id`, by which
    problems are one; without `subject_id` a problem says how many more there are of its `subject_type`.
    """
    now = now or timezone.now()
    known = known or Known()
    found = [
        *_of_system(known, now),
        *_of_schedules(),
        *_of_reviews(known, now),
        *_of_jobs(now),
        *_of_runs(now),
        *_of_blockers(),
        *_of_channels(known),
        *_of_configuration(),
        *_of_sources(known),
        *_of_pools(known),
        *_of_conflicts(),
        *_of_orphans(),
        *_of_notifications(),
        *_of_rollouts(),
        *_of_standing_rules(),
        *_of_the_tool(),
    ]
    return sorted(found, key=lambda problem: (ORDER[problem["severity"]], problem["since"] or now))


def _problem(
    severity: str,
    code: str,
    sentence: str,
    subject: Any,
    since: datetime | None,
    *,
    kind: str = "",
    row_id: Any = None,
    cause: str = "",
) -> dict[str, Any]:
    return {
        "severity": severity,
        "code": code,
        "sentence": sentence,
        "subject": str(subject),
        "subject_type": kind or subject._meta.model_name,
        "subject_id": row_id if kind else subject.pk,
        "slug": getattr(subject, "slug", ""),
        "since": since,
        "cause": cause or code,
        "channel_id": _channel_of(subject),
    }


def _channel_of(subject: Any) -> int | None:
    if isinstance(subject, Channel):
        return subject.pk
    return getattr(getattr(subject, "distribution", None) or subject, "channel_id", None)


def _first_of(rows: QuerySet[Any]) -> tuple[list[Any], int]:
    """Return the first rows and how many more there are, counted only where there are more."""
    found = list(rows[: MAX_OF_A_KIND + 1])
    return found[:MAX_OF_A_KIND], rows.count() - MAX_OF_A_KIND if len(found) > MAX_OF_A_KIND else 0


def _more(count: int, severity: str, code: str, what: str, kind: str) -> list[dict[str, Any]]:
    return [_problem(severity, code, f"{count} more {what}.", what, None, kind=kind)] if count else []


# --------------------------------------------------------------------------------------------------------------- system


def _of_system(known: Known, now: datetime) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    status = known.status
    if status is None:
        status = (
            SystemState.objects.filter(pk=1).values_list("state", flat=True).first() or SystemStatus.STOPPED
        )
    late = Schedule.objects.overdue(now)
    overdue = late.count() if known.overdue is None else known.overdue
    oldest = (
        late.order_by("publish_at").select_related("distribution__video", "channel").first()
        if overdue
        else None
    )
    if oldest is not None:
        many = "1 publication is" if overdue == 1 else f"{overdue} publications are"
        first = f"{oldest.distribution.video} on {oldest.channel}, due {_at(oldest.publish_at)}"
        sentence = f"{many} overdue; the first is {first}."
        found.append(_problem(ERROR, "overdue", sentence, oldest, oldest.publish_at))
        if status != SystemStatus.RUNNING:
            sentence = (
                f"The system is {status} while publications are due; resume or start it to let them go."
            )
            found.append(
                _problem(
                    ERROR,
                    "system_not_running",
                    sentence,
                    "system",
                    oldest.publish_at,
                    kind="system",
                    row_id=1,
                )
            )
    ages = component_ages(now) if known.components is None else known.components
    for component, without_it in COMPONENTS.items():
        mine = [age for name, age in ages.items() if name.partition(":")[0] == component]
        silent_after = SILENT_AFTER_SECONDS if component == "beat" else woken_by(ages)
        if mine and min(mine) <= silent_after:
            continue
        # To the second: two looks at the same silence shall give the same problem.
        since = (now - timedelta(seconds=min(mine))).replace(microsecond=0) if mine else None
        silence = (
            f"has been silent since {since:%Y-%m-%d %H:%M:%S} UTC" if since else "has not shown itself yet"
        )
        sentence = f"The {component} {silence}; {without_it}"
        found.append(
            _problem(
                ERROR, "component_silent", sentence, component, since, kind="component", row_id=component
            )
        )
    return found


def _of_schedules() -> list[dict[str, Any]]:
    rows = Schedule.objects.needing_review().select_related("distribution__video", "channel")
    found, more = _first_of(rows.order_by("state_changed_at"))
    listed = [
        _problem(
            ERROR,
            "needs_review",
            f"{row.distribution.video} on {row.channel} needs review: "
            f"{row.reason or 'nobody knows whether it was published'}",
            row,
            row.state_changed_at,
        )
        for row in found
    ]
    return listed + _more(more, ERROR, "needs_review", "publications need review", "schedule")


def _of_reviews(known: Known, now: datetime) -> list[dict[str, Any]]:
    """Say how many publications wait for an approval: one sentence, louder once the first moment is near."""
    if known.channels is not None and known.sources is not None:
        by_channel = any(channel.needs_approval_since for channel in known.channels)
        if not by_channel and not any(source.needs_approval_since for source in known.sources):
            return []
    rows = Schedule.objects.filter(approval_marks.waits(), state__in=OPEN_SCHEDULES)
    counted = rows.aggregate(count=Count("pk"), first=Min("publish_at"))
    if not counted["count"]:
        return []
    sentence = (
        f"{counted['count']} {'publication waits' if counted['count'] == 1 else 'publications wait'} for an approval, "
        f"the first until {_at(counted['first'])}."
    )
    severity = WARNING if counted["first"] < now + APPROVAL_SOON else INFO
    return [_problem(severity, "approvals_wait", sentence, "Review", None, kind="review", row_id="review")]


def _of_blockers() -> list[dict[str, Any]]:
    """List what work waits for: one entry a condition, however many jobs wait."""
    rows = Blocker.objects.open().counted().filter(waiting__gt=0).select_related("channel", "source")
    found, more = _first_of(rows.order_by("since"))
    listed = [
        _problem(
            WARNING if row.until is not None else ERROR,
            f"blocked_{row.code}",
            f"{row.waiting} {'job waits' if row.waiting == 1 else 'jobs wait'}: {row.sentence} "
            f"{remedy_of(row.code).sentence}",
            row,
            row.since,
        )
        for row in found
    ]
    return listed + _more(more, ERROR, "blocked", "conditions are waited for", "blocker")


def _of_jobs(now: datetime) -> list[dict[str, Any]]:
    """List failed and unclear jobs of the last day, but not those whose work was done, or begun, by a later job.

    And what cannot be taken back from YouTube for now, at any age: it may go public meanwhile.
    """
    failed = [JobState.FAILED, JobState.ERRORED]
    rows = (
        Job.objects.filter(
            Q(state__in=failed, finished_at__gte=now - RECENT)
            | Q(state=JobState.NEEDS_REVIEW, schedule__isnull=True)
            | Q(state=JobState.WAITING, kind__in=TAKING_BACK, error_code__gt="")
        )
        .select_related("channel", "video", "source", "distribution__video")
        .order_by("-id")
    )
    found, more = _first_of(rows)
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
            _problem(
                ERROR if unclear or job.state == JobState.ERRORED else WARNING,
                "job_needs_review" if unclear else f"job_{job.state}",
                sentence,
                job,
                job.finished_at or job.state_changed_at,
                cause=f"{job.kind}:{job.error_code or job.state}",
            )
        )
    return listed + _more(more, WARNING, "job_failed", "jobs failed in the last 24 hours", "job")


def _of_runs(now: datetime) -> list[dict[str, Any]]:
    """List the GitHub runs that wait for approval, are stuck, or go on too long; the subject is the job."""
    found, more = _first_of(run_problems.slow_runs(now))
    listed = []
    for run in found:
        seen = run_problems.problem_of(run, now)
        severity = ERROR if seen.is_error else WARNING
        listed.append(_problem(severity, seen.code, seen.sentence, run.job, seen.since))
    return listed + _more(more, WARNING, "runs", "GitHub runs need a look", "job")


def _not_taken_back(job: Job) -> dict[str, Any]:
    sentence = (
        f"{job.distribution.video} on {job.channel} was to be made private and is not yet; until then it is or goes "
        f"public. {job.error_message} It is tried again at {_at(job.run_at)}; make it private in YouTube Studio "
        "if that is too late."
    )
    return _problem(ERROR, "not_taken_back", sentence, job, job.created_at)


# ------------------------------------------------------------------------------------------------------------- channels


def _of_channels(known: Known) -> list[dict[str, Any]]:
    channels: Iterable[Channel] | None = known.channels
    if channels is None:
        channels = Channel.objects.select_related("credential").enabled()
    found: list[dict[str, Any]] = []
    more = 0
    for channel in channels:
        problem = _of_channel(channel)
        if problem is None:
            continue
        if len(found) < MAX_OF_A_KIND:
            found.append(problem)
        else:
            more += 1
    return found + _more(more, WARNING, "channels", "channels are not healthy", "channel")


def _of_channel(channel: Channel) -> dict[str, Any] | None:
    if channel.state == ChannelState.DISABLED:
        return None
    credential = getattr(channel, "credential", None)
    if credential and credential.state in {CredentialState.REVOKED, CredentialState.WRONG_CHANNEL}:
        word = "was revoked" if credential.state == CredentialState.REVOKED else "belongs to another channel"
        sentence = (
            f"The credential of {channel} {word}; connect the channel again. {credential.reason}".rstrip()
        )
        return _problem(
            ERROR, f"credential_{credential.state}", sentence, channel, credential.state_changed_at
        )
    if channel.health == ChannelHealth.FAILING:
        sentence = f"{channel} is failing: {channel.health_reason}"
        return _problem(ERROR, "channel_failing", sentence, channel, None)
    if credential and credential.state == CredentialState.EXPIRING:
        sentence = f"The credential of {channel} ends soon. {channel.health_reason or credential.reason}"
        return _problem(WARNING, "credential_expiring", sentence, channel, credential.state_changed_at)
    if channel.health == ChannelHealth.DEGRADED:
        sentence = f"{channel} is degraded: {channel.health_reason}"
        return _problem(WARNING, "channel_degraded", sentence, channel, None)
    return None


def _of_configuration() -> list[dict[str, Any]]:
    newest = ConfigRevision.objects.filter(channel=OuterRef("pk")).order_by("-number")
    latest = Channel.objects.enabled().annotate(latest=Subquery(newest.values("pk")[:1]))
    rows = (
        ConfigRevision.objects.filter(pk__in=latest.order_by().values("latest"))
        .exclude(sync_error="")
        .select_related("channel")
        .order_by("created_at")
    )
    found, more = _first_of(rows)
    listed = [
        _problem(
            WARNING,
            "configuration_not_synced",
            f"Revision {row.number} of {row.channel}'s configuration is not in its repository: {row.sync_error}",
            row.channel,
            row.created_at,
        )
        for row in found
    ]
    return listed + _more(
        more, WARNING, "configuration_not_synced", "configurations are not synced", "channel"
    )


# -------------------------------------------------------------------------------------------------------------- the rest


def _of_sources(known: Known) -> list[dict[str, Any]]:
    sources: Iterable[Source] | None = known.sources
    if sources is None:
        sources = Source.objects.filter(state=SourceState.ACTIVE).filter(
            Q(consecutive_failures__gt=0) | Q(rights_basis="")
        )
    found: list[dict[str, Any]] = []
    more = 0
    for source in sources:
        if source.state != SourceState.ACTIVE:
            continue
        if source.consecutive_failures:
            lasting = source.consecutive_failures >= SOURCE_FAILING_AFTER
            times = "1 time" if source.consecutive_failures == 1 else f"{source.consecutive_failures} times"
            sentence = f"Source {source} could not be read {times} in a row: {source.last_error}"
            problem = _problem(
                ERROR if lasting else WARNING, "source_failing", sentence, source, source.last_scraped_at
            )
        elif not source.rights_basis:
            sentence = f"Source {source} has no rights basis, so nothing of it is published."
            problem = _problem(INFO, "source_without_rights", sentence, source, source.created_at)
        else:
            continue
        if len(found) < MAX_OF_A_KIND:
            found.append(problem)
        else:
            more += 1
    return found + _more(more, WARNING, "sources", "sources need a look", "source")


def _of_pools(known: Known) -> list[dict[str, Any]]:
    found = []
    for pool in pool_reports.report() if known.pools is None else known.pools:
        if pool.kind == PoolKind.BUDGET and pool.used >= pool.capacity:
            sentence = f"{pool.label}: all {pool.capacity} of {pool.day} (Pacific) are spent; more at {_at(pool.resets_at)}."
            found.append(
                _problem(WARNING, "budget_exhausted", sentence, pool.label, None, kind="pool", row_id=pool.id)
            )
        elif pool.paused and pool.waiting:
            sentence = f"{pool.label} is paused while {pool.waiting} wait for it."
            found.append(
                _problem(WARNING, "pool_paused", sentence, pool.label, None, kind="pool", row_id=pool.id)
            )
    return found


def _of_conflicts() -> list[dict[str, Any]]:
    found, more = _first_of(Conflict.objects.open().order_by("-created_at"))
    listed = [
        _problem(WARNING, "conflict_open", f"Conflict ({row.kind}): {row.message}", row, row.created_at)
        for row in found
    ]
    return listed + _more(more, WARNING, "conflict_open", "conflicts are open", "conflict")


def _of_orphans() -> list[dict[str, Any]]:
    rows = OrphanUpload.objects.undeleted().select_related("distribution__channel")
    found, more = _first_of(rows.order_by("found_at"))
    listed = [
        _problem(
            WARNING,
            "orphan_upload",
            f"The upload {row.youtube_video_id} on {row.distribution.channel} is private and belongs to nothing; "
            f"delete it at YouTube. {row.reason}".rstrip(),
            row,
            row.found_at,
        )
        for row in found
    ]
    return listed + _more(more, WARNING, "orphan_upload", "uploads belong to nothing", "orphan")


def _of_notifications() -> list[dict[str, Any]]:
    rows = NotificationAddress.objects.filter(enabled=True, gave_up_at__isnull=False)
    found, more = _first_of(rows.order_by("gave_up_at"))
    listed = [
        _problem(
            ERROR,
            "notification_failed",
            f"Nothing reaches the notification address {row}: a message was tried for a day and given up. "
            f"{row.last_error}".rstrip(),
            row,
            row.gave_up_at,
        )
        for row in found
    ]
    return listed + _more(
        more, ERROR, "notification_failed", "notification addresses are not reached", "notificationaddress"
    )


def _at(instant: datetime | None) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC" if instant else "a time not known"


def _of_rollouts() -> list[dict[str, Any]]:
    """List the rollout that was halted: the other channels keep their old configuration until a person decides."""
    return [
        _problem(
            WARNING,
            "rollout_halted",
            f"The rollout of configurations is halted: {row.halted_why} Mend that and let it go on, or stop it.",
            row,
            row.created_at,
        )
        for row in Rollout.objects.filter(state=RolloutState.HALTED)
    ]


def _of_the_tool() -> list[dict[str, Any]]:
    """List that films are prepared with another ffmpeg than the tested one, or cannot be at all."""
    warning = media_tool.describe().warning
    return [_problem(WARNING, "ffmpeg", warning, "ffmpeg", None, kind="system", row_id=1)] if warning else []


def _of_standing_rules() -> list[dict[str, Any]]:
    """List what the last run of a standing rule left to a person: an episode that holds up a series, a low backlog."""
    found = []
    rows = StandingRule.objects.filter(enabled=True).exclude(last_problem="", last_low=[])
    for row in rows.order_by("name")[:MAX_OF_A_KIND]:
        if row.last_problem:
            sentence = f"Standing rule {row}: {row.last_problem}"
            found.append(_problem(WARNING, "standing_rule", sentence, row, row.last_run_at))
        if row.last_low:
            named = ", ".join(row.last_low[:5])
            more = f" and {len(row.last_low) - 5} more" if len(row.last_low) > 5 else ""
            sentence = f"{named}{more}: fewer than {row.backlog_floor} publications ahead, by the standing rule {row}."
            found.append(_problem(WARNING, "backlog_low", sentence, row, row.last_run_at))
    return found
