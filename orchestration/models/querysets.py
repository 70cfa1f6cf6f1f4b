"""Name the questions that are asked of the rows, in the words of the field: due, open, overdue, held back.

The sets of states are in `orchestration.states`; a filter that is used in one place is written there.
"""

from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

from django.db import models
from django.db.models import Exists, OuterRef, Q

from channels import limits
from channels.querysets import Lockable
from channels.states import ChannelState
from orchestration.planning.misfire import ON_TIME_SECONDS
from orchestration.states import (
    CLAIMABLE_JOBS,
    FINISHED_JOBS,
    OCCUPYING_SCHEDULES,
    OPEN_JOBS,
    OPEN_RUNS,
    OPEN_SCHEDULES,
    OPEN_WAVES,
    TAKEN_DISTRIBUTIONS,
    USABLE_VIDEOS,
    ConflictState,
    DistributionState,
    JobState,
    ScheduleState,
    VideoState,
    WaveState,
)

Row = TypeVar("Row", bound=models.Model, covariant=True)

ON_TIME = timedelta(seconds=ON_TIME_SECONDS)
"""Up to this much past its moment a publication is on time: a read-back or a short queue takes some seconds. Past it, it is
overdue: health, problems, the system's report and the metrics count it, and what nothing holds back follows the misfire
policy of its channel."""


def is_overdue(now: datetime) -> Q:
    """Return the one condition under which a schedule is overdue; see `ScheduleQuerySet.overdue`."""
    return Q(state__in=OPEN_SCHEDULES - {ScheduleState.HELD}, publish_at__lt=now - ON_TIME)


class VideoQuerySet(Lockable[Row]):
    """Videos."""

    def usable(self) -> Self:
        """Keep those that are ready for upload or on their way to it."""
        return self.filter(state__in=USABLE_VIDEOS)

    def ready(self) -> Self:
        """Keep those whose file can be uploaded."""
        return self.filter(state=VideoState.READY)


class WaveQuerySet(Lockable[Row]):
    """Waves."""

    def open(self) -> Self:
        """Keep those under way."""
        return self.filter(state__in=OPEN_WAVES)

    def with_reach(self) -> Self:
        """Ask at once of each whether it publishes beyond what whoever asks is limited to: `Wave.actions` needs it."""
        limit = limits.current()
        if limit is None:
            return self
        return self.annotate(beyond=Exists(self.model.members_beyond(limit).filter(wave=OuterRef("pk"))))  # type: ignore[attr-defined]


class ProposalQuerySet(Lockable[Row]):
    """What assistants propose."""

    def waiting(self, now: datetime) -> Self:
        """Keep those that nobody has said anything to and that still hold."""
        return self.filter(confirmed_at=None, refused_at=None, ended_at=None, expires_at__gt=now)


class DistributionQuerySet(Lockable[Row]):
    """Distributions."""

    def published(self) -> Self:
        """Keep those known to be public."""
        return self.filter(state=DistributionState.PUBLISHED)

    def taken(self) -> Self:
        """Keep those whose video goes, or went, to the channel."""
        return self.filter(state__in=TAKEN_DISTRIBUTIONS)

    def unclear(self) -> Self:
        """Keep those with an upload of which nobody knows whether it is public."""
        return self.filter(state=DistributionState.NEEDS_REVIEW, youtube_video_id__isnull=False)


_OF_ITSELF = (
    "version",
    "distribution",
    "channel",
    "wave",
    "publish_at",
    "zone",
    "priority",
    "state",
    "overridden",
    "armed_for",
    "bumped_at",
    "lateness_seconds",
    "reason",
)
_OF_OTHERS = (
    "distribution__video__title",
    "distribution__state",
    "distribution__error_code",
    "channel__name",
    "channel__slug",
    "wave__name",
    "wave__state",
)


