"""Name what needs a person now: the overview's problems, and publications that ended without having gone out.

What has the same cause at the same scope is one, whatever number of jobs or ticks it shows itself in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.urls import NoReverseMatch, reverse

from orchestration.models import Blocker, Job, Schedule
from orchestration.models.notify import Category, Severity
from orchestration.monitoring.problem_values import RECENT
from orchestration.monitoring.problems import problems
from orchestration.queue.remedies import remedy_of
from orchestration.states import BlockerScope, ScheduleState

MAX_ENDED = 50
CRITICAL = frozenset({"component_silent", "not_taken_back", "overdue", "system_not_running"})
"""What may harm a publication while nobody looks; of the rest the overview's own severity holds."""
EVENTS = frozenset({"job_failed", "job_errored", "publication_failed", "publication_missed"})
"""What leaves the list by its age, which is no recovery."""
_CREDENTIALS = {
    "credential_revoked": "credential_revoked",
    "wrong_channel": "credential_wrong_channel",
}
_BY_CODE = {
    "not_taken_back": Category.PUBLICATION,
    "notification_failed": Category.NOTIFICATION,
    "webhook_disabled": Category.NOTIFICATION,
}
_BY_SUBJECT = {
    "schedule": Category.PUBLICATION,
    "distribution": Category.PUBLICATION,
    "job": Category.PUBLICATION,
    "orphan": Category.PUBLICATION,
    "orphanupload": Category.PUBLICATION,
    "channel": Category.CHANNEL,
    "configrevision": Category.CHANNEL,
    "source": Category.SOURCE,
    "pool": Category.RESOURCE,
    "blocker": Category.RESOURCE,
    "review": Category.PUBLICATION,
    "conflict": Category.CONFLICT,
    "notificationaddress": Category.NOTIFICATION,
    "webhookendpoint": Category.NOTIFICATION,
}
_PAGES = {
    "schedule": "publication",
    "job": "job",
    "source": "sources",
    "pool": "pools",
    "review": "reviews",
    "conflict": "conflicts",
    "notificationaddress": "notifications",
    "proposal": "proposal",
}
_OF_ROWS = frozenset({"schedule", "job", "proposal"})


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause at one scope, as it stands now."""

    key: str
    code: str
    category: str
    severity: str
    subject: str
    sentence: str
    link: str = ""
    channel_id: int | None = None
    since: datetime | None = None
    members: int = 1


@dataclass(frozen=True, slots=True)
class Found:
    """All causes, and of which types of subjects there are more than are listed: of those, absence proves nothing."""

    causes: dict[str, Cause]
    cut: frozenset[str]


def found(now: datetime) -> Found:
    """Return what needs a person now, in a bounded number of queries."""
    listed = problems(now=now)
    cut = {_type(problem) for problem in listed if problem["subject_id"] is None}
    ended, more = _ended(now)
    if more:
        cut.add("schedule")
    waits, more = _of_blockers(listed)
    if more:
        cut |= {"channel", "source", "installation"}
    told = {cause.key.rpartition(":")[2] for cause in ended}
    told |= {str(problem["subject_id"]) for problem in listed if problem["subject_type"] == "schedule"}
    causes: dict[str, Cause] = {}
    for cause in [*ended, *_of_problems(listed, told)]:
        known = causes.get(cause.key)
        causes[cause.key] = cause if known is None else _joined(known, cause)
    for cause in waits:
        causes.setdefault(cause.key, cause)
    return Found({key: _counted(cause) for key, cause in causes.items()}, frozenset(cut))


def _joined(first: Cause, other: Cause) -> Cause:
    since = max((at for at in (first.since, other.since) if at), default=None)
    return replace(first, members=first.members + 1, since=since)


def _counted(cause: Cause) -> Cause:
    if cause.members == 1:
        return cause
    return replace(cause, sentence=f"{cause.sentence} (And {cause.members - 1} more of the same cause.)")


def _type(problem: dict[str, Any]) -> str:
    return {"orphan": "orphanupload"}.get(problem["subject_type"], problem["subject_type"])


def _of_problems(listed: Iterable[dict[str, Any]], told: set[str]) -> Iterator[Cause]:
    """Return the overview's problems as causes; failed jobs of a publication that is told of anyway are left out."""
    listed = list(listed)
    jobs = [problem["subject_id"] for problem in listed if problem["subject_type"] == "job"]
    schedules = dict(Job.objects.filter(pk__in=[pk for pk in jobs if pk]).values_list("pk", "schedule_id"))
    for problem in listed:
        is_job = problem["subject_type"] == "job" and problem["subject_id"] is not None
        if is_job and str(schedules.get(problem["subject_id"])) in told:
            continue
        yield _cause(problem)


