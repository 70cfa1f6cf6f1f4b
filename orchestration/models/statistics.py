"""The raw numbers of what was published."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from channels.querysets import Lockable
from orchestration.models.plan import Distribution


class VideoStatistics(models.Model):
    """What YouTube counted for one published video at one moment; kept for at most 30 days (developer policy)."""

    distribution = models.ForeignKey(Distribution, on_delete=models.CASCADE, related_name="statistics")
    collected_at = models.DateTimeField(default=timezone.now, db_index=True)
    view_count = models.BigIntegerField(null=True)
    like_count = models.BigIntegerField(null=True)
    comment_count = models.BigIntegerField(null=True)
    is_latest = models.BooleanField(default=False, editable=False, help_text="YouTube gave none after it")

    objects = Lockable.as_manager()

    class Meta:
        ordering = ["-collected_at"]
        indexes = [
            models.Index(fields=["distribution", "-collected_at"]),
            models.Index(
                fields=["-view_count", "distribution"],
                condition=Q(is_latest=True),
                name="video_statistics_most",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["distribution"], condition=Q(is_latest=True), name="video_statistics_latest_once"
            )
        ]
        verbose_name_plural = "video statistics"

    def __str__(self) -> str:
        return f"distribution {self.distribution_id} at {self.collected_at:%Y-%m-%d %H:%M}"
