"""What goes where and when, and what collided on the way.

Page word and row:

    publication    Schedule (its moment, state and verbs) and its Distribution (the decision, and how it ended)
    wave, member   Wave, and its schedules
    conflict       Conflict
    armed          no state: Schedule.armed_for

In a plan that is not written yet a publication is a `Placement`, in a channel's calendar an `Occupied`. Every word is in
docs/glossary.md.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from channels import limits, secrets
from channels.models import PRIORITY_VALIDATORS, Channel
from channels.stateful import Stateful
from orchestration.models.library import Video
from orchestration.models.querysets import (
    ConflictQuerySet,
    DistributionQuerySet,
    ScheduleQuerySet,
    WaveQuerySet,
)
from orchestration.states import (
    CLOSED_SCHEDULES,
    CONFLICT_TRANSITIONS,
    CONFLICT_VERBS,
    DISTRIBUTION_TRANSITIONS,
    ENDED_WAVES,
    OPEN_SCHEDULES,
    SCHEDULE_TRANSITIONS,
    SCHEDULE_VERBS,
    WAVE_TRANSITIONS,
    WAVE_VERBS,
    ConflictKind,
    ConflictState,
    DistributionState,
    OnConflict,
    ScheduleState,
    Timing,
    WaveState,
)


class Wave(Stateful):
    """One coordinated publication of videos over channels; written whole or not at all."""

    TRANSITIONS = WAVE_TRANSITIONS
    VERBS = WAVE_VERBS

    name = models.CharField(max_length=120)
    timing = models.CharField(max_length=20, choices=Timing.choices)
    scheduled_at = models.DateTimeField(null=True, blank=True)
    delay_seconds = models.PositiveIntegerField(default=0)
    priority = models.PositiveSmallIntegerField(default=5, validators=PRIORITY_VALIDATORS)
    on_conflict = models.CharField(max_length=10, choices=OnConflict.choices, default=OnConflict.SHIFT)
    state = models.CharField(
        max_length=12, choices=WaveState.choices, default=WaveState.SCHEDULED, db_index=True
    )
    request = models.JSONField(default=dict, help_text="the request as it came in")
    words = models.JSONField(default=dict, blank=True, help_text="what all its publications say")
    summary = models.CharField(max_length=500, blank=True)
    correlation_id = models.CharField(max_length=64, db_index=True)
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = WaveQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [models.CheckConstraint(condition=Q(priority__lte=10), name="wave_priority_0_to_10")]

    def __str__(self) -> str:
        return self.name

    @property
    def actions(self) -> tuple[str, ...]:
        """Return the verbs that may be asked of it now: none to whoever is limited to only some of its channels."""
        limit = limits.current()
        return () if limit is not None and self.is_beyond(limit) else super().actions

    def is_beyond(self, limit: limits.Limit) -> bool:
        """Return whether it publishes outside a limit, too; a list asked for it with `with_reach`."""
        known: bool | None = self.__dict__.get("beyond")
        return Wave.members_beyond(limit).filter(wave=self.pk).exists() if known is None else known

    @staticmethod
    def members_beyond(limit: limits.Limit) -> models.QuerySet[Schedule]:
        """Return the schedules of waves that lie outside a limit."""
        return Schedule._base_manager.filter(wave__isnull=False).exclude(channel__in=limit.channels)

    def hint(self, name: str) -> str:
        """Return what stands against resuming."""
        return "it is not paused" if name == "resume" else ""


class Distribution(Stateful):
    """The decision that a video goes to a channel, once, with its reason and how it ended.

    `youtube_video_id` is written once, by compare-and-swap from empty; what loses that race is an OrphanUpload.
    """

    TRANSITIONS = DISTRIBUTION_TRANSITIONS

    class Method(models.TextChoices):
        COORDINATED = "coordinated"
        WAVE = "wave"
        DISTRIBUTED = "distributed", "distributed by the rules"
        SERIES = "series", "as the next of a series"
        MANUAL = "manual", "triggered by hand"

    # No index of its own: the unique pair begins with it, and each index is paid for ten thousand times in a wave.
    video = models.ForeignKey(Video, on_delete=models.PROTECT, related_name="distributions", db_index=False)
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="distributions")
    wave = models.ForeignKey(
        Wave, null=True, blank=True, on_delete=models.SET_NULL, related_name="distributions"
    )
    method = models.CharField(max_length=20, choices=Method.choices)
    reason = models.CharField(max_length=300, blank=True)
    explanation = models.JSONField(
        default=list, blank=True, help_text="each rule with value, threshold and verdict"
    )
    words = models.JSONField(default=dict, blank=True, help_text="what this publication alone says")
    state = models.CharField(
        max_length=20, choices=DistributionState.choices, default=DistributionState.ASSIGNED, db_index=True
    )
    marker = models.CharField(
        max_length=64, blank=True, help_text="what the upload carries, to be found again by"
    )
    generation = models.PositiveSmallIntegerField(
        default=0, editable=False, help_text="how many uploads failed and were let go"
    )
    upload_session_sealed = models.TextField(blank=True, editable=False)
    rendition = models.ForeignKey(
        "orchestration.Rendition",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
        db_index=False,
        help_text="the file that its upload sends; another one begins another upload",
    )
    looked_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="when YouTube was asked, since a restore, what it is"
    )
    last_sent_at = models.DateTimeField(
        null=True, blank=True, help_text="when the last byte of an upload may have been sent"
    )
    youtube_video_id = models.CharField(max_length=32, null=True, blank=True)  # noqa: DJ001 - NULL is the swap's "not yet"
    staged_at = models.DateTimeField(null=True, blank=True)
    published_at = models.DateTimeField(null=True, blank=True, help_text="as YouTube gives it")
    verified_at = models.DateTimeField(null=True, blank=True, help_text="when the read-back saw it public")
    last_set = models.JSONField(
        default=dict, blank=True, help_text="what we last set on YouTube, what is being set, and when"
    )
    look_at = models.DateTimeField(
        null=True, blank=True, db_index=True, help_text="when its upload is looked at next"
    )
    title_set = models.CharField(
        max_length=120, blank=True, editable=False, help_text="our title as YouTube first showed it"
    )
    last_seen = models.JSONField(default=dict, blank=True, help_text="what YouTube last showed, and when")
    words_set = models.JSONField(
        default=dict, blank=True, help_text="words and extras that we last set on YouTube, and are setting"
    )
    words_wanted = models.JSONField(
        default=dict, blank=True, help_text="words and extras that YouTube is still to be given"
    )
    word_faults = models.JSONField(
        default=dict, blank=True, help_text="what YouTube did not take of them, and when it is tried again"
    )
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = DistributionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            # What is on YouTube and not public: a few hundred rows of a hundred thousand.
            models.Index(
                fields=["id"],
                condition=Q(youtube_video_id__isnull=False) & ~Q(state=DistributionState.PUBLISHED),
                name="distribution_uploaded",
            ),
            models.Index(
                fields=["published_at"],
                condition=Q(published_at__isnull=False),
                name="distribution_public",
            ),
            models.Index(
                fields=["channel", "published_at"],
                include=["state"],
                condition=Q(published_at__isnull=False),
                name="distribution_of_channel",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["video", "channel"], name="distribution_once"),
            models.UniqueConstraint(
                fields=["youtube_video_id"],
                condition=Q(youtube_video_id__isnull=False),
                name="youtube_video_once",
            ),
        ]

    def __str__(self) -> str:
        return (
            f"{self.video} on {self.channel}" if self.video_id and self.channel_id else "a new distribution"
        )

    @property
    def recorded(self) -> dict[str, Any]:
        """Return how its video is to look on YouTube by our records: public, at its moment, or private."""
        return self.recorded_by(Schedule.objects.filter(distribution=self).first())

    def recorded_by(self, schedule: Schedule | None) -> dict[str, Any]:
        """Return the same by a plan that was read already."""
        is_public = self.state == DistributionState.PUBLISHED or (
            self.published_at is not None and self.state == DistributionState.NEEDS_REVIEW
        )
        waits = schedule is not None and schedule.state in OPEN_SCHEDULES | {ScheduleState.NEEDS_REVIEW}
        at = schedule.publish_at if schedule is not None and waits and not is_public else None
        return {"privacy_status": "public" if is_public else "private", "publish_at": at}

    @property
    def is_changed_elsewhere(self) -> bool:
        """Return whether somebody changed its video on YouTube, and nobody has said yet what holds."""
        return self.error_code == "changed_elsewhere"

    @property
    def upload_session(self) -> str:
        """Return the resumable session's URI, which is a bearer capability; never log it."""
        return secrets.decrypt(self.upload_session_sealed, bound_to=self.bound_to())

    def sealed_session(self, uri: str) -> str:
        """Return `uri` sealed for this row."""
        return secrets.encrypt(uri, bound_to=self.bound_to())

    def bound_to(self) -> str:
        """Return what its seal is bound to."""
        return f"orchestration.distribution:{self.pk}:session"


