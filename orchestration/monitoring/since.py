"""Tell whoever was away what changed since: what went wrong first, an action of many rows as one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import CharField, Count, Max, Min, QuerySet
from django.db.models.functions import Cast, Coalesce
from django.utils import timezone

from channels.states import ChannelHealth
from orchestration.errors import InvalidRequest
from orchestration.models import Activity, Preferences
from orchestration.monitoring.matters import MATTERS, OF_VERB, VERBS
from orchestration.states import Trigger

NEVER_SEEN = timedelta(days=1)
"""How far is looked back for whoever has not said yet what they have seen."""
FURTHEST = timedelta(days=31)
MOST_LINES = 12
EDITS = ("create", "update", "delete")
"""Verbs of edits of the configuration: what nobody did is what Headend set up for itself."""


@dataclass(frozen=True, slots=True)
class SinceLine:
    """One action: its newest entry, and how many entries of its kind it wrote."""

    entry: Activity
    count: int
    first_at: datetime


@dataclass(frozen=True, slots=True)
class SinceGroup:
    """One heading: how many entries in all, and the newest actions."""

    key: str
    title: str
    count: int
    lines: list[SinceLine]

    @property
    def more(self) -> int:
        """Return how many entries the lines do not stand for."""
        return max(0, self.count - sum(line.count for line in self.lines))


@dataclass(frozen=True, slots=True)
class Since:
    """What changed between two instants; `is_first` says that nobody has said yet what they have seen."""

    since: datetime
    until: datetime
    is_first: bool
    is_cut: bool
    groups: list[SinceGroup]

    @property
    def count(self) -> int:
        """Return how many entries there are in all."""
        return sum(group.count for group in self.groups)


@dataclass(frozen=True, slots=True)
class SinceCount:
    """How much changed since somebody left, by heading: what a line on another page says."""

    since: datetime
    is_first: bool
    counts: Mapping[str, int]

    @property
    def count(self) -> int:
        """Return how many entries there are in all."""
        return sum(self.counts.values())


def seen_until(user_id: int | None) -> datetime | None:
    """Return until when a person has seen what changed; None if they never said so."""
    if user_id is None:
        return None
    return Preferences.objects.filter(user=user_id).values_list("seen_until", flat=True).first()


def changes(
    user_id: int | None = None, *, since: datetime | None = None, now: datetime | None = None
) -> Since:
    """Return what changed since an instant, or since a person has said that they have seen it all."""
    now = now or timezone.now()
    begin, is_first, is_cut = _begin(user_id, since, now)
    counts = _counts(begin, now)
    return Since(
        since=begin,
        until=now,
        is_first=is_first,
        is_cut=is_cut,
        groups=[
            SinceGroup(matter.key, matter.title, counts[matter.key], _lines(matter.verbs, begin, now))
            for matter in MATTERS
            if counts.get(matter.key)
        ],
    )


def count(user_id: int | None, now: datetime | None = None) -> SinceCount:
    """Return how much changed since a person has seen it all: two small queries, by index."""
    now = now or timezone.now()
    begin, is_first, _ = _begin(user_id, None, now)
    return SinceCount(begin, is_first, _counts(begin, now))


def mark_seen(user_id: int | None, until: datetime, now: datetime | None = None) -> datetime:
    """Keep until when a person has seen what changed; never back again. Raises: InvalidRequest.

    How one uses the console is no change of the installation, so the log has nothing of it.
    """
    if user_id is None:
        raise InvalidRequest("Only a person can have seen it; a token has no console.", field="until")
    now = now or timezone.now()
    row, _ = Preferences.objects.get_or_create(user_id=user_id)
    until = min(until, now)
    if row.seen_until is None or row.seen_until < until:
        Preferences.objects.filter(pk=row.pk).update(seen_until=until)
        return until
    return row.seen_until


# -------------------------------------------------------------------------------------------------------------- in here


def _begin(user_id: int | None, since: datetime | None, now: datetime) -> tuple[datetime, bool, bool]:
    if since is not None and since > now:
        raise InvalidRequest(f"{since:%Y-%m-%d %H:%M:%S} UTC has not come yet.", field="since")
    asked = since or seen_until(user_id)
    is_first = asked is None
    begin = asked or now - NEVER_SEEN
    return max(begin, now - FURTHEST), is_first, begin < now - FURTHEST


def _between(verbs: Sequence[str], since: datetime, until: datetime) -> QuerySet[Activity]:
    rows = Activity.objects.filter(verb__in=verbs, timestamp__gt=since, timestamp__lte=until).order_by()
    rows = rows.exclude(verb="channel_health_changed", after__health=ChannelHealth.HEALTHY)
    return rows.exclude(verb__in=EDITS, trigger=Trigger.SYSTEM)


def _counts(since: datetime, until: datetime) -> dict[str, int]:
    """Count what matters by its heading."""
    found: dict[str, int] = {}
    for verb, number in _between(VERBS, since, until).values_list("verb").annotate(many=Count("*")):
        found[OF_VERB[verb]] = found.get(OF_VERB[verb], 0) + number
    return found


def _lines(verbs: Sequence[str], since: datetime, until: datetime) -> list[SinceLine]:
    """Return the newest actions: entries of one verb under one correlation id are one."""
    one_action = Coalesce("cid", Cast("pk", CharField()))
    rows = (
        _between(verbs, since, until)
        .annotate(one_action=one_action)
        .values_list("one_action", "verb")
        .annotate(newest=Max("pk"), number=Count("*"), first_at=Min("timestamp"))
        .order_by("-newest")[:MOST_LINES]
    )
    found = [(newest, number, first_at) for _, _, newest, number, first_at in rows]
    entries = Activity.objects.select_related("content_type").in_bulk([newest for newest, _, _ in found])
    return [SinceLine(entries[newest], number, first_at) for newest, number, first_at in found]