class ScheduleQuerySet(Lockable[Row]):
    """Schedules."""

    def open(self) -> Self:
        """Keep those still to happen, held ones included."""
        return self.filter(state__in=OPEN_SCHEDULES)

    def occupying(self) -> Self:
        """Keep those that take room in a channel's calendar."""
        return self.filter(state__in=OCCUPYING_SCHEDULES)

    def published(self) -> Self:
        """Keep those known to be public."""
        return self.filter(state=ScheduleState.PUBLISHED)

    def needing_review(self) -> Self:
        """Keep those of which nobody knows how they ended."""
        return self.filter(state=ScheduleState.NEEDS_REVIEW)

    def armed(self) -> Self:
        """Keep those that YouTube was, or is being, told to publish by itself."""
        return self.filter(armed_for__isnull=False)

    def overdue(self, now: datetime) -> Self:
        """Keep those whose moment passed by more than `ON_TIME` and of which nobody has seen that they are public.

        What is armed counts, too: until it is read back nobody knows that YouTube published it. So does what a paused
        channel or wave holds back. What is held waits for a person and has no moment meanwhile.
        """
        return self.filter(is_overdue(now))

    def in_a_row(self) -> Self:
        """Read with each what a row of a list says of its video, channel and wave, and nothing else of these."""
        related = ("distribution__video", "channel", "wave")
        return self.select_related(*related).only(*_OF_ITSELF, *_OF_OTHERS)

    def free(self) -> Self:
        """Keep those that neither their channel nor their wave holds back."""
        return self.filter(channel__state=ChannelState.ACTIVE).exclude(wave__state=WaveState.PAUSED)


class ConflictQuerySet(Lockable[Row]):
    """Conflicts."""

    def open(self) -> Self:
        """Keep those that wait for a person."""
        return self.filter(state=ConflictState.OPEN)


class JobQuerySet(Lockable[Row]):
    """Jobs."""

    def open(self) -> Self:
        """Keep those that wait or run."""
        return self.filter(state__in=OPEN_JOBS)

    def claimable(self) -> Self:
        """Keep those that wait for a worker, be it their turn or not."""
        return self.filter(state__in=CLAIMABLE_JOBS)

    def due(self, now: datetime) -> Self:
        """Keep those that wait for a worker, whose time has come, and whom no open condition blocks."""
        over = self.of_its("blocked_on", until__lte=now)
        return self.claimable().filter(Q(blocked_on=None) | Q(over), run_at__lte=now)

    def of_its(self, field: str, **conditions: Any) -> Exists:
        """Ask whether what a job points to by a field fulfils conditions, by its key, for each job that is looked at.

        A join would read, and sort, all that is due before the first is known. The doubled condition is for PostgreSQL,
        which would else read all rows that fulfil the conditions into a table of hashes first.
        """
        related = self.model._meta.get_field(field).related_model
        if related is None:
            raise LookupError(f"{field} of a job points to nothing")
        rows = related._base_manager.filter(pk=OuterRef(field), pk__lte=OuterRef(field), **conditions)
        return Exists(rows)

    def blocked(self) -> Self:
        """Keep those that wait for a condition to end."""
        return self.claimable().filter(blocked_on__isnull=False)

    def running(self) -> Self:
        """Keep those that a worker or a GitHub run has in hand."""
        return self.filter(state=JobState.RUNNING)

    def finished(self) -> Self:
        """Keep those that ended, however."""
        return self.filter(state__in=FINISHED_JOBS)

    def succeeded(self) -> Self:
        """Keep those that did what they were to do."""
        return self.filter(state=JobState.SUCCEEDED)

    def needing_review(self) -> Self:
        """Keep those of which nobody knows how they ended."""
        return self.filter(state=JobState.NEEDS_REVIEW)


class BlockerQuerySet(Lockable[Row]):
    """Conditions that work waits for."""

    def open(self) -> Self:
        """Keep those that have not ended."""
        return self.filter(ended_at=None)

    def counted(self) -> models.QuerySet[Any]:
        """Annotate how many jobs wait for each (`waiting`), which no type of a row knows."""
        waits = Q(jobs__state__in=CLAIMABLE_JOBS)
        return self.annotate(waiting=models.Count("jobs", filter=waits))


class WorkflowRunQuerySet(Lockable[Row]):
    """GitHub runs."""

    def open(self) -> Self:
        """Keep those that have not concluded."""
        return self.filter(state__in=OPEN_RUNS)


class OrphanUploadQuerySet(Lockable[Row]):
    """Uploads that lost a race."""

    def undeleted(self) -> Self:
        """Keep those that still lie at YouTube."""
        return self.filter(deleted_at=None)


class LeaseQuerySet(Lockable[Row]):
    """Leases of pools."""

    def held(self) -> Self:
        """Keep those not given back."""
        return self.filter(released_at=None)
