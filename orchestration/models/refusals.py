"""What was refused, counted until it is told: repeats are folded, so that nobody fills the disk by being refused."""

from django.db import models


class Refusal(models.Model):
    """One kind of refusal of one caller; counted by every door, told to the activity log and forgotten by the clock."""

    key = models.CharField(max_length=64, unique=True, help_text="SHA-256 of what makes it one kind")
    verb = models.CharField(max_length=60)
    actor_label = models.CharField(max_length=150)
    actor_id = models.BigIntegerField(null=True, blank=True)
    trigger = models.CharField(max_length=10)
    address = models.GenericIPAddressField(null=True, blank=True)
    what = models.CharField(max_length=200, blank=True, help_text="what the first of them asked for")
    count = models.PositiveIntegerField(default=0, help_text="how many are not told yet")
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-last_at"]

    def __str__(self) -> str:
        return f"{self.verb} of {self.actor_label}"
