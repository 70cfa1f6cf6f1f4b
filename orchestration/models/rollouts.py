"""Rollouts: configurations that are written to some channels first, and to the others only once that went well."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from channels.models import Channel
from channels.querysets import Lockable
from channels.stateful import Stateful
from orchestration.models.work import Job
from orchestration.states import (
    OPEN_ROLLOUTS,
    ROLLOUT_TRANSITIONS,
    ROLLOUT_VERBS,
    RolloutOutcome,
    RolloutState,
)


class Rollout(Stateful):
    """One sync of many channels in cohorts, one after the other; the canary, if there is one, is cohort 0."""

    TRANSITIONS = ROLLOUT_TRANSITIONS
    VERBS = ROLLOUT_VERBS

    state = models.CharField(max_length=10, choices=RolloutState.choices, default=RolloutState.RUNNING)
    canary = models.ForeignKey(Channel, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    cohort_size = models.PositiveIntegerField(help_text="how many channels at once, after the canary")
    cohort = models.PositiveIntegerField(default=0, help_text="number of the cohort that is under way")
    started_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    halted_why = models.CharField(max_length=500, blank=True)

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=Q(state__in=sorted(OPEN_ROLLOUTS)), name="rollout_open_once"
            )
        ]

    def __str__(self) -> str:
        return f"rollout {self.pk}"


class RolloutMember(models.Model):
    """A channel of a rollout: when it has its turn, and how its sync ended."""

    rollout = models.ForeignKey(Rollout, on_delete=models.CASCADE, related_name="members")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="rollout_members")
    cohort = models.PositiveIntegerField(help_text="0 is the canary")
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    outcome = models.CharField(max_length=6, choices=RolloutOutcome.choices, blank=True)
    fact = models.CharField(max_length=300, blank=True, help_text="why it failed")

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["cohort", "id"]
        constraints = [models.UniqueConstraint(fields=["rollout", "channel"], name="rollout_channel_once")]

    def __str__(self) -> str:
        return f"{self.channel} in rollout {self.rollout_id}"
