"""Show what was to be public when, as it was planned at a past instant.

Two steps, so that a week of a thousand channels answers at once: where each publication stood (its moment is all that is
read for that), then everything about those of the page that is looked at.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models.fields.json import KT
from django.utils.dateparse import parse_datetime

from orchestration.models import Activity, Distribution, Schedule, Video, Wave
from orchestration.monitoring.rewind import channel as channels
from orchestration.monitoring.rewind import log
from orchestration.monitoring.rewind.answers import PastPlan, PastPublication
from orchestration.planning.rewind import as_it_was, differences

Where = list[tuple[datetime, int]]
"""Moments of publication with the ids of the schedules, in order."""


def plan(
    at: datetime,
    starts_at: datetime,
    ends_at: datetime,
    *,
    channel_id: int | None = None,
    page: int = 1,
    limit: int = 50,
) -> PastPlan:
    """Return a page of what was to be public in a window, as it stood at an instant."""
    found = positions(at, starts_at, ends_at, channel_id=channel_id)
    page = min(max(page, 1), max(1, -(-len(found) // limit)))
    ids = [pk for _, pk in found[(page - 1) * limit : page * limit]]
    rows = publications(ids, at)
    shown = {row.schedule.channel_id: row.schedule.channel for row in rows}
    return PastPlan(
        starts_at,
        ends_at,
        rows,
        len(found),
        page,
        limit,
        channels.channels(sorted(shown.values(), key=lambda row: row.name), at),
        channels.blackouts(shown, at),
    )


def positions(
    at: datetime, starts_at: datetime, ends_at: datetime, *, channel_id: int | None = None
) -> Where:
    """Return which schedules stood in a window at an instant, by their moments of then."""
    rows = Schedule.objects.filter(created_at__lte=at).order_by()
    if channel_id is not None:
        rows = rows.filter(channel=channel_id)
    moved = _moved_since(at, channel_id)
    found = {
        pk: moment
        for pk, moment in rows.filter(publish_at__gte=starts_at, publish_at__lt=ends_at).values_list(
            "pk", "publish_at"
        )
        if pk not in moved
    }
    inside = {pk: moment for pk, moment in moved.items() if starts_at <= moment < ends_at}
    if inside:
        found |= {pk: inside[pk] for pk in _there(rows, inside)}
    return sorted((moment, pk) for pk, moment in found.items())


def _there(rows: Any, ids: Iterable[int]) -> Iterable[int]:
    return rows.filter(pk__in=list(ids)).values_list("pk", flat=True)


def _moved_since(at: datetime, channel_id: int | None) -> dict[int, datetime]:
    """Return the moments of then of what has got another one since: the first entry after the instant has it."""
    entries = log.entries_about(Schedule, at).filter(before__has_key="publish_at")
    if channel_id is not None:
        entries = entries.filter(object_id__in=Schedule.objects.filter(channel=channel_id).values("pk"))
    found: dict[int, datetime] = {}
    for pk, said in entries.order_by("id").values_list("object_id", KT("before__publish_at")):
        moment = parse_datetime(said) if said and pk not in found else None
        if moment is not None:
            found[pk] = moment
    return found


def publications(ids: Sequence[int], at: datetime) -> list[PastPublication]:
    """Return these publications as they were at an instant, in this order; what was not there is left out."""
    rows = (
        Schedule.objects.select_related("distribution__video", "channel", "wave")
        .order_by()
        .in_bulk(list(ids))
    )
    since = log.changes_since(Schedule, at, rows)
    then = {pk: as_it_was(log.columns(row), since.get(pk, ())) for pk, row in rows.items()}
    videos = _other_videos(rows.values(), at)
    waves = Wave.objects.in_bulk(
        {values["wave_id"] for pk, values in then.items() if values and values["wave_id"] != rows[pk].wave_id}
        - {None}
    )
    return [
        _publication(rows[pk], values, waves, videos)
        for pk in ids
        if pk in rows and (values := then[pk]) is not None
    ]


def _other_videos(rows: Iterable[Schedule], at: datetime) -> dict[int, Video]:
    """Return the videos of those publications that have been carried over to another one since, by distribution."""
    entries = Activity.objects.filter(verb="distribution_carried_over", timestamp__gt=at)
    of_these = {row.distribution_id for row in rows}
    carried = {pk for pk in entries.order_by().values_list("object_id", flat=True) if pk in of_these}
    if not carried:
        return {}
    then = log.rewound(list(Distribution.objects.filter(pk__in=carried)), at)
    videos = Video.objects.in_bulk({values["video_id"] for values in then.values()})
    return {pk: videos[values["video_id"]] for pk, values in then.items() if values["video_id"] in videos}


def _publication(
    row: Schedule, then: Mapping[str, Any], waves: Mapping[int, Wave], videos: Mapping[int, Video]
) -> PastPublication:
    past = copy.copy(row)
    past._state = copy.copy(row._state)
    past._state.fields_cache = dict(row._state.fields_cache)
    found = differences(then, log.columns(row))
    for name, value in then.items():
        setattr(past, name, value)
    past.armed_for = None
    if past.wave_id in waves:
        past.wave = waves[past.wave_id]
    if row.distribution_id in videos:
        distribution = copy.copy(row.distribution)
        distribution._state = copy.copy(row.distribution._state)
        distribution._state.fields_cache = dict(row.distribution._state.fields_cache)
        distribution.video = videos[row.distribution_id]
        past.distribution = distribution
    return PastPublication(past, found)


def count_in_states(ids: Sequence[int], at: datetime, states: Iterable[str]) -> int:
    """Return how many of these were in one of the states at an instant."""
    rows = dict(Schedule.objects.filter(pk__in=list(ids)).order_by().values_list("pk", "state"))
    since = log.changes_since(Schedule, at, rows)
    wanted = frozenset(states)
    then = (as_it_was({"state": state}, since.get(pk, ())) for pk, state in rows.items())
    return sum(values is not None and values["state"] in wanted for values in then)
