"""Check publications and the jobs that serve them."""

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce, Greatest

from orchestration.core.installation import is_waiting_to_be_taken_over
from orchestration.models import Distribution, Job, OrphanUpload, Rendition, Schedule, SystemState, Video
from orchestration.models.plan import LAST_MOMENT
from orchestration.monitoring.invariants.values import Look, Violation, broken
from orchestration.queue.jobs import RUN_HOLDER
from orchestration.queue.policy import SAFE_KINDS
from orchestration.scheduling import approval_marks
from orchestration.states import (
    OPEN_JOBS,
    DistributionState,
    JobKind,
    ScheduleState,
    SystemStatus,
)

LOST_AFTER = timedelta(minutes=10)
"""How long after its moment a publication may be without a job and without a word."""
EARLY_TOLERANCE = timedelta(seconds=1)  # YouTube counts in whole seconds
PUBLIC_STATES = (DistributionState.PUBLISHED, DistributionState.RECALLED, DistributionState.NEEDS_REVIEW)


def one_public_video(look: Look) -> Iterator[Violation]:
    """Look for a second video, and for public ones of which nobody knows what they are."""
    recorded = Distribution.objects.filter(youtube_video_id=OuterRef("youtube_video_id"))
    for orphan in OrphanUpload.objects.undeleted().filter(Exists(recorded)):
        yield broken(orphan, f"is listed for deletion, and {orphan.youtube_video_id} is a recorded video")
    public = Distribution.objects.published()
    for row in public.filter(Q(youtube_video_id=None) | Q(youtube_video_id="")):
        yield broken(row, "is published, but no video is recorded")
    twins = (
        public.exclude(video__content_hash="")
        .values("channel_id", "video__content_hash")
        .annotate(times=Count("*"))
        .filter(times__gt=1)
        .order_by()
    )
    for twin in twins:
        yield Violation(
            f"the same content is public {twin['times']} times on channel {twin['channel_id']}",
            f"channel {twin['channel_id']}",
        )


def one_open_job_per_key(look: Look) -> Iterator[Violation]:
    """Look for work that is to be done twice."""
    doubled = Job.objects.open().values("dedupe_key").annotate(times=Count("*"))
    for row in doubled.filter(times__gt=1).order_by():
        yield Violation(f"{row['times']} open jobs have the key {row['dedupe_key']}", row["dedupe_key"])


def nothing_due_is_lost(look: Look) -> Iterator[Violation]:
    """Look for publications whose moment is long past, which nothing holds back and nobody works on."""
    system = SystemState.objects.filter(pk=1).first()
    if (
        not look.ticking
        or system is None
        or system.state != SystemStatus.RUNNING
        or is_waiting_to_be_taken_over()
    ):
        return
    if system.state_changed_at > look.now - LOST_AFTER:
        return  # just switched on: what is overdue is being sorted out
    worked_on = Job.objects.open().filter(distribution=OuterRef("distribution"))
    forgotten = (
        Schedule.objects.overdue(look.now)
        .free()
        .filter(publish_at__lt=look.now - LOST_AFTER, misfire_action="")
        .exclude(Exists(worked_on))
    )
    for row in forgotten:
        yield broken(row, f"was due at {row.publish_at:%Y-%m-%d %H:%M} UTC, is {row.state}, and has no job")


def no_job_is_forgotten(look: Look) -> Iterator[Violation]:
    """Look for jobs that a lost worker holds although the clock runs."""
    if look.ticking:
        expired = Job.objects.running().filter(lease_expires_at__lt=look.now - LOST_AFTER)
        for row in expired.exclude(holder__startswith=RUN_HOLDER):
            yield broken(
                row, f"is held by {row.holder}, whose lease ended at {row.lease_expires_at:%H:%M:%S}"
            )