LAST_MOMENT = timedelta(seconds=2)
"""So near to the time that YouTube was given nothing can be stopped for certain."""
SEEN_BY_OTHERS = frozenset(
    {DistributionState.PUBLISHED, DistributionState.RECALLED, DistributionState.NEEDS_REVIEW}
)
"""With one of these the video is public, was, or may be."""


class Schedule(Stateful):
    """When a distribution is to be public: the instant, and the wall clock and zone it was meant in.

    `stage_at` is when its staging starts. `lateness_seconds` is stored when it ends. It is *armed* while `armed_for` says
    which `publishAt` YouTube was told, or is being told; its state is `staged` then, and the publish job notes the answer.
    """

    TRANSITIONS = SCHEDULE_TRANSITIONS
    VERBS = SCHEDULE_VERBS

    distribution = models.OneToOneField(Distribution, on_delete=models.CASCADE, related_name="schedule")
    # No index of its own: the one on channel and publish_at begins with it.
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="schedules", db_index=False)
    # None here either: a wave's members are counted, and spanned, from the one on wave, publish_at and state.
    wave = models.ForeignKey(
        Wave, null=True, blank=True, on_delete=models.SET_NULL, related_name="schedules", db_index=False
    )
    publish_at = models.DateTimeField()
    local_wall = models.CharField(
        max_length=19, help_text="wall clock in the zone, for example 2026-11-23T18:00:00"
    )
    zone = models.CharField(max_length=64)
    stage_at = models.DateTimeField()
    priority = models.PositiveSmallIntegerField(default=5, validators=PRIORITY_VALIDATORS)
    state = models.CharField(max_length=20, choices=ScheduleState.choices, default=ScheduleState.PLANNED)
    overridden = models.BooleanField(default=False, help_text="a person set this time; re-planning keeps it")
    armed_for = models.DateTimeField(
        null=True, blank=True, help_text="publishAt as set and read back on YouTube"
    )
    bumped_at = models.DateTimeField(null=True, blank=True)
    misfire_action = models.CharField(max_length=20, blank=True)
    lateness_seconds = models.FloatField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = ScheduleQuerySet.as_manager()

    class Meta:
        ordering = ["publish_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(priority__lte=10), name="schedule_priority_0_to_10")
        ]
        indexes = [
            models.Index(fields=["state", "stage_at"]),
            # What a window of time holds, counted by channel or state without a look at the rows.
            models.Index(fields=["publish_at"], include=["channel", "state"], name="schedule_by_moment"),
            # What ended, by when it did, and what went out, by its moment: the figures of a week are of 70,000 of them.
            models.Index(
                fields=["state_changed_at"],
                include=["state"],
                condition=Q(state__in=sorted(CLOSED_SCHEDULES)),
                name="schedule_closed",
            ),
            models.Index(
                fields=["publish_at"],
                include=["lateness_seconds", "local_wall"],
                condition=Q(state=ScheduleState.PUBLISHED),
                name="schedule_public",
            ),
            # What is open, by its moment: what comes next, what is due, what is overdue (of which what is held is none,
            # so that the state is in it: every page counts them, and would look at all that was ever published).
            models.Index(
                fields=["publish_at", "id"],
                include=["state", "stage_at", "armed_for"],
                condition=Q(state__in=sorted(OPEN_SCHEDULES)),
                name="schedule_open",
            ),
            models.Index(fields=["channel", "publish_at"]),
            models.Index(
                fields=["wave", "publish_at"],
                include=["state", "armed_for", "distribution"],
                name="schedule_of_wave",
            ),
            models.Index(fields=["armed_for"], condition=Q(armed_for__isnull=False), name="schedule_armed"),
        ]

    def __str__(self) -> str:
        if not self.distribution_id or not self.channel_id:
            return "a new publication"
        return f"{self.distribution.video} on {self.channel} at {self.publish_at:%Y-%m-%d %H:%M:%S} UTC"

    @property
    def is_open(self) -> bool:
        """Return whether it is still to happen."""
        return self.state in OPEN_SCHEDULES

    @property
    def is_beyond_stopping(self) -> bool:
        """Return whether YouTube will make it public before anybody could stop it."""
        return self.armed_for is not None and self.armed_for - timezone.now() < LAST_MOMENT

    @property
    def called_off(self) -> Wave | None:
        """Return the wave that it belongs to, if a person has cancelled or recalled it."""
        return self.wave if self.wave is not None and self.wave.state in ENDED_WAVES else None

    def why_not(self, name: str) -> str:
        """Return why a verb is refused now: by its state, its moment, its wave, or what became of its video."""
        if refused := super().why_not(name):
            return refused
        if name in {"move", "hold", "cancel"} and self.is_beyond_stopping:
            return "It is armed on YouTube and its moment has come: it can only be recalled now."
        wave = self.called_off
        if name in {"move", "release"} and wave is not None:
            out = "cancel it and reopen it to have it published outside of the wave"
            return f"{self._named()} belongs to wave {wave.name}, which is {wave.state}; {out}."
        if name in {"take_theirs", "put_ours_back"} and not self.distribution.is_changed_elsewhere:
            return f"{self._named()} needs review, but not since somebody changed it on YouTube; review it."
        if name == "reopen" and self.distribution.state in SEEN_BY_OTHERS:
            return (
                f"{self._named()} cannot be reopened: its video is {self.distribution.get_state_display()}."
            )
        return ""

    def hint(self, name: str) -> str:
        """Return which verb takes up again what is held or over, and which settles what is unclear."""
        if self.state == ScheduleState.NEEDS_REVIEW:
            return "it may be public, so it is settled by a review of what is on YouTube"
        plain = {
            "reopen": "only what is over can be reopened",
            "release": "it is not held",
            "review": "it needs no review",
            "bump": "nothing waits for it",
            "take_theirs": "nobody changed it on YouTube",
            "put_ours_back": "nobody changed it on YouTube",
        }
        if name in plain:
            return plain[name]
        if name in {"move", "hold"}:
            if self.state == ScheduleState.HELD:
                return "release it, with another time if need be"
            if self.state in self.VERBS["reopen"].states:
                return "reopen it, with another time if need be"
        return ""


