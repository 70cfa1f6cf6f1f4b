"""Say which rows statistics are of: a window of days, and channels, a group, a label, a wave or a source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.models import Q
from django.db.models.expressions import Combinable
from django.utils import timezone

from channels.models import Channel, ChannelGroup, Label
from orchestration.core import lookup
from orchestration.errors import InvalidRequest, NotFound
from orchestration.models import Source, Wave
from orchestration.models.functions import DayOf, HourOf
from orchestration.monitoring.figures import Step, Window

MAX_DAYS = 30
HOURLY_UP_TO_DAYS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What was asked for; what is left out does not narrow. `group` is a group's slug, `label` a label's name."""

    days: int = 7
    channel_ids: Sequence[int] | None = None
    group: str = ""
    label: str = ""
    wave_id: int | None = None
    source_id: int | None = None

    @property
    def narrows(self) -> bool:
        """Return whether it is of some only."""
        return bool(
            self.channel_ids is not None or self.group or self.label or self.wave_id or self.source_id
        )

    @property
    def of_channels(self) -> Q | None:
        """Return the condition on a channel's row; None where channels do not narrow."""
        if not (self.channel_ids is not None or self.group or self.label):
            return None
        wanted = Q()
        if self.channel_ids is not None:
            wanted &= Q(pk__in=list(self.channel_ids))
        if self.group:
            wanted &= Q(
                pk__in=Channel.groups.through.objects.filter(channelgroup__slug=self.group).values("channel")
            )
        if self.label:
            wanted &= Q(
                pk__in=Channel.labels.through.objects.filter(label__name=self.label).values("channel")
            )
        return wanted

    def channel_in(self, path: str) -> Q:
        """Return the condition on a row whose channel stands at `path`."""
        wanted = self.of_channels
        return (
            Q()
            if wanted is None
            else Q(**{f"{path}__in": Channel.objects.filter(wanted).order_by().values("pk")})
        )

    @property
    def of_schedules(self) -> Q:
        """Return the condition on a publication's row."""
        wanted = self.channel_in("channel")
        if self.wave_id is not None:
            wanted &= Q(wave=self.wave_id)
        if self.source_id is not None:
            wanted &= Q(distribution__video__source=self.source_id)
        return wanted

    @property
    def of_distributions(self) -> Q:
        """Return the condition on a distribution's row."""
        wanted = self.channel_in("channel")
        if self.wave_id is not None:
            wanted &= Q(wave=self.wave_id)
        if self.source_id is not None:
            wanted &= Q(video__source=self.source_id)
        return wanted

    @property
    def of_jobs(self) -> Q:
        """Return the condition on a job's row; what prepares a video is of no channel and of no wave."""
        wanted = self.channel_in("channel")
        if self.wave_id is not None:
            wanted &= Q(distribution__wave=self.wave_id)
        if self.source_id is not None:
            wanted &= Q(source=self.source_id) | Q(video__source=self.source_id)
        return wanted

    def check(self) -> None:
        """Go on only if everything that is named is there. Raises: InvalidRequest; NotFound, with the field."""
        if not 1 <= self.days <= MAX_DAYS:
            raise InvalidRequest(
                f"days must be 1 to {MAX_DAYS}: YouTube's numbers are kept for {MAX_DAYS} days.", field="days"
            )
        if self.channel_ids is not None:
            wanted = lookup.check_ids(self.channel_ids, field="channel_ids")
            found = Channel.objects.filter(pk__in=wanted).values_list("pk", flat=True)
            lookup.check_found(Channel, wanted, found, field="channel_ids")
        if self.group and not ChannelGroup.objects.filter(slug=self.group).exists():
            raise NotFound(f"There is no group {self.group[:60]}.", field="group")
        if self.label and not Label.objects.filter(name=self.label).exists():
            raise NotFound(f"There is no label {self.label[:40]}.", field="label")
        if self.wave_id is not None:
            lookup.one(Wave, self.wave_id, field="wave_id")
        if self.source_id is not None:
            lookup.one(Source, self.source_id, field="source_id")

    def window(self, now: datetime | None = None) -> Window:
        """Return the last days until now, by whole UTC days with today; up to two days by whole hours.

        Now is the end of the running minute, so that a page which nothing has changed for stays as it is.
        """
        now = (now or timezone.now().replace(second=0, microsecond=0) + timedelta(minutes=1)).astimezone(UTC)
        if self.days <= HOURLY_UP_TO_DAYS:
            width, last = timedelta(hours=1), now.replace(minute=0, second=0, microsecond=0)
            count, step = 24 * self.days, Step.HOUR
        else:
            width, last = timedelta(days=1), now.replace(hour=0, minute=0, second=0, microsecond=0)
            count, step = self.days, Step.DAY
        buckets = tuple(last - width * back for back in range(count - 1, -1, -1))
        return Window(self.days, buckets[0], now, step, buckets)


def bucket_of(path: str | Combinable, step: Step) -> DayOf | HourOf:
    """Return the expression that says in which hour or day of UTC an instant lies."""
    return (HourOf if step == Step.HOUR else DayOf)(path)
