"""What is planned by itself: standing rules, and the secret addresses under which people's calendars read the plan."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils import timezone

from channels.models import PRIORITY_VALIDATORS, Channel, ChannelGroup, Label, validate_zone
from channels.querysets import Lockable
from orchestration.models.library import Source, Video


class StandingRule(models.Model):
    """What is planned again and again: videos are distributed, or a source's episodes follow each other as a series.

    Operators write it; the clock runs it where it is switched on and the system runs, and writes `last_*`.
    """

    class Kind(models.TextChoices):
        DISTRIBUTE = "distribute", "distribute by the channels' filters"
        SERIES = "series", "a series: every episode, in order"

    name = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.DISTRIBUTE)
    enabled = models.BooleanField(default=True)
    channels = models.ManyToManyField(
        Channel,
        related_name="standing_rules",
        blank=True,
        help_text="neither these nor groups nor labels: every active channel",
    )
    groups = models.ManyToManyField(
        ChannelGroup, related_name="standing_rules", blank=True, help_text="those in them when it runs"
    )
    labels = models.ManyToManyField(
        Label, related_name="standing_rules", blank=True, help_text="those with them when it runs"
    )
    source = models.ForeignKey(
        Source,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="standing_rules",
        help_text="only its videos",
    )
    every_minutes = models.PositiveIntegerField(
        default=60,
        validators=[MinValueValidator(5), MaxValueValidator(10_080)],
        help_text="how often it runs",
    )
    daily_at = models.TimeField(
        null=True,
        blank=True,
        help_text="once a day at this wall-clock time, instead of every so many minutes",
    )
    zone = models.CharField(max_length=64, default="UTC", validators=[validate_zone])
    horizon_days = models.PositiveIntegerField(
        default=14,
        validators=[MinValueValidator(1), MaxValueValidator(90)],
        help_text="how far ahead it fills the slots",
    )
    backlog_floor = models.PositiveIntegerField(
        default=0, help_text="a channel with fewer publications ahead is warned of; 0: none is"
    )
    times = models.JSONField(
        default=list,
        blank=True,
        help_text="of a series: weekday (Monday is 0) and wall-clock time on each channel's clock",
    )
    since = models.DateTimeField(
        null=True, blank=True, help_text="of a series: episodes from then on; empty: all of the source"
    )
    priority = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=PRIORITY_VALIDATORS, help_text="of a series; empty: each channel's"
    )
    skipped = models.ManyToManyField(
        Video, related_name="+", blank=True, editable=False, help_text="episodes that a person passed over"
    )

    next_run_at = models.DateTimeField(null=True, blank=True, db_index=True, editable=False)
    last_run_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_summary = models.CharField(max_length=500, blank=True, editable=False)
    last_problem = models.CharField(
        max_length=500, blank=True, editable=False, help_text="what it waits for, or why it failed"
    )
    last_low = models.JSONField(
        default=list, blank=True, editable=False, help_text="channels below the floor at the last run"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def needs_a_look(self) -> bool:
        """Return whether its last run left something to a person."""
        return bool(self.last_problem or self.last_low)


class CalendarAddress(models.Model):
    """The secret address under which one person's calendar program reads the plan; only its hash is kept."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="calendar_address"
    )
    secret_hash = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_read_at: models.DateTimeField[datetime | None, datetime | None] = models.DateTimeField(
        null=True, blank=True, editable=False
    )

    class Meta:
        ordering = ["user"]
        verbose_name_plural = "calendar addresses"

    def __str__(self) -> str:
        return f"calendar address of {self.user}"
