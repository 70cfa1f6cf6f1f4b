"""Show what the overview would have said at a past instant."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q

from channels.models import Channel
from channels.states import ChannelHealth, ChannelState
from orchestration.models import Activity, Blocker, Incident, Pool, SystemState, Wave
from orchestration.monitoring.rewind import publications
from orchestration.monitoring.rewind.answers import (
    PastCount,
    PastOverview,
    PastPublication,
    PastSystem,
    PastWave,
)
from orchestration.monitoring.rewind.log import Log
from orchestration.planning.rewind import as_it_was
from orchestration.states import OPEN_SCHEDULES, OPEN_WAVES, ScheduleState

UPCOMING = 12
LOOKED_AT = 120
"""How many coming publications are looked at to find the open ones among them."""
RECENT = timedelta(hours=24)
MOST_ROWS = 20
SWITCHED = (
    "system_started",
    "system_paused",
    "system_resumed",
    "system_draining",
    "system_stopped",
    "system_copy_found",
    "system_restore_found",
)
INCIDENTS_KEPT = timedelta(days=90)


def overview(record: Log) -> PastOverview:
    """Return what mattered at an instant."""
    at = record.at
    stood = publications.Window(record, at - RECENT, at).states()
    today = list(Channel.objects.values_list("pk", "state", "health", "created_at"))
    states, health = _channels(record, today)
    return PastOverview(
        system=_system(at),
        upcoming=_upcoming(record),
        overdue=sum(stood[state] for state in OPEN_SCHEDULES),
        published_before=stood[ScheduleState.PUBLISHED],
        waves=_waves(record),
        incidents=list(
            Incident.objects.filter(_stood(at, "opened_at", "over_at"))
            .select_related("channel")
            .order_by("opened_at", "id")[:MOST_ROWS]
        ),
        incidents_since=at - INCIDENTS_KEPT,
        blockers=list(
            Blocker.objects.filter(_stood(at, "since", "ended_at"))
            .select_related("channel", "source")
            .order_by("since", "id")[:MOST_ROWS]
        ),
        pools_paused=_pools_paused(record),
        channel_states=_counts(states, Counter(state for _, state, *_ in today), ChannelState.values),
        channel_health=_counts(health, Counter(health for _, _, health, _ in today), ChannelHealth.values),
    )


def _upcoming(record: Log) -> list[PastPublication]:
    rows = publications.publications(record, publications.Window(record, record.at).ids(0, LOOKED_AT))
    return [row for row in rows if row.schedule.state in OPEN_SCHEDULES][:UPCOMING]


def _stood(at: datetime, begin: str, end: str) -> Q:
    return Q(**{f"{begin}__lte": at}) & (Q(**{end: None}) | Q(**{f"{end}__gt": at}))


def _system(at: datetime) -> PastSystem:
    """Return how the system stood: what the last entry before says it became."""
    switched = Activity.objects.filter(verb__in=SWITCHED, after__has_key="state")
    last = switched.filter(timestamp__lte=at).order_by("-timestamp", "-id").first()
    now = SystemState.objects.filter(pk=1).values_list("state", flat=True).first() or ""
    if last is not None:
        return PastSystem(
            str((last.after or {})["state"]), last.timestamp, last.actor_label, last.reason, now
        )
    following = switched.filter(timestamp__gt=at).order_by("timestamp", "id").first()
    state = str((following.before or {}).get("state", "")) if following is not None else now
    return PastSystem(state, None, "", "", now)


def _waves(record: Log) -> list[PastWave]:
    at = record.at
    rows = Wave.objects.filter(Q(state__in=OPEN_WAVES) | Q(state_changed_at__gt=at), created_at__lte=at)
    rows_by_id = {row.pk: row for row in rows.order_by("-created_at")[: MOST_ROWS * 10]}
    then = record.rewound(list(rows_by_id.values()))
    found = []
    for pk, row in rows_by_id.items():
        if pk in then and then[pk]["state"] in OPEN_WAVES:
            past = copy.copy(row)
            past.state, past.scheduled_at = then[pk]["state"], then[pk]["scheduled_at"]
            found.append(PastWave(past, row.state))
    return found[:MOST_ROWS]


def _channels(
    record: Log, today: Iterable[tuple[int, str, str, datetime]]
) -> tuple[Counter[str], Counter[str]]:
    """Count channels by the state and the health that they had, where `today` they have these."""
    rows = {pk: {"state": state, "health": health} for pk, state, health, made in today if made <= record.at}
    since = record.all_changes(Channel)
    gone = since.keys() - {pk for pk, *_ in today}
    then = [as_it_was(values, since.get(pk, ())) for pk, values in rows.items()]
    then += [as_it_was(None, since[pk]) for pk in gone]
    there = [values for values in then if values is not None and values.get("state")]
    return Counter(row["state"] for row in there), Counter(row["health"] for row in there)


def _counts(then: Counter[str], now: Counter[str], names: Iterable[str]) -> list[PastCount]:
    return [PastCount(name, then[name], now[name]) for name in names if then[name] or now[name]]


def _pools_paused(record: Log) -> list[str]:
    rows = list(Pool.objects.order_by("name"))
    then = record.rewound(rows)
    return [row.label for row in rows if then.get(row.pk, {}).get("paused")]
