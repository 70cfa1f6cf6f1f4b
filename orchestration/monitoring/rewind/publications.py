"""Show what was to be public when, as it was planned at a past instant.

Two steps, so that a week of a thousand channels answers at once: where each publication stood (its moment is all that is
read for that), then everything about those of the page that is looked at.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from orchestration.models import Activity, Distribution, Schedule, Video, Wave
from orchestration.monitoring.rewind import channel as channels
from orchestration.monitoring.rewind.answers import PastPlan, PastPublication
from orchestration.monitoring.rewind.log import Log, columns
from orchestration.planning.rewind import as_it_was, differences

Where = list[tuple[datetime, int]]
"""Moments of publication with the ids of the schedules, in order."""


def plan(
    record: Log,
    starts_at: datetime,
    ends_at: datetime,
    *,
    channel_id: int | None = None,
    page: int = 1,
    limit: int = 50,
) -> PastPlan:
    """Return a page of what was to be public in a window, as it stood."""
    found = positions(record, starts_at, ends_at, channel_id=channel_id)
    page = min(max(page, 1), max(1, -(-len(found) // limit)))
    ids = [pk for _, pk in found[(page - 1) * limit : page * limit]]
    rows = publications(record, ids)
    shown = {row.schedule.channel_id: row.schedule.channel for row in rows}
    return PastPlan(
        starts_at,
        ends_at,
        rows,
        len(found),
        page,
        limit,
        channels.channels(sorted(shown.values(), key=lambda row: row.name), record),
        channels.blackouts(shown, record),
    )


def positions(record: Log, starts_at: datetime, ends_at: datetime, *, channel_id: int | None = None) -> Where:
    """Return which schedules stood in a window, by their moments of then."""
    rows = Schedule.objects.filter(created_at__lte=record.at).order_by()
    if channel_id is not None:
        rows = rows.filter(channel=channel_id)
    moved = record.moved(channel_id)
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


def coming(record: Log, most: int) -> list[int]:
    """Return the ids of what was to come next, open or not."""
    rows = Schedule.objects.filter(created_at__lte=record.at)
    moved = record.moved(None)
    ahead = rows.filter(publish_at__gte=record.at).order_by("publish_at", "id")
    found = {
        pk: moment
        for pk, moment in ahead.values_list("pk", "publish_at")[: most + len(moved)]
        if pk not in moved
    }
    later = dict(
        sorted(((pk, at) for pk, at in moved.items() if at >= record.at), key=lambda pair: pair[1])[:most]
    )
    if later:
        found |= {pk: later[pk] for pk in _there(rows.order_by(), later)}
    return [pk for _, pk in sorted((moment, pk) for pk, moment in found.items())[:most]]


def _there(rows: Any, ids: Iterable[int]) -> Iterable[int]:
    return rows.filter(pk__in=list(ids)).values_list("pk", flat=True)


def publications(record: Log, ids: Sequence[int]) -> list[PastPublication]:
    """Return these publications as they were, in this order; what was not there is left out."""
    rows = (
        Schedule.objects.select_related("distribution__video", "channel", "wave")
        .order_by()
        .in_bulk(list(ids))
    )
    since = record.changes(Schedule, rows)
    then = {pk: as_it_was(columns(row), since.get(pk, ())) for pk, row in rows.items()}
    videos = _other_videos(record, rows.values())
    waves = Wave.objects.in_bulk(
        {values["wave_id"] for pk, values in then.items() if values and values["wave_id"] != rows[pk].wave_id}
        - {None}
    )
    return [
        _publication(rows[pk], values, waves, videos)
        for pk in ids
        if pk in rows and (values := then[pk]) is not None
    ]


def _other_videos(record: Log, rows: Iterable[Schedule]) -> dict[int, Video]:
    """Return the videos of those publications that have been carried over to another one since, by distribution."""
    entries = Activity.objects.filter(verb="distribution_carried_over", timestamp__gt=record.at)
    of_these = {row.distribution_id for row in rows}
    carried = {pk for pk in entries.order_by().values_list("object_id", flat=True) if pk in of_these}
    if not carried:
        return {}
    then = record.rewound(list(Distribution.objects.filter(pk__in=carried)))
    videos = Video.objects.in_bulk({values["video_id"] for values in then.values()})
    return {pk: videos[values["video_id"]] for pk, values in then.items() if values["video_id"] in videos}


def _publication(
    row: Schedule, then: Mapping[str, Any], waves: Mapping[int, Wave], videos: Mapping[int, Video]
) -> PastPublication:
    past = copy.copy(row)
    past._state = copy.copy(row._state)
    past._state.fields_cache = dict(row._state.fields_cache)
    found = differences(then, columns(row))
    for name, value in then.items():
        setattr(past, name, value)
    past.armed_for = None
    if past.wave_id is not None and past.wave_id in waves:
        past.wave = waves[past.wave_id]
    if row.distribution_id in videos:
        distribution = copy.copy(row.distribution)
        distribution._state = copy.copy(row.distribution._state)
        distribution._state.fields_cache = dict(row.distribution._state.fields_cache)
        distribution.video = videos[row.distribution_id]
        past.distribution = distribution
    return PastPublication(past, found)


def states(record: Log, ids: Sequence[int]) -> Counter[str]:
    """Count these by the state that they were in."""
    rows = dict(Schedule.objects.filter(pk__in=list(ids)).order_by().values_list("pk", "state"))
    since = record.changes(Schedule, rows)
    then = (as_it_was({"state": state}, since.get(pk, ())) for pk, state in rows.items())
    return Counter(values["state"] for values in then if values is not None)