def never_early(look: Look) -> Iterator[Violation]:
    """Look for videos that were public, or will be, before their moment."""
    public = Schedule.objects.published().select_related("distribution")
    early = public.filter(distribution__published_at__lt=F("publish_at") - EARLY_TOLERANCE)
    for row in early:
        yield broken(
            row, f"was public at {row.distribution.published_at}, before its moment {row.publish_at}"
        )
    for row in public.filter(lateness_seconds=None, state_changed_at__gt=F("created_at")).exclude(
        distribution__verified_at=None
    ):
        yield broken(row, "is published without its lateness")
    waiting = Schedule.objects.filter(state__in=[ScheduleState.PLANNED, ScheduleState.STAGED])
    for row in waiting.filter(armed_for__lt=F("publish_at")):
        yield broken(row, f"is armed for {row.armed_for}, before its moment {row.publish_at}")


def nothing_unapproved(look: Look) -> Iterator[Violation]:
    """Look for what YouTube would publish, or has, although it waits for an approval; what was public before stays."""
    armed = Schedule.objects.filter(
        approval_marks.waits(), armed_for__gt=look.now, state=ScheduleState.STAGED
    )
    for row in armed.select_related("distribution__approval"):
        if not row.is_beyond_stopping:
            yield broken(row, f"is armed for {row.armed_for}, and nobody approved it")
    since = Greatest("channel__needs_approval_since", "distribution__video__source__needs_approval_since")
    public = Schedule.objects.published().filter(
        approval_marks.needs_one(), distribution__approval=None, distribution__verified_at__isnull=False
    )
    asked = Coalesce(
        since, "channel__needs_approval_since", "distribution__video__source__needs_approval_since"
    )
    for row in public.annotate(asked=asked).filter(distribution__published_at__gt=F("asked") + LAST_MOMENT):
        yield broken(row, "went public, and nobody approved it")


def states_agree(look: Look) -> Iterator[Violation]:
    """Look for states that say more than their rows hold."""
    pairs = Schedule.objects.select_related("distribution")
    staged = pairs.filter(state__in=[ScheduleState.STAGED, ScheduleState.PUBLISHING])
    for row in staged.filter(distribution__youtube_video_id=None):
        yield broken(row, f"is {row.state}, but nothing is uploaded")
    published = pairs.filter(state=ScheduleState.PUBLISHED)
    for row in published.exclude(distribution__state__in=PUBLIC_STATES):
        yield broken(row, f"is published, but its distribution is {row.distribution.state}")
    for distribution in Distribution.objects.published().filter(published_at=None):
        yield broken(distribution, "is published, but nobody knows since when")
    deleted = Rendition.objects.filter(video=OuterRef("pk"), file="", error_message="")  # to make room
    for video in Video.objects.ready().filter(~Exists(deleted), prepared_file=""):
        yield broken(video, "is ready, but has no prepared file")
    for job in Job.objects.running().filter(holder=""):
        yield broken(job, "runs, but nobody holds it")


def nothing_starts_while_held(look: Look) -> Iterator[Violation]:
    """Look for jobs that began after a pause or a stop had answered."""
    system = SystemState.objects.filter(pk=1).exclude(state=SystemStatus.RUNNING).first()
    if system is None:
        return
    began = Job.objects.filter(started_at__gt=system.state_changed_at).exclude(kind__in=SAFE_KINDS)
    for row in began.exclude(kind=JobKind.PUBLISH, schedule__armed_for__isnull=False):
        if row.kind == JobKind.PUBLISH and row.schedule_id and row.state not in OPEN_JOBS:
            continue  # what it looked at was armed then
        yield broken(row, f"began at {row.started_at}, after the system was {system.state}")


def one_firing_per_moment(look: Look) -> Iterator[Violation]:
    """Look for a channel that publishes twice at one instant."""
    doubled = (
        Schedule.objects.occupying()
        .filter(channel__min_gap_minutes__gt=0)
        .values("channel_id", "publish_at")
        .annotate(times=Count("*"))
        .filter(times__gt=1)
        .order_by()
    )
    for row in doubled:
        yield Violation(
            f"channel {row['channel_id']} has {row['times']} publications at {row['publish_at']}",
            f"channel {row['channel_id']}",
        )
