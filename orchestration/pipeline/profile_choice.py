"""Say by which profile a video is prepared for a channel: the channel's, else the source's, else the installation's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Case, CharField, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Coalesce, NullIf

from orchestration.media.profiles import BUILT_IN
from orchestration.media.profiles import Profile as Wanted
from orchestration.models import Distribution, Job, Profile, Rendition, Schedule, Source, Video
from orchestration.models.querysets import DistributionQuerySet, ScheduleQuerySet
from orchestration.states import DistributionState, JobKind, ScheduleState, VideoState


@dataclass(frozen=True, slots=True)
class Profiles:
    """All profiles by their keys, and which one is for whatever names none."""

    by_key: Mapping[str, Wanted]
    default_key: str

    def named(self, *keys: str) -> Wanted:
        """Return the profile of the first key that is not empty; one that is gone means the default one."""
        key = next((key for key in keys if key), self.default_key)
        return self.by_key.get(key) or self.by_key[self.default_key]

    def for_pair(self, channel_key: str, source: Source | None) -> Wanted:
        """Return the profile of a video of a source on a channel."""
        return self.named(channel_key, source.profile if source is not None else "")

    def primary(self, video: Video) -> Wanted:
        """Return the profile whose file stands for a video on pages: its source's, or the default one."""
        return self.for_pair("", video.source)


def profiles() -> Profiles:
    """Read all profiles: a query for a handful of rows."""
    rows = list(Profile.objects.all())
    by_key = {row.key: row.wanted for row in rows} | BUILT_IN
    flagged = next((row.key for row in rows if row.is_default), "")
    return Profiles(by_key, flagged or settings.HEADEND_PROFILE)


def wanted_of(distribution: Distribution, known: Profiles | None = None) -> Wanted:
    """Return the profile of a publication as things are set now."""
    known = known or profiles()
    return known.for_pair(distribution.channel.profile, distribution.video.source)


def wanted_by_plans(video: Video, known: Profiles) -> list[Wanted]:
    """Return what a video is to be prepared by, each file once: its own profile first, then those of its open plans.

    Last come those that could not be made before: whoever tries again means them.
    """
    failed = video.renditions.filter(file="").exclude(error_message="").values_list("fingerprint", flat=True)
    before = [wanted for wanted in known.by_key.values() if wanted.fingerprint in set(failed)]
    keys = _not_uploaded(video).order_by().values_list("channel__profile", flat=True).distinct()
    found = [known.primary(video), *(known.for_pair(key, video.source) for key in sorted(keys)), *before]
    once: dict[str, Wanted] = {}
    for wanted in found:
        once.setdefault(wanted.fingerprint, wanted)
    return list(once.values())


def without_file(known: Profiles, *, until: datetime) -> ScheduleQuerySet[Schedule]:
    """Return the plans of ready videos, to be staged until an instant, whose file by their profile is not made yet.

    What could not be made is not among them: it is tried again when somebody asks for it.
    """
    prints = [When(profile_key=key, then=Value(wanted.fingerprint)) for key, wanted in known.by_key.items()]
    default = Value(known.named().fingerprint)
    key = Coalesce(
        NullIf(F("channel__profile"), Value("")),
        NullIf(F("distribution__video__source__profile"), Value("")),
        Value(known.default_key),
        output_field=CharField(),
    )
    there = Rendition.objects.filter(
        ~Q(file="") | ~Q(error_message=""),
        video=OuterRef("distribution__video"),
        fingerprint=OuterRef("fingerprint"),
    )
    working = Job.objects.open().filter(video=OuterRef("distribution__video"), kind=JobKind.PROCESS)
    return (
        Schedule.objects.filter(
            state__in=[ScheduleState.PLANNED, ScheduleState.STAGING],
            stage_at__lte=until,
            distribution__youtube_video_id=None,
            distribution__video__state=VideoState.READY,
        )
        .annotate(profile_key=key)
        .annotate(fingerprint=Case(*prints, default=default, output_field=CharField()))
        .exclude(Exists(there))
        .exclude(Exists(working))
    )


def note_failure(video: Video, why: str) -> list[int]:
    """Write down that what a ready video's plans lack could not be made; returns the publications that wait for it.

    The files that are there are as good as before, so the video stays ready and other publications go on.
    """
    known = profiles()
    present = set(Rendition.objects.present().filter(video=video).values_list("fingerprint", flat=True))
    missing = {wanted.fingerprint: wanted for wanted in wanted_by_plans(video, known)}
    for fingerprint in missing.keys() - present:
        Rendition.objects.update_or_create(
            video=video,
            fingerprint=fingerprint,
            defaults={
                "profile_name": missing[fingerprint].name,
                "settings": missing[fingerprint].settings,
                "file": "",
                "error_message": why[:500],
            },
        )
    return [
        row.pk
        for row in _not_uploaded(video).select_related("channel", "video__source")
        if wanted_of(row, known).fingerprint not in present
    ]


def _not_uploaded(video: Video) -> DistributionQuerySet[Distribution]:
    """Return the publications of a video that may still be uploaded."""
    may = [DistributionState.ASSIGNED, DistributionState.NEEDS_REVIEW]
    return Distribution.objects.filter(video=video, youtube_video_id=None, state__in=may)
