"""List what a person should look at, worst first: each problem is one sentence about one subject.

The sentences hold no ages, so that the list stays the same while nothing changes; `since` says how long it is so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Subquery
from django.utils import timezone

from orchestration.core.heartbeats import SILENT_AFTER_SECONDS, component_ages, woken_by
from orchestration.models import Schedule
from orchestration.monitoring import channel_problems, problem_gate, record_problems, work_problems
from orchestration.monitoring.problem_values import (
    ERROR,
    INFO,
    MAX_OF_A_KIND,
    ORDER,
    WARNING,
    at,
    first_of,
    more_of,
    problem,
)
from orchestration.scheduling import approval_marks
from orchestration.states import OPEN_SCHEDULES, SystemStatus

APPROVAL_SOON = timedelta(hours=2)
COMPONENTS = {
    "beat": "without it nothing that falls due is started.",
    "worker": "without it no job is done.",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What the caller has read already, so that it is not read twice; None is read here.

    `next_at` is the moment of the next publication, which what stands still holds up.
    """

    status: str | None = None
    overdue: int | None = None
    components: dict[str, float] | None = None
    next_at: datetime | None = None


def problems(
    known: Known | None = None, now: datetime | None = None, *, most: int = MAX_OF_A_KIND
) -> list[dict[str, Any]]:
    """Return what needs a person, errors first, then the longest standing; at most `most` of a kind one by one.

    One statement says of which kinds there is anything; only these are asked for. Each problem has `severity` (error,
    warning, info), `code`, `sentence`, `subject` (its name), `subject_type`, `subject_id`, `slug` (channels only) and
    `since`. For whoever tells people: `cause` and `channel_id`, by which problems are one; without `subject_id` a problem
    says how many more there are of its `subject_type`. For the overview `fold`, `detail` and `deadline`.
    """
    now = now or timezone.now()
    known = known or Known()
    seen = problem_gate.seen(now)
    of_a_kind = {
        "needs_review": lambda: _of_schedules(most),
        "approvals": lambda: _of_reviews(now),
        "jobs": lambda: work_problems.of_jobs(now, most),
        "runs": lambda: work_problems.of_runs(now, most),
        "blockers": lambda: work_problems.of_blockers(most),
        "channels": lambda: channel_problems.of_channels(most),
        "configuration": lambda: channel_problems.of_configuration(most),
        "sources": lambda: channel_problems.of_sources(most),
        "pools": channel_problems.of_pools,
        "conflicts": lambda: record_problems.of_conflicts(most),
        "orphans": lambda: record_problems.of_orphans(most),
        "notifications": lambda: record_problems.of_notifications(most),
        "webhooks": lambda: record_problems.of_webhooks(most),
        "proposals": lambda: record_problems.of_proposals(now, most),
        "rollouts": record_problems.of_rollouts,
        "standing_rules": record_problems.of_standing_rules,
    }
    found = _of_system(known, seen, now)
    for kind, listed in of_a_kind.items():
        if seen.get(kind):
            found += listed()
    found += record_problems.of_the_tool()
    return sorted(found, key=lambda each: (ORDER[each["severity"]], each["since"] or now))


def _of_system(known: Known, seen: Mapping[str, Any], now: datetime) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    status = known.status or seen.get("state") or SystemStatus.STOPPED
    late = Schedule.objects.overdue(now)
    overdue = late.count() if known.overdue is None else known.overdue
    # The row is found by the index of what is open alone; asked for whole, it is looked for among all that ever was.
    first_late = Subquery(late.order_by("publish_at", "pk").values("pk")[:1])
    oldest = (
        Schedule.objects.select_related("distribution__video", "channel").filter(pk=first_late).first()
        if overdue
        else None
    )
    if oldest is not None:
        many = "1 publication is" if overdue == 1 else f"{overdue} publications are"
        first = f"{oldest.distribution.video} on {oldest.channel}, due {at(oldest.publish_at)}"
        sentence = f"{many} overdue; the first is {first}."
        found.append(
            problem(ERROR, "overdue", sentence, oldest, oldest.publish_at, deadline=oldest.publish_at)
        )
        if status != SystemStatus.RUNNING:
            sentence = (
                f"The system is {status} while publications are due; resume or start it to let them go."
            )
            found.append(
                problem(
                    ERROR,
                    "system_not_running",
                    sentence,
                    "system",
                    oldest.publish_at,
                    kind="system",
                    row_id=1,
                    fold=status,
                    deadline=oldest.publish_at,
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
            problem(
                ERROR,
                "component_silent",
                sentence,
                component,
                since,
                kind="component",
                row_id=component,
                deadline=known.next_at,
            )
        )
    return found


def _of_schedules(most: int) -> list[dict[str, Any]]:
    rows = Schedule.objects.needing_review().select_related("distribution__video", "channel")
    found, more = first_of(rows.order_by("state_changed_at"), most)
    listed = [
        problem(
            ERROR,
            "needs_review",
            f"{row.distribution.video} on {row.channel} needs review: "
            f"{row.reason or 'nobody knows whether it was published'}",
            row,
            row.state_changed_at,
            detail="nobody knows whether they are public",
            deadline=row.publish_at,
        )
        for row in found
    ]
    return listed + more_of(more, ERROR, "needs_review", "publications need review", "schedule")


def _of_reviews(now: datetime) -> list[dict[str, Any]]:
    """Say how many publications wait for an approval: one sentence, louder once the first moment is near."""
    rows = Schedule.objects.filter(approval_marks.waits(), state__in=OPEN_SCHEDULES)
    counted = rows.aggregate(count=Count("*"), first=Min("publish_at"))
    if not counted["count"]:
        return []
    sentence = (
        f"{counted['count']} {'publication waits' if counted['count'] == 1 else 'publications wait'} for an approval, "
        f"the first until {at(counted['first'])}."
    )
    first = counted["first"]
    severity = WARNING if first < now + APPROVAL_SOON else INFO
    return [
        problem(
            severity,
            "approvals_wait",
            sentence,
            "Review",
            None,
            kind="review",
            row_id="review",
            deadline=first,
        )
    ]
