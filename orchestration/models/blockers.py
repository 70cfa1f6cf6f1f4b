"""Blockers: the conditions that work waits for, one row for each cause and what it holds for."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from channels.models import Channel
from orchestration.models.library import Source
from orchestration.models.querysets import BlockerQuerySet
from orchestration.states import BlockerScope


class Blocker(models.Model):
    """A condition that keeps jobs waiting until it ends: a revoked consent, a disabled workflow, a full disk.

    One open row for each code and subject, whatever the number of jobs that wait for it (`Job.blocked_on`). One probe a row
    asks whether the condition has ended; then everything that waited goes on.
    """

    code = models.CharField(max_length=60, help_text="the condition; its remedy is in `queue.remedies`")
    scope = models.CharField(max_length=12, choices=BlockerScope.choices)
    channel = models.ForeignKey(
        Channel, null=True, blank=True, on_delete=models.CASCADE, related_name="blockers"
    )
    source = models.ForeignKey(
        Source, null=True, blank=True, on_delete=models.CASCADE, related_name="blockers"
    )
    subject_id = models.PositiveBigIntegerField(default=0, help_text="the channel's or source's id; else 0")
    detail = models.CharField(max_length=80, blank=True, help_text="which one, for example which budget")
    sentence = models.CharField(max_length=500)
    since = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField(
        null=True, blank=True, help_text="when it ends by itself, where that is known"
    )
    next_probe_at = models.DateTimeField(null=True, blank=True, db_index=True)
    probed_at = models.DateTimeField(null=True, blank=True)
    probes = models.PositiveIntegerField(default=0)
    last_answer = models.CharField(max_length=500, blank=True, help_text="what the last probe was told")
    canary = models.ForeignKey(
        "orchestration.Job",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="the one job that is let try, where only a try can tell",
    )
    ended_at = models.DateTimeField(null=True, blank=True, db_index=True)
    ended_how = models.CharField(max_length=300, blank=True)

    objects = BlockerQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["code", "scope", "subject_id", "detail"],
                condition=Q(ended_at=None),
                name="blocker_open_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.code} of {self.subject}"

    @property
    def subject(self) -> str:
        """Return what it holds for, as a reader names it."""
        if self.channel is not None:
            return f"channel {self.channel.name}"
        if self.source is not None:
            return f"source {self.source.name}"
        return "the installation"
