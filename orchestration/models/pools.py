"""Shared resources: what is limited, who holds it, what was spent."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from channels.querysets import Lockable
from orchestration.models.querysets import LeaseQuerySet
from orchestration.models.work import Job
from orchestration.states import BudgetEntryState, LeaseState, PoolKind, PoolState


class Pool(models.Model):
    """One shared resource: slots held at once, calls in a window of seconds, or units of a Pacific day."""

    name = models.SlugField(max_length=40, unique=True)
    label = models.CharField(max_length=120)
    kind = models.CharField(max_length=10, choices=PoolKind.choices)
    capacity = models.PositiveIntegerField()
    window_seconds = models.PositiveIntegerField(
        default=0, help_text="for a rate: the window that capacity counts over"
    )
    paused = models.BooleanField(default=False, help_text="nothing new is taken from it")
    reserve = models.PositiveIntegerField(
        default=0, help_text="of a budget: units kept for publishing, which statistics may not use"
    )

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.label

    @property
    def state(self) -> str:
        """Return whether anything new is taken from it, by the name that its table of verbs uses."""
        return PoolState.PAUSED if self.paused else PoolState.OPEN


class Lease(models.Model):
    """Who holds how much of a pool, since when and until when; released exactly once."""

    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="leases")
    job = models.ForeignKey(Job, null=True, blank=True, on_delete=models.CASCADE, related_name="leases")
    holder = models.CharField(max_length=120)
    units = models.PositiveIntegerField(default=1)
    acquired_at = models.DateTimeField(default=timezone.now)
    heartbeat_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True, blank=True)
    release_reason = models.CharField(max_length=200, blank=True)

    objects = LeaseQuerySet.as_manager()

    class Meta:
        ordering = ["-acquired_at"]
        indexes = [
            models.Index(fields=["pool", "expires_at"], condition=Q(released_at=None), name="lease_held"),
            models.Index(fields=["acquired_at"], name="lease_acquired_at"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["pool", "job"], condition=Q(released_at=None), name="lease_once_per_pool_and_job"
            )
        ]

    def __str__(self) -> str:
        return f"{self.holder} holds {self.units} of {self.pool_id}"

    @property
    def state(self) -> str:
        """Return whether it is held, by the name that its table of verbs uses."""
        return LeaseState.HELD if self.released_at is None else LeaseState.RELEASED


class BudgetEntry(models.Model):
    """One line of a budget's ledger: units of one Pacific day, for one call of one job.

    Reserved when planned, charged before the call, settled after it; never given back when the outcome is unknown.
    """

    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="entries")
    day = models.DateField(help_text="Pacific day")
    units = models.PositiveIntegerField()
    call = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=BudgetEntryState.choices)
    job = models.ForeignKey(
        Job, null=True, blank=True, on_delete=models.SET_NULL, related_name="budget_entries"
    )
    created_at = models.DateTimeField(default=timezone.now)
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["pool", "day"])]
        verbose_name_plural = "budget entries"

    def __str__(self) -> str:
        return f"{self.units} of {self.pool_id} on {self.day}"
