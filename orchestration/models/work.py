"""Executions: jobs, the GitHub runs that serve them, and uploads that lost a race."""

from typing import Any

from django.db import models
from django.db.models import Q
from django.utils import timezone

from channels.models import PRIORITY_VALIDATORS, Channel
from channels.querysets import Lockable
from channels.stateful import Stateful
from channels.states import Executor
from orchestration.models.blockers import Blocker
from orchestration.models.library import Source, Video
from orchestration.models.plan import Distribution, Schedule
from orchestration.models.querysets import JobQuerySet, OrphanUploadQuerySet, WorkflowRunQuerySet
from orchestration.states import (
    CLAIMABLE_JOBS,
    JOB_TRANSITIONS,
    JOB_VERBS,
    OPEN_JOBS,
    RUN_TRANSITIONS,
    WORK_KINDS,
    JobKind,
    JobState,
    RunProof,
    RunState,
    ScheduleState,
)


class Job(Stateful):
    """One execution: what, for whom, by whom, how far, how often tried.

    The table is the queue of record; a Celery message only says "look". Only the holder of the lease writes progress and
    outcome. `dedupe_key` is unique among open jobs, so that what is due gives one job whoever looks.
    """

    TRANSITIONS = JOB_TRANSITIONS
    VERBS = JOB_VERBS
    PARTICULARS = (
        "reason",
        "asked",
        "skip_upload",
        "failed_over",
        "chosen",
        "released_late",
        "read_back_first",
        "confirmed_for",
        "flips",
    )

    kind = models.CharField(max_length=10, choices=JobKind.choices)
    executor = models.CharField(max_length=10, choices=Executor.choices, default=Executor.LOCAL)
    fast = models.BooleanField(default=False, help_text="a short network call, kept apart from the slow work")
    dedupe_key = models.CharField(max_length=120)
    channel = models.ForeignKey(Channel, null=True, blank=True, on_delete=models.CASCADE, related_name="jobs")
    source = models.ForeignKey(Source, null=True, blank=True, on_delete=models.CASCADE, related_name="jobs")
    video = models.ForeignKey(Video, null=True, blank=True, on_delete=models.CASCADE, related_name="jobs")
    distribution = models.ForeignKey(
        Distribution, null=True, blank=True, on_delete=models.CASCADE, related_name="jobs"
    )
    schedule = models.ForeignKey(
        Schedule, null=True, blank=True, on_delete=models.CASCADE, related_name="jobs"
    )
    reason = models.CharField(
        max_length=500, blank=True, help_text="why it was asked for, where that is not plain"
    )
    asked = models.BooleanField(default=False, help_text="a check by hand: Google is to answer now")
    skip_upload = models.BooleanField(default=False, help_text="a rehearsal: everything but the upload")
    failed_over = models.BooleanField(
        default=False, help_text="taken from GitHub Actions, which would not have staged it in time"
    )
    chosen = models.BooleanField(
        default=False, help_text="its video was chosen as the best one, not named by who asked"
    )
    released_late = models.BooleanField(
        default=False, help_text="released after its moment, at the bounded rate"
    )
    read_back_first = models.BooleanField(
        default=False, help_text="after a restored backup: look before the misfire policy decides"
    )
    confirmed_for = models.DateTimeField(
        null=True, blank=True, help_text="the publishAt that YouTube was heard to take"
    )
    flips = models.PositiveSmallIntegerField(
        default=0, help_text="how often it was made public without being shown so"
    )

    priority = models.PositiveSmallIntegerField(default=5, validators=PRIORITY_VALIDATORS)
    bumped_at = models.DateTimeField(null=True, blank=True)
    rank = models.FloatField(default=0, editable=False, help_text="order of claiming, lowest first")
    state = models.CharField(max_length=12, choices=JobState.choices, default=JobState.QUEUED)
    run_at = models.DateTimeField(default=timezone.now, help_text="not before")
    waits_for = models.CharField(max_length=200, blank=True, help_text="why it has not been claimed")
    attempts = models.PositiveIntegerField(default=0)
    try_until = models.DateTimeField(
        null=True,
        blank=True,
        help_text="when it is given up; empty while nothing failed, or where a misfire policy ends it",
    )
    blocked_on = models.ForeignKey(
        Blocker, null=True, blank=True, on_delete=models.SET_NULL, related_name="jobs"
    )
    holder = models.CharField(max_length=120, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    cancel_reason = models.CharField(max_length=20, blank=True, help_text="operator, stop_now or withdrawn")
    progress = models.FloatField(default=0)
    progress_note = models.CharField(max_length=200, blank=True)
    result = models.JSONField(default=dict, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    correlation_id = models.CharField(max_length=64, db_index=True)
    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True, db_index=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["dedupe_key"], condition=Q(state__in=sorted(OPEN_JOBS)), name="job_open_once"
            ),
            models.CheckConstraint(condition=Q(priority__lte=10), name="job_priority_0_to_10"),
        ]
        indexes = [
            models.Index(
                fields=["fast", "rank", "id"],
                condition=Q(state__in=sorted(CLAIMABLE_JOBS)),
                name="job_in_order_to_claim",
            ),
            models.Index(fields=["state", "-id"]),
            models.Index(fields=["state", "lease_expires_at"]),
            models.Index(
                fields=["finished_at", "kind", "state", "started_at", "run_at"],
                condition=Q(kind__in=list(WORK_KINDS), finished_at__isnull=False),
                name="job_work_ended",
            ),
            models.Index(
                fields=["finished_at"],
                condition=Q(state__in=[JobState.FAILED, JobState.ERRORED]),
                name="job_ended_badly",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} job {self.pk}"

    @property
    def particulars(self) -> dict[str, Any]:
        """Return what sets it apart from other jobs of its kind, by column."""
        return {name: value for name in self.PARTICULARS if (value := getattr(self, name))}

    def why_not(self, name: str) -> str:
        """Return why a verb is refused now: by its state, or by what became of the publication that it works for."""
        if refused := super().why_not(name):
            return refused
        if name == "retry":
            return self._why_not_again()
        if name == "review" and self.kind == JobKind.EDIT:
            return "Its publication's page settles it: take the words that are on YouTube, or put ours back."
        if name == "review" and self.distribution_id is None:
            return f"{self._named()} works on no publication; nothing about it can be settled."
        if name == "cancel":
            return self._why_not_stopped()
        return ""

    def hint(self, name: str) -> str:
        """Return what stands against a verb that the state refuses."""
        return {
            "review": "it needs no review",
            "cancel": "it is over",
            "bump": "only a waiting job can be bumped",
            "retry": "only what ended badly is tried again",
        }[name]

    def _why_not_again(self) -> str:
        review = "settle its publication by what is on YouTube"
        if self.state == JobState.NEEDS_REVIEW and self.schedule_id:
            return f"{self._named()} needs review first: {review}."
        if self.kind not in {JobKind.STAGE, JobKind.PUBLISH} or self.schedule is None or self.skip_upload:
            return ""
        if self.schedule.state == ScheduleState.NEEDS_REVIEW:
            return f"The publication of job {self.pk} may be public: {review} first."
        wave = self.schedule.called_off
        if wave is not None:
            return f"Wave {wave.name} is {wave.state}; reopen the publication to have it published outside of it."
        return ""

    def _why_not_stopped(self) -> str:
        if self.kind == JobKind.DISARM:
            # Its schedule may forget that it was armed: without this job YouTube would publish what is held.
            return (
                "It takes back what YouTube would publish and nobody wants any more; to have it published after all, "
                "release or reopen its publication."
            )
        if self.kind != JobKind.PUBLISH or self.schedule is None:
            return ""
        if self.schedule.state == ScheduleState.PUBLISHING or self.schedule.is_beyond_stopping:
            return "Its moment has come and it is being made public: it can only be recalled now."
        return ""


class WorkflowRun(Stateful):
    """A GitHub Actions run that serves a job, from the intent to dispatch it to its conclusion.

    `state` is ours; `remote_status` and `conclusion` are GitHub's own words. The permit is taken once, by compare-and-swap.
    """

    TRANSITIONS = RUN_TRANSITIONS

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="runs")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="runs")
    repository = models.CharField(max_length=140)
    workflow = models.CharField(max_length=120)
    ref = models.CharField(max_length=120)
    correlation_id = models.CharField(max_length=64, unique=True)
    state = models.CharField(
        max_length=12, choices=RunState.choices, default=RunState.DISPATCHING, db_index=True
    )
    run_id = models.BigIntegerField(null=True, blank=True)
    run_attempt = models.PositiveIntegerField(null=True, blank=True)
    html_url = models.URLField(max_length=500, blank=True)
    remote_status = models.CharField(max_length=30, blank=True)
    conclusion = models.CharField(max_length=30, blank=True)
    repository_id = models.BigIntegerField(
        null=True, blank=True, help_text="GitHub's numeric id: the same after a rename"
    )
    proof = models.CharField(max_length=10, choices=RunProof.choices, default=RunProof.NONE)
    callback_hash = models.CharField(
        max_length=64, blank=True, editable=False, help_text="of the job sheet's one-use secret"
    )
    claim_hash = models.CharField(
        max_length=64, blank=True, editable=False, help_text="of what the process that took the permit knows"
    )
    secret_hash = models.CharField(
        max_length=64, blank=True, editable=False, help_text="of the secret that came with the permit"
    )
    secret_until = models.DateTimeField(null=True, blank=True, editable=False)
    refused_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="when a second use of its proof was last written down",
    )
    needs_permit = models.BooleanField(
        default=False,
        help_text="it uploads nothing without its permit, so a lost one can be dispatched again",
    )
    permit_run_id = models.BigIntegerField(null=True, blank=True)
    permit_run_attempt = models.PositiveIntegerField(null=True, blank=True)
    permitted_at = models.DateTimeField(null=True, blank=True)
    result = models.JSONField(default=dict, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    looks = models.PositiveIntegerField(default=0)
    next_look_at = models.DateTimeField(null=True, blank=True, db_index=True)
    dispatched_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects = WorkflowRunQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["repository", "run_id"], condition=Q(run_id__isnull=False), name="run_id_once"
            )
        ]

    @property
    def is_harmless(self) -> bool:
        """Return whether it can have done nothing yet, and never will once it is closed: it has no permit."""
        return self.needs_permit and self.permit_run_id is None

    def __str__(self) -> str:
        return f"run {self.run_id or self.correlation_id} of {self.repository}"


