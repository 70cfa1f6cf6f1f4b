"""Find the moments of the past that are worth going to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.contrib.contenttypes.models import ContentType
from django.db.models import Count, Q, QuerySet
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


def previous(at: datetime, channel: Channel | None) -> Activity | None:
    """Return the last entry before an instant that is worth going to."""
    found = [
        entries.filter(timestamp__lt=at).order_by("-timestamp", "-id").first() for entries in _sets(channel)
    ]
    return max((entry for entry in found if entry), key=lambda entry: entry.timestamp, default=None)


def following(at: datetime, channel: Channel | None) -> Activity | None:
    """Return the first entry after an instant that is worth going to."""
    found = [
        entries.filter(timestamp__gt=at).order_by("timestamp", "id").first() for entries in _sets(channel)
    ]
    return min((entry for entry in found if entry), key=lambda entry: entry.timestamp, default=None)


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
