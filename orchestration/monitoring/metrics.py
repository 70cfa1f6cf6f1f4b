"""Count our own operations: jobs, schedules, channels by state; a few queries, for metrics."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Count

from channels.models import Channel, Credential
from orchestration.models import Job, Schedule


@dataclass(frozen=True, slots=True)
class Operations:
    """Counts by the labels of their metric."""

    jobs: Mapping[tuple[str, ...], int]
    schedules: Mapping[tuple[str, ...], int]
    channels: Mapping[tuple[str, ...], int]
    credentials: Mapping[tuple[str, ...], int]
    consent_ends: Mapping[tuple[str, ...], float]
    failed_over: Mapping[tuple[str, ...], int]


def operations() -> Operations:
    """Return the counts now."""
    return Operations(
        jobs=_counts(Job, "kind", "state"),
        schedules=_counts(Schedule, "state"),
        channels=_counts(Channel, "state", "health"),
        credentials=_counts(Credential, "state"),
        failed_over={
            (slug,): count
            for slug, count in Job.objects.filter(failed_over=True)
            .order_by()
            .values_list("channel__slug")
            .annotate(many=Count("*"))
        },
        consent_ends={
            (slug,): ends.timestamp()
            for slug, ends in Credential.objects.exclude(expires_at=None).values_list(
                "channel__slug", "expires_at"
            )
            if ends is not None
        },
    )


def _counts(model, *labels: str) -> dict[tuple[str, ...], int]:
    rows = model.objects.order_by().values_list(*labels).annotate(many=Count("*"))
    return {tuple(row[:-1]): row[-1] for row in rows}
