"""Name what activity entries are about: the log keeps ids, which never change; a person wants a video and a channel."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.urls import reverse

from orchestration.models import Activity, Distribution, Job, Schedule


@dataclass(frozen=True, slots=True)
class Named:
    """An entry with what it is about, in words, and the address of its page where it has one."""

    entry: Activity
    about: str
    address: str = ""


def named(entries: Iterable[Activity]) -> list[Named]:
    """Name what entries are about, in at most three queries; what is gone keeps the words that were written down."""
    entries = list(entries)
    ids: dict[str, set[int]] = defaultdict(set)
    for entry in entries:
        if entry.object_id is not None:
            ids[entry.content_type.model].add(entry.object_id)
    names = _distributions(ids["distribution"]) | _schedules(ids["schedule"]) | _jobs(ids["job"])
    return [
        Named(entry, *names.get((entry.content_type.model, entry.object_id), (entry.object_repr,)))
        for entry in entries
    ]


Names = dict[tuple[str, int], tuple[str, str]]


def _distributions(ids: set[int]) -> Names:
    if not ids:
        return {}
    rows = Distribution.objects.filter(pk__in=ids).select_related("video", "channel", "schedule")
    return {
        ("distribution", row.pk): (f"{row.video} on {row.channel}", _page("publication", _schedule_of(row)))
        for row in rows
    }


def _schedule_of(row: Distribution) -> int | None:
    schedule = getattr(row, "schedule", None)
    return schedule.pk if schedule else None


def _schedules(ids: set[int]) -> Names:
    if not ids:
        return {}
    rows = Schedule.objects.filter(pk__in=ids).select_related("distribution__video", "channel")
    return {
        ("schedule", row.pk): (f"{row.distribution.video} on {row.channel}", _page("publication", row.pk))
        for row in rows
    }


def _jobs(ids: set[int]) -> Names:
    if not ids:
        return {}
    rows = Job.objects.filter(pk__in=ids).select_related("video", "source", "channel", "distribution__video")
    found = {}
    for row in rows:
        what = row.video or row.source or (row.distribution.video if row.distribution else None)
        about = " on ".join(str(thing) for thing in (what, row.channel) if thing)
        kind = row.get_kind_display()
        found["job", row.pk] = (f"{kind}: {about}" if about else kind, _page("job", row.pk))
    return found


def _page(name: str, pk: int | None) -> str:
    return reverse(f"dashboard:{name}", args=[pk]) if pk else ""
