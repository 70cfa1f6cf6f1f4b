"""Count what became of publications, and how late they were, from our own records."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime

from django.db.models import Count, Max, Q, QuerySet
from django.db.models.functions import Substr

from orchestration.models import Schedule
from orchestration.monitoring.figure_scope import Scope, bucket_of
from orchestration.monitoring.figures import BucketOutcome, HourOfWeek, PublicationFigures, spread_of
from orchestration.monitoring.lengths import Rounded, seconds
from orchestration.planning.misfire import ON_TIME_SECONDS
from orchestration.states import ScheduleState


def figures(scope: Scope, now: datetime | None = None) -> PublicationFigures:
    """Return what became of the publications whose moment lay in the window; two statements, whatever their number.

    Raises: InvalidRequest; NotFound, with the field.
    """
    scope.check()
    window = scope.window(now)
    rows = Schedule.objects.filter(
        scope.of_schedules, publish_at__gte=window.since, publish_at__lte=window.until
    ).order_by()
    bucket = bucket_of("publish_at", window.step)
    public = rows.filter(state=ScheduleState.PUBLISHED)
    outcomes: dict[datetime, Counter[str]] = defaultdict(Counter)
    late: dict[datetime, Counter[float]] = defaultdict(Counter)
    longest: dict[datetime, float] = {}
    # Two looks: how late it was is told of what is public alone, whose index has it.
    counted = public.values_list(bucket, Rounded("lateness_seconds")).annotate(
        many=Count("*"), longest=Max("lateness_seconds")
    )
    for at, tenths, many, most in counted:
        outcomes[at][ScheduleState.PUBLISHED] += many
        if tenths is not None:
            late[at][seconds(tenths)] += many
            longest[at] = max(longest.get(at, 0.0), most)
    others = rows.filter(state__in=set(ScheduleState.values) - {ScheduleState.PUBLISHED})
    for at, state, many in others.values_list(bucket, "state").annotate(many=Count("*")):
        outcomes[at][state] += many
    return PublicationFigures(
        window=window,
        outcomes=_ordered(sum(outcomes.values(), Counter())),
        lateness=spread_of(sum(late.values(), Counter()).items(), max(longest.values(), default=None)),
        over_time=tuple(
            BucketOutcome(at, _ordered(outcomes[at]), spread_of(late[at].items(), longest.get(at)))
            for at in window.buckets
        ),
        hours_of_week=_hours_of_week(public),
    )


def _ordered(counts: Counter[str]) -> dict[str, int]:
    """Return counts in the order in which states follow each other, without those that nothing has."""
    return {state: counts[state] for state in ScheduleState.values if counts[state]}


def _hours_of_week(rows: QuerySet[Schedule]) -> tuple[HourOfWeek, ...]:
    """Return all 168 hours; which one a publication lies in is said by the wall clock that it was meant in."""
    published: Counter[tuple[int, int]] = Counter()
    late: Counter[tuple[int, int]] = Counter()
    counted = rows.values_list(Substr("local_wall", 1, 13)).annotate(
        many=Count("*"), late=Count("lateness_seconds", filter=Q(lateness_seconds__gt=ON_TIME_SECONDS))
    )
    for wall, many, behind in counted:
        place = date.fromisoformat(wall[:10]).weekday(), int(wall[11:13])
        published[place] += many
        late[place] += behind
    return tuple(
        HourOfWeek(weekday, hour, published[weekday, hour], late[weekday, hour])
        for weekday in range(7)
        for hour in range(24)
    )
