"""Show what was to be public when, as it was planned at a past instant.

Two steps, so that a week of a thousand channels answers at once: which publications stood in the window (the database
counts and orders those that have not moved since; the others are read), then everything about those of the page that is
looked at.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import Count, Q, Value

from orchestration.models import Distribution, Schedule, Video, Wave
from orchestration.models.functions import CountOf
from orchestration.monitoring.rewind import channel as channels
from orchestration.monitoring.rewind.answers import PastPlan, PastPublication
from orchestration.monitoring.rewind.log import Log, columns
from orchestration.planning.rewind import as_it_was, differences


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
    window = Window(record, starts_at, ends_at, channel_id=channel_id)
    page = max(page, 1)
    ids = window.ids((page - 1) * limit, page * limit, counting=True)
    last = max(1, -(-window.total // limit))
    if page > last:
        page, ids = last, window.ids((last - 1) * limit, last * limit)
    rows = publications(record, ids)
    shown = {row.schedule.channel_id: row.schedule.channel for row in rows}
    return PastPlan(
        starts_at,
        ends_at,
        rows,
        window.total,
        page,
        limit,
        channels.channels(sorted(shown.values(), key=lambda row: row.name), record),
        channels.blackouts(shown, record),
    )


class Window:
    """Which publications stood between two moments at the record's instant, by their moments of then; or from one on.

    `still` are those whose moment has been the same since, `moved` the others with their moments of then.
    """

    def __init__(
        self,
        record: Log,
        starts_at: datetime,
        ends_at: datetime | None = None,
        *,
        channel_id: int | None = None,
    ) -> None:
        there = Schedule.objects.filter(created_at__lte=record.at).order_by()
        if channel_id is not None:
            there = there.filter(channel=channel_id)
        self.record = record
        self.still = there.filter(publish_at__gte=starts_at)
        if ends_at is not None:
            self.still = self.still.filter(publish_at__lt=ends_at)
        moved = record.moved
        inside = {pk: at for pk, at in moved.items() if at >= starts_at and (ends_at is None or at < ends_at)}
        if moved:
            self.still = self.still.exclude(pk__in=record.moves().values("object_id"))
        found = there.filter(pk__in=list(inside)).values_list("pk", "state") if inside else ()
        self._states = dict(found)
        self.moved = sorted((inside[pk], pk) for pk in self._states)

    @cached_property
    def total(self) -> int:
        """Return how many they are."""
        return self.still.count() + len(self.moved)

    def ids(self, low: int, high: int, *, counting: bool = False) -> list[int]:
        """Return the ids of those from one place in their order to another, without reading what comes before.

        `counting` counts them all with the same statement, for `total`.
        """
        begin = max(0, low - len(self.moved))  # none before it is at `low`, wherever the moved ones stood
        many = CountOf(self.still) if counting else Value(0)
        rows = self.still.annotate(many=many).order_by("publish_at", "id")[begin:high]
        found = list(rows.values_list("publish_at", "pk", "many"))
        if counting and found:
            self.total = found[0][2] + len(self.moved)
        still = [(moment, pk) for moment, pk, _ in found]
        return [pk for _, pk in sorted([*still, *self.moved])[low - begin : high - begin]]

    def states(self) -> Counter[str]:
        """Count them by the state that they were in: the one of now, but for those of which something was written since."""
        counted = Counter(dict(self.still.values_list("state").annotate(many=Count("*"))))
        changed = Q(pk__in=self.record.entries(Schedule).values("object_id")) | Q(
            pk__in=self.record.members()
        )
        touched = dict(self.still.filter(changed).values_list("pk", "state"))
        counted.subtract(touched.values())
        rows = touched | self._states
        since = self.record.changes(Schedule, rows)
        then = (as_it_was({"state": state}, since.get(pk, ())) for pk, state in rows.items())
        counted.update(values["state"] for values in then if values is not None)
        return counted


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
    carried = record.carried_over() & {row.distribution_id for row in rows}
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
