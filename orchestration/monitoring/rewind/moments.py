"""Find the moments of the past that are worth going to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.contenttypes.models import ContentType
from django.db.models import Count, Q, QuerySet, Subquery
from django.db.models.functions import TruncHour

from channels.models import Blackout, Channel, PostingSlot
from orchestration.models import Activity, Schedule
from orchestration.monitoring import matters
from orchestration.monitoring.rewind.answers import Tick

MOST_TICKS = 120
MOST_OF_A_CHANNEL = 5000


def _sets(channel: Channel | None) -> list[QuerySet[Activity]]:
    """Return the entries that change what a page shows; a channel's lie in three places, each found by its own index."""
    if channel is None:
        return [Activity.objects.filter(verb__in=matters.VERBS)]
    kinds = ContentType.objects.get_for_models(Channel, Schedule, PostingSlot, Blackout)
    mine = Schedule.objects.filter(channel=channel).order_by().values("pk")
    own = Q(before__channel_id=channel.pk) | Q(after__channel_id=channel.pk)
    edited = Q(changes__channel__0=str(channel.pk)) | Q(changes__channel__1=str(channel.pk))
    return [
        Activity.objects.filter(content_type=kinds[Channel], object_id=channel.pk),
        Activity.objects.filter(content_type=kinds[Schedule], object_id__in=mine),
        Activity.objects.filter(own | edited, content_type__in=[kinds[PostingSlot], kinds[Blackout]]),
    ]


@dataclass(frozen=True, slots=True)
class Around:
    """When the log begins, and the moments before and after an instant that are worth going to."""

    begins_at: datetime | None
    previous_at: datetime | None
    next_at: datetime | None
    next_is: str


def around(at: datetime, channel: Channel | None) -> Around:
    """Return what lies around an instant; one statement where anything does."""
    nearest = Q()
    for entries in _sets(channel):
        before = entries.filter(timestamp__lt=at).order_by("-timestamp", "-id")
        after = entries.filter(timestamp__gt=at).order_by("timestamp", "id")
        nearest |= Q(pk=Subquery(before.values("pk")[:1])) | Q(pk=Subquery(after.values("pk")[:1]))
    begins = Subquery(Activity.objects.order_by("timestamp").values("timestamp")[:1])
    rows = Activity.objects.filter(nearest).order_by("timestamp", "id").annotate(begins=begins)
    found = list(rows.values_list("timestamp", "verb", "begins"))
    earlier = [moment for moment, *_ in found if moment < at]
    later = [(moment, verb) for moment, verb, _ in found if moment > at]
    next_at, next_is = later[0] if later else (None, "")
    return Around(found[0][2] if found else begins_at(), earlier[-1] if earlier else None, next_at, next_is)


def begins_at() -> datetime | None:
    """Return when the log begins."""
    return Activity.objects.order_by("timestamp").values_list("timestamp", flat=True).first()


def ticks(since: datetime, until: datetime, channel: Channel | None) -> Sequence[Tick]:
    """Return where in a stretch of time something happened that was not simply as planned."""
    inside = Q(timestamp__gte=since, timestamp__lt=until)
    hours: Counter[datetime] = Counter()
    if channel is None:
        rows = Activity.objects.filter(inside, verb__in=matters.UNHEARD).order_by()
        hours.update(
            dict(rows.annotate(hour=TruncHour("timestamp")).values_list("hour").annotate(many=Count("*")))
        )
    else:
        for entries in _sets(channel):
            found = entries.filter(inside).order_by("-timestamp").values_list("timestamp", flat=True)
            hours.update(at.replace(minute=0, second=0, microsecond=0) for at in found[:MOST_OF_A_CHANNEL])
    step = max((until - since) / MOST_TICKS, timedelta(minutes=1))
    places: Counter[int] = Counter()
    for at, count in hours.items():
        places[max(0, int((at - since) / step))] += count
    return [Tick(since + place * step, count) for place, count in sorted(places.items())]
