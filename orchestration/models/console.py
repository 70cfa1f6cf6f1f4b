"""What the console keeps: whose clock it tells, which views are saved, what changed since, and what was computed last."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.utils import timezone

from channels.models import validate_zone


class Preferences(models.Model):
    """How one person uses the console; written by themselves."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="preferences"
    )
    timezone = models.CharField(
        max_length=64, blank=True, validators=[validate_zone], help_text="empty: each channel's own zone"
    )
    seen_until: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="until when they have seen what changed"
    )

    class Meta:
        verbose_name_plural = "preferences"

    def __str__(self) -> str:
        return f"preferences of {self.user}"


class SavedView(models.Model):
    """A list with its filters under a name: an address of the console that its owner, or everyone, finds again."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=80)
    page = models.CharField(max_length=60, help_text="the name of the page in dashboard/urls.py")
    query = models.CharField(max_length=2000, blank=True, help_text="the filters, as the address has them")
    shared = models.BooleanField(default=False, help_text="everyone sees it")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "page", "name"], name="saved_view_name_once"),
        ]

    def __str__(self) -> str:
        return self.name


class ChangeCount(models.Model):
    """How often the rows of one topic have changed; written by triggers in the transaction of each change, by nobody else.

    A topic has as many rows as transactions ever wrote to it at once, so that no writer waits for another: what counts is
    their sum (`orchestration/core/change_counts.py`).
    """

    topic = models.CharField(max_length=30, db_index=True)
    count = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["topic", "id"]

    def __str__(self) -> str:
        return f"{self.topic}: {self.count}"


class KeptReport(models.Model):
    """A report that takes long, as it was computed last, by the background; pages show it with its age."""

    key = models.CharField(max_length=60, unique=True)
    document = models.JSONField()
    computed_at = models.DateTimeField()
    took_seconds = models.FloatField()

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return f"{self.key} of {self.computed_at:%Y-%m-%d %H:%M}"