def _cause(problem: dict[str, Any]) -> Cause:
    subject, code, row_id = problem["subject_type"], problem["code"], problem["subject_id"]
    if row_id is None:
        scope = f"{subject}:more"
    elif subject == "job":  # one job after the other may fail by the same cause
        scope = f"channel:{problem['channel_id']}" if problem["channel_id"] else "all"
    elif code in {"overdue", "system_not_running"}:  # their subject is but the first of many
        scope = "system"
    else:
        scope = f"{subject}:{row_id}"
    cause = "" if problem["cause"] == code else f":{problem['cause']}"
    return Cause(
        key=f"{code}{cause}:{scope}"[:200],
        code=code[:60],
        category=_BY_CODE.get(code, _BY_SUBJECT.get(subject, Category.SYSTEM)),
        severity=Severity.CRITICAL if code in CRITICAL else problem["severity"],
        subject=problem["subject"][:300],
        sentence=problem["sentence"],
        link=_link(subject, row_id, problem["slug"]),
        channel_id=problem["channel_id"],
        since=problem["since"],
    )


def _of_blockers(listed: Iterable[dict[str, Any]]) -> tuple[list[Cause], bool]:
    """Return what work waits for, under the key of the problem that a check will make of it: they are one cause."""
    codes = {problem["code"] for problem in listed}
    rows = list(
        Blocker.objects.open().counted().select_related("channel", "source").order_by("id")[: MAX_ENDED + 1]
    )
    causes = []
    for row in rows[:MAX_ENDED]:
        code = _code_of(row)
        if code in codes and row.channel_id is None and row.source_id is None:
            continue  # the problem of its pool says the same
        subject, row_id = row.scope, row.subject_id
        key = (
            f"{code}:{subject}:{row_id}"
            if subject != BlockerScope.INSTALLATION
            else f"{code}:installation:{row.detail}"
        )
        waiting: int = getattr(row, "waiting", 0)  # counted by `counted()`
        waits = {0: "", 1: " A job waits for it."}.get(waiting, f" {waiting} jobs wait for it.")
        causes.append(
            Cause(
                key=key[:200],
                code=code,
                category=_BY_SUBJECT.get(subject, Category.RESOURCE),
                severity=Severity.WARNING if row.until else Severity.ERROR,
                subject=row.subject[:300],
                sentence=f"{row.sentence}{waits} {remedy_of(row.code).sentence}",
                link=_link(subject, row_id, row.channel.slug if row.channel else ""),
                channel_id=row.channel_id,
                since=row.since,
            )
        )
    return causes, len(rows) > MAX_ENDED


def _code_of(row: Blocker) -> str:
    """Return a blocker's code, or that of the problem which a check of its channel or source makes of it."""
    if row.scope == BlockerScope.SOURCE:
        return "source_failing"
    if row.scope == BlockerScope.CHANNEL:
        return _CREDENTIALS.get(row.code, "channel_failing")
    return row.code[:60]


def _link(subject: str, row_id: Any, slug: str) -> str:
    try:
        if slug:
            return reverse("dashboard:channel", args=[slug])
        page = f"dashboard:{_PAGES.get(subject, 'overview')}"
        return reverse(page, args=[row_id] if subject in _OF_ROWS and row_id else None)
    except NoReverseMatch:
        return reverse("dashboard:overview")


def _ended(now: datetime) -> tuple[list[Cause], bool]:
    """Return the publications that ended within a day without having gone out, and whether there are more."""
    rows = list(
        Schedule.objects.filter(
            state__in=[ScheduleState.FAILED, ScheduleState.MISSED], state_changed_at__gte=now - RECENT
        )
        .select_related("distribution__video", "channel")
        .order_by("state_changed_at", "id")[: MAX_ENDED + 1]
    )
    words = {ScheduleState.FAILED: "failed", ScheduleState.MISSED: "missed its moment"}
    causes = [
        Cause(
            key=f"publication_{row.state}:schedule:{row.pk}",
            code=f"publication_{row.state}",
            category=Category.PUBLICATION,
            severity=Severity.ERROR,
            subject=f"{row.distribution.video} on {row.channel}"[:300],
            sentence=f"{row.distribution.video} on {row.channel} {words[ScheduleState(row.state)]}: "
            f"{row.reason or 'no reason given'}",
            link=_link("schedule", row.pk, ""),
            channel_id=row.channel_id,
            since=row.state_changed_at,
        )
        for row in rows[:MAX_ENDED]
    ]
    return causes, len(rows) > MAX_ENDED