class Conflict(Stateful):
    """What collided, by which rule, who yielded and how it was resolved, with ranked alternatives."""

    TRANSITIONS = CONFLICT_TRANSITIONS
    VERBS = CONFLICT_VERBS

    kind = models.CharField(max_length=12, choices=ConflictKind.choices)
    rule = models.CharField(max_length=60)
    message = models.CharField(max_length=500)
    state = models.CharField(
        max_length=12, choices=ConflictState.choices, default=ConflictState.OPEN, db_index=True
    )
    resolution = models.CharField(
        max_length=20, blank=True, help_text="shifted, preempted, skipped, rejected, …"
    )
    yielded = models.CharField(max_length=200, blank=True, help_text="which party gave way")
    wave = models.ForeignKey(Wave, null=True, blank=True, on_delete=models.CASCADE, related_name="conflicts")
    video = models.ForeignKey(
        Video, null=True, blank=True, on_delete=models.CASCADE, related_name="conflicts"
    )
    channel = models.ForeignKey(
        Channel, null=True, blank=True, on_delete=models.CASCADE, related_name="conflicts"
    )
    schedule = models.ForeignKey(
        Schedule, null=True, blank=True, on_delete=models.SET_NULL, related_name="conflicts"
    )
    other_schedule = models.ForeignKey(
        Schedule, null=True, blank=True, on_delete=models.SET_NULL, related_name="conflicts_as_other"
    )
    wanted_at = models.DateTimeField(null=True, blank=True)
    moved_to = models.DateTimeField(null=True, blank=True)
    alternatives = models.JSONField(default=list, blank=True)
    correlation_id = models.CharField(max_length=64, db_index=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = ConflictQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"

    def why_not(self, name: str) -> str:
        """Return why a verb is refused now; where no alternative was found there is none to apply."""
        if refused := super().why_not(name):
            return refused
        return f"{self._named()} has no alternative." if name == "apply" and not self.alternatives else ""