class OrphanUpload(models.Model):
    """An upload that lost the race to be a distribution's video: private on YouTube, to be deleted there."""

    distribution = models.ForeignKey(Distribution, on_delete=models.CASCADE, related_name="orphans")
    youtube_video_id = models.CharField(max_length=32)
    reason = models.CharField(max_length=300)
    found_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = OrphanUploadQuerySet.as_manager()

    class Meta:
        ordering = ["-found_at"]
        constraints = [models.UniqueConstraint(fields=["youtube_video_id"], name="orphan_once")]

    def __str__(self) -> str:
        return self.youtube_video_id


class Call(models.Model):
    """One request that a job made to the outside: what was asked of whom, and what came back; never what was in it.

    Written by the gateways' recorder once the answer is there, kept for `HEADEND_CALLS_DAYS`; no address has its query.
    """

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="calls")
    attempt = models.PositiveIntegerField(default=0, help_text="the job's attempt that made it")
    at = models.DateTimeField(default=timezone.now)
    method = models.CharField(max_length=10)
    host = models.CharField(max_length=255)
    path = models.CharField(max_length=300, blank=True)
    status = models.PositiveSmallIntegerField(null=True, help_text="empty where no answer came")
    request_id = models.CharField(max_length=120, blank=True, help_text="as the remote calls it")
    duration_ms = models.PositiveIntegerField()
    error = models.CharField(max_length=200, blank=True)

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["job", "at", "id"]
        indexes = [models.Index(fields=["at"], name="call_at")]

    def __str__(self) -> str:
        return f"{self.method} {self.host}{self.path}: {self.status or self.error}"
